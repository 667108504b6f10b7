"""What the local exchange pays a session is what the session says, and its journal, which is the recording, again.

The session's orders stand in the exchange's book, near the mid too, where they take out of it what they meet; the
stream that the journal keeps shows that book. Own orders are taken out of it, and scored beside what is left.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline.engine.results.params import (
    FORMAT,
    VERSION,
    Applies,
    Params,
    Provenance,
    Validity,
    load_params,
    write_params,
)
from touchline.engine.rewards.programs import Program
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.trading.around.standing import status_of
from touchline.engine.trading.knowing.report import write_session_report
from touchline.engine.trading.knowing.twin import twin_of
from touchline.engine.trading.ledger import TradeLedger
from touchline.engine.trading.market import Listed, TradedMarket
from touchline.engine.trading.runner import SessionRunner
from touchline.io.kalshi.stream.frames import Frame
from touchline.io.store.schema import Side
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread

from ..exchanges.conftest import SECOND, START, TICKER
from ..live.test_live_feed import Wire
from .conftest import begun, opened, walked
from .day import LEASE_S, sample_day
from .test_paper import replayed

#: Cents from the mid, a market each.
DISTANCES = (2.0, 3.0, 4.0, 6.0, 10.0)


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return sample_day(tmp_path_factory.mktemp("rewarded"), 0.02, programs=True)


def distances_of(store: Store) -> dict[str, float]:
    quarters = [name for name in store.tickers("book") if name.startswith("SYNBTC15M")]
    return dict(zip(quarters, DISTANCES, strict=False))


def write_rewarded(path: Path, distances: dict[str, float]) -> Path:
    """A model that quotes so many cents from the mid of each market, and counts what programs pay."""
    cells = [
        Applies({"half_spread": half, "skew": 0.0, "size": 100.0}, market=ticker) for ticker, half in distances.items()
    ]
    venue = {
        "queue": "touch+cross@1", "horizon": "fixed", "volatility": "constant", "rewards": "recorded",
        "position_limit": 50_000.0,
    }  # fmt: skip
    write_params(
        path,
        Params(
            FORMAT, VERSION, "fixed-spread", cells, {}, venue,
            Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", "2027-01-01T00:00:00Z"),
            Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
        ),
    )  # fmt: skip
    return path


@pytest.mark.usefixtures("plain_kernels")
def test_orders_score_until_the_moment_at_which_they_end(tmp_path: Path) -> None:
    """Each takes its side alone: the bid fills after eight seconds, the ask is cancelled a second later."""
    params, now, wire = load_params(write_rewarded(tmp_path / "p.toml", {TICKER: 1.0})), [START], Wire(TICKER)
    paying = Program("p", TICKER, START + 2 * SECOND, START + 12 * SECOND, 10**8, 100, 5_000)
    listed = TapeMarket(TICKER, "KXTEST", open_ts=START - SECOND, close_ts=START + 10**12)
    market = TradedMarket(
        Listed(listed, programs=(paying,)), (params, FixedSpread), TradeLedger("tl-"), lambda: now[0], assumed=False
    )

    def hears(frame: Frame) -> None:
        market.take(frame, now[0])
        market.gather()
        market.decide(now[0])

    hears(wire.snapshot({(1, 4_500): 1_000, (-1, 5_500): 1_000}))
    for second, ends in ((1, False), (11, True), (14, False)):
        now[0] = START + second * SECOND
        if ends:
            market.filled(START + 10 * SECOND, Side.BID, 4_900, 10_000, 0)
            market.gone(-1, 5_100)
        else:
            hears(wire.delta(now[0], 1, 4_400, 100))
    [one] = market.live.programs.so_far()
    assert (one["included"], one["bid_share"], one["ask_share"]) == (10, 0.8, 0.9)


@pytest.mark.slow
def test_the_exchange_pays_to_the_cent_what_session_and_journal_say(sampled: Store, tmp_path: Path) -> None:
    distances = distances_of(sampled)
    folder = begun(tmp_path / "s", write_rewarded(tmp_path / "p.toml", distances), mode="production", lease_s=LEASE_S)
    with opened(sampled, tickers=list(distances), cash_dollars=1_000_000) as (exchange, client):
        with SessionRunner(folder, client, list(distances), inline=True) as runner:
            walked(exchange, runner)
            exchange.advance(60)
            runner.catch_up()
            told = {
                ticker: one for ticker, market in runner.machine.markets.items()
                for one in market.live.programs.so_far()
            }  # fmt: skip
            status = status_of(runner.machine)["rewards"]
        paid = {one.program.ticker: one.paid for one in exchange.incentives.programs}
    assert {ticker: one["paid"] for ticker, one in told.items()} == paid
    assert set(paid) == set(distances) and min(paid.values()) > 1_000_000
    assert status == {"earned": sum(one["earned"] for one in told.values()), "paid": sum(paid.values())}
    twin = twin_of(folder.path)
    assert twin.rewards == status["earned"]
    assert all(market.fills for market in twin.markets.values())


@pytest.mark.slow
def test_a_session_on_paper_earns_what_the_backtest_of_its_recording_does(sampled: Store, tmp_path: Path) -> None:
    distances = dict(list(distances_of(sampled).items())[:2])
    folder = begun(tmp_path / "s", write_rewarded(tmp_path / "p.toml", distances), mode="paper", lease_s=LEASE_S)
    with (
        opened(sampled, tickers=list(distances), speed="max") as (exchange, client),
        SessionRunner(folder, client, list(distances)) as runner,
    ):
        while not exchange.finished():
            runner.step(0.1)
        for _ in range(3):
            runner.step(0.1)
        told = {ticker: market.live.programs.so_far() for ticker, market in runner.machine.markets.items()}
        status = status_of(runner.machine)["rewards"]
    for ticker, periods in told.items():
        same = [{name: one[name] for name in periods[0]} for one in replayed(sampled, folder.params, ticker).periods]
        assert periods == same and periods[0]["paid"] > 1_000_000
    assert status["paid"] == sum(one["paid"] for periods in told.values() for one in periods)
    assert twin_of(folder.path).rewards == status["earned"]
    page = write_session_report(folder.path, tmp_path / "page.html").read_text()
    assert f"${status['earned'] / 1e6:,.2f}" in page
