from __future__ import annotations

import json
import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.recorder import recorder as recorder_module
from touchline.io.kalshi.recorder import watcher as watcher_module
from touchline.io.kalshi.recorder.journal import Journal, JournalLimits, read, segments
from touchline.io.kalshi.recorder.poller import Poller
from touchline.io.kalshi.recorder.recorder import Recorder
from touchline.io.kalshi.recorder.watcher import Watcher
from touchline.io.kalshi.rest.errors import StreamError
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.stream import stream as stream_module
from touchline.io.kalshi.stream.books import StreamBooks
from touchline.io.kalshi.stream.frames import decode_frame
from touchline.io.kalshi.stream.price_mode import check_price_mode
from touchline.io.kalshi.stream.stream import BOOK, LIFECYCLE, TRADES, Stream
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

#: TOUCHLINE_SCALE=10 makes the 30 kills of the acceptance test.
KILLS = 30 if int(os.environ.get("TOUCHLINE_SCALE", "1")) > 1 else 5
COMMAND = [sys.executable, "-c", "from touchline.engine.cli import main; main()", "data", "record"]


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
        limits: JournalLimits | None = None, told: list[str] | None = None, closed: Any = None, every: float = 0.1,
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


def rebuilt(frames: list[dict[str, Any]], use_yes_price: bool = True) -> StreamBooks:
    """Books kept from a journal as a reader keeps them: unknown from a gap to the next snapshot."""
    books = StreamBooks(use_yes_price)
    for frame in frames:
        if frame["type"] == "gap":
            books.reset("gap")
        elif frame["type"] not in {"recording", "missed", "ended"}:
            books.apply(decode_frame(json.dumps(frame)))
    return books


def test_what_the_stream_sent_is_in_the_journal_and_gives_the_books(
    start: Any, make_exchange: Any, venue: Any, tmp_path: Path
) -> None:
    make_exchange()
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
    start: Any, make_exchange: Any, venue: Any, tmp_path: Path
) -> None:
    exchange = make_exchange()
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


def test_markets_about_to_open_are_followed_before_they_do(start: Any, make_exchange: Any, venue: Any) -> None:
    exchange = make_exchange()
    exchange.open = []
    soon, later = (datetime.now(UTC) + timedelta(minutes=wait) for wait in (5, 60))
    exchange.unopened = {"A": soon.isoformat(), "B": later.isoformat()}
    running = start()
    running.until(lambda: running.recorder.source.ready and running.recorder._following == {"A"})
    running.end()


def test_named_markets_are_recorded_until_they_are_over(
    start: Any, make_exchange: Any, venue: Any, tmp_path: Path
) -> None:
    exchange = make_exchange()
    running = start(series=(), tickers=("A", "B"))
    running.until(lambda: running.recorder.source.ready and running.recorder._following == {"A", "B"})
    exchange.open = []
    running._thread.join(10)
    assert not running._thread.is_alive() and running.error is None
    assert running.recorder.totals.markets == 2


def test_disconnects_are_noted_where_they_happened(start: Any, make_exchange: Any, venue: Any, tmp_path: Path) -> None:
    make_exchange()
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
    assert running.recorder.totals.gaps == 15 and running.recorder.totals.missed_seconds > 0
    books = rebuilt(frames[:-2])
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")
    assert sum("missed order books of 3 markets" in line for line in told) == 5
    assert sum("whole again" in line for line in told) >= 1


def check_stored(folder: Path, paths: list[Path], venue: Any) -> None:
    """Import the segments in any order: the rows of each market, in the store's order, give its true book."""
    store = Store(folder)
    known, _ = plan(list(reversed(paths)), Options())
    for one in known:
        import_file(store, one, Options())
    for ticker in venue.tickers:
        levels: dict[tuple[int, int], int] = {}
        for kind, side, price, size in store.book(ticker).select("kind", "side", "price", "size").collect().rows():
            if kind == BookKind.CLEAR:
                levels.clear()
            elif kind != BookKind.GAP:
                levels[side, price] = size + (levels.get((side, price), 0) if kind == BookKind.DELTA else 0)
                assert levels[side, price] >= 0
        bids, asks = venue.true_book(ticker)
        truth = {(1, p): n for p, n in bids.items()} | {(-1, p): n for p, n in asks.items()}
        assert {level: size for level, size in levels.items() if size} == truth


