"""The time axis of pictures: time in which something moved, in UTC or in hours, and not more points than needed."""

from __future__ import annotations

import altair as alt
import numpy as np
import polars as pl

from ..figures.words import moment

#: More points than these are thinned out, with a note in the title.
MAX_POINTS = 2_000
HOUR_NS = 3_600_000_000_000
#: A wait is idle if it lasts longer than this share of the whole and than so many usual waits. Where idle time is most
#: of the whole, it is left out.
IDLE, USUAL = 0.05, 20


def moving(rows: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, alt.X, list[str]]:
    """Keep the time in which one of ``columns`` moved: rows with a column ``time``, its axis, and notes for a title.

    What comes before the first move and after the last is left out, and so is what lies between if it is most of the
    time: the axis then counts the hours that are left.
    """
    clock = (pl.col("ts") // 1_000_000).alias("time")
    moved = np.zeros(rows.height, dtype=bool)
    for name in columns:
        moved[1:] |= rows[name].diff().fill_null(0).to_numpy()[1:] != 0
    at = np.flatnonzero(moved)
    if not len(at):
        return rows.with_columns(clock), time_axis(), []
    first, last = max(int(at[0]) - 1, 0), int(at[-1])
    kept = rows[first : last + 1]
    ts = rows["ts"].to_numpy()
    waits = np.diff(ts[np.append(first, at)])
    lasted, whole = int(waits.sum()), int(ts[-1] - ts[0])
    idle = waits > max(IDLE * lasted, USUAL * float(np.median(waits)))
    if 2 * waits[idle].sum() > lasted:
        left = np.where(idle, int(IDLE * waits[~idle].sum()), waits)
        hours = np.interp(kept["ts"].to_numpy(), ts[np.append(first, at)], np.append(0, left.cumsum())) / HOUR_NS
        return kept.with_columns(pl.Series("time", hours)), hours_axis(), ["Time in which nothing moved is left out"]
    late = int(ts[-1] - ts[last])
    notes = [f"Nothing moved after {moment(int(ts[last]))} UTC"] if late > whole // 10 else []
    return kept.with_columns(clock), time_axis(), notes


def time_axis() -> alt.X:
    """Time in UTC: hours within a day, days otherwise."""
    label = "utcFormat(datum.value, utchours(datum.value) || utcminutes(datum.value) ? '%H:%M' : '%b %d')"
    look = alt.Axis(labelOverlap="greedy", tickCount=8, labelExpr=label)
    return alt.X("time:T", title=None, scale=alt.Scale(type="utc"), axis=look)


def hours_axis(title: str = "hours in which something moved") -> alt.X:
    """Hours from the first one."""
    return alt.X("time:Q", title=title, axis=alt.Axis(tickCount=8))


def thinned(rows: pl.DataFrame, most: int = MAX_POINTS) -> tuple[pl.DataFrame, bool]:
    """Keep at most so many rows, the last among them."""
    if rows.height <= most:
        return rows, False
    every = -(-rows.height // most)
    kept = rows.gather_every(every)
    return (kept if (rows.height - 1) % every == 0 else pl.concat([kept, rows.tail(1)])), True
