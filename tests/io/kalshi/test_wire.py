from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.io.kalshi.rest.market_data import models
from touchline.io.kalshi.rest.wire import (
    decode,
    read_count,
    read_price,
    read_time,
    write_count,
    write_price,
    write_time,
)


@given(st.integers(0, 10_000), st.integers(-(10**12), 10**12))
def test_prices_and_sizes_come_back_as_they_were_written(ticks: int, lots: int) -> None:
    assert read_price(write_price(ticks)) == ticks
    assert read_count(write_count(lots)) == lots


@given(st.integers(0, 4 * 10**18))
def test_times_come_back_to_the_microsecond(ns: int) -> None:
    assert read_time(write_time(ns)) == ns // 1000 * 1000


@pytest.mark.parametrize(
    ("written", "ns"),
    [
        (1781159489, 1781159489 * 10**9),
        ("1781159489", 1781159489 * 10**9),
        (1781159489.5, 17811594895 * 10**8),
        (1781159489957, 1781159489957 * 10**6),
        (1781159489957081, 1781159489957081 * 10**3),
        ("2026-06-11T06:31:29.957081Z", 1781159489957081000),
        ("2026-06-11T02:31:29.957081-04:00", 1781159489957081000),
        ("2026-06-11T06:31:29.123456789Z", 1781159489123456789),
        ("2026-06-11T06:31:29Z", 1781159489 * 10**9),
        ("0001-01-01T00:00:00Z", 0),
        ("", 0),
    ],
)
def test_times_of_every_unit_are_told_apart(written: object, ns: int) -> None:
    assert read_time(written) == ns


def test_numbers_in_old_recordings_are_exact() -> None:
    assert read_price(0.57) == 5700 and read_count(3) == 300
    with pytest.raises(Exception, match="finer than"):
        read_price("0.57001")


def test_a_market_of_tomorrow_is_read_today() -> None:
    raw = msgspec.json.encode(
        {
            "ticker": "T",
            "status": "a new word",
            "yes_bid_dollars": "0.4700",
            "yes_bid_size_fp": "13.00",
            "floor_strike": 7175,
            "open_time": "2026-06-11T06:31:29Z",
            "price_level_structure": "fresh",
            "price_ranges": [{"start": "0.0000", "end": "1.0000", "step": "0.0100"}],
            "unknown": {"nested": [1]},
            "result": None,
        }
    )
    market = decode(models.MarketRecord, raw)
    assert (market.yes_bid, market.yes_bid_size, market.yes_ask, market.floor_strike) == (4700, 1300, None, 7175.0)
    assert market.price_ranges and market.price_ranges[0].step == 100
    assert isinstance(market.yes_bid, int)


def test_a_book_is_seen_in_yes_prices() -> None:
    sides = decode(
        models.BookSides, b'{"yes_dollars":[["0.4600","1.00"],["0.4700","3.00"]],"no_dollars":[["0.4800","3.00"]]}'
    )
    assert sides.bids() == {4600: 100, 4700: 300} and sides.asks() == {5200: 300}
    assert decode(models.BookSides, b'{"yes_dollars":null}').bids() == {}
