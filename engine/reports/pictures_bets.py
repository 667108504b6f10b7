"""Charts of a betting backtest: equity and what was at stake, groups, calibration, random portfolios."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl

from .pictures import BAD, BUY, GOOD, LINE, MUTED, styled, thinned, time_axis


def equity_curves(equity: pl.DataFrame) -> alt.TopLevelMixin:
    """Equity, its fall from the peak, and what was locked in positions, over one time axis."""
    rows, note = thinned(
        equity.select(
            (pl.col("ts") // 1_000_000).alias("time"),
            (pl.col("equity") / 1e6).alias("dollars"),
            ((pl.col("equity") - pl.col("equity").cum_max()) / 1e6).alias("fall"),
            (pl.col("locked") / 1e6).alias("locked"),
        )
    )
    zoom = alt.selection_interval(bind="scales", encodings=["x"])
    title = "Equity" + (" (thinned out)" if note else "")
    top = (
        alt.Chart(rows)
        .mark_line(color=GOOD, interpolate="step-after", strokeWidth=1.6)
        .encode(x=time_axis(), y=alt.Y("dollars:Q", title="$", scale=alt.Scale(zero=False)))
        .properties(width=820, height=240, title=title)
        .add_params(zoom)
    )
    parts = [("fall", BAD, "Below the peak"), ("locked", MUTED, "Paid for what is held")]
    below = [
        alt.Chart(rows)
        .mark_area(interpolate="step-after", color=colour, opacity=0.6)
        .encode(x=time_axis(), y=alt.Y(f"{name}:Q", title="$"))
        .properties(width=820, height=90, title=words)
        for name, colour, words in parts
    ]
    return styled(alt.vconcat(top, *below).resolve_scale(x="shared"))


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
            x=alt.X("dollars:Q", title="P&L, $"),
            y=alt.Y("group:N", title=None, sort=None),
            color=alt.condition("datum.dollars >= 0", alt.value(GOOD), alt.value(BAD)),
            tooltip=["group:N", alt.Tooltip("dollars:Q", format=",.2f"), "trades:Q"],
        )
        .properties(width=520, height=alt.Step(22), title=f"By {by}")
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
            color=alt.Color("whose:N", title=None, scale=alt.Scale(domain=["market", "strategy"], range=[LINE, BUY])),
            size=alt.Size("count:Q", title="bets"),
            tooltip=[
                "whose:N",
                alt.Tooltip("forecast:Q", format=".3f"),
                alt.Tooltip("frequency:Q", format=".3f"),
                "count:Q",
            ],
        )
    )
    return styled((right + points).properties(width=360, height=320, title="Were the probabilities right?"))


def random_portfolios(random: Mapping[str, Any] | None) -> alt.TopLevelMixin | None:
    """The P&L of the random portfolios, and where the strategy stands among them."""
    if not random:
        return None
    bars = (
        alt.Chart(pl.DataFrame({"dollars": random["pnl"]}))
        .mark_bar(color=MUTED)
        .encode(x=alt.X("dollars:Q", bin=alt.Bin(maxbins=40), title="P&L, $"), y=alt.Y("count()", title="portfolios"))
    )
    own = (
        alt.Chart(pl.DataFrame({"dollars": [random["strategy"]]}))
        .mark_rule(color=BAD, strokeWidth=2.5)
        .encode(x="dollars:Q")
    )
    title = f"The strategy (red) among {random['portfolios']} random portfolios"
    return styled((bars + own).properties(width=520, height=240, title=title))
