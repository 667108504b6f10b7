"""The section of a replay's page on incentive programs: what each paid and why, shares and collateral over time."""

from __future__ import annotations

from typing import Any

import altair as alt
import polars as pl

from ..figures.words import figure, moment, percent, usd
from ..results.results import Run
from . import page
from .clock import moving, thinned
from .look import BUY, GOOD, LINE, SELL, styled

#: Programs that a page lists.
MOST = 24
_COLUMNS = (
    "program", "until, UTC", "pool", "bids' share", "asks' share", "seconds that counted", "left out",
    "bid, ask at the reference", "earned", "paid", "contracts filled", "fills cost in a minute",
)  # fmt: skip


def rewards_section(run: Run) -> str:
    """The section, or nothing where no programs were counted."""
    made = run.about.get("summary") or {}
    periods = made.get("programs")
    if periods is None:
        return ""
    volume = made.get("volume_programs") or ()
    return page.section(
        "Rewards",
        page.table(_COLUMNS, [_row(one) for one in periods[:MOST]]),
        page.table(
            ["program by volume, estimated", "pool", "own contracts", "all", "would pay"],
            [
                [one["id"], usd(one["reward"]), figure(one["own_lots"] / 100), figure(one["all_lots"] / 100),
                 usd(one["estimate"])]
                for one in volume
            ],
        ),
        page.chart(over_time(run.frames["rewards"]) if "rewards" in run.frames else None),
        about=_band(made) + "Shares are averages over the seconds that counted. What fills cost is the mid's move "
        "against them within a minute.",
    )  # fmt: skip


def _band(made: dict[str, Any]) -> str:
    if made.get("rewards_unanswered") is None:
        return "Shares are those before anybody answers. "
    return f"{usd(made['rewards'])} if rivals answer, {usd(made['rewards_unanswered'])} if nobody does. "


def _row(one: dict[str, Any]) -> list[str]:
    paid = "a part, pays nothing" if one["is_part"] else usd(one["paid"])
    return [
        str(one["id"]), moment(one["end"]), usd(one["reward"]), percent(one["bid_share"]), percent(one["ask_share"]),
        f"{one['included']:,}", f"{one['excluded'] + one['unseen']:,}",
        f"{one['bid_referred']:,}, {one['ask_referred']:,}", usd(one["earned"]), paid, figure(one["filled"] / 100),
        usd(one["fills_cost"]),
    ]  # fmt: skip


def over_time(rows: pl.DataFrame) -> alt.TopLevelMixin | None:
    """The own share of each side, what was earned, and what was locked up, over one axis of time."""
    if rows.height < 2:
        return None
    kept, axis, notes = moving(rows, "earned", "locked")
    kept, _ = thinned(
        kept.with_columns(pl.col("locked", "earned") / 1e6, pl.col("bid_share", "ask_share") * 100)
    )  # fmt: skip
    long = kept.select(
        "time", pl.col("bid_share").alias("bids"), pl.col("ask_share").alias("asks")
    ).unpivot(index="time", variable_name="side", value_name="share")  # fmt: skip
    colours = alt.Scale(domain=["bids", "asks"], range=[BUY, SELL])
    legend = alt.Legend(orient="top", title=None)

    def line(name: str, colour: str, title: str) -> alt.Chart:
        chart = alt.Chart(kept).mark_line(color=colour, interpolate="step-before", strokeWidth=1.4)
        return chart.encode(x=axis, y=alt.Y(f"{name}:Q", title=None)).properties(width=820, height=90, title=title)

    shares = (
        alt.Chart(long)
        .mark_line(interpolate="step-before", strokeWidth=1.2)
        .encode(x=axis, y=alt.Y("share:Q", title=None), color=alt.Color("side:N", scale=colours, legend=legend))
        .properties(width=820, height=130, title="Own share of each side, per cent")
    )
    earned = line("earned", GOOD, "Earned so far, before the rules of payout, $")
    locked = line("locked", LINE, "Locked up by position and orders, $")
    panels = alt.vconcat(shares, earned, locked).resolve_scale(x="shared")
    return styled(panels.properties(title=alt.TitleParams("", subtitle=notes)) if notes else panels)
