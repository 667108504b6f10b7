"""Markets are chosen anew while a session runs: who joins, who is wound down, and that the journal replays."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
from touchline.engine.results.params import load_params, write_params
from touchline.engine.trading.audit import audit
from touchline.engine.trading.choosing.choice import Rules, choose, is_denied
from touchline.engine.trading.choosing.lookout import Lookout
from touchline.engine.trading.folder import SessionFolder, recovered
from touchline.engine.trading.knowing.course import course_of
from touchline.engine.trading.ledger import ENDING, TradeLedger
from touchline.engine.trading.lines import Choosing, ScoredMarket
from touchline.engine.trading.runner import SessionRunner
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread

from ..exchanges.conftest import START, random_frames
from .conftest import SECOND, begun, opened, tickers_of, walked, write_quick_params
from .test_paper import lines_of
from .test_production import even, told

pytestmark = pytest.mark.usefixtures("plain_kernels")
NAMES = [f"KX{series}-{number}" for series in "AB" for number in range(6)]
BAND = 0.25
SERIES = Choosing(["KXTEST"])
BEST = Choosing(["KXTEST"], top=1)


def scored(dice: random.Random, low: float = 0.0) -> list[ScoredMarket]:
    some = dice.sample(NAMES, dice.randint(0, len(NAMES)))
    return [ScoredMarket(name, dice.choice([low, dice.uniform(low, 2.0)])) for name in some]


@pytest.mark.parametrize("top", [None, 1, 3])
def test_never_more_than_allowed_never_a_denied_one_and_always_the_same(top: int | None):
    dice = random.Random(5)
    rules = Rules(top, BAND, ("KXB", "KXA-3"))
    held: dict[str, bool] = {}
    for _ in range(500):
        found = scored(dice)
        choice = choose(found, held, rules)
        assert choice == choose(dice.sample(found, len(found)), dict(reversed(held.items())), rules)
        assert not any(is_denied(one, rules.denied) for one in choice.join)
        assert not {*choice.join} & {*choice.part} and all(held[one] is False for one in choice.part)
        held |= dict.fromkeys(choice.part, True) | dict.fromkeys(choice.join, False)
        assert top is None or len(held) <= top  # those that are wound down are counted
        for ticker in [one for one, ends in held.items() if ends and dice.random() < 0.5]:
            del held[ticker]


def test_nothing_changes_while_scores_stay_inside_the_band():
    dice = random.Random(6)
    for _ in range(200):
        base = {name: dice.choice([1.0, 1.2]) for name in NAMES}
        held = dict.fromkeys(choose([ScoredMarket(*one) for one in base.items()], {}, Rules(3, BAND)).join, False)
        for _ in range(5):
            moved = [ScoredMarket(name, dice.uniform(1.0, 1.0 + BAND)) for name in NAMES]
            assert choose(moved, held, Rules(3, BAND)) == ([], [])


def test_one_that_is_wound_down_may_come_back_and_one_that_is_denied_goes():
    found = [ScoredMarket("KXA-1", 3.0), ScoredMarket("KXA-2", 1.0)]
    assert choose(found, {"KXA-1": True}, Rules(1, BAND)) == (["KXA-1"], [])
    assert choose(found, {"KXA-2": True}, Rules(1, BAND)) == ([], [])  # its place is not free yet
    assert choose(found, {"KXA-1": False}, Rules(1, BAND, ("KXA-1",))) == ([], ["KXA-1"])
    assert choose(found, {"KXA-1": False}, Rules(None, BAND, ("KXA",))) == ([], ["KXA-1"])


@pytest.fixture(scope="module")
def opening(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Three markets of a series, of which the last opens after twenty seconds."""
    store = Store(tmp_path_factory.mktemp("opening"))
    markets, books, trades = random_frames(7, tickers=3, rows=120)
    late, opens = tickers_of()[2], START + 20 * SECOND
    is_late, after = pl.col("ticker") == late, 20 * SECOND
    markets = markets.with_columns(open_ts=pl.when(is_late).then(opens).otherwise("open_ts"))
    moved = pl.when(is_late).then(pl.col("ts") + after).otherwise("ts")
    books, trades = (one.with_columns(ts=moved).sort("ts", maintain_order=True) for one in (books, trades))
    store.ingest("made", "up", [Chunk({"markets": markets, "book": books, "trades": trades})])
    return store


