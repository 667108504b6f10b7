"""A synthetic day of many markets at once: ``python -m tests.engine.trading.day 30 [of them in production] [scale]``.

On paper every quote, fill, position and the cash must be the backtest's of the same recording, market by market. In
production, on an exchange whose matching is what the queue model assumes, every quote, fill and position must be, fees
differ by the rounding that docs/live.md tells of, and when everything has settled the account is even to the
micro-dollar. What an underlying adds at its own ticks is told there too: here its prices are left out.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
from touchline import engine
from touchline.engine.exchanges import Exchange
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.journal import JournalLine, read, segments
from touchline.engine.trading.runner import SessionRunner
from touchline.io import sample
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import TABLES
from touchline.io.store.store import Store

from .conftest import begun, opened, walked, write_quick_params
from .test_paper import MS, replayed

#: Of the exchange's fees and the replay's: an amended order keeps what rounding took too much.
GRID_MICROS = 100
#: From moment to moment nobody renews a lease: the clock jumps.
LEASE_S = 200_000
Rows = list[tuple[JournalLine, dict[str, Any]]]


@dataclass
class Walked:
    """What a session of a day came to."""

    mode: str
    markets: int = 0
    quotes: int = 0
    fills: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


def sample_day(top: Path, scale: float, *, programs: bool = False) -> Store:
    """The sample day with the prices of its underlyings left out; its programs cost an exchange most of its time."""
    made, store = Store(top / "sample"), Store(top / "day")
    sample.load(made, sample.make(7, scale, top / "files"))
    markets = made.markets(history=True).collect().with_columns(pl.lit(None, pl.String).alias("underlying"))
    frames = {"markets": markets, "book": made.book().collect(), "trades": made.trades().collect()}
    if programs:
        frames["programs"] = made.programs().collect()
    own = {name: frame.select(column for column in TABLES[name].columns) for name, frame in frames.items()}
    store.ingest("made up", "day", [Chunk(own)])
    return store


def chosen(store: Store, count: int) -> list[str]:
    """The markets with the most trades."""
    return engine.markets(store).sort("trades", descending=True)["ticker"].to_list()[:count]


def on_paper(store: Store, folder: Path, tickers: list[str]) -> Walked:
    """As fast as the exchange and the session can."""
    made = Walked("paper", len(tickers))
    begun_at = time.monotonic()
    params = write_quick_params(folder / "paper.toml", series_of(tickers), queue="power@3", size=1.0)
    session = begun(folder / "paper", params, mode="paper")
    with opened(store, speed="max") as (exchange, client):
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers}
        with SessionRunner(session, client, tickers) as runner:
            while not exchange.finished():
                runner.step(0.1)
            for _ in range(4):
                runner.step(0.1)
    compare(store, session, closes, made)
    made.seconds = time.monotonic() - begun_at
    return made


def in_production(store: Store, folder: Path, tickers: list[str]) -> Walked:
    """Moment by moment, to the settlement of the last market."""
    made = Walked("production", len(tickers))
    begun_at = time.monotonic()
    params = write_quick_params(folder / "production.toml", series_of(tickers), size=0.01)
    session = begun(folder / "production", params, mode="production", lease_s=LEASE_S)
    with opened(store, tickers=tickers, cash_dollars=1_000_000) as (exchange, client):
        closes = {ticker: exchange.venue.markets[ticker].close_ts for ticker in tickers}
        cash = exchange.venue.account.cash
        with SessionRunner(session, client, tickers, inline=True) as runner:
            walked(exchange, runner)
            exchange.advance(86_400)
            runner.catch_up()
            judge(exchange, runner, cash, made)
    compare(store, session, closes, made)
    made.seconds = time.monotonic() - begun_at
    return made


def judge(exchange: Exchange, runner: SessionRunner, cash: int, made: Walked) -> None:
    """The account against the session's own, to the micro-dollar."""
    ledger, account = runner.machine.ledger, exchange.venue.account
    for ticker, held in ledger.holdings.items():
        if (there := account.position(ticker).lots) != held.position:
            made.faults.append(f"{ticker}: we hold {held.position} lots, the exchange says {there}")
    held_back = sum(min(one.position, 0) * 10_000 for one in ledger.holdings.values())
    ours, theirs = sum(one.cash for one in ledger.holdings.values()) + held_back, account.cash - cash
    if ours != theirs:
        made.faults.append(f"cash: we made {ours} micros, the exchange says {theirs}")


