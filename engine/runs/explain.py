"""Why a quote was what it was: the decision behind it, made again uncompiled by the same code, with a look inside."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import numpy as np

from ...features.signals.signal import column_names
from ...io.ground.errors import InputError
from ...io.ground.units import cents, contracts
from ...strategies.quoting.known import BASE, Known
from ...strategies.quoting.model import QuotingModel
from ..simulator.assumptions.fees import FeeTable
from ..simulator.assumptions.venue import Assumptions
from ..simulator.block import Block
from ..simulator.kernel.build import interpreted, read_of
from ..simulator.kernel.rows import I, L, S
from ..simulator.prepare import new_block, parameter_values, run_block
from ..simulator.state import Columns, Samples
from ..simulator.tape.events import CLOCK
from ..simulator.tape.tape import Tape, mids_of
from .replayed import ReplaySettings, tape_and_model

SIDES = ("bid", "ask")


@dataclass(frozen=True)
class Explanation:
    """The last decision up to a moment. Prices are in cents, sizes in contracts, times in ns UTC."""

    decided_ts: int
    known: dict[str, float]
    values: dict[str, float]  #: the model's parameters and what is derived from them
    inside: dict[str, float]  #: values from inside the model, by what they are
    asked: tuple[float, ...]  #: bid, ask, bid size, ask size
    rounded: tuple[str, str]  #: the prices on the grid
    wanted: tuple[str, str]  #: price and size on each side after all rules
    because: list[str]  #: which rules changed it
    resting: list[str] = field(default_factory=list)  #: what stood at the moment, with the queue ahead
    signals: dict[str, float] = field(default_factory=dict)  #: the model's signals as the decision read them
    state: dict[str, float] = field(default_factory=dict)  #: the model's own, before the decision and after it
    ladder: list[str] = field(default_factory=list)  #: what was wanted of several levels, before it is some order's


def explain(
    tape: Tape, model: type[QuotingModel], given: Mapping[str, Any], assumptions: Assumptions, ts: int,
) -> Explanation:  # fmt: skip
    """Return why the quote at ``ts`` was what it was."""
    values = parameter_values(model, tape, given)
    if not int(tape.columns.ts[0]) <= ts <= int(tape.columns.ts[-1]):
        raise InputError("the moment to explain lies outside of the events that are replayed; pass one between them")
    until = _until(tape, ts) if not assumptions.is_poisson else tape.cut(ts + 1).columns
    at_moment = new_block(tape, model, [values], [assumptions], record=True)
    _stop_at(at_moment, until)
    run_block(at_moment, model)
    if not int(at_moment.ints(I.requotes)[0]):
        raise InputError("nothing was quoted up to that moment; pass a later one")
    decided = int(at_moment.longs(L.due)[0]) - at_moment.venue.requote_ns
    seen, again = _decide_again(tape, model, values, assumptions, until, decided)
    if seen is None:
        raise InputError("at that moment nothing was quoted: the book was unknown or one-sided, or the market closed")
    inside = {text: float(seen.inside[name]) for name, text in model.explain.items() if name in seen.inside}
    shown = {*Known._fields[:BASE], *read_of(model)}  # what it does not read was not computed
    known = {name: value for name, value in seen.told._asdict().items() if name in shown}
    signals = np.hstack([*known.pop("signals"), []]).tolist()
    state = {f"{name}, before": float(value) for name, value in seen.state.items()}
    first = len(model.columns())
    after = again.state.params[first : first + len(model.state), 0]
    state |= {f"{name}, after": float(value) for name, value in zip(model.state, after, strict=True)}
    return Explanation(
        decided, _flat(known), dict(zip(model.columns(), model.row(values), strict=True)), inside, seen.asked,
        _rounded(again, seen.asked), _wanted(again, seen), _because(again, seen), _resting(at_moment),
        dict(zip(column_names(model.signals), signals, strict=True)), state, seen.ladder,
    )  # fmt: skip


def explain_settings(asked: ReplaySettings, ts: int, model: type[QuotingModel] | None = None) -> Explanation:
    """The same for what a replay's settings ask for."""
    tape, model = tape_and_model(asked, model)
    return explain(tape, model, asked.parameters, asked.assumptions, ts)


