"""What programs came to along a replay: over time, with the cost of fills, and those that pay by volume."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ..rewards.payout import PARTS, volume_share
from .programs import RewardPlan
from .state import I64, RewardArrays, Samples
from .tape.events import KIND, TRADE
from .tape.tape import Tape

#: After how long what a fill cost is looked at.
AFTER = "markout_60s"
#: Prices between which trades count for programs that pay by volume, ticks.
FROM, TO = 300, 9_700


def course_of(plan: RewardPlan, arrays: RewardArrays, samples: Samples) -> pl.DataFrame:
    """Return what programs came to over time, a row a sample.

    ``locked`` is what position and orders lock up at the moment, micros; ``earned`` what programs earned until then,
    before the rules of payout and before anybody answers, micros; the shares are averages since the row before, over
    all snapshots that counted.
    """
    sums = arrays.course[:, :-1].reshape(len(arrays.course), -1, 3)
    earned = np.zeros(len(sums), np.int64)
    for index in range(len(plan.programs)):
        own, included = sums[:, index, 0] + sums[:, index, 1], sums[:, index, 2]
        earned += [plan.money(index, int(one), int(count))[0] for one, count in zip(own, included, strict=True)]
    steps = np.diff(sums.sum(axis=1), axis=0, prepend=0)
    counted = np.where(steps[:, 2] > 0, steps[:, 2], 1) * float(PARTS)
    shares = np.where(steps[:, 2:] > 0, steps[:, :2] / counted[:, None], np.nan)
    frame = pl.DataFrame(
        {"ts": samples.ts, "locked": arrays.course[:, -1], "earned": earned, "bid_share": shares[:, 0],
         "ask_share": shares[:, 1]}
    )  # fmt: skip
    return frame.with_columns(pl.col("bid_share", "ask_share").fill_nan(None))


def with_fills(periods: list[dict[str, Any]], fills: pl.DataFrame) -> list[dict[str, Any]]:
    """Add to each period the lots that filled in it and what those cost within a minute, micros."""
    out: list[dict[str, Any]] = []
    for one in periods:
        inside = fills.filter(pl.col("ts") >= one["start"], pl.col("ts") < one["end"])
        cost = -int((inside[AFTER].cast(pl.Int64) * inside["size"].cast(pl.Int64)).sum())
        out.append(one | {"filled": int(inside["size"].sum()), "fills_cost": cost})
    return out


def by_volume(plan: RewardPlan, tape: Tape, fills: pl.DataFrame) -> list[dict[str, Any]]:
    """Estimate what each program that pays by volume would pay: a share of both sides of the trades, with its caps.

    It is no part of the P&L: own fills are assumed, and what others trade depends on them.
    """
    ts, price, lots = _trades(tape)
    counted = (price >= FROM) & (price <= TO)
    out: list[dict[str, Any]] = []
    for one in plan.volume:
        all_lots = int(lots[counted & (ts >= one.start) & (ts < one.end)].sum())
        inside = fills.filter(
            pl.col("ts") >= one.start, pl.col("ts") < one.end, pl.col("price") >= FROM, pl.col("price") <= TO
        )
        own = int(inside["size"].sum())
        estimate = volume_share(own, all_lots, one.reward)
        out.append(
            {
                "id": one.id, "start": one.start, "end": one.end, "reward": one.reward, "own_lots": own,
                "all_lots": all_lots, "estimate": estimate if one.cap is None else min(estimate, one.cap),
                "is_part": one.start < int(tape.columns.ts[0]) or one.end > plan.last + 1,
            }
        )  # fmt: skip
    return out


def _trades(tape: Tape) -> tuple[I64, I64, I64]:
    """Times, YES prices in ticks and lots of a tape's trades."""
    columns, ticks, top = tape.columns, tape.grid.ticks.astype(np.int64), int(tape.grid.top)
    at = np.flatnonzero((columns.kind & KIND) == TRADE)
    level = columns.level[at].astype(np.int64)
    price = ticks[np.where(columns.side[at] == 0, level, top - level)]
    return columns.ts[at], price, columns.size[at].astype(np.int64)
