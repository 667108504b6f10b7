"""Whether a file's prices are cents or dollars: decided once, from its first rows, or asked for."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.errors import InputError
from .convert import PRICE_PLACES, SourceRows

UNDECIDED = "undecided"
#: Stands for a unit where the other files of the folder contradict one another.
DISPUTED = "disputed"
#: Is in an answer that rests on the size of the values alone.
BY_VALUES = "by values"
#: How far from a whole tick a float may lie: what 32-bit floats need.
_NOISE = 1e-3


class Says(Enum):
    """What a file's values say about their unit."""

    NOTHING = "nothing"  #: no value above 0
    CENTS = "cents"
    DOLLARS = "dollars"
    LIKELY_DOLLARS = "likely dollars"  #: whole cents if dollars, hundredths of a cent if cents
    OPEN = "open"  #: 0.1, 0.2, …, 1: tenths of a cent, or tens of cents
    MIXED = "mixed"  #: fractions of 1 and whole numbers above 1


class UnitOpenError(InputError):
    """The values do not say their unit."""


def decide(rows: SourceRows, columns: tuple[str, ...], pair: tuple[str, str] | None = None) -> Mapping[str, str]:
    """Decide the unit of the price columns; ``pair`` are YES and NO prices, which add up to one contract.

    Says how it was decided. Where both readings are possible the other files of the folder decide, and if they do
    not, it asks for ``--price-unit``. The answer's ``sure`` is missing where the values alone only make it likely.
    """
    asked = rows.options.price_unit
    if asked is not None:
        if asked not in PRICE_PLACES:
            raise InputError(f"price_unit={asked!r} is not known; it is cents or dollars")
        return {"unit": asked, "sure": "yes"}
    if columns and all(name.endswith("_dollars") for name in columns):
        return {"unit": "dollars", "sure": "yes"}
    if pair is not None and all(rows.has(name) for name in pair):
        unit = _from_pair(rows, pair)
        if unit is not None:
            rows.say(f"prices are in {unit} ({pair[0]} and {pair[1]} add up to {100 if unit == 'cents' else 1})")
            return {"unit": unit, "sure": "yes"}
    return _from_values(rows, columns)


def says(values: NDArray[np.float64]) -> Says:
    """Tell what prices say about their unit; those that stand on no tick in either unit say nothing.

    >>> says(np.array([0.57000000001, 0.4])), says(np.array([0.1, 0.3])), says(np.array([10.3, 0.4]))
    (<Says.LIKELY_DOLLARS: 'likely dollars'>, <Says.OPEN: 'open'>, <Says.CENTS: 'cents'>)
    """
    values = values[np.isfinite(values) & (values > 0)]
    if not values.size:
        return Says.NOTHING
    large, small = values > 1 + _NOISE / 10_000, values < 1 - _NOISE / 10_000
    if large.any():
        whole = _near_whole(values, 1)
        return Says.CENTS if not small.any() or not whole[large].all() else Says.MIXED
    tick = values[_near_whole(values, 10_000)]
    if not tick.size:
        return Says.LIKELY_DOLLARS
    if not _near_whole(tick, 100).all():
        return Says.DOLLARS
    return Says.OPEN if _near_whole(tick, 10).all() else Says.LIKELY_DOLLARS


def unit_of(rows: SourceRows, column: str, decided: Mapping[str, str]) -> str:
    """Return the unit of a price column: its name may say it, else what was decided for the file."""
    if column.endswith("_dollars"):
        return "dollars"
    unit = decided["unit"]
    if unit == UNDECIDED:
        rows.fail(
            floats(rows.frame[column]) != 0,  # what cannot be read is not equal to 0 either
            lambda row: f"{column} {rows.frame[column][row]}: the first rows do not say the unit; pass price_unit=",
        )
        return "cents"
    return unit


def floats(series: pl.Series) -> NDArray[np.float64]:
    """Return a column as numbers good enough to tell units apart; an empty value is 0, an unreadable one NaN."""
    given = series.str.strip_chars() if series.dtype == pl.String else series
    if given.dtype == pl.String:
        given = given.set(given == "", None)
    numbers = given.cast(pl.Float64, strict=False)
    return numbers.fill_null(np.nan).set(given.is_null(), 0.0).to_numpy()


def _from_pair(rows: SourceRows, pair: tuple[str, str]) -> str | None:
    yes, no = (floats(rows.frame[name]) for name in pair)
    sums = (yes + no)[(yes != 0) | (no != 0)]
    cents, dollars = (np.count_nonzero(np.abs(sums - one) < one * _NOISE / 1000) for one in (100, 1))
    if cents > 10 * dollars:
        return "cents"
    return "dollars" if dollars > 10 * cents else None


def _from_values(rows: SourceRows, columns: tuple[str, ...]) -> Mapping[str, str]:
    names = ", ".join(columns)
    values = np.concatenate([floats(rows.frame[name]) for name in columns])
    said, beside = says(values), rows.options.unit_beside
    if said is Says.NOTHING:
        return {"unit": UNDECIDED}
    if said is Says.CENTS:
        rows.say(f"prices are in cents ({names} up to {np.nanmax(values):g})")
        return {"unit": "cents", "sure": "yes", BY_VALUES: "yes"}
    if said in (Says.OPEN, Says.LIKELY_DOLLARS) and beside in PRICE_PLACES:
        rows.say(f"prices are in {beside}, as in the other files of the folder ({names} up to {np.nanmax(values):g})")
        return {"unit": str(beside), BY_VALUES: "yes"}
    if said is Says.DOLLARS or (said is Says.LIKELY_DOLLARS and beside is None):
        rows.say(f"prices are in dollars ({names} between 0 and 1)")
        return {"unit": "dollars"} | ({"sure": "yes"} if said is Says.DOLLARS else {BY_VALUES: "yes"})
    seen = {
        Says.MIXED: "holds both fractions of 1 and whole numbers above 1",
        Says.OPEN: f"holds nothing but tenths ({np.nanmin(values[values > 0]):g} to {np.nanmax(values):g})",
    }.get(said, "could be either, and the other files of the folder differ")
    path = f"{rows.path}: " if rows.path else ""
    raise UnitOpenError(f"{path}{names} {seen}: cents or dollars? Pass price_unit='cents' or price_unit='dollars'")


def _near_whole(values: NDArray[np.float64], scale: int) -> NDArray[np.bool_]:
    """Whether values times a scale are whole, but for the noise of floats."""
    scaled = values * scale
    return np.abs(scaled - np.rint(scaled)) <= np.minimum(_NOISE, scale * _NOISE / 100)
