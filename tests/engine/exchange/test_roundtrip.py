"""Round trip: a recording, replayed at full speed and recorded again, is the same recording, times aside."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.engine.exchange import Exchange, Faults
from touchline.engine.exchange.history import TRADE, History
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.compact import Compactor
from touchline.io.kalshi.journal import Journal, segments
from touchline.io.kalshi.recorder import Recorder, Totals
from touchline.io.kalshi.settings import Settings
from touchline.io.kalshi.stream import BOOK, LIFECYCLE, TRADES, Stream
from touchline.io.kalshi.watcher import Watcher
from touchline.io.schema import BookKind
from touchline.io.store import Store

from .conftest import random_day

Rows = list[tuple[Any, ...]]


def record(history: History, folder: Path, faults: Faults) -> tuple[Store, Totals]:
    """Replay at full speed into the recorder, and its journal into a store."""
    tickers = [listing.ticker for listing in history.listings]
    with Exchange(history, speed="max", tier="unlimited", faults=faults) as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        stop = threading.Event()

        def wait() -> None:
            while not exchange.finished():
                time.sleep(0.05)
            time.sleep(1)
            stop.set()

        with Client(settings) as client:
            header = {
                "version": 1, "environment": "demo", "use_yes_price": True, "poll_seconds": None, "series": [],
                "tickers": tickers,
            }  # fmt: skip
            source = Stream(settings, channels=(BOOK, TRADES, LIFECYCLE))
            recorder = Recorder(source, Journal(folder / "journal", header), Watcher(client, [], tickers))
            waiter = threading.Thread(target=wait)
            waiter.start()
            totals = recorder.run(stop, 60)
            waiter.join()
    compactor = Compactor(str(folder))
    compactor.add(segments(folder / "journal"))
    compactor.finish()
    assert not compactor.failed
    return Store(folder), totals


def canonical(rows: Rows) -> Rows:
    """The levels of a snapshot in order of price: they all happen at once."""
    done: Rows = []
    levels: Rows = []
    for row in rows:
        if row[0] == BookKind.LEVEL:
            levels.append(row)
            continue
        done += [*sorted(levels), row]
        levels = []
    return [*done, *sorted(levels)]


def recorded(store: Store, ticker: str) -> Rows:
    frame = store.book(ticker).select("kind", "side", "price", "size").collect()
    return canonical(frame.rows())


def replayed(history: History, ticker: str) -> Rows:
    rows = history.of_market(ticker)
    columns = [history.columns[name][rows].tolist() for name in ("kind", "side", "price", "size")]
    return canonical([row for row in zip(*columns, strict=True) if row[0] != TRADE])


def trades(frame: pl.LazyFrame, ticker: str) -> Rows:
    wanted = frame.filter(pl.col("ticker") == ticker)
    return wanted.select("price", "size", "taker_side", "is_block", "trade_id").collect().rows()


def books(rows: Rows) -> list[dict[tuple[int, int], int]]:
    """The book before each row and after the last."""
    book: dict[tuple[int, int], int] = {}
    found = [dict(book)]
    for kind, side, price, size in rows:
        if kind == BookKind.CLEAR:
            book = {}
        elif kind != BookKind.GAP:
            book[side, price] = size + (book.get((side, price), 0) if kind == BookKind.DELTA else 0)
            if not book[side, price]:
                del book[side, price]
        found.append(dict(book))
    return found


def pieces(rows: Rows) -> list[tuple[Rows, Rows]]:
    """Between two gaps: the snapshot that begins a piece, and what follows it."""
    cut: list[Rows] = [[]]
    for row in rows:
        if row[0] == BookKind.GAP:
            cut.append([])
        else:
            cut[-1].append(row)
    split = []
    for piece in filter(None, cut):
        assert piece[0][0] == BookKind.CLEAR, "a piece begins without a snapshot"
        end = next((n for n, row in enumerate(piece[1:], 1) if row[0] != BookKind.LEVEL), len(piece))
        split.append((piece[:end], piece[end:]))
    return split


@pytest.mark.slow
def test_recording_a_replay_gives_the_recording(tmp_path):
    history = random_day(5, tickers=4, rows=400)
    store, totals = record(history, tmp_path, Faults())
    assert totals.holes == 0
    for listing in history.listings:
        ticker = listing.ticker
        *rows, last = recorded(store, ticker)
        assert last[0] == BookKind.GAP  # the recording ended
        assert rows == replayed(history, ticker)
        assert trades(store.trades(), ticker) == trades(history.trades.lazy(), ticker)


@pytest.mark.slow
def test_after_five_disconnects_only_the_reported_holes_are_missing(tmp_path):
    history = random_day(6, tickers=4, rows=1500)
    store, totals = record(history, tmp_path, Faults(disconnect=5))
    assert totals.holes >= 5
    for listing in history.listings:
        ticker = listing.ticker
        whole = replayed(history, ticker)
        states = books(whole)
        at, missing = 0, 0
        found = pieces(recorded(store, ticker))
        assert 2 <= len(found) <= 6
        for number, (snapshot, rows) in enumerate(found):
            if number == 0:
                start = len(snapshot)
                assert whole[:start] == snapshot
            else:
                state = books(snapshot)[-1]
                fits = [n for n in range(at, len(whole) + 1) if states[n] == state and whole[n : n + len(rows)] == rows]
                assert fits, f"piece {number} of {ticker} is not a piece of the original"
                start = fits[0]
            missing += start - at if number else 0
            at = start + len(rows)
        assert missing + len(whole) - at < len(whole) // 2
        kept, all_of_them = trades(store.trades(), ticker), trades(history.trades.lazy(), ticker)
        remaining = iter(all_of_them)
        assert all(trade in remaining for trade in kept), "a trade that never was, or out of order"
