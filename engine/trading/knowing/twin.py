"""The twin of a session: the same stream with assumed fills beside the real ones, and where the difference comes from.

The difference of the P&L is split without a rest. ``queue``: what the orders that rested had against what the queue
model expects of just them. ``latency``: what it expects of them against the same orders there from the moment they
were decided on. ``decisions``: those against the twin's own fills; what was not sent, and what another position led to.
``fees``: what was charged against what the assumptions charge.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ....strategies.own_file import Trust
from ...live.live import Live, Reported
from ...results.params import load_params
from ...simulator.assumptions.queue import QueueModel
from ...simulator.state import F64, Columns
from ..lines import RunHeader
from ..market import TradedMarket
from .course import LevelPasts, MarketCourse, SessionCourse, course_of
from .queues import PLACE_NAMES, expected, place_of, value

_PARTS = ("queue", "latency", "decisions", "fees")


@dataclass
class PlaceCount:
    """Orders of one place in the queue: lots that were expected of them, had, and both."""

    orders: int = 0
    expected: int = 0
    had: int = 0
    both: int = 0

    @property
    def missed(self) -> int:
        """Lots expected and not had."""
        return self.expected - self.both

    @property
    def unexpected(self) -> int:
        """Lots had and not expected."""
        return self.had - self.both


@dataclass
class MarketTwin:
    """One market beside its twin; money in micros, sizes in lots."""

    ticker: str
    mark: int
    fills: int = 0
    twin_fills: int = 0
    pnl: int = 0
    twin_pnl: int = 0
    position: int = 0
    twin_position: int = 0
    parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_PARTS, 0))
    places: dict[str, PlaceCount] = field(default_factory=dict)


@dataclass
class Twin:
    """A session beside its twin."""

    queue: str
    markets: dict[str, MarketTwin]
    course: SessionCourse
    assumed: list[dict[str, Any]] = field(default_factory=list)  #: the twin's fills, as lines of a journal have them
    rewards: int = 0  #: what quotes as they were decided are expected to earn of incentive programs, micros

    @property
    def parts(self) -> dict[str, int]:
        """What the difference of the P&L comes from, micros."""
        return {name: sum(one.parts[name] for one in self.markets.values()) for name in _PARTS}

    @property
    def places(self) -> dict[str, PlaceCount]:
        """Fills expected and had, by place in the queue, the front first."""
        total: dict[str, PlaceCount] = {}
        for market in self.markets.values():
            for name, one in market.places.items():
                own = total.setdefault(name, PlaceCount())
                for what in ("orders", "expected", "had", "both"):
                    setattr(own, what, getattr(own, what) + getattr(one, what))
        return {name: total[name] for name in PLACE_NAMES if name in total}

    @property
    def facts(self) -> dict[str, Any]:
        """The figures of the session by name."""
        markets = self.markets.values()
        pnl, assumed = sum(one.pnl for one in markets), sum(one.twin_pnl for one in markets)
        places = {
            name: {
                "orders": one.orders, "expected": one.expected, "had": one.had, "expected and not had": one.missed,
                "had and not expected": one.unexpected,
            }
            for name, one in self.places.items()
        }  # fmt: skip
        return {
            "queue model": self.queue, "P&L": pnl, "P&L of the twin": assumed, "difference": pnl - assumed,
            **{f"of it {name}": amount for name, amount in self.parts.items()},
            "fills": sum(one.fills for one in markets), "fills of the twin": sum(one.twin_fills for one in markets),
            "by queue place": places,
        }  # fmt: skip


class _Paper:
    """A market's twin: the parameter file's own assumptions on the events that the session heard, run after run."""

    def __init__(self) -> None:
        self.fills: list[Reported] = []
        self.live: Live | None = None
        self.real: Live | None = None
        self._earned = 0  # by incentive programs in the runs before
        self._closes = 0

    def begin(self, header: RunHeader, market: TradedMarket, folder: Path, trust: Trust) -> _Paper:
        """Begin a run; a later one goes on with what the twin holds."""
        listed = market.listed
        held = listed.held if self.live is None else self.live.position
        self.live = Live.from_params(
            folder / header.params, listed.market, is_open=listed.is_open, fills="assumed", position=held, trust=trust,
            programs=listed.programs,
        )  # fmt: skip
        if self.live.course is not None and market.live.course is not None:  # of other markets it knows the same
            self.live.course.known.update({name: market.live.course.known[name] for name in self.live.follows})
        self._earned = self.earned
        self._closes, self.real = len(market.live.market.closes), market.live
        return self

    @property
    def earned(self) -> int:
        """What the quotes as they were decided are expected to earn of incentive programs, micros."""
        periods = [] if self.real is None else self.real.programs.so_far()
        return self._earned + sum(one.get("earned") or 0 for one in periods)

    def see(self, market: TradedMarket, events: Columns, values: F64) -> None:
        """Take a batch of events in."""
        live = self.live
        assert live is not None
        closes = market.live.market.closes
        for since, close in closes[max(self._closes, 1) :]:
            live.close_moved(since, close)
        self._closes = len(closes)
        live.feed(events, values)
        self.fills += live.told().fills


def twin_of(session: str | Path, *, trust: Trust = ()) -> Twin:
    """Run a session's twin beside its journal, and say where they differ and why."""
    papers: dict[str, _Paper] = {}
    params = ""

    def beside(header: RunHeader, market: TradedMarket) -> _Paper:
        nonlocal params
        params = header.params
        return papers.setdefault(market.ticker, _Paper()).begin(header, market, Path(session), trust)

    course = course_of(session, trust=trust, beside=beside)
    if not params:
        return Twin("", {}, course)
    model = load_params(course.folder / params).assumptions.queue_rule
    real: dict[str, list[dict[str, Any]]] = {}
    for _, told in course.of("fill"):
        real.setdefault(told["market"], []).append(told)
    made = {
        ticker: _market(market, papers[ticker].fills, real.get(ticker, []), model, _fees(papers[ticker]))
        for ticker, market in course.markets.items()
    }
    assumed = [
        {"market": ticker, "ts": one.ts, "side": int(one.side), "price": one.price, "lots": one.lots, "fee": one.fee}
        for ticker, paper in papers.items() for one in paper.fills
    ]  # fmt: skip
    return Twin(model.name, made, course, assumed, sum(paper.earned for paper in papers.values()))


