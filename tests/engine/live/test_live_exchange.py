"""From a sweep to live orders: exported parameters, the local exchange's stream and orders, and what a replay says.

The sample day's match and politics contracts follow no underlying, so a stream knows all that their tapes know.
"""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.exchanges.network import hub
from touchline.engine.live.live import Live
from touchline.engine.live.trader import Trader
from touchline.engine.results.params import load_params
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.events import BOOK, KIND, UNDERLYING
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import Tape
from touchline.io import sample
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.errors import StreamError
from touchline.io.kalshi.rest.portfolio import FillRecord, OrderRecord
from touchline.io.kalshi.rest.settings import Settings
from touchline.io.store.schema import Side
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model

from ...program import engine

pytestmark = pytest.mark.slow
ENGINE = [sys.executable, "-c", "from touchline.engine.cli import main; main()"]
MATCH, POLITICS, INDEX = "SYNMATCH-26OCT06REDBLU-RED", "SYNPOL-26DEC-BILL-YES", "SYNINX-26OCT06H1600-B6787"
GRID_MICROS = 100  # what a fee is rounded to, and a rebate comes in


class Shown(NamedTuple):
    """What rests from a time on: YES ticks and lots."""

    ts: int
    bid: int | None
    bid_size: int
    ask: int | None
    ask_size: int


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("day")
    made = Store(folder)
    sample.load(made, sample.make(7, 0.02, folder / "files"))
    return made


@cache
def exported(day: Store, ticker: str, queue: str, size: int) -> Path:
    """Sweep four cells of one market and export the choice, as somebody in a hurry would."""
    folder = Path(day.path).parent / f"{ticker}-{queue}-{size}"
    sweep = ["sweep", "--store", day.path, "--strategy", "avellaneda-stoikov", "--market", ticker]
    sweep += ["--axis", "gamma=0.1,0.2", "--axis", "kappa=1,2", "--set", f"size={size}"]
    sweep += ["--assume", f"queue={queue}", "--assume", "horizon=fixed", "--out", str(folder / "sweep")]
    assert engine(*sweep).returncode == 0
    export = ["export", str(folder / "sweep"), "--out", str(folder / "params.toml"), "--force"]
    assert engine(*export).returncode == 0
    return folder / "params.toml"


def replayed(tape: Tape, path: Path) -> Replay:
    """The replay that the parameter file promises."""
    params = load_params(path)
    assumed = Assumptions().with_options({**params.venue, **params.limits})
    given = params.for_market(tape.market.ticker, tape.market.series)
    return replay(tape, quoting_model(params.strategy), given, assumed)


def shown_live(live: Live) -> list[Shown]:
    """Every change of what rests, as the live driver wrote it down."""
    assert live.block is not None
    log, ticks, top = live.block.log, live.block.grid.ticks, int(live.block.grid.top)
    out = []
    for at, (_, bid, bids, ask, asks) in enumerate(log.quotes[: live.block.state.scalars[S.quotes]].tolist()):
        prices = int(ticks[bid]) if bid else None, int(ticks[top - ask]) if ask else None
        out.append(Shown(int(log.quote_ts[at]), prices[0], bids, prices[1], asks))
    return out


def shown_replay(run: Replay) -> list[Shown]:
    return [Shown(*row) for row in run.quotes.select(Shown._fields).iter_rows()]


class Kept(NamedTuple):
    """What the exchange keeps of the account, read over REST."""

    fills: list[FillRecord]
    orders: list[OrderRecord]
    cash: int
    position: int


def kept(client: Client, ticker: str) -> Kept:
    portfolio = client.portfolio
    fills = [fill for page in portfolio.fills(ticker=ticker) for fill in page][::-1]
    orders = [order for page in portfolio.orders(ticker=ticker) for order in page]
    held = [one.position for page in portfolio.positions(ticker=ticker, settlement_status="all") for one in page]
    return Kept(fills, orders, portfolio.balance().cash, sum(held))


def traded(day: Store, path: Path, ticker: str, queue: str) -> tuple[Trader, Kept, list[tuple[Any, ...]]]:
    """Trade a market on the exchange moment by moment; what rests there is compared with the decision each time."""
    resting: list[tuple[Any, ...]] = []
    with Exchange(day.path, [ticker], speed=0, queue=queue, cash_dollars=1_000_000, tier="unlimited") as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        close = exchange.venue.markets[ticker].close_ts

        def own() -> dict[Side, tuple[int, int]]:
            return {order.side: (order.price, order.remaining) for order in exchange.venue.markets[ticker].book.own()}

        with Client(settings) as client, Trader(path, ticker, client, clock=exchange.now) as trader:
            trader.catch_up()
            while (ts := exchange.step()) < close:
                quote = trader.catch_up()
                there = exchange.call(own)
                wanted = {Side.BID: (quote.bid, quote.bid_size), Side.ASK: (quote.ask, quote.ask_size)}
                assert there == {side: one for side, one in wanted.items() if one[0] is not None}, ts
                resting.append((ts, there))
            exchange.advance(2)  # orders of a closed market go a second later
            trader.catch_up()
            assert not trader.orders.working
            account = kept(client, ticker)
        assert exchange.call(own) == {}
    assert len(account.orders) == len(trader.orders.sides)
    return trader, account, resting


