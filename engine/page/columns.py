"""Columns for the page: plain lists by name, few enough to draw, and rows that a reader asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import InputError

#: A picture has at most so many marks of a kind; more are drawn together.
MARKS = 1_500
#: Rows of a table that are sent; more are asked for by a filter.
ROWS = 2_000


def columns(frame: pl.DataFrame) -> dict[str, list[Any]]:
    """Return a frame as lists by name; what is no number is null.

    >>> columns(pl.DataFrame({"a": [1.0, float("nan")]}))
    {'a': [1.0, None]}
    """
    return {one.name: (one.fill_nan(None) if one.dtype.is_float() else one).to_list() for one in frame.iter_columns()}


def thinned(frame: pl.DataFrame, at: str, names: list[str], most: int = MARKS) -> dict[str, list[Any]]:
    """Return columns over time, of a long frame the lowest and the highest row of each stretch by the first name."""
    if frame.height <= most:
        return columns(frame.select(at, *names))
    values = frame[names[0]].to_numpy()
    starts = np.linspace(0, frame.height, most // 2, endpoint=False).astype(np.int64)
    kept = set[int]([0, frame.height - 1])
    for begin, end in zip(starts, [*starts[1:], frame.height], strict=True):
        piece = values[begin:end]
        kept |= {int(begin + piece.argmin()), int(begin + piece.argmax())}
    return columns(frame.select(at, *names)[sorted(kept)])


def finite(values: np.ndarray[Any, np.dtype[np.float64]]) -> list[float | None]:
    """Return numbers as a list; what is no number is null.

    >>> finite(np.array([1.5, float("nan")]))
    [1.5, None]
    """
    return [value if known else None for value, known in zip(values.tolist(), np.isfinite(values), strict=True)]


class Question:
    """What a request asks for, by name, each checked."""

    def __init__(self, query: list[tuple[str, str]]) -> None:
        self._given = dict(query)

    def text(self, name: str, default: str | None = None) -> str:
        """A text that must be there unless there is a default."""
        found = self._given.get(name, default)
        if found is None:
            raise InputError(f"the address lacks {name}=")
        return found

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number."""
        given = self.text(name, None if default is None else str(default))
        try:
            return int(given)
        except ValueError:
            raise InputError(f"{name}= should be a whole number, not {given[:40]!r}") from None

    def has(self, name: str) -> bool:
        """Whether a name is given and not empty."""
        return bool(self._given.get(name))