def _fees(paper: _Paper) -> int:
    return sum(fill.fee for fill in paper.fills)


def _market(
    market: MarketCourse, assumed: list[Reported], had: list[dict[str, Any]], model: QueueModel, fees: int
) -> MarketTwin:
    mark = market.mark
    made = MarketTwin(market.ticker, mark, len(had), len(assumed))
    gross = sum(value(one["side"], one["price"], one["lots"], mark) for one in had)
    twin_gross = sum(value(int(one.side), one.price, one.lots, mark) for one in assumed)
    paid = sum(one["fee"] for one in had)
    made.position = had[-1]["position"] if had else 0
    made.twin_position = assumed[-1].position if assumed else 0
    made.pnl, made.twin_pnl = gross - paid, twin_gross - fees
    pasts = LevelPasts(market)
    rested = decided = seen = 0
    for stint in market.stints:
        if stint.begins is None or stint.ends is None:
            continue
        past = pasts.of(stint, stint.begins, stint.ends)
        early = pasts.of(stint, min(stint.decided, stint.begins), stint.withdrawn or stint.ends)
        if past is None or early is None:
            seen += sum(value(stint.side, stint.price, lots, mark) for _, lots in stint.fills)
            continue
        hoped = expected(past, stint.lots, model)
        rested += value(stint.side, stint.price, hoped.lots, mark)
        decided += value(stint.side, stint.price, expected(early, stint.lots, model).lots, mark)
        own = made.places.setdefault(place_of(past.ahead), PlaceCount())
        own.orders += 1
        own.expected += hoped.lots
        own.had += stint.had
        own.both += min(hoped.lots, stint.had)
    rested, decided = rested + seen, decided + seen
    made.parts = {
        "queue": gross - rested, "latency": rested - decided, "decisions": decided - twin_gross, "fees": fees - paid
    }  # fmt: skip
    return made