def test_every_segment_can_be_read_without_the_others(
    start: Any, make_exchange: Any, venue: Any, tmp_path: Path
) -> None:
    make_exchange()
    done: list[Path] = []
    running = start(limits=JournalLimits(max_bytes=8000), closed=done.append)
    running.until(lambda: running.recorder.source.ready and len(running.recorder._following) == 3)
    for number in range(120):
        venue.change("ABC"[number % 3], "no", 4000 + number, 100)
        if number % 10 == 0:
            time.sleep(0.02)
    running.until(lambda: running.recorder.totals.changes == 120)
    running.end()
    paths = segments(tmp_path / "journal")
    assert len(paths) >= 3 and done == paths[:-1]
    check_stored(tmp_path / "store", paths, venue)
    for path in paths[1:]:
        books = StreamBooks(use_yes_price=True)
        frames = [frame for _, frame in read([path])]
        for frame in frames:
            if frame["type"] in {"orderbook_snapshot", "orderbook_delta"}:
                if frame["seq"] == frames[1]["seq"]:
                    books._tracks.clear()
                    books._tracks[frame["sid"]] = type("Track", (), {"last": frame["seq"] - 1, "tickers": set()})()
                assert books.apply(decode_frame(json.dumps(frame))) is None
        assert not books.stale() and not books.duplicates
    assert (books["A"].bids, books["A"].asks) == venue.true_book("A")


def test_the_no_side_in_the_other_prices_stops_the_recording(start: Any, make_exchange: Any, venue: Any) -> None:
    exchange = make_exchange()
    for ticker in venue.tickers:
        venue.books[ticker]["no"] = {4700: 100, 4600: 200}
    exchange.mirrored = True
    running = start()
    running._thread.join(10)
    with pytest.raises(StreamError, match="does not come in the prices"):
        running.end()


def test_price_modes_are_told_apart_by_the_levels_only_one_of_them_has() -> None:
    from touchline.io.kalshi.rest.models import BookSides, OrderBook

    books = StreamBooks(use_yes_price=True)
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
    start: Any, make_exchange: Any, venue: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from touchline.io.kalshi.rest import transport as transport_module

    monkeypatch.setattr(transport_module, "_FIRST_PAUSE", 0.001)
    exchange = make_exchange()
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
    running.until(lambda: running.recorder.totals.gaps >= 1)
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


