"""Market data over REST without sockets: filters, pages, the historical split, candles."""

from __future__ import annotations

import polars as pl
import pytest
from touchline.engine.exchanges.answers.public import Public
from touchline.engine.exchanges.answers.query import Query
from touchline.engine.exchanges.market.history import from_frames
from touchline.engine.exchanges.market.portfolio import ShownPortfolio
from touchline.engine.exchanges.market.venue import TradingVenue
from touchline.engine.exchanges.wire import RefusalError
from touchline.io.store.schema import BookKind

from ..conftest import (
    OPENING,
    SECOND,
    START,
    TICKER,
    Heard,
    book_rows,
    make_history,
    market_row,
    random_day,
    trade_rows,
)

DAY = 86_400


def public(history, at: float = 0, live_days: float = 90) -> Public:
    venue = TradingVenue(history, Heard(), ShownPortfolio(), cash=0, hours=False)
    venue.advance(START + int(at * SECOND))
    return Public(venue, live_days)


def q(**parameters: object) -> Query:
    return Query([(name, str(value)) for name, value in parameters.items()])


def walk(read, key: str, name: str, **parameters: object) -> list[str]:
    """Follow the cursor to its end."""
    found, cursor = [], ""
    while True:
        answer = read(q(**parameters, cursor=cursor))
        found += [row[name] for row in answer[key]]
        cursor = answer["cursor"]
        if not cursor:
            return found


@pytest.mark.parametrize("limit", [1, 2, 7, 1000])
def test_pages_of_trades_are_all_trades_once_newest_first(limit):
    history = random_day(4, tickers=3, rows=60)
    served = public(history, at=1000)
    expected = history.trades["trade_id"].to_list()[::-1]
    assert walk(served.trades, "trades", "trade_id", limit=limit) == expected
    one = history.listings[1].ticker
    wanted = history.trades.filter(pl.col("ticker") == one)["trade_id"].to_list()[::-1]
    assert walk(served.trades, "trades", "trade_id", limit=limit, ticker=one) == wanted


def test_pages_of_trades_stay_put_while_new_ones_arrive():
    history = random_day(4, tickers=2, rows=100)
    served = public(history, at=20)
    first = served.trades(q(limit=5))
    served.venue.advance(START + 60 * SECOND)
    second = served.trades(q(limit=5, cursor=first["cursor"]))
    seen = [trade["trade_id"] for trade in (*first["trades"], *second["trades"])]
    by_time = history.trades.filter(pl.col("ts") <= START + 20 * SECOND)["trade_id"].to_list()[::-1]
    assert seen == by_time[:10]


def test_trades_are_split_at_the_cutoff_and_filtered_by_second():
    history = make_history(
        trades=[(1, 4600, 100, -1), (DAY, 4600, 200, -1), (3 * DAY, 4600, 300, 1)], close_ts=START + 9 * DAY * SECOND
    )
    served = public(history, at=3 * DAY, live_days=1)
    assert [t["count_fp"] for t in served.trades(q())["trades"]] == ["3.00"]
    assert [t["count_fp"] for t in served.old_trades(q())["trades"]] == ["2.00", "1.00"]
    start = START // SECOND
    assert [t["count_fp"] for t in served.old_trades(q(min_ts=start + 2))["trades"]] == ["2.00"]
    assert [t["count_fp"] for t in served.old_trades(q(max_ts=start + 1))["trades"]] == ["1.00"]
    assert served.cutoffs(q())["trades_created_ts"] == "2026-09-23T14:13:20.000000Z"


def test_unknown_taker_has_no_side():
    (trade,) = public(make_history(trades=[(1, 4600, 100, 0)]), at=2).trades(q())["trades"]
    assert "taker_side" not in trade
    assert "taker_book_side" not in trade


def two_markets(**more):
    rows = [market_row(f"KXTEST-26SEP21-B{n}", close_ts=START + 100 * (n + 1) * SECOND, **more) for n in range(2)]
    rows.append(market_row("KXOTHER-1-A", series="KXOTHER", event="KXOTHER-1", open_ts=START + 50 * SECOND))
    return from_frames(pl.concat(rows, how="diagonal_relaxed"), book_rows(OPENING, "KXTEST-26SEP21-B0"), trade_rows([]))


def test_filter_words_are_not_status_words():
    served = public(two_markets(), at=10)
    assert walk(served.markets, "markets", "ticker", status="open", limit=1) == [
        "KXTEST-26SEP21-B0",
        "KXTEST-26SEP21-B1",
    ]
    assert walk(served.markets, "markets", "ticker", status="unopened") == ["KXOTHER-1-A"]
    assert walk(served.markets, "markets", "ticker", event_ticker="KXOTHER-1") == ["KXOTHER-1-A"]
    assert walk(served.markets, "markets", "ticker", tickers="KXOTHER-1-A,X") == ["KXOTHER-1-A"]
    served.venue.advance(START + 150 * SECOND)
    assert walk(served.markets, "markets", "ticker", status="closed") == ["KXTEST-26SEP21-B0"]
    for wrong in ({"status": "active"}, {"limit": 1001}, {"limit": "many"}, {"min_close_ts": 1, "status": "open"}):
        with pytest.raises(RefusalError) as caught:
            served.markets(q(**wrong))
        assert (caught.value.status, list(caught.value.body)) == (400, ["msg"])


