from __future__ import annotations

import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from touchline.io.kalshi import stream as stream_module
from touchline.io.kalshi import watcher as watcher_module
from touchline.io.kalshi.books import Books
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.errors import StreamError
from touchline.io.kalshi.frames import decode_frame
from touchline.io.kalshi.journal import Journal, Limits, read, segments
from touchline.io.kalshi.poller import Poller
from touchline.io.kalshi.price_mode import check_price_mode
from touchline.io.kalshi.recorder import Recorder
from touchline.io.kalshi.settings import Settings
from touchline.io.kalshi.stream import BOOK, LIFECYCLE, TRADES, Stream
from touchline.io.kalshi.watcher import Watcher

COMMAND = [sys.executable, "-c", "from touchline.engine.cli import main; main()", "data", "record"]


class Exchange:
    """REST beside the stream: which markets are open, and the books of the venue."""

    def __init__(self, rest: Any, venue: Any) -> None:
        self.venue, self.open = venue, list(venue.tickers)
        self.mirrored = False
        self.down = False
        self.trades: list[dict[str, Any]] = []
        rest.answer = self.answer

    def answer(self, request: Any) -> tuple[int, Any]:
        if self.down:
            return 503, {}
        if request.path == "/markets":
            return 200, {"markets": [{"ticker": ticker, "status": "active"} for ticker in self.open], "cursor": ""}
        if request.path == "/markets/orderbooks":
            return 200, {"orderbooks": [self.book(ticker) for ticker in request.query["tickers"]]}
        if request.path == "/markets/trades":
            return 200, {"trades": self.trades[::-1], "cursor": ""}
        if request.path.startswith("/markets/"):
            ticker = request.path.removeprefix("/markets/")
            return 200, {"market": {"ticker": ticker, "status": "active" if ticker in self.open else "finalized"}}
        return 404, {"error": {"code": "not_found"}}

    def book(self, ticker: str) -> dict[str, Any]:
        book = self.venue.books[ticker]
        no = {10_000 - price: size for price, size in book["no"].items()} if self.mirrored else book["no"]
        sides = {
            f"{side}_dollars": [[f"{p / 10_000:.4f}", f"{c / 100:.2f}"] for p, c in sorted(levels.items())]
            for side, levels in (("yes", book["yes"]), ("no", no))
        }
        return {"ticker": ticker, "orderbook_fp": sides}


class Running:
    """A recorder in a thread."""

    def __init__(self, recorder: Recorder) -> None:
        self.recorder, self.stop = recorder, threading.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.recorder.run(self.stop, 60)
        except BaseException as error:
            self.error = error

    def until(self, done: Callable[[], bool], seconds: float = 10) -> None:
        end = time.monotonic() + seconds
        while not done():
            assert time.monotonic() < end and self._thread.is_alive(), f"did not get there: {self.error}"
            time.sleep(0.01)

    def end(self) -> None:
        self.stop.set()
        self._thread.join(10)
        assert not self._thread.is_alive()
        if self.error:
            raise self.error


