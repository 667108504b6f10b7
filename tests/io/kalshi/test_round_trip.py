"""The sample day, replayed by `engine exchange`, recorded by `engine data record`, and back in a store: the same rows.

Real commands from beginning to end. TOUCHLINE_SAMPLE_SCALE says how much of a day it is (1: 910,198 rows of books).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

ENGINE = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]
SCALE = os.environ.get("TOUCHLINE_SAMPLE_SCALE", "0.03")
SERIES = ("SYNBTC15M", "SYNINX", "SYNINXU", "SYNMATCH", "SYNPOL")
LEVEL = ["kind", "side", "price", "size"]
TRADE = ["price", "size", "taker_side", "is_block", "trade_id"]
MS = 1_000_000
QUIET_SECONDS = 4

Row = tuple[int, int, int, int, int]


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("day")
    command = [*ENGINE, "data", "sample", "--seed", "7", "--scale", SCALE, "--store", str(folder), "--json"]
    subprocess.run(command, check=True, capture_output=True)
    return Store(folder)


@contextlib.contextmanager
def exchange(day: Store, keys: Path, *options: str) -> Iterator[dict[str, str]]:
    """Serve the day at full speed; gives the environment of a client."""
    command = [*ENGINE, "exchange", "--store", day.path, "--speed", "max", "--keys", str(keys), *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as served:
        assert served.stdout is not None
        line = served.stdout.readline()
        assert line, "the exchange did not start"
        address = json.loads(line)
        try:
            yield {
                **{name: value for name, value in os.environ.items() if not name.startswith("KALSHI_")},
                "KALSHI_KEY_ID": (keys / "key-id").read_text().strip(),
                "KALSHI_PRIVATE_KEY_PATH": str(keys / "private.pem"),
                "KALSHI_REST_URL": address["rest"],
                "KALSHI_WS_URL": address["ws"],
            }
        finally:
            served.send_signal(signal.SIGTERM)
    assert served.returncode == 0


def record(environ: dict[str, str], folder: Path) -> tuple[Store, dict[str, Any]]:
    """Record every series until no market is open any more and nothing more comes."""
    options = [part for name in SERIES for part in ("--series", name)]
    journal = folder / "journal"
    command = [
        *ENGINE,
        "data",
        "record",
        *options,
        "--store",
        str(folder / "copy"),
        "--journal",
        str(journal),
        "--json",
    ]
    child = subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    with Client(Settings.from_env(environ, None)) as client:
        size, still = -1, time.monotonic()
        while time.monotonic() - still < QUIET_SECONDS:
            assert child.poll() is None, child.communicate()
            grown = sum(path.stat().st_size for path in journal.glob("*.jsonl"))
            if grown != size or any(page for page in client.market_data.markets(status="open")):
                size, still = grown, time.monotonic()
            time.sleep(0.5)
    child.send_signal(signal.SIGTERM)
    out, err = child.communicate(timeout=200)
    assert child.returncode == 0, err
    return Store(folder / "copy"), json.loads(out)


def rows_of(store: Store, ticker: str) -> list[Row]:
    """A book's rows in order, in whole milliseconds as the exchange writes times; those of a snapshot sorted."""
    rows = store.book(ticker).select(pl.col("ts") // MS * MS, *LEVEL).collect().rows()
    ordered: list[Row] = []
    start = 0
    for at, row in enumerate([*rows, (0, int(BookKind.GAP), 0, 0, 0)]):
        if row[1] != BookKind.LEVEL:
            ordered += [*sorted(rows[start:at]), *rows[at : at + 1]]
            start = at + 1
    return ordered


def until_close(day: Store, copy: Store, ticker: str) -> tuple[list[Row], list[Row]]:
    """A recorded book until its market closes, and the changes by which all that rests is cancelled after that."""
    close = day.markets(ticker=ticker).collect()["close_ts"][0]
    kept: list[Row] = []
    closing: list[Row] = []
    for row in from_opening(rows_of(copy, ticker)):
        (closing if row[1] == BookKind.DELTA and row[0] >= close else kept).append(row)
    return kept, closing


def from_opening(rows: list[Row]) -> list[Row]:
    """Without the empty book of a market that was followed before it opened."""
    return rows[1:] if [row[1] for row in rows[:2]] == [BookKind.CLEAR, BookKind.CLEAR] else rows


def untimed(rows: list[Row]) -> list[tuple[int, ...]]:
    return [row[1:] for row in rows]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sample_day_comes_back_row_for_row(day: Store, tmp_path: Path) -> None:
    with exchange(day, tmp_path / "keys") as environ:
        copy, said = record(environ, tmp_path)
    assert said["gaps"] == 0
    tickers = day.tickers("book")
    assert copy.tickers("book") == tickers and copy.tickers("trades") == day.tickers("trades")
    for ticker in tickers:
        original, (recorded, closing) = rows_of(day, ticker), until_close(day, copy, ticker)
        assert recorded[-1][1] == BookKind.GAP, "the end of the recording"
        assert {row[2:4]: -row[4] for row in closing} == book_after(original)
        assert untimed(recorded[:-1]) == untimed(original)
        deltas = [[row for row in rows if row[1] == BookKind.DELTA] for rows in (original, recorded)]
        assert deltas[0] == deltas[1], "changes keep their times, to the millisecond"
        trades = [store.trades(ticker).select(*TRADE).collect() for store in (day, copy)]
        assert trades[0].equals(trades[1])


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_after_five_disconnects_the_sample_day_is_equal_outside_the_holes_told(day: Store, tmp_path: Path) -> None:
    with exchange(day, tmp_path / "keys", "--fault", "disconnect=5", "--seed", "3") as environ:
        copy, said = record(environ, tmp_path)
    assert said["gaps"] == 15, "books, trades and market news, five times"
    lost: Counter[str] = Counter()
    cancelled = 0
    for ticker in day.tickers("book"):
        original, (recorded, closing) = rows_of(day, ticker), until_close(day, copy, ticker)
        cancelled += len(closing)
        at, book = 0, {}
        for part in between_gaps(recorded):
            deltas = [row for row in part if row[1] == BookKind.DELTA]
            if not deltas:
                continue
            begin = next(n for n in range(at, len(original)) if follows(original, n, deltas))
            lost[ticker] += sum(row[1] == BookKind.DELTA for row in original[at:begin])
            book = book_after(original[:begin])
            assert {row[2:4]: row[4] for row in part if row[1] == BookKind.LEVEL} == book
            at = begin + len(deltas)
        assert sum(row[1] == BookKind.GAP for row in recorded) <= 6
        found, had = copy.trades(ticker).select(*TRADE).collect(), day.trades(ticker).select(*TRADE).collect()
        assert found.equals(had.filter(pl.col("trade_id").is_in(found["trade_id"].implode())))
    assert said["book_changes"] - cancelled + sum(lost.values()) == sum(
        row[1] == BookKind.DELTA for ticker in day.tickers("book") for row in rows_of(day, ticker)
    )


def between_gaps(rows: list[Row]) -> list[list[Row]]:
    """What is known: from a snapshot to the next gap."""
    parts: list[list[Row]] = [[]]
    for row in rows:
        if row[1] == BookKind.GAP:
            parts.append([])
        else:
            parts[-1].append(row)
    return parts


def follows(original: list[Row], start: int, deltas: list[Row]) -> bool:
    return original[start] == deltas[0] and original[start : start + len(deltas)] == deltas


def book_after(rows: list[Row]) -> dict[tuple[int, ...], int]:
    """The levels after some rows."""
    levels: dict[tuple[int, ...], int] = {}
    for _, kind, side, price, size in rows:
        if kind == BookKind.CLEAR:
            levels.clear()
        elif kind in (BookKind.DELTA, BookKind.LEVEL):
            levels[side, price] = levels.get((side, price), 0) + size
    return {level: size for level, size in levels.items() if size}