def test_time_filters_of_markets():
    served = public(two_markets(), at=10)
    close = START // SECOND + 150
    assert walk(served.markets, "markets", "ticker", max_close_ts=close) == ["KXTEST-26SEP21-B0"]
    with pytest.raises(RefusalError):
        served.markets(q(max_close_ts=close, min_created_ts=1))


def test_settled_markets_move_to_the_historical_endpoint():
    served = public(make_history(result="no", settlement=0, settled_ts=START + 2000 * SECOND), at=2 * DAY, live_days=1)
    assert served.markets(q())["markets"] == []
    (market,) = served.old_markets(q())["markets"]
    assert (market["status"], market["result"], market["settlement_value_dollars"]) == ("finalized", "no", "0.0000")
    with pytest.raises(RefusalError) as caught:
        served.market(q(), ticker=TICKER)
    assert caught.value.status == 404


def test_garbage_cursor_is_taken_for_none():
    served = public(two_markets(), at=10)
    assert len(served.markets(q(cursor="%%%"))["markets"]) == 3


def test_no_quote_is_bid_0_and_ask_1():
    served = public(make_history(opening=[(0, BookKind.CLEAR, 0, 0, 0)]), at=1)
    market = served.market(q(), ticker=TICKER)["market"]
    quotes = [market[name] for name in ("yes_bid_dollars", "yes_ask_dollars", "no_bid_dollars", "no_ask_dollars")]
    assert quotes == ["0.0000", "1.0000", "0.0000", "1.0000"]


def test_volume_of_a_day_forgets_what_is_older():
    history = make_history(
        trades=[(0, 4600, 100, 1), (10, 4600, 200, 1), (DAY, 4600, 400, 1)], close_ts=START + 3 * DAY * SECOND
    )
    for at, lots in ((10, "3.00"), (DAY - 60, "3.00"), (DAY, "4.00"), (2 * DAY, "0.00")):
        market = public(history, at=at).market(q(), ticker=TICKER)["market"]
        assert market["volume_24h_fp"] == lots


def test_volume_between_two_times_is_the_sum_of_the_trades():
    trades = [(second, 4600, 100 + second, 1) for second in (0, 3, 3, 7, 20)]
    history = make_history(trades=trades)
    for start in range(-1, 22):
        for until in range(start, 22):
            wanted = sum(lots for second, _, lots, _ in trades if start <= second <= until)
            assert history.volume(history.index[TICKER], START + start * SECOND, START + until * SECOND) == wanted


def test_depth_keeps_the_best_levels():
    served = public(make_history(), at=1)
    book = served.book(q(depth=1), ticker=TICKER)["orderbook_fp"]
    assert book == {"yes_dollars": [["0.4600", "10.00"]], "no_dollars": [["0.5200", "15.00"]]}
    both = served.books(Query([("tickers", TICKER), ("tickers", TICKER)]))
    assert len(both["orderbooks"]) == 2


def test_candles_open_where_the_last_one_closed():
    rows = [(70, BookKind.DELTA, 1, 4700, 100), (200, BookKind.DELTA, -1, 4800, -1500)]
    served = public(make_history(book=rows, trades=[(75, 4700, 100, -1), (80, 4500, 300, -1)]), at=400)
    first = START // SECOND // 60 * 60 + 60
    window = {"start_ts": first - 60, "end_ts": first + 600, "period_interval": 1}
    candles = served.candles(q(**window), series="KXTEST", ticker=TICKER)["candlesticks"]
    assert [candle["end_period_ts"] for candle in candles] == [first, first + 60, first + 180]
    bid = {key.removesuffix("_dollars"): value for key, value in candles[1]["yes_bid"].items()}
    assert bid == {"open": "0.4600", "low": "0.4600", "high": "0.4700", "close": "0.4700"}
    assert candles[1]["price"]["mean_dollars"] == "0.4550"
    assert candles[1]["volume_fp"] == "4.00"
    assert candles[2]["price"] == {"previous_dollars": "0.4500"}
    assert candles[2]["yes_ask"]["close_dollars"] == "0.4900"
    with pytest.raises(RefusalError):
        served.candles(q(**{**window, "period_interval": 5}), series="KXTEST", ticker=TICKER)


def test_series_and_events_come_from_the_markets():
    served = public(two_markets(), at=10)
    assert [each["ticker"] for each in served.series_list(q())["series"]] == ["KXOTHER", "KXTEST"]
    assert walk(served.events, "events", "event_ticker", limit=1) == ["KXOTHER-1", "KXTEST-26SEP21"]
    assert walk(served.events, "events", "event_ticker", status="unopened") == ["KXOTHER-1"]
    nested = served.event(q(with_nested_markets="true"), event="KXTEST-26SEP21")["event"]
    assert len(nested["markets"]) == 2