def _until(tape: Tape, ts: int) -> Columns:
    """The events up to ``ts``, and the clock going on until then: messages may be on their way."""
    stop = int(np.searchsorted(tape.columns.ts, ts, side="right"))
    clock = Columns(*(column[stop - 1 : stop].copy() for column in tape.columns))
    clock.ts[0], clock.kind[0] = ts + 1, CLOCK
    return Columns(*(np.concatenate([column[:stop], one]) for column, one in zip(tape.columns, clock, strict=True)))


@dataclass(frozen=True)
class _Decision:
    """What ``probe_nb`` was shown, and the values inside the model's quote."""

    told: Any  #: as the quote got it
    state: dict[str, float]
    ladder: list[str]
    asked: tuple[float, ...]
    held: int
    limit: int
    want: tuple[int, int]
    size: tuple[int, int]
    inside: dict[str, Any]


def _stop_at(block: Block, until: Columns) -> None:
    """Have a block know no more than the events up to a moment."""
    if len(block.signals):  # time that goes on changes no signal
        known = np.searchsorted(block.columns.ts, until.ts[-1], side="right")
        block.signals = block.signals[np.minimum(np.arange(len(until.ts)), known - 1)]
    block.columns, block.mids = until, mids_of(until, block.grid)
    block.samples = Samples(np.zeros(0, np.int64), np.zeros((0, 1), np.int64))


def _decide_again(
    tape: Tape, model: type[QuotingModel], values: dict[str, float], assumptions: Assumptions, until: Columns,
    decided: int,
) -> tuple[_Decision | None, Block]:  # fmt: skip
    """Replay to just before a decision, then go on uncompiled and keep the last one."""
    block = new_block(tape, model, [values], [assumptions], record=True)
    _stop_at(block, until)
    run_block(block, model, int(np.searchsorted(until.ts, decided)))
    inside: dict[str, Any] = {}
    last: list[_Decision] = []

    def look(frame: FrameType, happened: str, returned: Any) -> None:
        if happened == "return" and frame.f_code is model.quote.__code__:
            inside.clear()
            inside.update(frame.f_locals)

    def probe(told: Known, asked: Any, held: Any, limit: Any, want: Any, size: Any) -> None:
        one = tuple(float(value[0] if isinstance(value, tuple) else value) for value in asked)
        rows = [(int(level) if lots else 0, int(lots)) for level, lots in zip(want, size, strict=True)]
        (bid, bid_lots), (ask, ask_lots) = rows[:2]
        given = [*(inside.get(name, told) for name in model.quote.__code__.co_varnames[: 2 + bool(model.state)])]
        state = given[2]._asdict() if model.state else {}
        last[:] = [
            _Decision(
                given[0], state, _ladder(block, model, rows), one, int(held), int(limit), (bid, ask),
                (bid_lots, ask_lots), dict(inside),
            )
        ]  # fmt: skip

    flags = assumptions.flags(block.grid, FeeTable(*block.fees), cells=1, record=True)
    block.kernel = interpreted(model, flags, probe)
    kept = sys.getprofile()
    sys.setprofile(look)
    try:
        with np.errstate(divide="ignore", invalid="ignore"):
            block.run()
    finally:
        sys.setprofile(kept)
    return (last[0] if last else None), block


def _flat(known: Mapping[str, Any]) -> dict[str, float]:
    """What is known, a number a name: those of a tuple are numbered."""
    out: dict[str, float] = {}
    for number, program in enumerate(known.get("rewards", ()), 1):
        if program.pool > 0:
            out |= {f"rewards_{number}.{name}": float(value) for name, value in program._asdict().items()}
    for name, value in known.items():
        if name == "rewards":
            continue
        several = isinstance(value, tuple)
        out |= {f"{name}_{at + 1}": float(one) for at, one in enumerate(value)} if several else {name: float(value)}
    return out


