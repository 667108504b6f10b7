"""From signals to the one compiled walk that tells all of them of every event.

The text of the walk is written for the signals at hand; what it is made of names it, and its code is kept on disk.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import Any

import numpy as np

from ....features.signals.signal import Held, Signal, named_row, places
from ....io.ground.made_of import made_of

#: Numbers of a walk's own among its whole numbers and floats, before those of the signals.
OWN_INTS, OWN_FLOATS = 1, 1
#: What stands at those places: the next event, and the last price of the underlying.
AT, UNDERLYING = 0, 0


@dataclass(frozen=True)
class Numbers:
    """Where each number of each signal lies, and the names by which it is read."""

    names: tuple[str, ...]
    text: str  #: how it is read in the walk
    ints: list[int]  #: what stands there at the start
    floats: list[float]
    back: tuple[str, ...]  #: where each number that is given back goes


def layout(held: Mapping[str, Held], ints: str, floats: str, at: tuple[int, int]) -> Numbers:
    """Lay numbers out in two arrays from some places on; lists are views of their part."""
    whole: list[int] = []
    real: list[float] = []
    reads, back = [], []
    for value in held.values():
        many = not isinstance(value, int | float)
        is_whole = all(isinstance(one, int | np.integer) for one in value) if many else isinstance(value, int)
        place, into = (at[0] + len(whole), ints) if is_whole else (at[1] + len(real), floats)
        (whole if is_whole else real).extend(value if many else [value])  # type: ignore[arg-type]  # of its own kind
        end = place + (len(value) if many else 1)
        reads.append(f"{into}[{place}:{end}]" if many else f"{into}[{place}]")
        back += [] if many else [f"{into}[{place}]"]
    return Numbers(tuple(held), ", ".join(reads), whole, real, tuple(back))


@dataclass(frozen=True)
class CompiledWalk:
    """A compiled walk and what it begins with."""

    run: Callable[..., int]
    ints: np.ndarray[Any, np.dtype[np.int64]]
    floats: np.ndarray[Any, np.dtype[np.float64]]
    whole: np.ndarray[Any, np.dtype[np.int64]]  #: parameters
    real: np.ndarray[Any, np.dtype[np.float64]]
    rings: tuple[int, ...]  #: numbers a row of each


def walk_of(signals: Mapping[str, Signal], own: tuple[str, ...]) -> CompiledWalk:
    """Return the walk that writes the columns of ``own``, of all of a model's signals."""
    mine = {name: signals[name] for name in own}
    state, given = {}, {}
    at, set_at = (OWN_INTS, OWN_FLOATS), (0, 0)
    for name, signal in mine.items():
        state[name] = layout(signal.state, "ints", "floats", at)
        given[name] = layout(signal.parameters, "whole", "real", set_at)
        at = (at[0] + len(state[name].ints), at[1] + len(state[name].floats))
        set_at = (set_at[0] + len(given[name].ints), set_at[1] + len(given[name].floats))
    text = _text(signals, own, state, given, at[1])
    updates = tuple(signal.update for signal in mine.values())
    columns = sum(signal.columns for signal in mine.values())
    ints = [0, *(one for laid in state.values() for one in laid.ints)]
    floats = [np.nan, *(one for laid in state.values() for one in laid.floats), *[np.nan] * columns]
    return CompiledWalk(
        _compiled(text, updates), np.array(ints, np.int64), np.array(floats, np.float64),
        np.array([one for laid in given.values() for one in laid.ints] or [0], np.int64),
        np.array([one for laid in given.values() for one in laid.floats] or [0.0], np.float64),
        tuple(signal.ring for signal in mine.values() if signal.ring),
    )  # fmt: skip


HEAD = """
from collections import namedtuple
import math
import numpy as np
from touchline.features.signals.event import BOOK, SignalEvent, TRADE, UNDERLYING
from touchline.io.ground.jit import OPTIONS, guest, kept
from touchline.engine.simulator.signals.book import change_nb, near_nb
from touchline.engine.simulator.tape.events import CLOCK, KIND, MOMENT
from . import UPDATES
i64 = np.int64
u64 = np.uint64
"""

