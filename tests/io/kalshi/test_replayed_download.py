"""A store, replayed by the local exchange, downloaded and scanned: the same trades."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.engine.exchanges import Exchange
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.kalshi.scan import scan
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

COMMAND = [sys.executable, "-c", "from touchline.engine.cli import main; main()", "data"]
SECOND = 1_000_000_000
START = 1_790_000_000 * SECOND
CHANGES = 3_000 * int(os.environ.get("TOUCHLINE_SCALE", "1"))
TICKERS = [f"KXT-26SEP21-B{number}" for number in range(4)]
LEVEL = ["kind", "side", "price", "size"]
BOOK_COLUMNS = ["ts", "ticker", *LEVEL, "seq"]
TRADE_COLUMNS = ["ts", "ticker", "price", "size", "taker_side", "is_block", "trade_id", "seq"]


def history(seed: int) -> dict[str, pl.DataFrame]:
    """Some markets of one event whose levels move and trade at random."""
    chance = random.Random(seed)
    book: list[Any] = []
    trades: list[Any] = []
    markets = []
    for at, ticker in enumerate(TICKERS):
        markets.append(
            {"ticker": ticker, "valid_from": 0, "series": "KXT", "event": "KXT-26SEP21", "title": ticker,
             "open_ts": START - 3600 * SECOND, "close_ts": START + 48 * 3600 * SECOND, "status": "active",
             "grid": "linear_cent", "fee_type": "quadratic", "fee_multiplier": 1.0}
        )  # fmt: skip
        levels = {(1, 4000): 500, (1, 4500): 500, (-1, 5000): 700, (-1, 5500): 700}
        ts = START + at * 1_000_000
        book.append((ts, ticker, int(BookKind.CLEAR), 0, 0, 0, 0))
        book += [(ts, ticker, int(BookKind.LEVEL), side, price, size, 0) for (side, price), size in levels.items()]
        for number in range(1, CHANGES + 1):
            ts += chance.randrange(1, 4) * 100_000_000
            side = chance.choice([1, -1])
            price = chance.choice([3900, 4000, 4500] if side == 1 else [5000, 5500, 5600])
            size = chance.choice([100, 250, -levels.get((side, price), 0) or 300])
            levels[side, price] = levels.get((side, price), 0) + size
            book.append((ts, ticker, int(BookKind.DELTA), side, price, size, number))
            if chance.random() < 0.1:
                trades.append(
                    (ts, ticker, 5000, 100 + number % 50, chance.choice([1, -1]), False, f"{at}-{number}", number)
                )
    return {
        "markets": pl.DataFrame(markets),
        "book": pl.DataFrame(book, schema=BOOK_COLUMNS, orient="row"),
        "trades": pl.DataFrame(trades, schema=TRADE_COLUMNS, orient="row"),
    }


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("original"))
    store.ingest("test", "history", [Chunk(history(1))])
    return store


def environment(exchange: Exchange, keys: Path) -> dict[str, str]:
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("KALSHI_")},
        "KALSHI_KEY_ID": (keys / "key-id").read_text().strip(),
        "KALSHI_PRIVATE_KEY_PATH": str(keys / "private.pem"),
        "KALSHI_REST_URL": exchange.rest,
        "KALSHI_WS_URL": exchange.ws,
    }


@pytest.mark.slow
def test_a_download_and_a_scan_of_a_replay(original: Store, tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    with Exchange(original.path, speed=0, keys=keys, start=START + 3000 * SECOND // 20) as exchange:
        settings = Settings.from_env(environment(exchange, keys), None)
        with Client(settings, requests_per_second=1000) as client:
            client.adopt_limits()
            found = scan(client, ["KXT"])
            cutoff = client.market_data.cutoff()
            assert client.portfolio.balance().cash == 10_000 * 1_000_000
        assert sorted(candidate.ticker for candidate in found) == TICKERS and cutoff.trades_created_ts
        best = found[0]
        assert best.spread and best.volume_1h > 0 and best.volatility is not None and best.score > 0
        assert best.low_1h == best.high_1h == 5000
        admitted: list[bool] = []
        limits = exchange._routes._limits
        admit = limits.admit
        limits.admit = lambda *call: admitted.append(admit(*call)) or admitted[-1]
        done = subprocess.run(
            [*COMMAND, "pull", "--series", "KXT", "--start", "2026-09-01", "--store", str(tmp_path / "pulled"),
             "--trades", "--markets", "--candles", "--json", "--rate", "1000"],
            env=environment(exchange, keys), capture_output=True, check=True, timeout=100,
        )  # fmt: skip
        now = exchange.venue.now
    assert json.loads(done.stdout)["markets"] == 4
    assert len(admitted) > 10 and all(admitted[10:]), "after the first answers the account's own limits are kept"
    columns = ["ts", "price", "size", "taker_side", "is_block", "trade_id"]
    for ticker in TICKERS:
        pulled = Store(tmp_path / "pulled").trades(ticker).collect().select(columns)
        assert pulled.height > 10
        truth = original.trades(ticker, end=now + 1).collect().select(columns)
        assert pulled.equals(truth)