@pytest.mark.parametrize("mode", ["paper", "production"])
def test_a_market_of_the_series_that_opens_joins_and_is_quoted(
    opening: Store, session: Callable[..., SessionFolder], mode: str
):
    folder, late = session(mode=mode, choose_s=5), tickers_of()[2]
    with opened(opening) as (exchange, client):
        cash = exchange.venue.account.cash
        with SessionRunner(folder, client, (), inline=True, choosing=SERIES) as runner:
            assert list(runner.machine.markets) == tickers_of()[:2]
            walked(exchange, runner)
            roster = runner.machine.roster
            assert roster is not None and not roster.ahead
            if mode == "production":
                even(exchange, runner, cash)
                groups = [runner.machine.ledger.holding(one).group for one in tickers_of()]
                assert all(groups) and len({*groups}) == 3
    (join,) = [one for _, one in told(folder, "join")]
    quotes, fills = lines_of(folder, "quote", late), lines_of(folder, "fill", late)
    assert join["market"] == late and len(quotes) > 20 and fills
    assert quotes[0][0].ts <= START + 27 * SECOND
    assert audit(folder.path).difference is None
    assert len(course_of(folder.path).markets[late].columns.ts) > 50
    assert told(folder, "halt", "kill") == []


def test_a_market_joins_beside_the_loop_and_the_session_ends_with_the_last_one(
    opening: Store, session: Callable[..., SessionFolder]
):
    folder = session(mode="production", choose_s=2)
    with opened(opening, speed=40) as (_, client):
        begun = time.monotonic()
        with SessionRunner(folder, client, (), choosing=SERIES) as runner:
            runner.run(seconds=30)
            assert time.monotonic() - begun < 25
    assert [one["market"] for _, one in told(folder, "join")] == tickers_of()[2:]
    assert lines_of(folder, "quote", tickers_of()[2])
    assert audit(folder.path).difference is None


