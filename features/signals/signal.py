"""What a signal is: a small function that is told of every event, with a state that it carries from one to the next.

A tape's column is what such a walk wrote down, and a stream is walked by the same code: there is one form, so that both
agree to the bit.
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ...io.ground.errors import InputError
from ...io.ground.made_of import made_of

Number = float | int
Held = Number | Sequence[Number]
#: What an update may take, in this order.
GIVEN = ("event", "state", "p", "ring")


class Signal:
    """A named column of a quoting model: ``update(event, state, p)`` returns its value and the state's new numbers.

    ``state`` names the numbers that are carried, with their start values, whole ones or floats. A list among them is an
    array that ``update`` changes in place and does not return. Everything else given by name is a parameter, read as
    ``p.NAME``. With ``values`` above 1 so many come first, and a model reads them as a tuple. With ``ring`` there is an
    array ``ring`` of so many whole numbers a row, which is made longer when it is full: row ``state.tail`` is free, and
    rows from ``state.head`` on are kept.

    >>> def smooth(event, state, p):
    ...     level = state.level + p.share * (event.size - state.level) if event.kind == 1 else state.level
    ...     return level, level
    >>> Signal(smooth, {"level": 0.0}, share=0.1).columns
    1
    """

    def __init__(
        self, update: Callable[..., Any] | None, state: Mapping[str, Held] | None = None, *, values: int = 1,
        ring: int = 0, **parameters: Held,
    ) -> None:  # fmt: skip
        self.update, self.state, self.parameters = update, dict(state or {}), parameters
        self.columns, self.ring = values, ring
        if ring and tuple(self.state)[:2] != ("head", "tail"):
            raise InputError("a signal with a ring has head and tail first in its state, both 0 at the start")
        if values < 1:
            raise InputError(f"a signal has one value or more, not {values}")

    @property
    def given(self) -> tuple[str, ...]:
        """What ``update`` takes."""
        count = len(inspect.signature(getattr(self.update, "py_func", self.update)).parameters) if self.update else 0
        return GIVEN[:count]

    def definition(self) -> list[str]:
        """All that decides the column on a given tape, as text."""
        told = [f"{name} = {value!r}" for name, value in sorted(self.parameters.items())]
        start = [f"{name}: {value!r}" for name, value in self.state.items()]
        return [type(self).__qualname__, str(self.columns), str(self.ring), *start, *told, *made_of(self.update)]


def signal_names(signals: Mapping[str, Signal]) -> list[str]:
    """The names of a model's signals, in the order of their declaration."""
    return list(signals)


def places(signals: Mapping[str, Signal]) -> dict[str, range]:
    """Which columns of the matrix belong to each signal."""
    at, found = 0, dict[str, range]()
    for name, signal in signals.items():
        found[name] = range(at, at + signal.columns)
        at += signal.columns
    return found


def named_row(signals: Mapping[str, Signal], column: str) -> str:
    """The signals' values as arguments in text: ``column`` with the number of each; several values are a tuple.

    >>> named_row({"a": Signal(None), "b": Signal(None, values=2)}, "row[{}]")
    'row[0], (row[1], row[2])'
    """
    parts = []
    for where in places(signals).values():
        each = ", ".join(column.format(at) for at in where)
        parts.append(each if len(where) == 1 else f"({each})")
    return ", ".join(parts)


def column_names(signals: Mapping[str, Signal]) -> list[str]:
    """A name for each column of the matrix: that of the signal, with a number where it has several values.

    >>> column_names({"a": Signal(None), "b": Signal(None, values=2)})
    ['a', 'b_1', 'b_2']
    """
    return [
        name if len(where) == 1 else f"{name}_{at - where.start + 1}"
        for name, where in places(signals).items()
        for at in where
    ]


def column_definitions(signals: Mapping[str, Signal]) -> dict[str, str]:
    """What each column of the matrix is, as one line with the hash of its signal's definition."""
    told = definitions(signals)
    named = [f"signal {name}, definition {told[name]}" for name, where in places(signals).items() for _ in where]
    return dict(zip(column_names(signals), named, strict=True))


def definitions(signals: Mapping[str, Signal]) -> dict[str, str]:
    """A hash of each signal's definition: which code, start and parameters its column comes from."""
    return {
        name: hashlib.sha256("\0".join(signal.definition()).encode()).hexdigest()[:16]
        for name, signal in signals.items()
    }
