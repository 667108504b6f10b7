"""Why a quote was what it was: the decision behind it, made again uncompiled by the same code, with a look inside."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import inspect
import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import FrameType, ModuleType
from typing import Any

import numpy as np

from ...io.errors import InputError
from ...io.units import cents, contracts
from ...strategies.quoting import QuotingModel
from ..simulator import state as rows
from ..simulator.block import Block
from ..simulator.events import TRADE
from ..simulator.fees import FeeTable
from ..simulator.latency import is_delayed
from ..simulator.prepare import new_block, parameter_values, run_block
from ..simulator.specialise import interpreted
from ..simulator.state import Columns, Samples
from ..simulator.tape import Tape, mids_of
from ..simulator.venue import Assumptions
from .run_folder import tape_and_model

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


def explain(
    tape: Tape, model: type[QuotingModel], given: Mapping[str, Any], assumptions: Assumptions, ts: int,
) -> Explanation:  # fmt: skip
    """Return why the quote at ``ts`` was what it was."""
    values = parameter_values(model, tape, given)
    if not int(tape.columns.ts[0]) <= ts <= int(tape.columns.ts[-1]):
        raise InputError("the moment to explain lies outside of the events that are replayed; pass one between them")
    until = _until(tape, ts, any(map(is_delayed, assumptions.delays)) and not assumptions.is_poisson)
    at_moment = new_block(tape, model, [values], [assumptions], record=True)
    _stop_at(at_moment, until)
    run_block(at_moment, model)
    if not int(at_moment.ints(rows.REQUOTES)[0]):
        raise InputError("nothing was quoted up to that moment; pass a later one")
    decided = int(at_moment.longs(rows.DUE)[0]) - at_moment.venue.requote_ns
    seen = _decide_again(tape, model, values, assumptions, until, decided)
    if seen is None:
        raise InputError("at that moment nothing was quoted: the book was unknown or one-sided, or the market closed")
    told, inside, asked, wish, kernel = seen
    return Explanation(
        decided, told._asdict(), dict(zip(model.columns(), model.row(values), strict=True)), inside, asked,
        _rounded(kernel, at_moment, asked), _wanted(at_moment, wish), _because(at_moment, kernel, asked, wish),
        _resting(at_moment),
    )  # fmt: skip


def explain_settings(settings: Mapping[str, Any], ts: int) -> Explanation:
    """The same for what a run's settings ask for; see ``run_folder.settings_of``."""
    tape, model = tape_and_model(settings)
    return explain(tape, model, settings["parameters"], Assumptions().with_options(settings["venue"]), ts)


def _until(tape: Tape, ts: int, on_the_way: bool) -> Columns:
    """The events up to ``ts``, and if messages are ``on_the_way`` one that does nothing but let the clock go on."""
    stop = int(np.searchsorted(tape.columns.ts, ts, side="right"))
    if not on_the_way:
        return Columns(*(column[:stop] for column in tape.columns))
    nothing = Columns(*(column[stop - 1 : stop].copy() for column in tape.columns))
    nothing.ts[0], nothing.kind[0], nothing.level[0], nothing.size[0] = ts + 1, TRADE, np.iinfo(np.int16).max, 0
    return Columns(*(np.concatenate([column[:stop], one]) for column, one in zip(tape.columns, nothing, strict=True)))


def _stop_at(block: Block, until: Columns) -> None:
    """Have a block know no more than the events up to a moment."""
    block.columns, block.mids = until, mids_of(until, block.grid)
    block.samples = Samples(np.zeros(0, np.int64), np.zeros((0, 1), np.int64))


