"""Replay: one market, one cell, everything recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from ...features.signals.signal import column_names
from ...strategies.quoting.model import QuotingModel
from .assumptions.venue import Assumptions
from .block import Block
from .kernel.rows import I, L, S
from .prepare import Ground, new_block, parameter_values, run_block
from .state import F64, I64, RewardArrays
from .tape.later import mids_at, mids_later
from .tape.tape import Tape

if TYPE_CHECKING:
    from .programs import RewardPlan

#: After how many seconds a fill is looked at again.
MARKOUTS_S = (1, 10, 60, 600)
#: Fields of ``Totals`` that only a run with incentive programs has.
REWARDS = (
    "pnl_without_rewards", "rewards", "rewards_earned", "side_share", "locked", "rewards_unanswered",
    "rewards_dollar_day", "pnl_dollar_day",
)  # fmt: skip


@dataclass(frozen=True)
class Totals:
    """What came of one cell on one market. Money in micros, sizes in lots; the parts add up to ``pnl`` exactly."""

    pnl: int
    spread_capture: int
    drift: int
    settlement: int
    rebates: int
    fees: int
    cash: int
    position: int
    fills: int
    volume: int
    requotes: int
    refused: int
    rejected: int
    max_position: int
    max_drawdown: int
    uptime: float
    markout_10s: float | None  #: cents a contract
    exposure: float  #: average position without sign at the samples, lots
    pnl_without_rewards: int | None = None  #: this and what follows only where incentive programs are counted
    rewards: int | None = None  #: paid by programs that ended; part of ``pnl``
    rewards_earned: int | None = None  #: the same before the rules of payout, parts of periods too
    side_share: float | None = None  #: largest average share of a side in a period
    locked: int | None = None  #: average of what position and orders lock up, at the samples
    rewards_unanswered: int | None = None  #: what rewards were if no rival answered; only where they do
    rewards_dollar_day: float | None = None  #: rewards a day and dollar locked up
    pnl_dollar_day: float | None = None  #: P&L, rewards too, a day and dollar locked up

    def record(self) -> dict[str, Any]:
        """Return the fields by name; those of incentive programs only where some are counted."""
        return {name: value for name, value in asdict(self).items() if name not in REWARDS or value is not None}


@dataclass(frozen=True)
class Replay:
    """A finished replay of one cell on one market."""

    tape: Tape
    model: type[QuotingModel]
    values: dict[str, float]
    assumptions: Assumptions
    totals: Totals
    fills: pl.DataFrame
    quotes: pl.DataFrame
    equity: pl.DataFrame
    periods: list[dict[str, Any]] | None = None  #: of incentive programs, where some are counted
    signals: pl.DataFrame | None = None  #: the model's at each change of its quotes, where it declares some
    rewards: pl.DataFrame | None = None  #: programs over time, where some are counted
    volume: list[dict[str, Any]] | None = None  #: programs that pay by volume, as estimates


def totals_columns(block: Block, tape: Tape) -> dict[str, np.ndarray[Any, Any]]:
    """What came of every cell, once the tape is walked to its end: the fields of ``Totals``, a value a cell.

    A markout that does not exist is nan.
    """
    grid = tape.grid
    bid, ask = tape.columns.best_bid, tape.columns.best_ask
    last = np.flatnonzero((bid > 0) & (ask < grid.top))
    doubled = int(grid.ticks[bid[last[-1]]]) + int(grid.ticks[ask[last[-1]]]) if len(last) else 0
    mid = doubled >> 1
    position = block.ints(I.position).astype(np.int64)
    settled = tape.market.settlement
    value = position * settled if settled is not None else (position * doubled) // 2
    cash, flow, volume = block.longs(L.cash), block.longs(L.flow), block.longs(L.volume)
    fees, rebates = block.longs(L.fees_paid), block.longs(L.rebates)
    kept = cash - fees + rebates
    pnl = kept + value
    equity = np.vstack([np.zeros((1, block.cells), np.int64), block.samples.equity, pnl[None, :]])
    later = block.longs(L.flow_later) + cash
    count = max(len(block.samples.ts), 1)
    traded = np.maximum(volume, 1)
    columns: dict[str, np.ndarray[Any, Any]] = {
        "pnl": pnl, "spread_capture": flow + cash, "drift": position * mid - flow, "settlement": value - position * mid,
        "rebates": rebates, "fees": fees, "cash": kept, "position": position, "fills": block.ints(I.fills),
        "volume": volume, "requotes": block.ints(I.requotes), "refused": block.ints(I.refused),
        "rejected": block.ints(I.rejected), "max_position": block.ints(I.widest),
        "max_drawdown": (np.maximum.accumulate(equity, axis=0) - equity).max(axis=0),
        "uptime": block.longs(L.quoted) / count,
        "markout_10s": np.where(volume > 0, later / traded / 100.0, np.nan),
        "exposure": block.longs(L.held) / count,
    }  # fmt: skip
    if block.counted is not None:
        from .programs import reward_columns  # with all that reads programs

        columns |= reward_columns(*block.counted, pnl, count)
    return {
        name: column.astype(np.float64 if column.dtype.kind == "f" else np.int64) for name, column in columns.items()
    }


def totals(block: Block, tape: Tape) -> list[Totals]:
    """What came of every cell, a ``Totals`` each."""
    columns = totals_columns(block, tape)
    out: list[Totals] = []
    for c in range(block.cells):
        row: dict[str, Any] = {name: column[c].item() for name, column in columns.items()}
        row["markout_10s"] = row["markout_10s"] if row["volume"] else None
        out.append(Totals(**row))
    return out


def replay(
    tape: Tape, model: type[QuotingModel], given: Mapping[str, Any] | None = None,
    assumptions: Assumptions | None = None,
) -> Replay:  # fmt: skip
    """Replay one market for one set of parameters and keep every fill, quote and equity point."""
    assumed = assumptions or Assumptions()
    values = parameter_values(model, tape, given or {})
    block = replay_block(tape, model, values, assumed)
    total = totals(block, tape)[0]
    fills = _fills(block, tape)
    run = Replay(
        tape, model, values, assumed, total, fills, _quotes(block, tape), _equity(block, tape, fills),
        signals=_signals(block, model),
    )  # fmt: skip
    return run if block.counted is None else _with_programs(run, block, *block.counted)


def _with_programs(run: Replay, block: Block, plan: RewardPlan, arrays: RewardArrays) -> Replay:
    """A replay with what programs came to."""
    from .programs import periods_of
    from .rewarded import by_volume, course_of, with_fills

    return replace(
        run,
        periods=with_fills(periods_of(plan, arrays), run.fills),
        rewards=course_of(plan, arrays, block.samples),
        volume=by_volume(plan, run.tape, run.fills),
    )


def replay_block(
    tape: Tape, model: type[QuotingModel], values: Mapping[str, float], assumptions: Assumptions,
    shared: Ground | None = None,
) -> Block:  # fmt: skip
    """Walk a block of one cell, which writes everything down, to the tape's end."""
    block = new_block(tape, model, [values], [assumptions], record=True, shared=shared)
    run_block(block, model)
    return block