def account_equals_live(trader: Trader, account: Kept) -> None:
    """Fills one by one, the position and the cash to the micro-dollar; and no order is left or unknown.

    The exchange takes a dollar for each NO contract and its YES that was sold; the engine books the sale alone.
    """
    told = [
        (fill.ts, fill.price, fill.lots, "bid" if fill.side is Side.BID else "ask", fill.fee)
        for fill in trader.live.reported or ()
    ]
    assert told == [(f.created_time, f.price, f.count, f.book_side, f.fee) for f in account.fills]
    assert len(told) > 10
    assert trader.live.position == account.position
    assert trader.live.cash + min(account.position, 0) * 10_000 == account.cash - 1_000_000 * 1_000_000
    placed = {order.client_order_id for order in account.orders}
    assert placed <= set(trader.orders.sides)  # the others were refused: they would have crossed
    assert not any(order.status == "resting" for order in account.orders)


@pytest.mark.parametrize(("ticker", "at_least"), [(MATCH, 100), (POLITICS, 20)])
def test_live_orders_do_what_the_replay_did(day: Store, ticker: str, at_least: int) -> None:
    """Equal to the bit: every decision with its time, every fill, the position, and the cash before fees.

    The queue model is one that fills what the book crosses, as an exchange does, and orders are smaller than what
    crosses them. The exchange shows our own orders and the tape does not: the feed leaves them out. Fees may differ:
    an amended order keeps what rounding took too much of it, in a replay a moved order is a new one.
    """
    path = exported(day, ticker, "touch+cross@1", size=1)
    run = replayed(compile_tape(day, ticker), path)
    trader, account, resting = traded(day, path, ticker, "touch+cross@1")
    account_equals_live(trader, account)
    close = int(trader.feed.market.close_ts or 0)
    assert [one for one in shown_live(trader.live) if one.ts < close] == [
        one for one in shown_replay(run) if one.ts < close
    ]
    fills = run.fills.select("ts", "side", "price", "size").rows()
    assert [(fill.ts, int(fill.side), fill.price, fill.lots) for fill in trader.live.reported or ()] == fills
    assert len(fills) >= at_least and len(resting) > 600
    assert trader.live.position == run.totals.position
    paid = sum(fill.fee for fill in trader.live.reported or ())
    assert trader.live.cash + paid == run.totals.cash + run.totals.fees - run.totals.rebates
    assert abs(paid - (run.totals.fees - run.totals.rebates)) <= GRID_MICROS * len(fills)
    assert 2 * len(fills) < trader.orders.sent < 5 * len(fills) + 2 * len(resting)


def test_live_orders_leave_the_replay_where_the_book_crosses_them(day: Store) -> None:
    """A replay under a queue model without crosses and the exchange agree to the bit until the book crosses a quote.

    There the exchange trades, as a real one would, and the recording knows nothing of it.
    """
    path = exported(day, MATCH, "pessimistic@1", size=10)
    tape = compile_tape(day, MATCH)
    run = replayed(tape, path)
    trader, account, _ = traded(day, path, MATCH, "pessimistic@1")
    account_equals_live(trader, account)
    live, back = shown_live(trader.live), shown_replay(run)
    first = next(at for at, (ours, theirs) in enumerate(zip(live, back, strict=False)) if ours != theirs)
    parted = min(live[first].ts, back[first].ts)
    before, columns = live[first - 1], tape.columns
    prices, now = tape.grid.ticks, (columns.ts == parted) & ((columns.kind & KIND) == BOOK)
    bids, asks = prices[columns.best_bid[now]], prices[columns.best_ask[now]]
    crossed = (before.ask is not None and bool((bids >= before.ask).any())) or (
        before.bid is not None and bool((asks <= before.bid).any())
    )
    assert crossed and first > 10
    ours = [(f.ts, int(f.side), f.price, f.lots) for f in trader.live.reported or () if f.ts < parted]
    assert ours == [row for row in run.fills.select("ts", "side", "price", "size").rows() if row[0] < parted]
    assert len(ours) > 5


