"""The local exchange lists the close that was known at each moment, and tells when it is moved."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.engine.exchanges.answers.views import market as shown
from touchline.engine.exchanges.market.history import History, from_store, shifted
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.engine.exchanges.wire import stamp
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

from ..conftest import OPENING, SECOND, START, TICKER, Heard, book_rows, market_row

PLANNED, EARLY, TOLD = START + 1_000 * SECOND, START + 100 * SECOND, START + 40 * SECOND


def recorded(folder: Path, *versions: dict[str, Any]) -> Store:
    markets = pl.concat([market_row(**one) for one in versions], how="diagonal_relaxed")
    store = Store(folder)
    store.ingest("made up", str(versions), [Chunk({"markets": markets, "book": book_rows(OPENING)})])
    return store


def venue_of(history: History, heard: Heard) -> TradingVenue:
    return TradingVenue(history, heard, ShownPortfolio(), cash=0)


def moved(message: dict[str, Any]) -> bool:
    return message["event_type"] == "close_date_updated"


@pytest.mark.parametrize("by", [0, 5_000_000 * SECOND])
def test_an_early_close_is_listed_from_when_it_was_told(tmp_path: Path, by: int):
    store = recorded(
        tmp_path / "store",
        {"valid_from": START - 60 * SECOND, "close_ts": PLANNED},
        {"valid_from": TOLD, "close_ts": EARLY},
    )
    heard = Heard()
    venue = venue_of(shifted(from_store(store.path), by), heard)
    market = venue.markets[TICKER]
    assert market.listed_close == PLANNED + by
    assert shown(market, venue.now, 0)["close_time"] == stamp(PLANNED + by)
    venue.advance(TOLD + by)
    assert market.listed_close == EARLY + by
    (message,) = filter(moved, heard.of("lifecycle"))
    assert message["close_ts"] == (EARLY + by) // SECOND
    venue.advance(EARLY + by - 1)
    assert market.status == "active"
    venue.advance(EARLY + by)
    assert market.status == "closed"
    assert sum(map(moved, heard.of("lifecycle"))) == 1


def test_a_close_of_which_the_end_alone_is_recorded_is_told_when_it_comes(tmp_path: Path):
    store = recorded(tmp_path / "store", {"valid_from": 0, "close_ts": EARLY, "expiration_ts": PLANNED})
    heard = Heard()
    venue = venue_of(from_store(store.path), heard)
    market = venue.markets[TICKER]
    venue.advance(EARLY - 1)
    assert (market.listed_close, market.status, heard.of("lifecycle")) == (PLANNED, "active", [])
    venue.advance(EARLY)
    assert (market.listed_close, market.status) == (EARLY, "closed")
    assert [message["close_ts"] for message in filter(moved, heard.of("lifecycle"))] == [EARLY // SECOND]