def _prices(tape: Tape, side: I64, level: I64) -> I64:
    ticks, top = tape.grid.ticks.astype(np.int64), int(tape.grid.top)
    return ticks[np.where(side == 0, level, top - level)]


def _fills(block: Block, tape: Tape) -> pl.DataFrame:
    count = int(block.state.scalars[S.fills])
    ts, log = block.log.fill_ts[:count], block.log.fills[:count]
    side, price = log[:, 1], _prices(tape, log[:, 1], log[:, 2])
    sign = 1 - 2 * side
    frame: dict[str, Any] = {
        "ts": ts, "side": sign.astype(np.int8), "price": price, "size": log[:, 3],
        "taker": log[:, 5] == 1, "fee": log[:, 6], "rebate": log[:, 7], "position": log[:, 4],
        "mid": mids_at(tape, log[:, 0]),
    }  # fmt: skip
    for seconds in MARKOUTS_S:
        frame[f"markout_{seconds}s"] = sign * (mids_later(tape, ts, seconds) - price)
    if tape.market.settlement is not None:
        frame["markout_settlement"] = sign * (tape.market.settlement - price)
    return pl.DataFrame(frame)


def _quotes(block: Block, tape: Tape) -> pl.DataFrame:
    """What rested, from the best level on: the first one a side, and further ones as ``bid_2``, ``ask_2`` and so on."""
    count = int(block.state.scalars[S.quotes])
    log, ahead = block.log.quotes[:count].astype(np.int64), block.log.ahead[:count]
    zero, one = np.zeros(count, np.int64), np.ones(count, np.int64)
    columns: dict[str, Any] = {"ts": block.log.quote_ts[:count]}
    names: list[str] = []
    for level in range(ahead.shape[1] // 2):
        for side, scale in enumerate((zero, one)):
            at, name = 4 * level + 2 * side + 1, ("bid", "ask")[side] + (f"_{level + 1}" if level else "")
            columns |= {
                name: _prices(tape, scale, log[:, at]), f"{name}_size": log[:, at + 1],
                f"{name}_ahead": ahead[:, 2 * level + side],
            }  # fmt: skip
            names.append(name)
    frame = pl.DataFrame(columns)
    for side in names:
        rests = pl.col(f"{side}_size") > 0
        frame = frame.with_columns(pl.when(rests).then(pl.col(name)).alias(name) for name in (side, f"{side}_ahead"))
    return frame


def _signals(block: Block, model: type[QuotingModel]) -> pl.DataFrame | None:
    """The model's signals as the market had them when its quotes changed, a row a row of the quotes."""
    if not isinstance(block.signals, np.ndarray):
        return None
    count = int(block.state.scalars[S.quotes])
    rows = block.signals[np.maximum(block.log.quotes[:count, 0], 0)]
    columns = dict(zip(column_names(model.signals), rows.T, strict=True))
    return pl.DataFrame({"ts": block.log.quote_ts[:count], **columns}).fill_nan(None)


def _equity(block: Block, tape: Tape, fills: pl.DataFrame) -> pl.DataFrame:
    """Equity at every fill, at the samples and at the end."""
    filled = fills["ts"].to_numpy()
    ts = np.unique(np.concatenate([filled, block.samples.ts, tape.columns.ts[-1:]]))
    signed = fills["size"].to_numpy() * fills["side"].to_numpy()
    flow = -signed * fills["price"].to_numpy() - fills["fee"].to_numpy() + fills["rebate"].to_numpy()
    at = np.searchsorted(filled, ts, side="right")
    cash = np.concatenate([[0], np.cumsum(flow)])[at]
    position = np.concatenate([[0], np.cumsum(signed)])[at]
    mid = mids_later(tape, ts, 0)
    columns = {"ts": ts, "cash": cash, "position": position, "mid": mid, "equity": cash + position * mid}
    if block.counted is not None:
        from .programs import paid_until

        columns["rewards"] = paid_until(*block.counted, ts, 1)[:, 0]
        columns["equity"] = columns["equity"] + columns["rewards"]
    return pl.DataFrame(columns)


def quantiles(values: F64) -> dict[str, float]:
    """Quartiles for a summary; empty for no values."""
    kept = values[np.isfinite(values)]
    names = (("p25", 0.25), ("median", 0.5), ("p75", 0.75))
    return {name: float(np.quantile(kept, at)) for name, at in names} if len(kept) else {}
