"""Price grids: which ticks a market's orders may stand at, by the name the exchange gives the structure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .errors import InputError
from .units import TICKS_PER_DOLLAR, exact

#: Start, end and step of one stretch of a grid, in ticks; both ends belong to it.
Range = tuple[int, int, int]


def _everywhere(step: int) -> tuple[Range, ...]:
    return ((0, TICKS_PER_DOLLAR, step),)


def _center_edge(center: int, edge: int, width: int = 1_000) -> tuple[Range, ...]:
    far = TICKS_PER_DOLLAR - width
    return ((0, width, edge), (width, far, center), (far, TICKS_PER_DOLLAR, edge))


#: Structure name -> its ranges.
GRIDS: dict[str, tuple[Range, ...]] = {
    "linear_cent": _everywhere(100),
    "deci_cent": _everywhere(10),
    "tapered_deci_cent": _center_edge(100, 10),
    "center_whole_edge_half_cent": _center_edge(100, 50),
    "center_whole_edge_quint_cent": _center_edge(100, 20),
    "center_half_edge_half_cent": _center_edge(50, 50),
    "center_half_edge_quint_cent": _center_edge(50, 20),
    "center_half_edge_deci_cent": _center_edge(50, 10),
    "center_quint_edge_quint_cent": _center_edge(20, 20),
    "center_quint_edge_deci_cent": _center_edge(20, 10),
    "center_centi_edge_centi_cent": _everywhere(1),
    "center_deci_edge_centi_cent": _center_edge(10, 1, width=100),
}


def grid_ranges(name: str) -> tuple[Range, ...]:
    """Return the ranges of a named grid, or of one spelled out as ``start:end:step,…`` in ticks.

    >>> grid_ranges("tapered_deci_cent")
    ((0, 1000, 10), (1000, 9000, 100), (9000, 10000, 10))
    """
    if name in GRIDS:
        return GRIDS[name]
    try:
        spelled = tuple(_checked(*map(int, part.split(":"))) for part in name.split(","))
    except (ValueError, TypeError):
        raise InputError(f"no price grid is named {name!r}; known: {', '.join(GRIDS)}") from None
    return _covering(spelled, name)


def parse_ranges(price_ranges: Iterable[Mapping[str, str]]) -> tuple[Range, ...]:
    """Read the exchange's ``price_ranges``: a list of start, end and step in dollar strings.

    >>> parse_ranges([{"start": "0.0000", "end": "1.0000", "step": "0.0100"}])
    ((0, 10000, 100),)
    """
    ranges: list[Range] = []
    for item in price_ranges:
        missing = [word for word in ("start", "end", "step") if word not in item]
        if missing:
            raise InputError(f"a price range needs start, end and step; {dict(item)} lacks {', '.join(missing)}")
        ranges.append(
            _checked(*(exact(item[word], TICKS_PER_DOLLAR, f"price range {word}") for word in ("start", "end", "step")))
        )
    return _covering(tuple(ranges), "price_ranges")


def grid_name(structure: str | None, price_ranges: Iterable[Mapping[str, str]] | None) -> str | None:
    """Name a market's grid: its ranges decide, a structure's name is only a label; spelled out if no name fits.

    >>> grid_name("new_label", [{"start": "0", "end": "1", "step": "0.01"}])
    'linear_cent'
    >>> grid_name("new_label", [{"start": "0", "end": "1", "step": "0.25"}])
    '0:10000:2500'
    """
    ranges = parse_ranges(price_ranges) if price_ranges else None
    if not ranges:
        return structure or None
    if structure in GRIDS and _levels(GRIDS[structure]) == _levels(ranges):
        return structure
    for name, known in GRIDS.items():
        if _levels(known) == _levels(ranges):
            return name
    return ",".join(f"{start}:{end}:{step}" for start, end, step in ranges)


def price_ranges(name: str) -> list[dict[str, str]]:
    """Write a grid the way the exchange does.

    >>> price_ranges("linear_cent")
    [{'start': '0.0000', 'end': '1.0000', 'step': '0.0100'}]
    """

    def text(ticks: int) -> str:
        return f"{ticks // TICKS_PER_DOLLAR}.{ticks % TICKS_PER_DOLLAR:04d}"

    return [{"start": text(a), "end": text(b), "step": text(c)} for a, b, c in grid_ranges(name)]


@cache
def grid_levels(name: str) -> NDArray[np.int32]:
    """Return every price of a grid in ticks, ascending, with both ends 0 and 10,000 (where no order may stand).

    >>> grid_levels("linear_cent")[:3], len(grid_levels("tapered_deci_cent"))
    (array([  0, 100, 200], dtype=int32), 281)
    """
    levels = np.array(_levels(grid_ranges(name)), dtype=np.int32)
    levels.flags.writeable = False
    return levels


@cache
def grid_mask(name: str) -> NDArray[np.bool_]:
    """Return a table of 10,001 flags: True where an order may stand.

    >>> mask = grid_mask("deci_cent")
    >>> bool(mask[10]), bool(mask[15]), bool(mask[0])
    (True, False, False)
    """
    mask = np.zeros(TICKS_PER_DOLLAR + 1, dtype=np.bool_)
    mask[grid_levels(name)[1:-1]] = True
    mask.flags.writeable = False
    return mask


def is_on_grid(prices: ArrayLike, name: str) -> NDArray[np.bool_]:
    """Say for each price in ticks whether an order may stand there.

    >>> is_on_grid([565, 5650, 5600, 0, 12000], "linear_cent").tolist()
    [False, False, True, False, False]
    """
    ticks = np.asarray(prices, dtype=np.int64)
    inside = (ticks > 0) & (ticks < TICKS_PER_DOLLAR)
    return inside & grid_mask(name)[np.where(inside, ticks, 0)]


def _checked(start: int, end: int, step: int) -> Range:
    if not (0 <= start < end <= TICKS_PER_DOLLAR and step > 0 and (end - start) % step == 0):
        raise InputError(
            f"price range {start} to {end} by {step} ticks: expected 0 <= start < end <= {TICKS_PER_DOLLAR} "
            "and a step that divides it"
        )
    return start, end, step


def _covering(ranges: tuple[Range, ...], what: str) -> tuple[Range, ...]:
    """Refuse ranges that leave out a price: every price between 0 and 1 dollar belongs to one."""
    ordered = tuple(sorted(ranges))
    edges = [0, *(end for _, end, _ in ordered)]
    if [start for start, _, _ in ordered] != edges[:-1] or edges[-1] != TICKS_PER_DOLLAR:
        raise InputError(f"{what}: expected ranges that join up from 0 to {TICKS_PER_DOLLAR} ticks, came {ordered}")
    return ordered


@cache
def _levels(ranges: tuple[Range, ...]) -> tuple[int, ...]:
    return tuple(sorted({tick for start, end, step in ranges for tick in range(start, end + 1, step)}))
