"""Replay: one market, one cell, everything recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numba.core.errors import NumbaError

from ..io.errors import InputError
from ..strategies.parameters import check
from ..strategies.quoting import QuotingModel
from . import state as rows
from .block import Block, new_flight, new_log, new_state, start
from .fees import FeeTable, fee_table, market_schedule
from .specialise import kernel
from .state import F64, I64, Samples
from .tape import Tape, mid_later
from .tape_source import open_at_start, values_or_one
from .venue import Assumptions, no_fees
from .volatility_points import points_of

#: After how many seconds a fill is looked at again.
MARKOUTS_S = (1, 10, 60, 600)
#: How many times the equity of a cell is sampled over a tape.
SAMPLES = 512


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


def fees_of(tape: Tape, assumptions: Assumptions) -> FeeTable:
    """The fee table that holds along a tape."""
    if assumptions.fees == "none":
        return no_fees()
    schedule = market_schedule(tape.market.series, tape.market.fee_rows(), assumptions.membership)
    return fee_table(schedule, int(tape.columns.ts[0]), int(tape.columns.ts[-1]))


def parameter_values(model: type[QuotingModel], tape: Tape, given: Mapping[str, Any]) -> dict[str, float]:
    """The model's parameters: what was given, what the market's own row says, defaults for the rest."""
    values = check(model.parameters, given)
    for name in model.from_market:
        own = getattr(tape.market, name, None)
        if name not in given and own is not None:
            values[name] = own
    return values


def sample_times(tape: Tape) -> I64:
    """The moments at which equity is sampled: evenly over the tape, its end not included."""
    first, last = int(tape.columns.ts[0]), int(tape.columns.ts[-1])
    return np.linspace(first, last, SAMPLES + 1).astype(np.int64)[1:-1] if last > first else np.zeros(0, np.int64)


def new_block(
    tape: Tape, model: type[QuotingModel], cells: Sequence[Mapping[str, float]], limits: Sequence[Assumptions], *,
    record: bool,
) -> Block:  # fmt: skip
    """Put a block together: ``cells`` are the model's values, ``limits`` the assumptions that may differ by cell."""
    _usable(tape, model, limits[0])
    first = limits[0]
    grid, fees = tape.grid, fees_of(tape, first)
    flags = first.flags(grid, fees, cells=len(cells), record=record)
    calm = [one.calm if one.calm is not None else 0.0 for one in limits]
    params = np.array([[*model.row(dict(cell)), one] for cell, one in zip(cells, calm, strict=True)]).T.copy()
    state = new_state(params, int(grid.top), flags.float_queue)
    ts = tape.columns.ts
    session_end = int(ts[-1]) if tape.market.close_ts is None else tape.market.close_ts
    venue = first.numbers(int(ts[0]), max(session_end, int(ts[0]) + 1), int(ts[0]), int(ts[-1]))
    start(state, int(ts[0]), venue.requote_ns, open_at_start(tape))
    n = len(cells)
    state.ints[rows.LIMIT, :n] = [round(one.position_limit * 100) for one in limits]
    state.ints[rows.HALT, :n] = [2**31 - 1 if one.halt is None else round(one.halt * 100) for one in limits]
    state.longs[rows.LOSS] = [round((one.daily_loss or 0.0) * 1e6) for one in limits]
    state.longs[rows.CAPITAL_MICROS] = [round((one.capital or 0.0) * 1e6) for one in limits]
    times = sample_times(tape)
    return Block(
        kernel(model, flags), tape.columns, mid_later(tape), values_or_one(tape.values), grid,
        points_of(tape, first.volatility, first.window_s), venue, np.array(list(fees), np.int64), state,
        new_state(np.zeros_like(params), int(grid.top), flags.float_queue),
        new_flight(n), new_log(4096 if record else 1),
        Samples(times, np.zeros((len(times), n), np.int64)),
    )  # fmt: skip