WALK = """
@kept(nogil=True, **OPTIONS)
def walk_nb(tape, values, ticks, top, book, near, levels, ints, floats, whole, real, rings, out, base, stop):
{parameters}
    i = ints[0]
    while i < stop:
{room}
        at, row = u64(i), u64(i - base)
        kind = i64(tape.kind[at] & KIND)
        if kind >= CLOCK:
{again}
            i += 1
            continue
        s, level, lots = i64(tape.side[at]), i64(tape.level[at]), i64(tape.size[at])
        grown = change_nb(kind, s, level, lots, book)
{near}
        if kind == UNDERLYING:
            floats[0] = values[tape.aux[at]]
        b, a = i64(tape.best_bid[at]), i64(tape.best_ask[at])
        bid, ask, x, y = i64(ticks[b]), i64(ticks[a]), i64(book[0, b]), i64(book[1, top - a])
        bid, ask = bid if b > 0 else i64(0), ask if a < top else i64(0)
        low, high = bid * 0.01 if b > 0 else math.nan, ask * 0.01 if a < top else math.nan
        ts = tape.ts[at]
        side = 2 * s - 1 if kind == TRADE else 1 - 2 * s
        yes = ticks[level] if s == 0 else ticks[top - level]
        moment = (tape.kind[at] & MOMENT) > 0
{updates}
        i += 1
    ints[0] = i
    return 0
"""

EVENT = (
    "SignalEvent(ts, ts * 1e-9, kind, moment, side, yes * 0.01, lots * 0.01, grown * 0.01, low, high, "
    "x * 0.01, y * 0.01, (low + high) * 0.5, floats[0], lots, bid, ask, x, y, near, {signals})"
)


def _text(
    signals: Mapping[str, Signal], own: tuple[str, ...], state: Mapping[str, Numbers], given: Mapping[str, Numbers],
    last: int,
) -> str:  # fmt: skip
    """The walk's text: names carry no meaning of their own, so that the same updates share one compiled walk."""
    head, parameters, room, again, updates = [HEAD], [], [], [], []
    where = places(signals)
    ring, kept, known = 0, last, {}
    for k, name in enumerate(own):
        signal, laid, told = signals[name], state[name], given[name]
        head.append(f"S{k} = namedtuple('S{k}', {list(laid.names)!r})")
        head.append(f"P{k} = namedtuple('P{k}', {list(told.names)!r})")
        head.append(f"u{k} = guest(UPDATES[{k}])")
        parameters.append(f"    p{k} = P{k}({told.text})" if told.names else f"    p{k} = ()")
        take = {"event": "event", "state": f"S{k}({laid.text})" if laid.names else "()", "p": f"p{k}"}
        if signal.ring:
            take["ring"] = f"rings[{ring}]"
            room.append(f"        if {laid.back[1]} - {laid.back[0]} >= len(rings[{ring}]):")
            room.append(f"            ints[0] = i\n            return {ring + 1}")
            ring += 1
        before = {other: signals[other] for other in signals if where[other].stop <= where[name].start}
        row = named_row(before, "out[row, {}]")
        for column, value in known.items():
            row = row.replace(f"out[row, {column}]", value)
        if before:
            head.append(f"B{k} = namedtuple('B{k}', {list(before)!r})")
        updates.append(f"        event = {EVENT.format(signals=f'B{k}({row})' if before else '()')}")
        local = {at: f"v{at}" for at in where[name]}
        known |= local
        back = {f"t{k}_{n}": place for n, place in enumerate(laid.back)}
        call = f"u{k}({', '.join(take[one] for one in signal.given)})"
        updates.append(f"        {', '.join([*local.values(), *back])} = {call}")
        for value, place in back.items():  # a whole number stays one: a float would lose its fraction without a word
            updates.append(f"        {place} = {value}" + (" | i64(0)" if place.startswith("ints") else ""))
        for at, value in local.items():
            updates.append(
                f"        {value} = float({value})\n        out[row, {at}] = {value}\n        floats[{kept}] = {value}"
            )
            again.append(f"            out[row, {at}] = floats[{kept}]")
            kept += 1
    reads = any("'near'" in one for name in own for one in made_of(signals[name].update))
    near = "        near_nb(kind, s, level, lots, book, near, levels, ticks, top)" if reads else ""
    return "\n".join(head) + WALK.format(
        parameters="\n".join(parameters), room="\n".join(room), again="\n".join(again), near=near,
        updates="\n".join(updates),
    )  # fmt: skip


@cache
def _compiled(text: str, updates: tuple[Callable[..., Any], ...]) -> Callable[..., int]:
    """The walk of a text; walks of the same text and updates are one."""
    plain = tuple(getattr(update, "py_func", update) for update in updates)
    digest = hashlib.sha256("\0".join([text, *made_of(*plain)]).encode()).hexdigest()[:20]
    name = f"signals_{digest}"
    sys.modules[name] = package = ModuleType(name)
    vars(package).update(UPDATES=plain, __path__=[])
    module = ModuleType(f"{name}.walk")
    vars(module).update(__package__=name)
    sys.modules[module.__name__] = module
    exec(compile(text, f"<{name}/walk.py>", "exec"), vars(module))
    return vars(module)["walk_nb"]
