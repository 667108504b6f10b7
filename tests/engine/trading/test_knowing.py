"""What is read out of a journal: the twin, how queues moved, and the assumptions that a backtest takes of it."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from touchline import engine
from touchline.engine.api.asked import assumptions_of
from touchline.engine.results.params import load_params, write_params
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.knowing.course import course_of
from touchline.engine.trading.knowing.daily import markouts, quoting, settlements
from touchline.engine.trading.knowing.queues import PLACE_NAMES
from touchline.engine.trading.knowing.session_fit import fit_session
from touchline.engine.trading.knowing.twin import Twin, twin_of
from touchline.engine.trading.lines import Command
from touchline.engine.trading.runner import SessionRunner
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.rest import wire
from touchline.io.kalshi.rest.portfolio import SettlementRecord
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store

from ..exchanges.conftest import SECOND, START, book_rows, market_row, random_frames, trade_rows
from .conftest import begun, opened, tickers_of, walked, write_quick_params
from .queue_fits import held
from .test_paper import replayed


def busy_queues(rows: int) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """A market whose two best levels stay, while orders come and go there and some trade."""
    rng, levels = random.Random(3), {(1, 4200): 2000, (-1, 4600): 2000}
    book: list[Any] = [(0.0, BookKind.CLEAR, 0, 0, 0)]
    book += [(0.0, BookKind.LEVEL, side, price, lots) for (side, price), lots in levels.items()]
    trades: list[Any] = []
    for at in (0.5 * (k + 1) for k in range(rows)):
        (side, price), draw = rng.choice(list(levels)), rng.random()
        most = levels[side, price] - 400
        change = rng.randrange(50, 400) if draw < 0.45 or most < 20 else -rng.randrange(10, min(most, 300))
        if draw > 0.9 and change < 0:
            trades.append((at, price, -change, -side))
        levels[side, price] += change
        book.append((at, BookKind.DELTA, side, price, change))
    ticker = tickers_of(1)[0]
    market = market_row(ticker, close_ts=START + int((rows + 60) * 0.5 * SECOND))
    return market, book_rows(book, ticker), trade_rows(trades, ticker)


def sessions(place: Path, queue: str, frames: tuple[pl.DataFrame, ...], **settings: object) -> SessionFolder:
    """A session in production at an exchange whose orders wait as a model says."""
    store = Store(place / "store")
    markets, books, trades = frames
    named = markets["ticker"].to_list()
    store.ingest("made up", "day", [Chunk({"markets": markets, "book": books, "trades": trades})])
    params = write_quick_params(place / "params.toml", queue=queue, size=0.5)
    folder = begun(place / "session", params, mode="production", **settings)
    with (
        opened(store, queue=queue) as (exchange, client),
        SessionRunner(folder, client, named, inline=True) as runner,
    ):
        walked(exchange, runner)
    return folder


@pytest.fixture(scope="module")
def crossing(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    return sessions(tmp_path_factory.mktemp("crossing"), "touch+cross@1", random_frames(7, tickers=2, rows=150))


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> SessionFolder:
    return sessions(tmp_path_factory.mktemp("waiting"), "power@2", busy_queues(300), reconcile_s=2)


@pytest.fixture(scope="module")
def twin(crossing: SessionFolder) -> Twin:
    return twin_of(crossing.path)


def test_the_difference_from_the_twin_is_split_without_a_rest(twin: Twin):
    facts = twin.facts
    assert sum(twin.parts.values()) == facts["difference"] == facts["P&L"] - facts["P&L of the twin"]
    for market in twin.markets.values():
        assert sum(market.parts.values()) == market.pnl - market.twin_pnl
        assert market.fills > 10 and market.twin_fills > 10


def test_an_exchange_that_fills_as_assumed_gives_what_was_expected(twin: Twin):
    """Orders that rest for no time between two decisions of one moment are all that may differ."""
    assert [*twin.places] == [name for name in PLACE_NAMES if name in twin.places]
    places = twin.places.values()
    expected, both = (sum(getattr(one, name) for one in places) for name in ("expected", "both"))
    assert both > 0.9 * expected and sum(one.had for one in places) > 0
    assert twin.parts["latency"] == 0 and twin.parts["fees"] == 0


def test_the_report_of_a_session_is_a_page_of_its_own(crossing: SessionFolder):
    path = engine.report(crossing.path)
    text = path.read_text()
    assert path.stat().st_size < 1_000_000 and crossing.document()["prefix"] not in text
    for told in ("P&amp;L of the twin", "Markouts", "Uptime", "both sides quoted", "Fills by place in the queue"):
        assert told in text


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("restarts", [False, True])
def test_rewards_expected_are_those_of_the_backtest_and_add_up_over_restarts(restarts: bool, tmp_path: Path):
    markets, books, trades = random_frames(7, tickers=1, rows=100)
    ticker, made = tickers_of(1)[0], {"kind": "liquidity", "reward": 9_000_000, "target": 200, "discount": 5_000}
    programs = [
        {"id": f"p{k}", "ticker": ticker, "start_ts": START + at * SECOND, "end_ts": START + (at + 20) * SECOND, **made}
        for k, at in enumerate((2, 25))
    ]
    store = Store(tmp_path / "store")
    frames = {"markets": markets, "book": books, "trades": trades, "programs": pl.DataFrame(programs)}
    store.ingest("made up", "day", [Chunk(frames)])
    plain = load_params(write_quick_params(tmp_path / "plain.toml", size=3.0, queue="power@3"))
    counted = msgspec.structs.replace(plain, venue={**plain.venue, "rewards": "recorded"})
    write_params(tmp_path / "params.toml", counted)
    folder = begun(tmp_path / "session", tmp_path / "params.toml", mode="paper")
    with opened(store) as (exchange, client):
        earned: list[int] = []
        for moments in (46, None) if restarts else (None,):
            with SessionRunner(folder, client, [ticker], inline=True) as runner:
                walked(exchange, runner, moments)
                earned.append(runner.status()["rewards"]["earned"])
    found = twin_of(folder.path)
    assert found.rewards == sum(earned) and all(earned)
    if not restarts:
        periods = replayed(store, folder.params, ticker).periods or []
        assert [one["earned"] > 0 for one in periods] == [True, True]
        assert found.rewards == sum(one["earned"] for one in periods)
    assert f"${found.rewards / 1e6:,.2f}" in engine.report(folder.path).read_text()


def test_settlements_agree_in_contracts_and_whole_cents_or_say_what_differs(crossing: SessionFolder):
    course = course_of(crossing.path)
    first, second = tickers_of(2)
    course.told.append(("settle", 1, {"market": first, "position": -30, "value": 3_333}))
    held = course.of("fill")[-1][1]["position"] if course.of("fill")[-1][1]["market"] == second else None
    ours = {one.ticker: one for one in settlements(course)}
    assert ours[first].agrees is None and ours[first].difference is None

    def there(ticker: str, yes: str, no: str, value: int) -> SettlementRecord:
        told = {"ticker": ticker, "yes_count_fp": yes, "no_count_fp": no, "value": value}
        return wire.decode(SettlementRecord, msgspec.json.encode(told))

    (same,) = [one for one in settlements(course, [there(first, "0.00", "0.30", 33)]) if one.ticker == first]
    assert same.agrees is True and same.difference is None
    (other,) = [one for one in settlements(course, [there(first, "0.00", "0.10", 33)]) if one.ticker == first]
    assert other.difference == (
        f"{first}: our account has -0.3 contracts paid at 33.33 cents, the exchange -0.1 contracts paid at 33 cents"
    )
    (strange,) = [one for one in settlements(course, [there(second, "9.00", "0.00", 100)]) if one.ticker == second]
    assert "not yet paid, the exchange 9 contracts paid at 100 cents" in (strange.difference or "")
    assert held is None or strange.position == held


def test_the_report_of_a_killed_session_without_a_fill_says_both(tmp_path: Path, params: Path, day: Store):
    folder = begun(tmp_path / "killed", params, mode="paper")
    with opened(day) as (exchange, client), SessionRunner(folder, client, tickers_of(1), inline=True) as runner:
        walked(exchange, runner, 1)
        runner.order(Command("halt", "one by one"))
        runner.order(Command("kill", "for a test"))
    text = engine.report(folder.path).read_text()
    assert "person: for a test" in text and "1 halts" in text and "Nothing was filled" in text


def test_uptime_and_markouts_are_those_of_the_lines(crossing: SessionFolder):
    course = course_of(crossing.path)
    for one in quoting(course).values():
        assert 0 < one.both <= one.some <= one.seconds
        assert one.some + sum(one.reasons.values()) == pytest.approx(one.seconds)
    first = markouts(course)[0]
    assert first.seconds == 1 and 0 < first.fills <= len(course.of("fill")) and abs(first.cents) < 50


@pytest.mark.slow
def test_orders_rest_from_their_arrival_and_the_exchange_says_where(waiting: SessionFolder):
    course = course_of(waiting.path)
    stints = [one for market in course.markets.values() for one in market.stints]
    rested = [one for one in stints if one.begins is not None and one.ends is not None]
    assert len(rested) > 5 and sum(len(one.readings) for one in rested) > 30
    assert all(one.decided <= one.begins <= one.ends for one in rested if one.begins and one.ends)
    assert sum(one.had for one in stints) == sum(told["lots"] for _, told in course.of("fill"))


@pytest.mark.slow
def test_a_fit_finds_how_the_exchange_fills_and_a_backtest_takes_it(waiting: SessionFolder, tmp_path: Path):
    found = fit_session(waiting.path)
    assert found.queue is not None and found.queue.readings > 30
    assert found.queue.inside(2.0) and found.queue.high < 2 * found.queue.low
    path = found.write(tmp_path / "fit")
    fits = engine.fit(session=waiting.path, out=tmp_path / "again").session
    assert fits is not None and fits.facts == found.facts
    assert assumptions_of(path, None, None) == Assumptions(queue=found.queue.queue)


def test_only_orders_that_rested_say_how_queues_move(tmp_path: Path, params: Path):
    folder = begun(tmp_path / "paper", params, mode="paper")
    with pytest.raises(InputError, match="only orders that rested"):
        fit_session(folder.path)


@pytest.mark.slow
def test_intervals_hold_the_truth():
    """Three seeds of ``python -m tests.engine.trading.queue_fits 100``."""
    assert held(3) == 3
