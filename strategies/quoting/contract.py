"""What a model declares of its quote, and whether a quote keeps to it."""

from __future__ import annotations

import keyword
from typing import Any

from .model import QuotingModel

#: Orders a side that may rest, at most.
MOST_LEVELS = 5
_PARTS = ("bid", "ask", "bid size", "ask size")


def declaration_fault(model: type[QuotingModel]) -> str | None:
    """Return what is wrong with a model's levels or state, None for nothing."""
    if not isinstance(model.levels, int) or not 1 <= model.levels <= MOST_LEVELS:
        return f"levels is {model.levels!r}, not a whole number from 1 to {MOST_LEVELS}"
    for name, start in model.state.items():
        if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
            return f"state {name!r} is not a plain Python name"
        if not _is_number(start):
            return f"state {name!r} starts at {start!r}, not at a number"
    return None


def quote_fault(model: type[QuotingModel], quoted: Any) -> str | None:
    """Return what is wrong with what a quote returned, None for nothing."""
    wanted = ", ".join(_PARTS) + (", take" if model.takes else "") + (", state" if model.state else "")
    count = len(_PARTS) + model.takes + bool(model.state)
    if not isinstance(quoted, tuple) or (len(quoted) != count and not (model.levels == 1 and count == len(_PARTS))):
        got = f"{len(quoted)} values" if isinstance(quoted, tuple) else repr(quoted)
        return f"quote returned {got}, not {count}: {wanted}"
    sides = quoted[: len(_PARTS)]
    if model.levels == 1:
        if not all(map(_is_number, sides)) or len(quoted) != count:
            return f"quote returned {quoted!r}, not {wanted} as numbers"
    else:
        for name, part in zip(_PARTS, sides, strict=True):
            if not isinstance(part, tuple) or len(part) != model.levels or not all(map(_is_number, part)):
                return f"quote returned {part!r} as {name}, not a tuple of {model.levels} numbers, as levels says"
    if model.takes and not _are_numbers(quoted[len(_PARTS)], 2):
        return f"quote returned {quoted[len(_PARTS)]!r} to take, not (price, size)"
    if model.state and not _are_numbers(quoted[-1], len(model.state)):
        names = ", ".join(model.state)
        return f"quote returned {quoted[-1]!r} as its new state, not a tuple of {len(model.state)}: {names}"
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float)


def _are_numbers(value: Any, count: int) -> bool:
    return isinstance(value, tuple) and len(value) == count and all(map(_is_number, value))