def compare(store: Store, session: SessionFolder, closes: dict[str, int], made: Walked) -> None:
    """Every quote, fill and position against the backtest; on paper the cash too, and in production fees nearly.

    A stream's times are whole milliseconds, a recording's may be finer.
    """
    told: dict[tuple[str, str], Rows] = defaultdict(list)
    for line in read(segments(session.journal)):
        if line.kind in ("quote", "fill"):
            document = msgspec.json.decode(line.payload)
            told[line.kind, document["market"]].append((line, document))
        elif line.kind in ("halt", "kill", "wait", "differs"):
            made.faults.append(f"{line.kind}: {line.payload.decode()}")
    names = ("bid", "bid_size", "ask", "ask_size")
    for ticker, close in closes.items():
        run = replayed(store, session.params, ticker)
        ours = [(line.ts // MS, *(one[name] for name in names)) for line, one in told["quote", ticker]]
        theirs = [(ts // MS, *rest) for ts, *rest in run.quotes.select("ts", *names).iter_rows()]
        ours, theirs = ([row for row in rows if row[0] < close // MS] for rows in (ours, theirs))
        while ours and ours[0][1::2] == (None, None):  # that a market opens is told by itself, before its first quote
            del ours[0]
        differ(made, ticker, "quote", ours, theirs)
        fills = [
            (line.ts // MS, one["side"], one["price"], one["lots"], one["position"])
            for line, one in told["fill", ticker]
        ]
        columns = run.fills.select("ts", "side", "price", "size", "position").iter_rows()
        differ(made, ticker, "fill", fills, [(ts // MS, *rest) for ts, *rest in columns])
        made.quotes, made.fills = made.quotes + len(ours), made.fills + len(fills)
        paid = sum(one["fee"] for _, one in told["fill", ticker])
        apart = abs(paid - (run.totals.fees - run.totals.rebates))
        if apart > (0 if made.mode == "paper" else GRID_MICROS * len(fills)):
            made.faults.append(f"{ticker}: fees are {apart} micros apart")
        if made.mode == "paper" and fills:
            last = told["fill", ticker][-1][1]
            if (last["position"], last["cash"]) != (run.totals.position, run.totals.cash):
                made.faults.append(f"{ticker}: position and cash are {last}, the backtest's {run.totals}")
    if (found := audit(session.path)).difference is not None:
        made.faults.append(f"the journal does not replay: {found.difference}")


def differ(made: Walked, ticker: str, what: str, ours: list[Any], theirs: list[Any]) -> None:
    if ours == theirs:
        return
    at = next((k for k, pair in enumerate(zip(ours, theirs, strict=False)) if pair[0] != pair[1]), None)
    if at is None:
        made.faults.append(f"{ticker}: {len(ours)} {what}s, the backtest has {len(theirs)}")
    else:
        made.faults.append(f"{ticker}: {what} {at} is {ours[at]}, the backtest's {theirs[at]}")


def series_of(tickers: list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(ticker.partition("-")[0] for ticker in tickers))


def main() -> None:
    """Run it as a command: how many markets, how many of them in production, and the share of a day's events."""
    markets = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    production = int(sys.argv[2]) if len(sys.argv) > 2 else markets
    scale = float(sys.argv[3]) if len(sys.argv) > 3 else 0.02
    failed = False
    with tempfile.TemporaryDirectory() as top:
        store = sample_day(Path(top), scale)
        for walk, count in ((on_paper, markets), (in_production, production)):
            if count:
                made = walk(store, Path(top), chosen(store, count))
                failed |= bool(made.faults) or not made.fills
                sys.stdout.write(f"{made}\n")
                sys.stdout.flush()
    raise SystemExit(failed)


if __name__ == "__main__":
    main()