@pytest.fixture
def start(
    rest: Any, venue: Any, pem: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> Any:
    monkeypatch.setattr(stream_module, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(stream_module, "_SNAPSHOT_SECONDS", 0.3)
    monkeypatch.setattr(watcher_module, "_QUIET_SECONDS", 0.02)
    begun: list[Running] = []
    clients: list[Client] = []

    def make(
        *, series: tuple[str, ...] = ("KXS",), tickers: tuple[str, ...] = (), poll: float | None = None,
        limits: Limits | None = None, told: list[str] | None = None, closed: Any = None, every: float = 0.1,
    ) -> Running:  # fmt: skip
        mine = Settings("demo", rest.url, venue.url, settings.signer)
        clients.append(Client(mine, requests_per_second=10_000))
        source = (
            Poller(clients[-1], every=poll)
            if poll is not None
            else Stream(mine, channels=(BOOK, TRADES, LIFECYCLE), use_yes_price=True)
        )
        journal = Journal(tmp_path / "journal", {"use_yes_price": poll is None}, limits)
        watcher = Watcher(clients[-1], series, tickers, every=every)
        tell = (told if told is not None else []).append
        recorder = Recorder(source, journal, watcher, series=series, tell=tell, closed=closed or (lambda path: None))
        begun.append(Running(recorder))
        return begun[-1]

    yield make
    for each in begun:
        each.stop.set()
        each._thread.join(10)
    for client in clients:
        client.close()


def frames_of(folder: Path) -> list[dict[str, Any]]:
    return [frame for _, frame in read(segments(folder))]


def rebuilt(frames: list[dict[str, Any]], use_yes_price: bool = True) -> Books:
    """Books kept from a journal as a reader keeps them: unknown from a gap to the next snapshot."""
    books = Books(use_yes_price)
    for frame in frames:
        if frame["type"] == "gap":
            books.reset("gap")
        elif frame["type"] not in {"recording", "missed", "ended"}:
            books.apply(decode_frame(json.dumps(frame)))
    return books


def test_what_the_stream_sent_is_in_the_journal_and_gives_the_books(
    start: Any, rest: Any, venue: Any, tmp_path: Path
) -> None:
    Exchange(rest, venue)
    running = start()
    running.until(lambda: running.recorder.source.ready and len(running.recorder._following) == 3)
    for number in range(50):
        venue.change("A", "yes", 4100, 100)
        venue.trade("B", number)
    running.until(lambda: running.recorder.totals.trades == 50 and running.recorder.totals.changes == 50)
    running.end()
    frames = frames_of(tmp_path / "journal")
    assert [frame["type"] for frame in frames][:1] == ["recording"] and frames[0]["msg"]["use_yes_price"] is True
    assert [frame["type"] for frame in frames][-2:] == ["gap", "ended"]
    assert [f for f in frames if "sid" in f] == [f for f in venue.sent if "sid" in f]
    books = rebuilt(frames[:-2])
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")


def test_new_markets_of_a_series_are_followed_at_once_and_old_ones_dropped(
    start: Any, rest: Any, venue: Any, tmp_path: Path
) -> None:
    exchange = Exchange(rest, venue)
    exchange.open = ["A"]
    told: list[str] = []
    running = start(told=told, every=30)
    running.until(lambda: running.recorder.source.ready and running.recorder._following == {"A"})
    venue.books["KXS-NEW"] = {"yes": {100: 100}, "no": {}}
    exchange.open.append("KXS-NEW")
    lifecycle = {"type": "market_lifecycle_v2", "sid": 3, "seq": 1}
    venue.say({**lifecycle, "msg": {"market_ticker": "OTHER-1", "event_type": "created"}})
    venue.say({**lifecycle, "seq": 2, "msg": {"market_ticker": "KXS-NEW", "event_type": "created"}})
    running.until(lambda: "KXS-NEW" in running.recorder._following and running.recorder.source.ready)
    exchange.open.remove("A")
    for _ in range(3):
        running.recorder.watcher.ask()
        time.sleep(0.1)
    running.until(lambda: running.recorder._following == {"KXS-NEW"})
    running.end()
    frames = frames_of(tmp_path / "journal")
    seen = [frame["msg"]["market_ticker"] for frame in frames if frame["type"] == "market_lifecycle_v2"]
    assert seen == ["KXS-NEW"], "news of other series is not kept"
    assert any(f["type"] == "gap" and f["msg"]["market_tickers"] == ["A"] for f in frames)
    assert any("following 1 more" in line for line in told) and any("1 markets are over" in line for line in told)


def test_named_markets_are_recorded_until_they_are_over(start: Any, rest: Any, venue: Any, tmp_path: Path) -> None:
    exchange = Exchange(rest, venue)
    running = start(series=(), tickers=("A", "B"))
    running.until(lambda: running.recorder.source.ready and running.recorder._following == {"A", "B"})
    exchange.open = []
    running._thread.join(10)
    assert not running._thread.is_alive() and running.error is None
    assert running.recorder.totals.markets == 2


def test_disconnects_are_noted_where_they_happened(start: Any, rest: Any, venue: Any, tmp_path: Path) -> None:
    Exchange(rest, venue)
    told: list[str] = []
    running = start(told=told)
    running.until(lambda: running.recorder.source.ready and len(running.recorder._following) == 3)
    for number in range(5):
        venue.change("A", "yes", 4100 + number, 100)
        venue.cut()
        venue.change("A", "yes", 4200 + number, 100)  # nobody hears this
        running.until(lambda n=number: running.recorder.source.connections == n + 2 and running.recorder.source.ready)
    running.end()
    frames = frames_of(tmp_path / "journal")
    gaps = [frame for frame in frames if frame["type"] == "gap" and frame["msg"].get("channel") == BOOK]
    assert len(gaps) == 5 and all(gap["msg"]["market_tickers"] == ["A", "B", "C"] for gap in gaps)
    assert len([frame for frame in frames if frame["type"] == "missed"]) == 10
    assert running.recorder.totals.holes == 15 and running.recorder.totals.missed_seconds > 0
    books = rebuilt(frames[:-2])
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")
    assert sum("missed order books of 3 markets" in line for line in told) == 5
    assert sum("whole again" in line for line in told) >= 1


def test_every_segment_can_be_read_without_the_others(start: Any, rest: Any, venue: Any, tmp_path: Path) -> None:
    Exchange(rest, venue)
    done: list[Path] = []
    running = start(limits=Limits(max_bytes=8000), closed=done.append)
    running.until(lambda: running.recorder.source.ready and len(running.recorder._following) == 3)
    for number in range(120):
        venue.change("ABC"[number % 3], "no", 4000 + number, 100)
        if number % 10 == 0:
            time.sleep(0.02)
    running.until(lambda: running.recorder.totals.changes == 120)
    running.end()
    paths = segments(tmp_path / "journal")
    assert len(paths) >= 3 and done == paths[:-1]
    for path in paths[1:]:
        books = Books(use_yes_price=True)
        frames = [frame for _, frame in read([path])]
        for frame in frames:
            if frame["type"] in {"orderbook_snapshot", "orderbook_delta"}:
                if frame["seq"] == frames[1]["seq"]:
                    books._tracks.clear()
                    books._tracks[frame["sid"]] = type("Track", (), {"last": frame["seq"] - 1, "tickers": set()})()
                assert books.apply(decode_frame(json.dumps(frame))) is None
        assert not books.stale() and not books.duplicates
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")


def test_the_no_side_in_the_other_prices_stops_the_recording(start: Any, rest: Any, venue: Any) -> None:
    exchange = Exchange(rest, venue)
    for ticker in venue.tickers:
        venue.books[ticker]["no"] = {4700: 100, 4600: 200}
    exchange.mirrored = True
    running = start()
    running._thread.join(10)
    with pytest.raises(StreamError, match="does not come in the prices"):
        running.end()


def test_price_modes_are_told_apart_by_the_levels_only_one_of_them_has() -> None:
    from touchline.io.kalshi.models import BookSides, OrderBook

    books = Books(use_yes_price=True)
    snapshot = {"type": "orderbook_snapshot", "sid": 1, "seq": 1, "msg": {"market_ticker": "A"}}
    snapshot["msg"]["no_dollars_fp"] = [["0.5200", "3.00"], ["0.5000", "1.00"]]  # type: ignore[index]
    books.apply(decode_frame(json.dumps(snapshot)))
    read_no = [OrderBook(ticker="A", book=BookSides(no=[["0.4800", "3.00"]]))]  # type: ignore[list-item]
    read_yes = [OrderBook(ticker="A", book=BookSides(no=[["0.5200", "3.00"]]))]  # type: ignore[list-item]
    middle = [OrderBook(ticker="A", book=BookSides(no=[["0.5000", "3.00"]]))]  # type: ignore[list-item]
    assert check_price_mode(books, read_no) is True
    assert check_price_mode(books, read_yes) is False
    assert check_price_mode(books, middle) is None and check_price_mode(books, []) is None


def test_polling_gives_snapshots_when_books_change_and_trades_once(
    start: Any, rest: Any, venue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from touchline.io.kalshi import transport as transport_module

    monkeypatch.setattr(transport_module, "_FIRST_PAUSE", 0.001)
    exchange = Exchange(rest, venue)
    exchange.trades = [
        {"trade_id": f"t{n}", "ticker": "A", "count_fp": "1.00", "yes_price_dollars": "0.4000",
         "taker_outcome_side": "yes", "created_time": "2026-06-11T06:31:29.957081Z"}
        for n in range(3)
    ]  # fmt: skip
    running = start(poll=0.05)
    running.until(lambda: running.recorder.totals.trades == 3 and running.recorder.source.ready)
    time.sleep(0.3)
    venue.change("A", "yes", 4300, 100)
    running.until(lambda: running.recorder.source.books["A"].best_bid == 4300)
    exchange.down = True
    running.until(lambda: running.recorder.totals.holes >= 1)
    exchange.down = False
    running.until(lambda: running.recorder.source.ready)
    time.sleep(0.2)
    running.end()
    frames = frames_of(tmp_path / "journal")
    by_type = [frame["type"] for frame in frames]
    assert by_type.count("trade") == 3
    assert by_type.count("orderbook_snapshot") == 3 + 1 + 3, "first looks, one change, all anew after the failure"
    assert any(f["type"] == "gap" and f["msg"]["market_tickers"] == ["A", "B", "C"] for f in frames)
    books = rebuilt(frames[:-2], use_yes_price=False)
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")
