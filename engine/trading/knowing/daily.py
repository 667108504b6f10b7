"""The figures of a session's report: P&L beside the twin's, markouts, uptime, reasons of not quoting, settlements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ....io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_TICK, NS_PER_SECOND, TICKS_PER_CENT
from .course import MarketCourse, SessionCourse
from .queues import value

#: Seconds after a fill at which its price is held against the mid.
HORIZONS = (1, 10, 60, 300)


@dataclass(frozen=True)
class Markout:
    """What fills were worth against the mid some seconds later, cents a contract, weighted by contracts."""

    seconds: int
    fills: int
    cents: float


@dataclass
class Quoting:
    """How long a market was quoted, and why it was not."""

    seconds: float = 0.0
    both: float = 0.0  #: seconds with both sides
    some: float = 0.0  #: seconds with at least one
    reasons: dict[str, float] = field(default_factory=dict)  #: seconds without, by reason


@dataclass(frozen=True)
class SettledAs:
    """What a market paid by our account, and by the exchange's."""

    ticker: str
    position: int  #: lots that were held, or are where the session heard of no settlement
    value: int | None  #: ticks; None where it heard of none
    told: int | None  #: the exchange's value, ticks; None where it told none
    told_position: int | None

    @property
    def agrees(self) -> bool | None:
        """Whether both say the same; None where the exchange said nothing."""
        if self.told is None:
            return None
        same = self.value is None or self.value // TICKS_PER_CENT == self.told // TICKS_PER_CENT  # it tells cents
        return self.told_position == self.position and same

    @property
    def difference(self) -> str | None:
        """What the exchange says otherwise, in words; None where it agrees or said nothing."""
        if self.agrees is not False:
            return None
        ours, theirs = (_paid(*one) for one in ((self.position, self.value), (self.told_position, self.told)))
        return f"{self.ticker}: our account has {ours}, the exchange {theirs}"


def _paid(lots: int | None, ticks: int | None) -> str:
    paid = "not yet paid" if ticks is None else f"paid at {ticks / TICKS_PER_CENT:g} cents"
    return f"{(lots or 0) / LOTS_PER_CONTRACT:g} contracts {paid}"


def markouts(course: SessionCourse) -> list[Markout]:
    """Fills against the mid later on."""
    made: list[Markout] = []
    mids = {ticker: _mids(market) for ticker, market in course.markets.items()}
    for seconds in HORIZONS:
        total, lots, count = 0.0, 0, 0
        for ts, told in course.of("fill"):
            times, prices = mids.get(told["market"], (np.zeros(0, np.int64), np.zeros(0)))
            at = int(np.searchsorted(times, ts + seconds * NS_PER_SECOND, side="right")) - 1
            if at < 0 or not len(times) or times[-1] < ts + seconds * NS_PER_SECOND:
                continue
            total += told["side"] * told["lots"] * (float(prices[at]) - told["price"]) / TICKS_PER_CENT
            lots, count = lots + told["lots"], count + 1
        if lots:
            made.append(Markout(seconds, count, total / lots))
    return made


def _mids(market: MarketCourse) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    columns, grid = market.columns, market.grid
    at = np.flatnonzero((columns.best_bid > 0) & (columns.best_ask < grid.top))
    mids = (grid.ticks[columns.best_bid[at]] + grid.ticks[columns.best_ask[at]]) / 2
    return columns.ts[at], mids


def quoting(course: SessionCourse) -> dict[str, Quoting]:
    """How long each market was quoted, from its quotes and from what stopped them."""
    made: dict[str, Quoting] = {}
    for ticker in course.markets:
        lines = [
            (kind, ts, told) for kind, ts, told in course.told
            if kind in ("kill", "wait", "go") or told.get("market") == ticker or ticker in told.get("markets", ())
        ]  # fmt: skip
        own = made[ticker] = Quoting()
        for begins, ends in course.runs:
            _stretch(own, begins, ends, [line for line in lines if begins <= line[1] <= ends])
    return made


def _stretch(own: Quoting, begins: int, ends: int, lines: list[tuple[str, int, dict[str, Any]]]) -> None:
    """Count the time of one run."""
    own.seconds += (ends - begins) / NS_PER_SECOND
    sides, since = 0, begins
    stops: dict[str, str] = {}
    for kind, ts, told in [*lines, ("over", ends, {})]:
        span = max(ts - since, 0) / NS_PER_SECOND
        own.both += span if sides == 2 and not stops else 0.0
        own.some += span if sides and not stops else 0.0
        if (not sides or stops) and span:
            why = next(iter(stops.values()), "the model quoted nothing, or the book was not known")
            own.reasons[why] = own.reasons.get(why, 0.0) + span
        since = max(ts, since)
        if kind == "quote":
            sides = (told["bid"] is not None) + (told["ask"] is not None)
        elif kind in ("halt", "kill", "wait"):
            stops[kind] = f"{told['guard']}: {told['text']}" if kind != "wait" else told["guard"]
        elif kind == "go":
            stops.pop("wait", None)
        elif kind == "lift":
            stops.pop("halt", None)
            if told.get("session"):
                stops.pop("kill", None)


def settlements(course: SessionCourse, told: Iterable[Any] = ()) -> list[SettledAs]:
    """What markets paid by our account, beside what the exchange says it paid; markets of the session alone."""
    there = {one.ticker: one for one in told}
    lines = {line["market"]: line for _, line in course.of("settle")}
    held_last = {line["market"]: line["position"] for _, line in course.of("fill")}
    made: list[SettledAs] = []
    for ticker in dict.fromkeys([*lines, *(name for name in course.markets if name in there)]):
        line, one = lines.get(ticker, {}), there.get(ticker)
        paid = None if one is None or one.value is None else one.value // MICROS_PER_TICK
        held = None if one is None else int((one.yes_count or 0) - (one.no_count or 0))
        ours = line.get("position", held_last.get(ticker, 0))
        if ours or held:
            made.append(SettledAs(ticker, ours, line.get("value"), paid, held))
    return made


def pnl_path(fills: Iterable[Mapping[str, Any]], marks: Mapping[str, int]) -> list[tuple[int, float]]:
    """P&L over time, each fill at what its market was worth in the end: time and dollars."""
    total, path = 0, list[tuple[int, float]]()
    for one in sorted(fills, key=lambda fill: fill["ts"]):
        total += value(one["side"], one["price"], one["lots"], marks.get(one["market"], 0)) - one["fee"]
        path.append((one["ts"], total / 1e6))
    return path