def _usable(tape: Tape, model: type[QuotingModel], assumptions: Assumptions) -> None:
    if not len(tape):
        raise InputError(f"{tape.market.ticker} has no events in the window asked for")
    if model.needs_underlying and not len(tape.values):
        raise InputError(
            f"{model.name} needs the underlying's prices; {tape.market.ticker} has none: pass --underlying"
        )
    if model.needs_book and not tape.book:
        raise InputError(f"{model.name} needs an order book; {tape.market.ticker} has trades only")
    if not tape.depth and assumptions.queue_rule.rule > 1:
        raise InputError(
            f"queue model {assumptions.queue} needs level sizes; {tape.market.ticker} has none: pass --queue touch@1"
        )


def run_block(block: Block, model: type[QuotingModel], stop: int | None = None) -> None:
    """Walk a block along its tape; a model that does not compile is the user's to mend."""
    try:
        block.run(stop)
    except NumbaError as error:
        reason = str(error).strip().splitlines()[-1]
        raise InputError(f"{model.name or model.__name__}.quote does not compile: {reason}") from None


def totals(block: Block, tape: Tape) -> list[Totals]:
    """What came of every cell, once the tape is walked to its end."""
    grid = tape.grid
    bid, ask = tape.columns.best_bid, tape.columns.best_ask
    last = np.flatnonzero((bid > 0) & (ask < grid.top))
    doubled = int(grid.ticks[bid[last[-1]]]) + int(grid.ticks[ask[last[-1]]]) if len(last) else 0
    mid = doubled >> 1
    equity = np.vstack([np.zeros((1, block.cells), np.int64), block.samples.equity])
    out = []
    for c in range(block.cells):
        position = int(block.ints(rows.POSITION)[c])
        settled = tape.market.settlement
        value = position * settled if settled is not None else (position * doubled) // 2
        cash, flow = int(block.longs(rows.CASH)[c]), int(block.longs(rows.FLOW)[c])
        fees, rebates = int(block.longs(rows.FEES_PAID)[c]), int(block.longs(rows.REBATES)[c])
        volume = int(block.longs(rows.VOLUME)[c])
        pnl = cash - fees + rebates + value
        curve = np.append(equity[:, c], pnl)
        later = int(block.longs(rows.FLOW_LATER)[c]) + cash
        out.append(
            Totals(
                pnl,
                flow + cash,
                position * mid - flow,
                value - position * mid,
                rebates,
                fees,
                cash - fees + rebates,
                position,
                int(block.ints(rows.FILL_COUNT)[c]),
                volume,
                int(block.ints(rows.REQUOTES)[c]),
                int(block.ints(rows.REFUSED)[c]),
                int(block.ints(rows.REJECTED)[c]),
                int(block.ints(rows.WIDEST)[c]),
                int((np.maximum.accumulate(curve) - curve).max()),
                int(block.longs(rows.QUOTED)[c]) / max(len(block.samples.ts), 1),
                later / volume / 100.0 if volume else None,
            )
        )
    return out


def replay(
    tape: Tape, model: type[QuotingModel], given: Mapping[str, Any] | None = None,
    assumptions: Assumptions | None = None,
) -> Replay:  # fmt: skip
    """Replay one market for one set of parameters and keep every fill, quote and equity point."""
    assumed = assumptions or Assumptions()
    values = parameter_values(model, tape, given or {})
    block = new_block(tape, model, [values], [assumed], record=True)
    run_block(block, model)
    total = totals(block, tape)[0]
    fills = _fills(block, tape)
    return Replay(tape, model, values, assumed, total, fills, _quotes(block, tape), _equity(block, tape, fills))


