"""The form in which a figure is told: its name, its unit, what it means, and where a record holds it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from ...figures.words import figure, moment, percent, span, usd

Facts = list[tuple[str, str]]


class FigureUnit(NamedTuple):
    """How values of a kind are written, and what a person calls their unit."""

    name: str
    write: Callable[..., str]


@dataclass(frozen=True)
class Figure:
    """One figure: where a record holds its value or values, its name, its unit, and a sentence on what it means.

    A value that is missing or None leaves the figure out, and so does an empty text.
    """

    keys: str  #: ``quoting.inventory.mean_abs``; several stand with blanks between them
    name: str
    unit: FigureUnit
    means: str

    def text(self, record: Mapping[str, Any]) -> str:
        """Write the value that a record holds; nothing if it holds none."""
        values = [_at(record, key) for key in self.keys.split()]
        return "" if any(value is None for value in values) else self.unit.write(*values)


class FigureGroup(NamedTuple):
    """Figures that belong together, under a title."""

    title: str
    figures: tuple[Figure, ...]


class ToldGroup(NamedTuple):
    """A group as a record has it: each figure with its text."""

    title: str
    facts: list[tuple[Figure, str]]

    @property
    def named(self) -> tuple[str, Facts]:
        """Return the title, and name and text of each figure."""
        return self.title, [(one.name, text) for one, text in self.facts]


def told(groups: Iterable[FigureGroup], record: Mapping[str, Any]) -> list[ToldGroup]:
    """Write the figures of a record, group by group; what it lacks is left out, and so are empty groups."""
    found = [ToldGroup(title, [(one, text) for one in each if (text := one.text(record))]) for title, each in groups]
    return [one for one in found if one.facts]


def facts(groups: Iterable[ToldGroup]) -> Facts:
    """Name and text of each figure of all groups.

    >>> facts([ToldGroup("P&L", [(Figure("pnl", "P&L", DOLLARS, "what was made"), "$1.00")])])
    [('P&L', '$1.00')]
    """
    return [(one.name, text) for group in groups for one, text in group.facts]


def contracts_of(lots: float) -> str:
    """Write a number of lots as contracts.

    >>> contracts_of(-150), contracts_of(100), contracts_of(123_456_700)
    ('-1.50 contracts', '1 contract', '1,234,567 contracts')
    """
    text = figure(abs(lots) / 100).removesuffix(".00")
    return f"{'-' if lots < 0 and text != '0' else ''}{text} contract{'' if text == '1' else 's'}"


def _at(record: Mapping[str, Any], key: str) -> Any:
    """Return what a record holds under a key with dots; None where it has nothing."""
    place: Any = record
    for name in key.split("."):
        place = place.get(name) if isinstance(place, Mapping) else None
    return place


#: Money in micros, as replays and sweeps have it, and in dollars, as bets have it.
DOLLARS = FigureUnit("dollars", usd)
COST = FigureUnit("dollars", lambda micros: usd(-micros))
WHOLE_DOLLARS = FigureUnit("dollars", lambda dollars: usd(dollars * 1e6))
CENTS = FigureUnit("cents a contract", lambda cents: f"{round(cents, 2) + 0.0:+.2f} c")
CONTRACTS = FigureUnit("contracts", contracts_of)
QUEUE = FigureUnit("contracts", lambda contracts: contracts_of(contracts * 100))
COUNT = FigureUnit("count", lambda number: f"{round(number):,}")
SOME = FigureUnit("count", lambda number: f"{number:,}" if number else "")  #: nothing is told where there are none
SHARE = FigureUnit("per cent", percent)
FINE_SHARE = FigureUnit("per cent", lambda share: percent(share, 2))
RATIO = FigureUnit("ratio", figure)
RATE = FigureUnit("a day or hour", figure)
SECONDS = FigureUnit("time", span)
MOMENT = FigureUnit("UTC", moment)
PLAIN = FigureUnit("words", str)
