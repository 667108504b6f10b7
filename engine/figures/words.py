"""Figures as people read them: dollars and cents, per cent, spans and moments of time; a dash for what is not known."""

from __future__ import annotations

import re

from ...io.ground.times import iso

UNKNOWN = "–"
_FIGURE = re.compile(r"[-+]?\$?\d[\d,]*(\.\d+)?(e-?\d+)?( ?[%c])?")
_SPANS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


def usd(micros: float | None) -> str:
    """Write money in whole cents.

    >>> usd(-55_284_999.0), usd(0), usd(None)
    ('-$55.28', '$0.00', '–')
    """
    if micros is None:
        return UNKNOWN
    text = f"${abs(micros) / 1e6:,.2f}"
    return f"-{text}" if micros < 0 and text != "$0.00" else text


def percent(share: float | None, digits: int = 1) -> str:
    """Write a share as per cent.

    >>> percent(0.4211), percent(None)
    ('42.1 %', '–')
    """
    return UNKNOWN if share is None else f"{share * 100:,.{digits}f} %"


def figure(value: float | None) -> str:
    """Write a ratio or a count with two decimals, large ones without.

    >>> figure(0.3456), figure(12_345.6), figure(None)
    ('0.35', '12,346', '–')
    """
    return UNKNOWN if value is None else f"{value:,.2f}" if abs(value) < 1000 else f"{value:,.0f}"


def count(number: int, thing: str) -> str:
    """Write how many there are of a thing.

    >>> count(1, "market"), count(2_000, "market")
    ('1 market', '2,000 markets')
    """
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


def span(seconds: float | None) -> str:
    """Write how long something lasts, in the largest unit that it has two of, or else in seconds.

    >>> span(6_633.0), span(86_400.0), span(45.25), span(None)
    ('110.5 minutes', '24 hours', '45.2 seconds', '–')
    """
    if seconds is None:
        return UNKNOWN
    unit, name = next(((unit, name) for unit, name in _SPANS if abs(seconds) >= 2 * unit), _SPANS[-1])
    text = f"{seconds / unit:,.1f}".removesuffix(".0")
    return f"{text} {name}" if text == "1" else f"{text} {name}s"


def day(ts: int | None) -> str:
    """Write the UTC day of a moment in ns."""
    return UNKNOWN if ts is None else iso(ts)[:10]


def days(first: int, last: int) -> str:
    """Write the UTC days from one moment in ns to another; one day once.

    >>> days(0, 86_400 * 10**9), days(0, 1)
    ('1970-01-01 to 1970-01-02', '1970-01-01')
    """
    return day(first) if day(first) == day(last) else f"{day(first)} to {day(last)}"


def moment(ts: int | None, seconds: bool = False) -> str:
    """Write a moment in ns as UTC, to the minute or to the second.

    >>> moment(1_767_225_661 * 10**9), moment(1_767_225_661 * 10**9, seconds=True)
    ('2026-01-01 00:01', '2026-01-01 00:01:01')
    """
    return UNKNOWN if ts is None else iso(ts)[: 19 if seconds else 16].replace("T", " ")


def is_figure(cell: object) -> bool:
    """Whether a cell of a table is a number, or a text of one with its unit: such stand to the right.

    >>> [is_figure(cell) for cell in (None, 3, "-$1,234.50", "42.1 %", "+0.85 c", "–", "1.8e-05")]
    [True, True, True, True, True, True, True]
    >>> [is_figure(cell) for cell in ("12 lots", "$", "")]
    [False, False, False]
    """
    if cell is None or cell == UNKNOWN:
        return True
    return isinstance(cell, int | float) or _FIGURE.fullmatch(str(cell)) is not None