class Scores:
    """What the markets are worth, as a test says."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = {tickers_of()[0]: 1.0, tickers_of()[1]: 0.9}
        monkeypatch.setattr(
            Lookout, "_candidates", lambda *_: [ScoredMarket(ticker, score) for ticker, score in self.now.items()]
        )


@pytest.mark.parametrize(("mode", "ending"), [("paper", "reduce"), ("production", "reduce"), ("production", "hold")])
def test_one_below_the_band_is_wound_down_and_then_the_next_begins(
    opening: Store, session: Callable[..., SessionFolder], monkeypatch: pytest.MonkeyPatch, mode: str, ending: str
):
    folder, scores = session(mode=mode, choose_s=2, ending=ending, list_lag_s=5), Scores(monkeypatch)
    first, second = tickers_of()[:2]
    with opened(opening) as (exchange, client):
        cash = exchange.venue.account.cash
        with SessionRunner(folder, client, (), inline=True, choosing=BEST) as runner:
            holding = runner.machine.ledger.holding(first)
            walked(exchange, runner, 20)
            scores.now[second] = 1.2  # better, and inside the band
            walked(exchange, runner, 20)
            assert told(folder, "part") == []
            while not holding.position:
                walked(exchange, runner, 1)
            scores.now[second] = 2.0
            walked(exchange, runner)
            if mode == "production":
                even(exchange, runner, cash)
            seen = runner.machine.seen()
            assert (first in seen.markets) == (ending == "hold")  # it is let go of, and what it made still counts
            gone = [runner.machine.ledger.holding(one).cash for one in (first, second) if one not in seen.markets]
            assert seen.made == sum(gone) + sum(one.worth for one in seen.markets.values())
    changes = [(kind, one["market"]) for kind, one in told(folder, "part", "left", "join")]
    assert changes[0] == ("part", first)
    if ending == "reduce":
        assert changes[1:3] == [("join", second), ("left", first)]
    else:
        assert ("join", second) not in changes  # its place is taken until it closes
    parted, size = False, 0
    for kind, one in told(folder, "part", "fill"):
        parted |= kind == "part"
        if kind == "fill" and one["market"] == first:
            assert not parted or (abs(one["position"]) < size and ending == "reduce")
            size = abs(one["position"])
    assert (size == 0) == (ending == "reduce")
    if ending == "reduce":
        assert lines_of(folder, "quote", second)
    assert audit(folder.path).difference is None
    assert told(folder, "halt", "kill") == []


def test_a_restart_goes_on_with_the_markets_as_they_were(
    opening: Store, session: Callable[..., SessionFolder], monkeypatch: pytest.MonkeyPatch
):
    folder, scores = session(mode="production", choose_s=2), Scores(monkeypatch)
    first, second = tickers_of()[:2]
    with opened(opening) as (exchange, client):
        cash = exchange.venue.account.cash
        with SessionRunner(folder, client, (), inline=True, choosing=BEST) as runner:
            while not runner.machine.ledger.holding(first).position:
                walked(exchange, runner, 1)
            scores.now[second] = 2.0
            while runner.machine.ledger.holding(first).standing != ENDING:
                walked(exchange, runner, 1)
        assert recovered(folder).holdings[first].standing == ENDING
        with SessionRunner(folder, client, (), inline=True, choosing=BEST) as runner:
            assert list(runner.machine.markets) == [first]
            walked(exchange, runner)
            assert second in runner.machine.markets
            even(exchange, runner, cash)
    changes = [(kind, one["market"]) for kind, one in told(folder, "part", "left", "join")]
    assert changes[:2] == [("part", first), ("join", second)]
    done = audit(folder.path)
    assert done.difference is None and done.runs == 2


def test_the_best_are_chosen_by_the_market_score(opening: Store, session: Callable[..., SessionFolder]):
    from touchline.io.kalshi.scan import scan

    folder = session(mode="paper")
    with opened(opening) as (exchange, client):
        exchange.advance(15)
        client.market_data.status()
        best = [one.ticker for one in scan(client, ["KXTEST"]) if one.score > 0]
        with SessionRunner(folder, client, (), inline=True, choosing=BEST) as runner:
            assert list(runner.machine.markets) == best[:1]


def test_where_recorded_rewards_count_the_best_pay_most_a_dollar(
    opening: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    from touchline.engine.runs import reward_scan

    asked: list[tuple[Any, ...]] = []

    def paid(client: Any, series: Any, size: float, distance: float, *, loss: float) -> list[Any]:
        asked.append((series, size, distance, loss))
        worth = [(tickers_of()[1], 1.0, 10.0), (tickers_of()[0], 3.0, 60.0)]
        return [reward_scan.RewardCandidate(one, 1, net, 1.0, 0.0, 0.0, locked, net) for one, net, locked in worth]

    monkeypatch.setattr(reward_scan, "scan_live", paid)
    made = load_params(write_quick_params(tmp_path / "p.toml"))
    write_params(tmp_path / "r.toml", msgspec.structs.replace(made, venue={**made.venue, "rewards": "recorded"}))
    folder = begun(tmp_path / "session", tmp_path / "r.toml", mode="paper", deny=f"KXNONE, {tickers_of()[2]}")
    with opened(opening) as (_, client):
        look = Lookout(client, folder.settings(), BEST, FixedSpread, params=load_params(folder.params))
        found = look.begins_with(TradeLedger("tl-"), [])
    assert found == [tickers_of()[1]]  # a tenth a dollar, against a twentieth
    assert asked[0] == (["KXTEST"], 0.05, 0.0, 0.0)


def test_what_is_denied_is_not_begun_with_and_never_joins(opening: Store, session: Callable[..., SessionFolder]):
    folder = session(mode="paper", choose_s=5, deny=f"{tickers_of()[0]},{tickers_of()[2]}")
    with (
        opened(opening) as (exchange, client),
        SessionRunner(folder, client, (), inline=True, choosing=SERIES) as runner,
    ):
        walked(exchange, runner, 60)
        assert list(runner.machine.markets) == tickers_of()[1:2]
    assert folder.settings().denied == (tickers_of()[0], tickers_of()[2])
    assert folder.settings().with_options({"deny": "none"}).denied == ()
    assert len(told(folder, "scan")) > 3 and told(folder, "join") == []


@pytest.mark.parametrize("given", [{"ending": "sell"}, {"deny": 3}, {"choose_s": 0}])
def test_settings_that_make_no_sense_are_refused(tmp_path: Path, params: Path, given: dict[str, Any]):
    with pytest.raises(InputError):
        begun(tmp_path / "session", params, **given)
