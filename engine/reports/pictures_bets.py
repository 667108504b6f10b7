"""Charts of a betting backtest: equity and what was at stake, groups, calibration, random portfolios.

Each takes frames of a result and returns a chart in the look of ``pictures``; nothing here reads or writes a file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import numpy as np
import polars as pl

from ..figures.stakes import at_stake
from .clock import HOUR_NS, hours_axis, thinned, time_axis
from .look import BAD, BUY, GOOD, LINE, MUTED, styled
from .pictures import WIDEST, level


def equity_curves(equity: pl.DataFrame, capital: float) -> alt.TopLevelMixin:
    """Equity, its fall from the peak, and what was locked in positions, over the time with something at stake.

    Time in which nothing was at stake is left out before the first bet and after the last, and within if it is most.
    """
    axis, kept, left_out = _at_stake(equity, round(capital * 1e6))
    rows, note = thinned(
        kept.select(
            axis.alias("time"),
            (pl.col("equity") / 1e6).alias("dollars"),
            (pl.col("fallen") / 1e6).alias("fall"),
            (pl.col("locked") / 1e6).alias("locked"),
        )
    )
    zoom = alt.selection_interval(bind="scales", encodings=["x"])
    x = hours_axis("hours with something at stake") if left_out else time_axis()
    title = ("Equity by hours with something at stake, $" if left_out else "Equity, $") + (
        " (thinned out)" if note else ""
    )
    top = (
        alt.Chart(rows)
        .mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
        .encode(x=x, y=level("dollars"))
        .properties(width=820, height=240, title=title)
        .add_params(zoom)
    )
    parts = [("fall", BAD, "Below the peak, $"), ("locked", MUTED, "Paid for what is held, $")]
    below = [
        alt.Chart(rows)
        .mark_area(interpolate="step-after", color=colour, opacity=0.6)
        .encode(x=x, y=level(name, zero=True))
        .properties(width=820, height=90, title=words)
        for name, colour, words in parts
    ]
    return styled(alt.vconcat(top, *below).resolve_scale(x="shared"))


def _at_stake(equity: pl.DataFrame, capital: int) -> tuple[pl.Expr, pl.DataFrame, bool]:
    """Return the time axis, the bars to draw with their fall from the peak, and whether time was left out within."""
    rows = equity.with_columns((pl.col("equity") - pl.col("equity").cum_max().clip(capital)).alias("fallen"))
    found = at_stake(rows["ts"].to_numpy(), rows["equity"].to_numpy(), rows["positions"].to_numpy(), capital)
    busy = np.flatnonzero(found.bars)
    clock = pl.col("ts") // 1_000_000
    if not len(busy):
        return clock, rows, False
    before = max(int(busy[0]) - 1, 0)
    window = rows[before : int(busy[-1]) + 1]
    if 2 * len(busy) >= len(window):
        return clock, window, False
    step = (int(rows["ts"][1]) - int(rows["ts"][0])) / HOUR_NS
    return pl.int_range(pl.len()) * step, rows[[before, *busy.tolist()]], True


def group_bars(by: str, rows: Sequence[Mapping[str, Any]]) -> alt.TopLevelMixin | None:
    """P&L of each group; None for fewer than two."""
    if len(rows) < 2:
        return None
    frame = pl.DataFrame(
        {
            "group": [str(row[by]) for row in rows],
            "dollars": [float(row["pnl"]) for row in rows],
            "trades": [int(row["trades"]) for row in rows],
        }
    )
    return styled(
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("dollars:Q", title=None, axis=alt.Axis(tickCount=6)),
            y=alt.Y("group:N", title=None, sort=None),
            color=alt.condition("datum.dollars >= 0", alt.value(GOOD), alt.value(BAD)),
            tooltip=["group:N", alt.Tooltip("dollars:Q", format=",.2f"), "trades:Q"],
        )
        .properties(width=520, height=alt.Step(22), title=f"P&L by {by}, $"),
        WIDEST,
    )


def reliability(calibration: Mapping[str, Any]) -> alt.TopLevelMixin | None:
    """Forecast against frequency, by band: of the market's prices and of the strategy's probabilities."""
    rows = [
        {"whose": whose, "forecast": band["forecast"], "frequency": band["frequency"], "count": band["count"]}
        for whose, scores in calibration.items()
        if scores
        for band in scores["bands"]
    ]
    if not rows:
        return None
    scale = alt.Scale(domain=[0, 1])
    right = (
        alt.Chart(pl.DataFrame({"x": [0.0, 1.0]})).mark_line(color=MUTED, strokeDash=[4, 4]).encode(x="x:Q", y="x:Q")
    )
    points = (
        alt.Chart(pl.DataFrame(rows))
        .mark_point(filled=True, opacity=0.85)
        .encode(
            x=alt.X("forecast:Q", title="forecast", scale=scale),
            y=alt.Y("frequency:Q", title="won", scale=scale),
            color=alt.Color(
                "whose:N",
                scale=alt.Scale(domain=["market", "strategy"], range=[LINE, BUY]),
                legend=alt.Legend(orient="bottom", title=None),
            ),
            size=alt.Size(
                "count:Q", legend=alt.Legend(orient="bottom", title="bets", values=_sizes(rows), symbolFillColor=MUTED)
            ),
            tooltip=[
                "whose:N",
                alt.Tooltip("forecast:Q", format=".3f"),
                alt.Tooltip("frequency:Q", format=".3f"),
                "count:Q",
            ],
        )
    )
    return styled((right + points).properties(width=360, height=320, title="Were the probabilities right?"), 460)


def _sizes(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Return a few numbers of bets for the legend."""
    most = max(row["count"] for row in rows)
    return sorted({1, max(1, most // 2), most})


def random_portfolios(random: Mapping[str, Any] | None) -> alt.TopLevelMixin | None:
    """The P&L of the random portfolios, and where the strategy stands among them."""
    if not random:
        return None
    bars = (
        alt.Chart(pl.DataFrame({"dollars": random["pnl"]}))
        .mark_bar(color=MUTED)
        .encode(
            x=alt.X("dollars:Q", bin=alt.Bin(maxbins=40), title="P&L, $", axis=alt.Axis(tickCount=8, format="~s")),
            y=alt.Y("count()", title="portfolios"),
        )
    )
    own = (
        alt.Chart(pl.DataFrame({"dollars": [random["strategy"]]}))
        .mark_rule(color=BAD, strokeWidth=2.5)
        .encode(x="dollars:Q")
    )
    title = f"The strategy (red) among {random['portfolios']} random portfolios"
    return styled((bars + own).properties(width=520, height=320, title=title), WIDEST)
