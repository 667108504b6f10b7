from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.pull import Pull, Pulled, Wanted
from touchline.io.kalshi.recorder.spool import Spool
from touchline.io.kalshi.rest import transport as transport_module
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.rest.wire import write_time
from touchline.io.store.store import Store

COMMAND = [sys.executable, "-c", "from touchline.engine.cli import main; main()", "data", "pull"]
#: 10 makes the million trades over 3,000 pages of the acceptance test.
SCALE = int(os.environ.get("TOUCHLINE_SCALE", "1"))
NS = 1_000_000_000


@dataclass
class Archive:
    """The REST side of an exchange with a past: one series, its markets, their trades, a cutoff, and bad days."""

    trades_per_market: int
    markets: int = 4
    page: int = 334
    trouble: float = 0.0
    closed: bool = True
    extra: int = 0  # trades that came after the first look
    chance: random.Random = field(default_factory=lambda: random.Random(5))
    pages: int = 0
    base: int = 1_767_600_000  # 5 January 2026
    span: int = 20 * 86_400

    def __post_init__(self) -> None:
        self.cutoff = self.base + self.span // 2
        self.tickers = [f"KXT-26JAN-B{number}" for number in range(self.markets)]

    def time_of(self, number: int) -> int:
        """Trade times in microseconds, several of them alike."""
        step = self.span * 1_000_000 // max(self.trades_per_market, 1)
        return self.base * 1_000_000 + number // 3 * 3 * step

    def trade(self, ticker: str, number: int) -> dict[str, Any]:
        return {
            "trade_id": f"{ticker}-{number}",
            "ticker": ticker,
            "count_fp": f"{number % 90 + 1}.00",
            "yes_price_dollars": f"0.{number % 98 + 1:02d}00",
            "no_price_dollars": "0.5000",
            "taker_outcome_side": "yes" if number % 2 else "no",
            "taker_book_side": "bid" if number % 2 else "ask",
            "created_time": write_time(self.time_of(number) * 1000),
            "is_block_trade": number % 50 == 0,
        }

    def market(self, ticker: str) -> dict[str, Any]:
        return {
            "ticker": ticker,
            "event_ticker": "KXT-26JAN",
            "title": f"Market {ticker}",
            "status": "finalized" if self.closed else "active",
            "open_time": write_time(self.base * 10**9),
            "close_time": write_time((self.base + self.span + (0 if self.closed else 10**9)) * 10**9),
            "result": "yes" if self.closed else "",
            "yes_bid_dollars": "0.0000",
            "yes_ask_dollars": "1.0000",
            "volume_fp": "12.00",
            "strike_type": "between",
            "floor_strike": 7175,
            "cap_strike": 7199.9999,
            "price_level_structure": "linear_cent",
        }

    def answer(self, request: Any) -> tuple[int, Any]:
        if self.trouble and self.chance.random() < self.trouble:
            return self.chance.choice(
                [
                    (429, {"error": "too many requests"}),
                    (429, {"error": {"code": "too_many_requests"}}),
                    (502, b"<html>"),
                    (503, {}),
                    (0, None),
                ]
            )
        path, query = request.path, {name: values[0] for name, values in request.query.items()}
        if path == "/historical/cutoff":
            return 200, {"trades_created_ts": self.cutoff, "market_settled_ts": self.cutoff}
        if path == "/series/fee_changes":
            changes = [(0, 0.5), (self.base + 86_400, 1.0)]
            listed = [
                {
                    "series_ticker": "KXT",
                    "fee_type": "quadratic",
                    "fee_multiplier": m,
                    "scheduled_ts": write_time(t * 10**9),
                }
                for t, m in changes
            ]
            return 200, {"series_fee_change_arr": listed}
        if path == "/series/KXT":
            series = {"ticker": "KXT", "category": "Test", "fee_type": "quadratic", "fee_multiplier": 1}
            return 200, {"series": series}
        if path in {"/markets", "/historical/markets"}:
            old = self.tickers[: self.markets // 2]
            chosen = old if path != "/markets" else self.tickers[self.markets // 2 :]
            return 200, {"markets": [self.market(ticker) for ticker in chosen], "cursor": ""}
        if path in {"/markets/trades", "/historical/trades"}:
            return self._trades(path == "/historical/trades", query)
        if path.endswith("/candlesticks"):
            return self._candles(path, query)
        return 404, {"error": {"code": "not_found", "message": "not found"}}

    def _trades(self, historical: bool, query: dict[str, str]) -> tuple[int, Any]:
        self.pages += 1
        total = self.trades_per_market + self.extra
        low, high = int(query["min_ts"]) * 1_000_000, int(query["max_ts"]) * 1_000_000
        edge = self.cutoff * 1_000_000
        overlap = 3_600 * 1_000_000  # records near the cutoff are in both
        at = int(query.get("cursor") or total)
        trades: list[dict[str, Any]] = []
        while at > 0 and len(trades) < self.page:
            at -= 1
            when = self.time_of(at)
            here = when < edge + overlap if historical else when >= edge - overlap
            if when < low:
                at = 0
            elif when <= high and here:
                trades.append(self.trade(query["ticker"], at))
        return 200, {"trades": trades, "cursor": str(at) if at else ""}

    def _candles(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        old = path.startswith("/historical")
        ticker = path.split("/")[3 if old else 4]
        if old != (ticker in self.tickers[: self.markets // 2]):
            return 404, {"error": {"code": "not_found", "message": "not found"}}
        begun, ended = int(query["start_ts"]), int(query["end_ts"])
        suffix = "" if old else "_dollars"
        candles = [
            {
                "end_period_ts": at,
                "yes_bid": {f"close{suffix}": "0.0000" if at % 7200 else "0.4500"},
                "yes_ask": {f"close{suffix}": "0.4700"},
                "price": {},
                "volume" if old else "volume_fp": "0.00",
            }
            for at in range(-(-begun // 3600) * 3600, ended + 1, 3600)
            if self.base < at <= self.base + self.span
        ]
        return 200, {"ticker": ticker, "candlesticks": candles}


@pytest.fixture
def make_archive(rest: Any) -> Callable[..., Archive]:
    def make(**options: Any) -> Archive:
        made = Archive(**options)
        rest.answer = made.answer
        return made

    return make


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "_FIRST_PAUSE", 0.001)


def wanted(made: Any, **options: Any) -> Wanted:
    return Wanted(("KXT",), made.base * NS, (made.base + made.span + 86_400) * NS, **options)


def pull(settings: Settings, store: Path, what: Wanted) -> Pulled:
    with Client(settings, requests_per_second=100_000) as client:
        return Pull(client, Store(store), store / "pull" / "demo.sqlite").run(what)


def check_trades(store: Path, made: Any, count: int) -> None:
    """Exactly the exchange's trades, each once, in order of time and, within a moment, in the order they were made."""
    for ticker in made.tickers:
        frame = Store(store).trades(ticker).collect()
        assert frame.height == count
        numbers = frame.get_column("trade_id").str.split("-").list.last().cast(pl.Int64).to_numpy()
        assert (numbers == range(count)).all()
        for number in random.Random(ticker).sample(range(count), min(count, 50)):
            row, trade = frame.row(number, named=True), made.trade(ticker, number)
            assert row["ts"] == made.time_of(number) * 1000
            assert (row["price"], row["size"]) == ((number % 98 + 1) * 100, (number % 90 + 1) * 100)
            assert (row["taker_side"], row["is_block"]) == (1 if number % 2 else -1, trade["is_block_trade"])


def test_live_and_archived_trades_are_joined_each_once(
    make_archive: Any, rest: Any, settings: Settings, tmp_path: Path
) -> None:
    made = make_archive(trades_per_market=2000)
    pulled = pull(settings, tmp_path, wanted(made))
    check_trades(tmp_path, made, 2000)
    assert pulled.markets == 4 and pulled.stored["trades"] == 8000
    asked = {request.path for request in rest.requests if request.path.endswith("/trades")}
    assert asked == {"/markets/trades", "/historical/trades"}
    assert Store(tmp_path).trades(made.tickers[0]).collect().get_column("seq").null_count() == 2000


def test_markets_come_with_results_and_the_fee_of_each_day(
    make_archive: Any, settings: Settings, tmp_path: Path
) -> None:
    made = make_archive(trades_per_market=0)
    pull(settings, tmp_path, wanted(made, trades=False))
    store = Store(tmp_path)
    row = store.markets("ticker = 'KXT-26JAN-B0'").collect().row(0, named=True)
    assert (row["series"], row["event"], row["category"], row["result"], row["settlement"]) == (
        "KXT", "KXT-26JAN", "Test", "yes", 10_000
    )  # fmt: skip
    assert (row["floor"], row["cap"], row["grid"], row["yes_bid"], row["yes_ask"]) == (
        7175.0, 7199.9999, "linear_cent", None, None
    )  # fmt: skip
    assert row["open_ts"] == made.base * NS and row["close_ts"] == (made.base + made.span) * NS
    history = store.markets("ticker = 'KXT-26JAN-B0'", history=True).collect()
    assert history.select("valid_from", "fee_multiplier").rows() == [(0, 0.5), ((made.base + 86_400) * NS, 1.0)]


def test_candles_become_quotes_once(make_archive: Any, settings: Settings, tmp_path: Path) -> None:
    made = make_archive(trades_per_market=0)
    for _ in range(2):
        pull(settings, tmp_path, wanted(made, trades=False, candles=True))
    for ticker in made.tickers:
        frame = Store(tmp_path).quotes(ticker).collect()
        hours = list(range(-(-(made.base + 1) // 3600) * 3600, made.base + made.span + 1, 3600))
        assert frame.get_column("ts").to_list() == [at * NS for at in hours]
        assert frame.row(0, named=True)["ask"] == 4700
        assert set(frame.get_column("bid").to_list()) == {None, 4500}


def test_the_next_download_asks_only_for_what_is_new(
    make_archive: Any, rest: Any, settings: Settings, tmp_path: Path
) -> None:
    made = make_archive(trades_per_market=1500)
    pull(settings, tmp_path, wanted(made))
    rest.requests.clear()
    again = pull(settings, tmp_path, wanted(made))
    assert not [request for request in rest.requests if request.path.endswith("/trades")]
    assert again.stored == {} and again.fetched == {}


def test_an_open_market_is_continued_where_it_was_left(make_archive: Any, settings: Settings, tmp_path: Path) -> None:
    made = make_archive(trades_per_market=600, closed=False)
    middle = (made.base + made.span // 4) * NS
    pull(settings, tmp_path, Wanted(("KXT",), made.base * NS, middle))
    early = Store(tmp_path).trades(made.tickers[0]).collect().height
    assert 140 < early < 160
    pull(settings, tmp_path, wanted(made))
    check_trades(tmp_path, made, 600)


def test_an_earlier_beginning_is_fetched_too(make_archive: Any, settings: Settings, tmp_path: Path) -> None:
    made = make_archive(trades_per_market=600)
    middle, end = (made.base + made.span // 2) * NS, (made.base + made.span + 86_400) * NS
    pull(settings, tmp_path, Wanted(("KXT",), middle, end))
    pull(settings, tmp_path, wanted(made))
    check_trades(tmp_path, made, 600)


def test_bad_days_change_nothing(make_archive: Any, settings: Settings, tmp_path: Path) -> None:
    made = make_archive(trades_per_market=3000, trouble=0.3)
    pull(settings, tmp_path, wanted(made))
    check_trades(tmp_path, made, 3000)


def test_a_batch_whose_import_was_cut_off_is_stored_once(
    make_archive: Any, settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = make_archive(trades_per_market=300)

    def killed(spool: Spool, batch: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Spool, "stored", killed)
        with pytest.raises(KeyboardInterrupt):
            pull(settings, tmp_path, wanted(made, candles=True))
    pull(settings, tmp_path, wanted(made, candles=True))
    check_trades(tmp_path, made, 300)
    quotes = Store(tmp_path).quotes(made.tickers[0]).collect()
    assert quotes.get_column("ts").is_unique().all() and quotes.height > 400


def test_two_downloads_into_one_store_do_not_meet(tmp_path: Path) -> None:
    first = Spool(tmp_path / "demo.sqlite")
    with pytest.raises(InputError, match="another pull"):
        Spool(tmp_path / "demo.sqlite")
    first.close()
    Spool(tmp_path / "demo.sqlite").close()


@pytest.mark.slow
def test_two_kills_in_a_long_download_lose_and_double_nothing(
    make_archive: Any, rest: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    count = 25_000 * SCALE
    made = make_archive(trades_per_market=count, trouble=0.03)
    store = tmp_path / "store"
    begun = time.monotonic()
    command = [*COMMAND, "--series", "KXT", "--start", "2026-01-05", "--store", str(store), "--rate", "5000", "--json"]
    for share in (0.3, 0.6):
        child = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        while made.pages < share * 4 * count / made.page:
            assert child.poll() is None, child.communicate()
            time.sleep(0.01)
        child.send_signal(signal.SIGKILL)
        child.communicate()
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=500)
    pages, seconds = made.pages, time.monotonic() - begun
    check_trades(store, made, count)
    assert pages < 1.2 * 4 * count / made.page + 50, "a killed download goes on where it was"
    assert json.loads(done.stdout)["markets"] == 4
    print(f"{4 * count:,} trades, {pages:,} pages, 2 kills: {seconds:.0f} s")
    rest.requests.clear()