def _ladder(block: Block, model: type[QuotingModel], rows: list[tuple[int, int]]) -> list[str]:
    """What was wanted where a side has several orders, and what was to be taken."""
    if model.slots() == 1:
        return []
    names = [
        f"{SIDES[at & 1]} {at // 2 + 1}" if at < 2 * model.levels else ("buy", "sell")[at & 1]
        for at in range(len(rows))
    ]
    return [
        f"{name}: {contracts(lots)} at {_price(block, at & 1, level)}"
        for at, (name, (level, lots)) in enumerate(zip(names, rows, strict=True)) if lots
    ]  # fmt: skip


def _price(block: Block, side: int, level: int) -> str:
    top = int(block.grid.top)
    return cents(int(block.grid.ticks[level if side == 0 else top - level]))


def _rounded(block: Block, asked: tuple[float, ...]) -> tuple[str, str]:
    level_of = vars(block.kernel)["level_of_nb"]
    levels = [0 if math.isnan(price) else int(level_of(block.grid, price)) for price in asked[:2]]
    ticks, top = block.grid.ticks, int(block.grid.top)
    bid, ask = (
        "none" if math.isnan(price) else cents(int(ticks[min(max(level, 0), top)]))
        for price, level in zip(asked, levels, strict=False)
    )
    return bid, ask


def _wanted(block: Block, seen: _Decision) -> tuple[str, str]:
    bid, ask = (
        f"{contracts(seen.size[s])} at {_price(block, s, seen.want[s])}" if seen.want[s] else "none" for s in range(2)
    )
    return bid, ask


def _because(block: Block, seen: _Decision) -> list[str]:
    """The rules that changed what the model asked for, by comparing what went in with what came out."""
    out = []
    level_of, lots_of = (vars(block.kernel)[name] for name in ("level_of_nb", "lots_of_nb"))
    held, top = seen.held, int(block.grid.top)
    for s, name in enumerate(SIDES):
        want, size = seen.want[s], seen.size[s]
        lots = int(lots_of(seen.asked[2 + s], 10**9))
        room = seen.limit + (held if s else -held)
        if math.isnan(seen.asked[s]):
            out.append(f"{name}: the model asks for none")
        elif block.ints(I.stopped)[0] > 0:
            out.append(f"{name}: the daily loss stop holds")
        elif (held if s == 0 else -held) >= block.ints(I.halt)[0]:
            out.append(f"{name}: halted at a position of {contracts(held)}")
        elif room <= 0:
            out.append(f"{name}: a position of {contracts(held)} leaves no room within {contracts(seen.limit)}")
        elif want:
            level = int(level_of(block.grid, seen.asked[s]))
            if want != (level if s == 0 else top - level):
                rule = "post-only keeps it off the other side" if block.venue.post_only else "kept inside the grid"
                out.append(f"{name}: moved to {_price(block, s, want)}; {rule}")
            if size < lots:
                why = "the position limit" if size == room else "volatility above calm"
                out.append(f"{name}: {contracts(size)} instead of {contracts(lots)}; {why}")
    return out


def _resting(block: Block) -> list[str]:
    out = []
    for s, name in enumerate(SIDES):
        own = range(s, block.flight.orders.shape[1], 2)
        orders = sorted(((int(block.ints(I.px + one)[0]), one) for one in own), reverse=True)
        for rank, (level, one) in enumerate(orders):
            if rank and not level:
                break
            ahead, lots = float(block.ahead(one)[0]) / 100.0, int(block.ints(I.left + one)[0])
            text = f"{contracts(lots)} at {_price(block, s, level)}, {ahead:g} ahead" if level else "none"
            out.append(f"{name}: {text}")
    scalars = block.state.scalars
    under_way = int(scalars[S.order_tail] - scalars[S.order_head])
    if under_way:
        out.append(f"{under_way} messages on their way")
    return out