class Busy:
    """Changes levels all the time, in a thread."""

    def __init__(self, venue: Any) -> None:
        self._venue, self._over = venue, threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        number = 0
        while not self._over.is_set():
            for _ in range(20):
                number += 1
                self._venue.change("ABC"[number % 3], "yes", 1000 + number // 3 % 2000, 100 + number % 7)
            time.sleep(0.01)

    def end(self) -> None:
        self._over.set()
        self._thread.join()


@pytest.mark.slow
def test_kills_lose_nothing_that_was_written(
    make_exchange: Any, venue: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    make_exchange()
    env = {**environment, "KALSHI_WS_URL": venue.url}
    store, folder, chance = tmp_path / "store", tmp_path / "journal", random.Random(3)
    command = [*COMMAND, "--series", "KXS", "--store", str(store), "--journal", str(folder), "--keep"]
    busy = Busy(venue)
    seen: set[bytes] = set()
    for _ in range(KILLS):
        before = set(segments(folder))
        child = subprocess.Popen([*command, "--no-import"], env=env, stderr=subprocess.PIPE)
        end = time.monotonic() + 30
        while not (fresh := set(segments(folder)) - before) or b"orderbook_delta" not in min(fresh).read_bytes():
            assert time.monotonic() < end and child.poll() is None, child.communicate()
            time.sleep(0.01)
        time.sleep(chance.random() * 0.3)
        written = b"".join(path.read_bytes() for path in segments(folder))
        child.send_signal(signal.SIGKILL)
        child.communicate()
        seen.update(written[: written.rfind(b"\n") + 1].splitlines())
    busy.end()
    done = subprocess.run([*command, "--for", "1s", "--json"], env=env, capture_output=True, check=True, timeout=120)
    assert done.stderr.count(b"its recorder did not end cleanly") == 1, "each start mends what the last kill left"
    paths = sorted((folder / "done").iterdir())
    assert len(paths) == KILLS + 1 and not segments(folder)
    lines = [line for path in paths for line in path.read_bytes().splitlines()]
    assert seen <= set(lines) and len(seen) > 100 * KILLS
    frames = [frame for _, frame in read(paths)]
    assert sum(frame["type"] == "gap" for frame in frames) == KILLS + 1
    book = Store(store).book().collect()
    kinds = dict(book.group_by("kind").len().iter_rows())
    assert kinds[int(BookKind.DELTA)] == sum(frame["type"] == "orderbook_delta" for frame in frames)
    books = sum(frame["type"] == "orderbook_snapshot" for frame in frames)
    assert kinds[int(BookKind.CLEAR)] == kinds[int(BookKind.GAP)] == books > 2 * KILLS


@pytest.mark.slow
def test_sigterm_ends_it_cleanly_and_everything_is_stored(
    make_exchange: Any, venue: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    make_exchange()
    env = {**environment, "KALSHI_WS_URL": venue.url}
    child = subprocess.Popen(
        [*COMMAND, "--series", "KXS", "--store", str(tmp_path / "store"), "--json"],
        env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    end = time.monotonic() + 30
    while "trade" not in venue._sids:
        assert time.monotonic() < end and child.poll() is None, child.communicate()
        time.sleep(0.01)
    for number in range(40):
        venue.change("A", "yes", 1000, 100)
        venue.trade("B", number)
    time.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=120)
    assert child.returncode == 0, err
    summary = json.loads(out)
    assert (summary["book_changes"], summary["trades"], summary["markets"]) == (40, 40, 3)
    store = Store(tmp_path / "store")
    assert store.trades("B").collect().height == 40
    assert store.book("A").collect().height == 3 + 40 + 1, "a snapshot of two levels, the changes, the end"
    assert not segments(tmp_path / "store" / "journal")


@pytest.mark.slow
def test_a_full_disk_is_said_and_what_was_recorded_is_kept(
    make_exchange: Any, venue: Any, environment: dict[str, str], tmp_path: Path
) -> None:
    make_exchange()
    env = {**environment, "KALSHI_WS_URL": venue.url}
    limit = 200_000

    def small_files() -> None:  # a file that may grow no further is met like a full disk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

    child = subprocess.Popen(
        [*COMMAND, "--series", "KXS", "--store", str(tmp_path / "store")],
        env=env, stderr=subprocess.PIPE,
        preexec_fn=small_files,  # noqa: PLW1509 - the two calls in it take no lock
    )  # fmt: skip
    busy = Busy(venue)
    _, err = child.communicate(timeout=60)
    busy.end()
    assert child.returncode == 1 and b"what was recorded before is safe" in err and b"Traceback" not in err
    (path,) = segments(tmp_path / "store" / "journal")
    data = path.read_bytes()
    assert data.endswith(b"\n") and limit - 1000 < len(data) <= limit
    assert rebuilt([frame for _, frame in read([path])]).stale() == []


def test_it_shows_from_time_to_time_that_it_is_alive(
    start: Any, make_exchange: Any, venue: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "_STATUS_SECONDS", 0.2)
    make_exchange()
    told: list[str] = []
    running = start(told=told)
    running.until(lambda: any("3 markets, 0 gaps" in line for line in told))
    running.end()
