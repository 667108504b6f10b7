"""Which markets a sweep runs on: by name, by what is known of them, by volume, or the best by score.

Volume and score look back only: at what was recorded before the start of the window that the sweep will run on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.times import nanoseconds, window
from ...io.store.market_score import score_of
from ...io.store.store import Store
from ...strategies.parameters import nearest
from ..simulator.assumptions.fees import RATE_UNIT
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import fees_of
from ..simulator.tape.events import KIND, TRADE
from ..simulator.tape.life import is_alive
from ..simulator.tape.source import Moment, compile_tape

HOUR = 3_600_000_000_000


@dataclass(frozen=True)
class MarketChoice:
    """Conditions on markets; all must hold, and those not given hold for all."""

    markets: tuple[str, ...] = ()
    series: tuple[str, ...] = ()
    category: str | None = None
    where: str | None = None
    min_volume: float | None = None  #: contracts traded before the window
    best: int | None = None  #: so many markets with the highest score

    @property
    def looks_back(self) -> bool:
        """Whether the choice needs data from before the window."""
        return self.min_volume is not None or self.best is not None


def choose_markets(
    store: Store, choice: MarketChoice, start: Moment | None = None, end: Moment | None = None
) -> list[str]:
    """The tickers that meet every condition and have events in the window, in order."""
    if choice.looks_back and start is None:
        raise InputError("volume and score look at what was before the sweep's window: say where it begins with start=")
    found = _recorded(store, start, end)
    for ticker in choice.markets:
        if ticker not in found:
            raise InputError(f"market {ticker!r} has no events in the window asked for; {nearest(ticker, found)}")
    tickers = set(choice.markets) or set(found)
    if choice.series or choice.category or choice.where:
        tickers &= set(_described(store, choice))
    if choice.min_volume is not None:
        tickers &= _traded(store, start, choice.min_volume)
    if not tickers:
        raise InputError("no market meets these conditions; engine data sql 'select * from markets' shows them all")
    if choice.best is None:
        return sorted(tickers)
    assert start is not None
    moment = nanoseconds(start)
    scored = sorted((-trailing_score(store, ticker, moment), ticker) for ticker in tickers)
    return sorted(ticker for score, ticker in scored[: choice.best] if score < 0) or [scored[0][1]]


def _recorded(store: Store, start: Moment | None, end: Moment | None) -> list[str]:
    """Tickers with a book, trades or quotes in the window, whose market may live in it."""
    names: set[str] = set()
    for table in ("book", "trades", "quotes"):
        rows = store.table(table, None, start, end).select(pl.col("ticker").unique())
        names |= set(rows.collect(engine="streaming").get_column("ticker").to_list())
    low, high = window(start, end)
    times = store.markets().select("ticker", "open_ts", "close_ts").collect()
    gone = {ticker for ticker, opens, closes in times.iter_rows() if not is_alive(opens, closes, low, high)}
    return sorted(names - gone)


def _described(store: Store, choice: MarketChoice) -> list[str]:
    """Tickers whose row in table ``markets`` meets the conditions on it."""
    rows = store.markets(choice.where).collect()
    if choice.series:
        known = rows["series"].drop_nulls().unique().to_list()
        for name in choice.series:
            if name not in known:
                raise InputError(f"no market of series {name!r} meets the conditions; {nearest(name, known)}")
        rows = rows.filter(pl.col("series").is_in(list(choice.series)))
    if choice.category:
        known = rows["category"].drop_nulls().unique().to_list()
        if choice.category not in known:
            raise InputError(f"no market of category {choice.category!r}; {nearest(choice.category, known)}")
        rows = rows.filter(pl.col("category") == choice.category)
    return rows["ticker"].to_list()


def _traded(store: Store, before: Moment | None, contracts: float) -> set[str]:
    """Tickers that traded at least so many contracts before a moment."""
    sums = store.trades(None, None, before).group_by("ticker").agg(pl.col("size").sum())
    return set(sums.filter(pl.col("size") >= contracts * 100).collect().get_column("ticker").to_list())


def trailing_score(store: Store, ticker: str, moment: int) -> float:
    """The market score at a moment, from the hour before it; 0 for a market without a two-sided book then."""
    try:
        tape = compile_tape(store, ticker, moment - HOUR, moment, keep=False)
    except InputError:  # nothing was recorded before
        return 0.0
    columns, grid = tape.columns, tape.grid
    bid, ask = columns.best_bid, columns.best_ask
    if bid[-1] <= 0 or ask[-1] >= grid.top:
        return 0.0
    two_sided = np.flatnonzero((bid > 0) & (ask < grid.top))
    low, high = int(grid.ticks[bid[-1]]), int(grid.ticks[ask[-1]])
    volume = int(columns.size[(columns.kind & KIND) == TRADE].sum())
    minutes = np.searchsorted(columns.ts[two_sided], moment - HOUR + np.arange(61) * (HOUR // 60)) - 1
    seen = two_sided[minutes[minutes >= 0]]
    mids = (grid.ticks[bid[seen]] + grid.ticks[ask[seen]]) / 2
    moved = math.sqrt(float(np.sum(np.diff(mids) ** 2))) if len(mids) > 1 else None
    fees = fees_of(tape, Assumptions())
    price = (low + high) / 20_000
    fee = float(fees.maker_rate[fees.row(int(columns.ts[-1]))]) / RATE_UNIT * price * (1 - price) * 10_000
    return score_of(low, high, volume, moved, fee)
