"""Whether a file's prices are cents or dollars: decided once, from its first rows, or asked for."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
from .convert import PRICE_PLACES, Rows, scaled
from .text import OK

UNDECIDED = "undecided"
_PLACES = 6
_ONE = 10**_PLACES


def decide(rows: Rows, columns: tuple[str, ...], pair: tuple[str, str] | None = None) -> Mapping[str, str]:
    """Decide the unit of the price columns; ``pair`` are YES and NO prices, which add up to one contract.

    Says how it was decided; where both readings are possible it asks for ``--price-unit``.
    """
    asked = rows.options.price_unit
    if asked is not None:
        if asked not in PRICE_PLACES:
            raise InputError(f"--price-unit {asked!r} is not known; it is cents or dollars")
        return {"unit": asked}
    if columns and all(name.endswith("_dollars") for name in columns):
        return {"unit": "dollars"}
    if pair is not None and all(rows.has(name) for name in pair):
        unit = _from_pair(rows, pair)
        if unit is not None:
            rows.say(f"prices are in {unit} ({pair[0]} and {pair[1]} add up to {100 if unit == 'cents' else 1})")
            return {"unit": unit}
    return {"unit": _from_values(rows, columns)}


def _from_pair(rows: Rows, pair: tuple[str, str]) -> str | None:
    (yes, bad_yes), (no, bad_no) = (scaled(rows.frame[name], _PLACES) for name in pair)
    sums = (yes + no)[(bad_yes == OK) & (bad_no == OK)]
    cents, dollars = np.count_nonzero(sums == 100 * _ONE), np.count_nonzero(sums == _ONE)
    if cents > 10 * dollars:
        return "cents"
    return "dollars" if dollars > 10 * cents else None


def _from_values(rows: Rows, columns: tuple[str, ...]) -> str:
    names = ", ".join(columns)
    found = [scaled(rows.frame[name], _PLACES) for name in columns]
    values = np.concatenate([values[faults == OK] for values, faults in found])
    values = values[values > 0]
    if not values.size:
        return UNDECIDED
    large, whole = values > _ONE, values % _ONE == 0
    small = values < _ONE
    if not large.any() and small.any():
        rows.say(f"prices are in dollars ({names} between 0 and 1)")
        return "dollars"
    if large.any() and (not small.any() or not whole[large].all()):
        rows.say(f"prices are in cents ({names} up to {values.max() / _ONE:g})")
        return "cents"
    seen = "holds both fractions of 1 and whole numbers above 1" if large.any() else "holds nothing but 0 and 1"
    raise InputError(f"{names} {seen}: cents or dollars? Pass --price-unit cents or --price-unit dollars")


def unit_of(rows: Rows, column: str, decided: Mapping[str, str]) -> str:
    """Return the unit of a price column: its name may say it, else what was decided for the file."""
    if column.endswith("_dollars"):
        return "dollars"
    unit = decided["unit"]
    if unit == UNDECIDED:
        values, faults = scaled(rows.frame[column], _PLACES)
        rows.fail(
            (faults == OK) & (values != 0),
            lambda row: f"{column} {rows.frame[column][row]}: the first rows do not say the unit; pass --price-unit",
        )
        return "cents"
    return unit