def _mids(tape: Tape, at: I64) -> I64:
    """Mid in whole ticks after event ``at``; the last one there was while a side is empty, 0 before the first."""
    bid, ask, grid = tape.columns.best_bid, tape.columns.best_ask, tape.grid
    last = np.maximum.accumulate(np.where((bid > 0) & (ask < grid.top), np.arange(len(bid)), -1))
    event = last[np.maximum(at, 0)]
    event = np.where(at >= 0, event, -1)
    mids = (grid.ticks[bid[event]].astype(np.int64) + grid.ticks[ask[event]]) >> 1
    return np.where(event >= 0, mids, 0)


def _prices(tape: Tape, side: I64, level: I64) -> I64:
    ticks, top = tape.grid.ticks.astype(np.int64), int(tape.grid.top)
    return ticks[np.where(side == 0, level, top - level)]


def _fills(block: Block, tape: Tape) -> pl.DataFrame:
    count = int(block.state.scalars[rows.FILLS])
    ts, log = block.log.fill_ts[:count], block.log.fills[:count]
    side, price = log[:, 1], _prices(tape, log[:, 1], log[:, 2])
    sign = 1 - 2 * side
    frame: dict[str, Any] = {
        "ts": ts, "side": sign.astype(np.int8), "price": price, "size": log[:, 3],
        "taker": log[:, 5] == 1, "fee": log[:, 6], "rebate": log[:, 7], "position": log[:, 4],
        "mid": _mids(tape, log[:, 0]),
    }  # fmt: skip
    for seconds in MARKOUTS_S:
        at = np.searchsorted(tape.columns.ts, ts + seconds * 1_000_000_000, side="right") - 1
        frame[f"markout_{seconds}s"] = sign * (_mids(tape, at) - price)
    if tape.market.settlement is not None:
        frame["markout_settlement"] = sign * (tape.market.settlement - price)
    return pl.DataFrame(frame)


def _quotes(block: Block, tape: Tape) -> pl.DataFrame:
    count = int(block.state.scalars[rows.QUOTES])
    log, ahead = block.log.quotes[:count].astype(np.int64), block.log.ahead[:count]
    zero, one = np.zeros(count, np.int64), np.ones(count, np.int64)
    frame = pl.DataFrame(
        {
            "ts": block.log.quote_ts[:count],
            "bid": _prices(tape, zero, log[:, 1]),
            "bid_size": log[:, 2],
            "bid_ahead": ahead[:, 0],
            "ask": _prices(tape, one, log[:, 3]),
            "ask_size": log[:, 4],
            "ask_ahead": ahead[:, 1],
        }
    )
    for side in ("bid", "ask"):
        rests = pl.col(f"{side}_size") > 0
        frame = frame.with_columns(pl.when(rests).then(pl.col(name)).alias(name) for name in (side, f"{side}_ahead"))
    return frame


def _equity(block: Block, tape: Tape, fills: pl.DataFrame) -> pl.DataFrame:
    """Equity at every fill, at the samples and at the end."""
    filled = fills["ts"].to_numpy()
    ts = np.unique(np.concatenate([filled, block.samples.ts, tape.columns.ts[-1:]]))
    signed = fills["size"].to_numpy() * fills["side"].to_numpy()
    flow = -signed * fills["price"].to_numpy() - fills["fee"].to_numpy() + fills["rebate"].to_numpy()
    at = np.searchsorted(filled, ts, side="right")
    cash = np.concatenate([[0], np.cumsum(flow)])[at]
    position = np.concatenate([[0], np.cumsum(signed)])[at]
    mid = _mids(tape, np.searchsorted(tape.columns.ts, ts, side="right") - 1)
    return pl.DataFrame({"ts": ts, "cash": cash, "position": position, "mid": mid, "equity": cash + position * mid})


def quantiles(values: F64) -> dict[str, float]:
    """Quartiles for a summary; empty for no values."""
    kept = values[np.isfinite(values)]
    names = (("p25", 0.25), ("median", 0.5), ("p75", 0.75))
    return {name: float(np.quantile(kept, at)) for name, at in names} if len(kept) else {}
