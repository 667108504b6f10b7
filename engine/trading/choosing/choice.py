"""Which markets to begin with and which to leave: a pure function of scores, of what is traded now, and of rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ....io.ground.errors import InputError
from ..lines import Choosing, ScoredMarket
from ..settings import TradeSettings


class Rules(NamedTuple):
    """How many markets at most, by how much another must be better, and what is never traded."""

    top: int | None = None
    band: float = 0.0  #: a traded market keeps its place until another's score is higher by this share
    denied: tuple[str, ...] = ()  #: series, events, or tickers


class ComingsAndGoings(NamedTuple):
    """Which markets to begin with, or to go on with while they are wound down, and which to leave."""

    join: list[str]
    part: list[str]


def is_denied(ticker: str, denied: Iterable[str]) -> bool:
    """Whether a ticker, or the event or series that it begins with, is denied.

    >>> is_denied("KXA-1-B", ["KXA"]), is_denied("KXAB-1", ["KXA"])
    (True, False)
    """
    return any(ticker == name or ticker.startswith(f"{name}-") for name in denied)


def choose(candidates: Iterable[ScoredMarket], held: Mapping[str, bool], rules: Rules) -> ComingsAndGoings:
    """Choose markets; ``held`` names those that have a place, and whether each is being wound down.

    Without ``top`` every candidate joins and none is left for its score. With it a market that is traded counts for
    more by the band; nobody leaves unless somebody better wants the place, and a place is free when it is empty.

    >>> found = [ScoredMarket("A", 1.0), ScoredMarket("B", 1.1), ScoredMarket("C", 3.0)]
    >>> choose(found, {"A": False}, Rules(top=1, band=0.2))
    ComingsAndGoings(join=[], part=['A'])
    >>> choose(found[:2], {"A": False}, Rules(top=1, band=0.2))
    ComingsAndGoings(join=[], part=[])
    """
    scores = {one.ticker: one.score for one in candidates if not is_denied(one.ticker, rules.denied)}
    trading = [ticker for ticker, ends in held.items() if not ends]
    kept = {ticker for ticker in trading if not is_denied(ticker, rules.denied)}
    if rules.top is None:
        return ComingsAndGoings(
            sorted(ticker for ticker in scores if ticker not in kept), sorted(one for one in trading if one not in kept)
        )
    worth = {ticker: score for ticker, score in scores.items() if score > 0}
    worth |= {ticker: max(scores.get(ticker, 0.0), 0.0) * (1 + rules.band) for ticker in kept}
    ranked = sorted(worth, key=lambda ticker: (-worth[ticker], ticker not in kept, ticker))
    best = ranked[: rules.top]
    room, join = rules.top - len(held), list[str]()
    for ticker in best:
        if ticker in kept:
            continue
        if ticker not in held:
            if room <= 0:
                continue
            room -= 1
        join.append(ticker)
    return ComingsAndGoings(join, sorted(ticker for ticker in trading if ticker not in best))


def rules_of(choosing: Choosing, settings: TradeSettings) -> Rules:
    """The rules of a session's choice."""
    return Rules(choosing.top, settings.choose_band, settings.denied)


def choosing_of(tickers: Sequence[str], series: Sequence[str], top: int | None) -> Choosing | None:
    """What a session chooses among; None where it trades the named markets and no others."""
    if not tickers and not series:
        raise InputError("nothing to trade: name markets, or a series with series=")
    if top is not None and not series:
        raise InputError("top= chooses among the markets of a series: name one with series=")
    return Choosing(list(series), top) if series else None
