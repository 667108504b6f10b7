"""Markets by what programs pay: by hand on a live book, and on a tape as the replay says."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from touchline.engine import scan
from touchline.engine.exchanges import Exchange
from touchline.engine.rewards.programs import Program
from touchline.engine.runs.reward_scan import _best, _of_replay, candidate_of, stored_losses
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.ground.errors import InputError
from touchline.io.kalshi.rest.models import MarketRecord, OrderBook
from touchline.io.kalshi.rest.wire import convert
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.behind_best import BehindBest

from ..exchanges.conftest import START, random_frames
from ..simulator.test_rewards import QUIET, paying, still_tape

#: 20 dollars a quarter of an hour, 300 contracts a side: 960 dollars a side and day.
PROGRAM = Program("p", "M", 1_800_000_000 * 10**9, 1_800_000_900 * 10**9, 20_000_000, 30_000, 5_000)


def shown(yes: list[list[str]], no: list[list[str]]) -> OrderBook:
    return convert(OrderBook, {"ticker": "M", "orderbook_fp": {"yes_dollars": yes, "no_dollars": no}})


def market(**told: Any) -> MarketRecord:
    return convert(MarketRecord, {"ticker": "M", "status": "active", **told})


def test_a_live_book_says_share_rewards_and_collateral() -> None:
    book = shown([["0.4000", "300.00"]], [["0.5000", "300.00"]])
    found = candidate_of(market(volume_24h_fp="800.00"), book, [PROGRAM], 100.0, 0.0, 2.0)
    assert found is not None
    assert found.share == 0.25  # 100 of 400 on either side
    assert found.reward_day == pytest.approx(1_920 * 0.25)
    assert found.locked == pytest.approx(40.0 + 50.0)
    assert found.filled_day == pytest.approx(200.0)  # a quarter of 400 contracts a side
    assert found.net_day == pytest.approx(480.0 - 200.0 * 0.02)
    assert found.per_dollar == pytest.approx(476.0 / 90.0)


def test_a_cent_behind_scores_half_and_a_book_without_a_side_is_left_out() -> None:
    book = shown([["0.4000", "100.00"], ["0.3900", "900.00"]], [["0.5000", "300.00"]])
    found = candidate_of(market(), book, [PROGRAM], 100.0, 1.0, 0.0)
    assert found is not None
    assert found.share == 0.0 + (100 / 2) / (100 + 1000 / 2) / 2  # asks a cent behind are below what scores
    assert candidate_of(market(), shown([], [["0.5000", "300.00"]]), [PROGRAM], 100.0, 0.0, 0.0) is None


@pytest.mark.usefixtures("plain_kernels")
def test_a_tape_says_what_its_replay_does() -> None:
    tape, _ = paying(still_tape(seconds=20), 0, 10)
    run = replay(tape, BehindBest, {"distance": 0.0, "size": 10.0}, QUIET)
    found = _of_replay(run, None)
    shares = [run.periods[0][side] for side in ("bid_share", "ask_share")]
    assert found.share == sum(shares) / 2 > 0.1
    assert found.reward_day == pytest.approx(run.totals.rewards_earned / 1e6 / 9.5 * 86_400, rel=0.06)
    assert found.locked == pytest.approx((0.46 + 0.52) * 10)
    assert (found.filled_day, found.loss) == (0.0, 0.0)
    assert _best([found, found])[0] is found


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Store:
    store = Store(tmp_path_factory.mktemp("history"))
    markets, books, trades = random_frames(3, tickers=2, rows=400)
    paid = {"id": "p", "ticker": "KXTEST-26SEP21-B0", "kind": "liquidity", "start_ts": START, "end_ts": START + 10**12}
    programs = pl.DataFrame([paid | {"reward": 10**8, "target": 10, "discount": 5_000, "cap": None}])
    tables = {"markets": markets, "book": books, "trades": trades, "programs": programs}
    store.ingest("made up", "history", [Chunk(tables)])
    return store


@pytest.mark.usefixtures("plain_kernels")
def test_a_store_says_what_fills_lose_in_a_series(history: Store) -> None:
    """Weighed by contracts over its markets; whoever would never have filled is to state it."""
    cell = {"distance": 0.0, "size": 10.0}
    assumed = Assumptions(fees="none", position_limit=100.0)
    fills = [replay(compile_tape(history, one), BehindBest, cell, assumed).fills for one in history.tickers("book")]
    lots = [size for one in fills for size in one["size"]]
    made = [mark * size for one in fills for mark, size in zip(one["markout_60s"], one["size"], strict=True)]
    assert len(lots) > 10
    assert stored_losses(history, ["KXTEST"], 10.0, 0.0) == {"KXTEST": pytest.approx(-sum(made) / sum(lots) / 100)}
    with pytest.raises(InputError, match="no order of 10 contracts 90 cents behind filled"):
        stored_losses(history, ["KXTEST"], 10.0, 90.0)


@pytest.mark.usefixtures("plain_kernels")
def test_a_scan_of_open_markets_takes_the_loss_from_a_store_of_the_same_series(
    history: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Exchange(history.path, speed=0, tier="unlimited") as exchange:
        for name, value in exchange.environment.items():
            monkeypatch.setenv(name, value)
        exchange.advance(30)
        [one] = scan("KXTEST", rewards=True, history=history, size=10, rate=1000)
    assert (one.ticker, one.programs) == ("KXTEST-26SEP21-B0", 1)
    assert {"KXTEST": one.loss} == stored_losses(history, ["KXTEST"], 10.0, 0.0)
    assert one.reward_day > 0.0 and one.share > 0.0


def test_a_scan_for_rewards_says_what_it_needs(history: Store) -> None:
    with pytest.raises(InputError, match="loss= in cents, or history=, a store"):
        scan("KXBTC15M", rewards=True)
    for wrong, text in (
        ({"loss": 1.0, "history": history}, "pass one of them"),
        ({"store": history, "history": history}, "history= is for open markets"),
        ({"loss": 1.0, "reward": "pool=20,per=15m,target=300"}, "reward= is for one with store="),
    ):
        with pytest.raises(InputError, match=text):
            scan("KXBTC15M", rewards=True, **wrong)
    with pytest.raises(InputError, match="has no books of KXBTC15M"):
        scan("KXBTC15M", rewards=True, history=history)
    with pytest.raises(InputError, match="pass rewards=True"):
        scan("KXBTC15M", store="day")  # type: ignore[call-overload]  # what is refused
    with pytest.raises(InputError, match="size="):
        scan("KXBTC15M", rewards=True, size=0)
