"""How long a model may serve: no longer than models of its series were tried; and how people write such times."""

from __future__ import annotations

from collections.abc import Sequence

from ...io.ground.errors import InputError
from ...io.ground.times import iso, nanoseconds
from ...strategies.pipeline.scorers.trained import Trained
from .learning.folds import Fold, FoldRows


def expires(chosen: Sequence[tuple[Fold, FoldRows]], until: int, every_ns: int | None) -> str:
    """The moment after which the newest model is not served live."""
    if every_ns is not None:
        return iso(until + every_ns)
    tried = [fold.stop - fold.cut for fold, _ in chosen if fold.stop is not None]
    return iso(until + (max(tried) if tried else 0))


def extended(held: Trained, until: int, every_ns: int | None) -> str:
    """The moment after which the newest model of an updated series is not served live: as long after it as before."""
    return iso(until + (nanoseconds(held.expires) - held.models[-1].since if every_ns is None else every_ns))


def hours(given: str | float, name: str, above: float | None = None) -> float:
    """Read a time in hours: a number of them, or a text such as ``12h`` or ``7d``.

    >>> hours("7d", "every"), hours("30m", "every"), hours(2, "every")
    (168.0, 0.5, 2.0)
    """
    units = {"m": 1 / 60, "h": 1.0, "d": 24.0}
    try:
        found = float(given[:-1]) * units[given[-1:]] if isinstance(given, str) else float(given)
    except (KeyError, ValueError):
        raise InputError(f"{name}= is a time such as 30m, 12h or 7d, not {given!r}") from None
    if not (found >= 0 if above is None else found > above):
        raise InputError(f"{name}= is {'0 or more' if above is None else f'more than {above:g}'}, not {given!r}")
    return found
