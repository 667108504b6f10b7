"""An hour at twenty times real time: ``python -m tests.engine.trading.hour [minutes] [speed] [folder of recordings]``.

The first hour of a recorded day of the S&P 500 range markets, where the folder is there, and of the synthetic day's
busiest markets besides. The exchange keeps to the clock and waits for nobody, the session's threads run as they do on
any day, and on paper every quote, fill, position and the cash must be the backtest's of the same hour.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path

import polars as pl
from touchline import engine
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.runner import SessionRunner
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import TABLES
from touchline.io.store.store import Store

from ...conftest import ROOT
from ..histories import imported
from .conftest import begun, opened, write_quick_params
from .day import Walked, chosen, compare, sample_day, series_of

MINUTE, SYNTHETIC = 60_000_000_000, 5


def hour_of(day: Store, folder: Path, tickers: list[str], minutes: float) -> Store:
    """The first minutes of some markets' books and trades, without the prices of their underlyings."""
    mine = pl.col("ticker").is_in(tickers)
    book, trades = (table.filter(mine).collect() for table in (day.book(), day.trades()))
    until = int(book["ts"].min()) + round(minutes * MINUTE)  # pyright: ignore[reportArgumentType]  # it has rows
    markets = day.markets(history=True).filter(mine).collect()
    frames = {
        "markets": markets.with_columns(pl.lit(None, pl.String).alias("underlying")),
        "book": book.filter(pl.col("ts") < until), "trades": trades.filter(pl.col("ts") < until),
    }  # fmt: skip
    store = Store(folder)
    own = {name: frame.select(column for column in TABLES[name].columns) for name, frame in frames.items()}
    store.ingest("an hour", "hour", [Chunk(own)])
    return store


def walk(store: Store, folder: Path, minutes: float, speed: float) -> Walked:
    """Let the hour pass, and hold the session against the backtest."""
    tickers = engine.markets(store)["ticker"].to_list()
    made = Walked("paper", len(tickers))
    params = write_quick_params(folder / "params.toml", series_of(tickers), queue="power@3", size=1.0)
    session = begun(folder / "session", params, mode="paper")
    with opened(store) as (exchange, client), SessionRunner(session, client, tickers) as runner:
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers}
        while not runner.messages:  # it has subscribed, and knows the books as they begin
            runner.step(0.1)
        begun_at = time.monotonic()
        go(exchange, speed)
        while time.monotonic() < begun_at + minutes * 60 / speed + 2 and not exchange.finished():
            runner.step(0.1)
        runner.step(0.1)
        made.seconds = time.monotonic() - begun_at
    compare(store, session, closes, made)
    return made


def go(exchange: Exchange, speed: float) -> None:
    """An exchange that stood still keeps to the clock from now on."""

    def set_going() -> None:
        exchange.speed, exchange._origin = speed, (time.monotonic(), exchange.venue.now)

    exchange.call(set_going)


def main() -> None:
    """Run it as a command."""
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    speed = float(sys.argv[2]) if len(sys.argv) > 2 else 20.0
    recordings = Path(sys.argv[3]) if len(sys.argv) > 3 else ROOT.parent / "shared" / "market-data"
    failed = False
    with tempfile.TemporaryDirectory() as top:
        days = {"synthetic": lambda: sample_day(Path(top), 0.3)}
        real = recordings / "inx2023_l2"
        if real.is_dir():
            days["recorded"] = lambda: imported(real, Path(top) / "imported")
        for name, make in days.items():
            day, folder = make(), Path(top) / name
            folder.mkdir()
            tickers = chosen(day, SYNTHETIC if name == "synthetic" else 1)
            made = walk(hour_of(day, folder / "store", tickers, minutes), folder, minutes, speed)
            failed |= bool(made.faults) or not made.quotes
            sys.stdout.write(f"{name}: {made}\n")
            sys.stdout.flush()
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