def test_fills_and_cash_agree_however_the_clock_runs(day: Store, tmp_path: Path) -> None:
    """`engine exchange` as a process, 2,000 seconds a second: decisions come late, and the books still agree."""
    path = exported(day, MATCH, "pessimistic@1", size=10)
    keys = tmp_path / "keys"
    command = [*ENGINE, "exchange", "--store", day.path, MATCH, "--speed", "2000", "--keys", str(keys)]
    with subprocess.Popen([*command, "--cash", "1000000", "--tier", "prestige"], stdout=subprocess.PIPE) as served:
        assert served.stdout is not None
        address = json.loads(served.stdout.readline())
        environ = {
            "KALSHI_KEY_ID": (keys / "key-id").read_text().strip(),
            "KALSHI_PRIVATE_KEY_PATH": str(keys / "private.pem"),
            "KALSHI_REST_URL": address["rest"],
            "KALSHI_WS_URL": address["ws"],
        }
        try:
            with Client(Settings.from_env(environ, dotenv=None)) as client:
                with Trader(path, MATCH, client) as trader:
                    until = time.monotonic() + 240  # it takes 45 s where nothing else runs
                    while client.market_data.market(MATCH).status in ("active", "inactive"):
                        trader.step(0.05)
                        assert time.monotonic() < until
                    account = kept(client, MATCH)
                    while any(order.status == "resting" for order in account.orders):  # they go after the close
                        assert time.monotonic() < until
                        account = kept(client, MATCH)
                    trader.catch_up()
                account_equals_live(trader, account)
        finally:
            served.send_signal(signal.SIGTERM)
    assert served.returncode == 0


@pytest.mark.parametrize("ticker", [MATCH, INDEX])
@pytest.mark.parametrize("name", ["avellaneda-stoikov", "fixed-spread"])
def test_a_stream_of_the_sample_day_decides_as_its_replay(day: Store, ticker: str, name: str) -> None:
    """One event after the other, with the underlying's ticks where there is one: prices, sizes, times, fills."""
    tape, model = compile_tape(day, ticker), quoting_model(name)
    assumed = Assumptions(queue="power@3", horizon="to-close")
    run = replay(tape, model, {}, assumed)
    live = Live(tape.market, model, {}, assumed)
    ticks = (tape.columns.kind & KIND) == UNDERLYING
    seen: list[Shown] = []
    for at in range(len(tape)):
        values = tape.values[tape.columns.aux[at] : tape.columns.aux[at] + 1] if ticks[at] else None
        quote = live.feed(Columns(*(column[at : at + 1] for column in tape.columns)), values)
        seen.append(Shown(*(getattr(quote, field) for field in Shown._fields)))
    assert shown_live(live) == shown_replay(run)
    assert set(shown_replay(run)) <= set(seen)
    assert (live.position, live.cash) == (run.totals.position, run.totals.cash)
    assert live.block is not None
    fills = run.fills.height
    assert live.block.log.fill_ts[:fills].tolist() == run.fills["ts"].to_list()
    assert live.block.log.fills[:fills, 3].tolist() == run.fills["size"].to_list()
    assert fills >= 5 and run.quotes.height > 40
    assert np.count_nonzero(ticks) == len(tape.values)


def test_real_money_expired_parameters_and_unknown_prices_are_refused(day: Store) -> None:
    path = exported(day, MATCH, "touch+cross@1", size=1)
    with Exchange(day.path, [MATCH], speed=0) as exchange:
        environ = exchange.environment
        with Client(Settings.from_env({**environ, "KALSHI_ENV": "production"}, dotenv=None)) as client:
            Trader(path, MATCH, client, production=True).close()
            with pytest.raises(InputError, match="production=True"):
                Trader(path, MATCH, client)
        exchange.advance(3 * 86_400)
        with Client(Settings.from_env(environ, dotenv=None)) as client, pytest.raises(InputError, match="valid until"):
            Trader(path, MATCH, client)


def test_a_mirrored_book_is_noticed_before_anything_is_ordered(day: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exchange whose stream ignores which prices were asked for."""
    path = exported(day, MATCH, "touch+cross@1", size=1)
    asked = hub._level_price
    monkeypatch.setattr(hub, "_level_price", lambda side, ticks, yes_price: asked(side, ticks, False))
    with Exchange(day.path, [MATCH], speed=0) as exchange:
        settings = Settings.from_env(exchange.environment, dotenv=None)
        with Client(settings) as client, Trader(path, MATCH, client, clock=exchange.now) as trader:
            with pytest.raises(StreamError, match="nothing was ordered"):
                for _ in range(200):
                    exchange.step()
                    trader.catch_up()
            assert not kept(client, MATCH).orders


def test_addresses_of_the_real_exchange_are_production_whatever_the_name_says() -> None:
    demo = Settings("demo", "https://external-api.kalshi.com/trade-api/v2", "wss://127.0.0.1/ws")
    assert demo.is_production and not Settings().is_production and Settings("production").is_production