def _decide_again(
    tape: Tape, model: type[QuotingModel], values: dict[str, float], assumptions: Assumptions, until: Columns,
    decided: int,
) -> tuple[Any, dict[str, float], tuple[float, ...], dict[str, Any], ModuleType] | None:  # fmt: skip
    """Replay to just before a decision, then go on uncompiled and keep the last one."""
    block = new_block(tape, model, [values], [assumptions], record=True)
    _stop_at(block, until)
    run_block(block, model, int(np.searchsorted(until.ts, decided)))
    plain = interpreted(model, assumptions.flags(block.grid, FeeTable(*block.fees), cells=1, record=True))
    last: list[Any] = []
    names = inspect.signature(plain.wish_nb)
    decide: Callable[..., None] = plain.wish_nb

    def watched(*arguments: Any) -> None:
        last.clear()
        frames: dict[str, dict[str, Any]] = {}

        def look(frame: FrameType, happened: str, returned: Any) -> None:
            if happened == "return" and frame.f_code is model.quote.__code__:
                frames["quote"] = {**frame.f_locals, "returned": returned}
            elif happened == "return" and frame.f_code is decide.__code__:
                frames["wish"] = dict(frame.f_locals)

        kept = sys.getprofile()
        sys.setprofile(look)
        try:
            decide(*arguments)
        finally:
            sys.setprofile(kept)
        wish = dict(names.bind(*arguments).arguments) | frames["wish"]
        wish = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in wish.items()}
        last.extend((frames["quote"], wish))

    vars(plain)["wish_nb"] = watched
    block.kernel = plain
    with np.errstate(divide="ignore", invalid="ignore"):
        block.run()
    if not last:
        return None
    quote, wish = last
    inside = {text: float(quote[name]) for name, text in model.explain.items() if name in quote}
    return wish["told"], inside, tuple(float(value) for value in quote["returned"]), wish, plain


def _price(block: Block, side: int, level: int) -> str:
    top = int(block.grid.top)
    return cents(int(block.grid.ticks[level if side == 0 else top - level]))


def _rounded(kernel: ModuleType, block: Block, asked: tuple[float, ...]) -> tuple[str, str]:
    levels = [0 if math.isnan(price) else int(kernel.level_of_nb(block.grid, price)) for price in asked[:2]]
    ticks, top = block.grid.ticks, int(block.grid.top)
    bid, ask = (
        "none" if math.isnan(price) else cents(int(ticks[min(max(level, 0), top)]))
        for price, level in zip(asked, levels, strict=False)
    )
    return bid, ask


def _wanted(block: Block, wish: dict[str, Any]) -> tuple[str, str]:
    bid, ask = (
        f"{contracts(int(wish[f'size{s}'][0]))} at {_price(block, s, int(wish[f'want{s}'][0]))}"
        if int(wish[f"want{s}"][0])
        else "none"
        for s in range(2)
    )
    return bid, ask


def _because(block: Block, kernel: ModuleType, asked: tuple[float, ...], wish: dict[str, Any]) -> list[str]:
    """The rules that changed what the model asked for, by comparing what went in with what came out."""
    out = []
    held, top = int(wish["held"]), int(block.grid.top)
    for s, name in enumerate(SIDES):
        want, size = int(wish[f"want{s}"][0]), int(wish[f"size{s}"][0])
        lots = int(kernel.lots_of_nb(asked[2 + s], 10**9))
        room = int(wish["cap"]) + (held if s else -held)
        if math.isnan(asked[s]):
            out.append(f"{name}: the model asks for none")
        elif wish["stopped"][0] > 0:
            out.append(f"{name}: the daily loss stop holds")
        elif (held if s == 0 else -held) >= wish["halt"][0]:
            out.append(f"{name}: halted at a position of {contracts(held)}")
        elif room <= 0:
            out.append(f"{name}: a position of {contracts(held)} leaves no room within {contracts(int(wish['cap']))}")
        elif want:
            level = int(kernel.level_of_nb(block.grid, asked[s]))
            if want != (level if s == 0 else top - level):
                rule = "post-only keeps it off the other side" if wish["post_only"] else "kept inside the grid"
                out.append(f"{name}: moved to {_price(block, s, want)}; {rule}")
            if size < lots:
                why = "the position limit" if size == room else "volatility above calm"
                out.append(f"{name}: {contracts(size)} instead of {contracts(lots)}; {why}")
    return out


def _resting(block: Block) -> list[str]:
    out = []
    for s, name in enumerate(SIDES):
        level, lots = int(block.ints(rows.PX + s)[0]), int(block.ints(rows.LEFT + s)[0])
        ahead = float(block.ahead(s)[0]) / 100.0
        text = f"{contracts(lots)} at {_price(block, s, level)}, {ahead:g} ahead" if level else "none"
        out.append(f"{name}: {text}")
    scalars = block.state.scalars
    under_way = int(scalars[rows.ORDER_TAIL] - scalars[rows.ORDER_HEAD])
    if under_way:
        out.append(f"{under_way} messages on their way")
    return out
