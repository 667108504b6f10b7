"""Models with several levels, a state, takes and signals of other markets: on paper and sent to the exchange."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from touchline.engine.exchanges import Exchange
from touchline.engine.results.params import FORMAT, VERSION, Applies, Params, Provenance, Validity, write_params
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.trading.audit import audit
from touchline.engine.trading.folder import SessionFolder
from touchline.engine.trading.ledger import OwnOrder, TradeLedger
from touchline.engine.trading.listing import with_others
from touchline.engine.trading.market import Listed
from touchline.engine.trading.orders.sent_orders import SentOrders, Take
from touchline.engine.trading.runner import SessionRunner
from touchline.engine.trading.settings import TradeSettings
from touchline.io.ground.errors import InputError
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.own_file import trusting

from ..exchanges.conftest import START
from .conftest import SECOND, begun, opened, tickers_of, walked
from .test_paper import lines_of
from .test_production import even, told

MODEL = """
from touchline.features.signals import other, sibling, signed_flow
from touchline.strategies import Parameter, QuotingModel

class Layers(QuotingModel):
    \"\"\"Two orders a side that lean with two other markets, and now and then a take.\"\"\"

    levels, takes, state = 2, True, {"seen": 0.0}
    signals = {
        "flow": signed_flow(5), "next": sibling(1).mid, "theirs": other("KXTEST-26SEP21-B2").signal(signed_flow(9)),
    }
    parameters = (Parameter("size", 1.0, 0.01, 100.0, "contracts"), Parameter("every", 9.0, 1.0, 1e9, "quotes a take"))

    @staticmethod
    def quote(known, p, state):
        s = known.signals
        lean = 0.0 if s.theirs != s.theirs else 0.3 * s.theirs
        lean = lean + (0.0 if s.next != s.next else 0.2 * (s.next - known.mid)) + 0.1 * s.flow
        lean = max(-2.0, min(2.0, lean))
        buys = state.seen % 2.0 < 1.0
        takes = p.size if buys else -p.size
        take = (known.ask if buys else known.bid, takes if state.seen % p.every == p.every - 1.0 else 0.0)
        m = known.mid + lean - 0.05 * known.position
        bids, asks = (m - 1.0, m - 2.0), (m + 1.0, m + 2.0)
        return bids, asks, (p.size, 2.0 * p.size), (p.size, p.size), take, (state.seen + 1.0,)
"""
STOPS = 40 * SECOND
TRADED = tickers_of(1)  # its sibling and the other one are read alone


@pytest.fixture
def layers(tmp_path: Path, plain_kernels: None) -> Callable[..., SessionFolder]:
    """Begins sessions of the model, whose file lies beside them."""
    file = tmp_path / "layers.py"
    file.write_text(MODEL)
    until = datetime.fromtimestamp(START // SECOND + 100 * 86_400, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def make(mode: str, venue: dict[str, Any] | None = None, **values: float) -> SessionFolder:
        assumed = {"queue": "touch+cross@1", "horizon": "fixed", "stop_quoting_s": 40.0, **(venue or {})}
        limits = {"stop_quoting_s": assumed.pop("stop_quoting_s")}
        applies = [Applies({"size": 0.05, **values}, series="KXTEST")]
        write_params(
            tmp_path / "layers.toml",
            Params(
                FORMAT, VERSION, f"{file}:Layers", applies, limits, assumed,
                Validity("2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z", until),
                Provenance("robust", "0.2.0", "d", 1, 1, 1, 1, 0),
            ),
        )  # fmt: skip
        return begun(tmp_path / mode, tmp_path / "layers.toml", mode=mode)

    return make


@pytest.mark.slow
def test_several_levels_takes_and_other_markets_on_paper_are_the_backtest(
    day: Store, layers: Callable[..., SessionFolder]
):
    folder, trust = layers("paper", every=3.0), layers("paper", every=3.0).path.parent / "layers.py"
    with opened(day) as (exchange, client):
        close = exchange.venue.markets[TRADED[0]].close_ts
        with SessionRunner(folder, client, TRADED, inline=True, trust=trust) as runner:
            assert list(runner.machine.read) == tickers_of()[1:]
            walked(exchange, runner)
    tape = compile_tape(day, TRADED[0])
    with trusting(trust, "it"):
        model = quoting_model(f"{trust}:Layers")
    run = replay(tape, model, {"size": 0.05, "every": 3.0}, runner.machine.markets[TRADED[0]].live.assumptions)
    names = [f"{one}{level}{more}" for level in ("", "_2") for one in ("bid", "ask") for more in ("", "_size")]
    shown = [(line.ts, *(one[name] for name in names)) for line, one in lines_of(folder, "quote", TRADED[0])]
    there = run.quotes.select("ts", *names).rows()
    assert [one for one in shown if one[0] < close] == [one for one in there if one[0] < close]
    assert len(shown) > 20 and any(one[1] is None and close - STOPS <= one[0] < close for one in shown)
    fills = [(line.ts, one["side"], one["price"], one["lots"], one["fee"], one["position"])
             for line, one in lines_of(folder, "fill", TRADED[0])]  # fmt: skip
    paid = run.fills["fee"] - run.fills["rebate"]
    assert fills == run.fills.select("ts", "side", "price", "size", paid, "position").rows()
    assert run.fills["taker"].sum() > 2 and len(fills) > 10
    assert audit(folder.path, trust=trust).difference is None


def resting(exchange: Exchange) -> dict[tuple[int, int], int]:
    return {(int(one.side), one.price): one.remaining for one in exchange.venue.markets[TRADED[0]].book.own()}


@pytest.mark.slow
def test_several_levels_rest_at_the_exchange_as_decided_and_takes_are_sent_once(
    day: Store, layers: Callable[..., SessionFolder]
):
    folder = layers("production", every=3.0)
    trust = folder.path.parent / "layers.py"
    deepest, late = 0, 0
    with opened(day) as (exchange, client):
        close, cash = exchange.venue.markets[TRADED[0]].close_ts, exchange.venue.account.cash
        with SessionRunner(folder, client, TRADED, inline=True, trust=trust) as runner:
            live = runner.machine.markets[TRADED[0]].live
            runner.catch_up()
            while (ts := exchange.step()) < close:
                runner.catch_up()
                rungs = (live.quote, *live.quote.deeper)
                wanted = {(1, one.bid): one.bid_size for one in rungs if one.bid is not None}
                wanted |= {(-1, one.ask): one.ask_size for one in rungs if one.ask is not None}
                there = exchange.call(lambda: resting(exchange))
                late += ts >= close - STOPS
                assert there == (wanted if ts < close - STOPS else {}), ts
                deepest = max(deepest, len(there))
            exchange.advance(2)
            runner.catch_up()
            even(exchange, runner, cash)
    assert deepest == 4 and late > 3
    asked = [one for kind, one in told(folder, "ask") if one["do"] == "create"]
    taken = {one["client_id"]: one["lots"] for one in asked if one.get("now")}
    filled = [one for _, one in told(folder, "fill") if one["client_id"] in taken]
    assert len(taken) > 3 and len(filled) > 3 and len(asked) > len(taken)
    assert sum(one["lots"] for one in filled) <= sum(taken.values())
    assert audit(folder.path, trust=trust).difference is None


def orders(*resting: tuple[int, int, int]) -> SentOrders:
    made = SentOrders("T", TradeLedger("tl-"), TradeSettings())
    for at, (side, price, lots) in enumerate(resting):
        made.working[f"o{at}"] = OwnOrder(f"o{at}", "T", side, price, lots, 10**18, 0, f"x{at}", sent=False)
    return made


@pytest.mark.parametrize(("resting", "wish", "take", "job"), [
    ([], {(1, 4500): 100, (1, 4600): 200}, None, ("create", "tl-1", 4600, 200)),  # the nearest first
    ([(1, 4500, 100), (1, 4600, 100)], {(1, 4600): 100}, None, ("cancel", "o0", 0, 0)),
    ([(1, 4500, 100), (1, 4400, 100)], {(1, 4500): 100, (1, 4600): 50}, None, ("amend", "o1", 4600, 50)),
    ([(1, 4500, 100), (-1, 5000, 100)], {(1, 4900): 100, (-1, 5200): 100}, None, ("amend", "o1", 5200, 100)),
    ([(1, 4500, 100)], {(1, 4600): 100}, Take(1, 5000, 70), ("create", "tl-1", 5000, 70)),  # before what advances
    ([(-1, 5000, 100)], {(-1, 5000): 100}, Take(1, 5000, 70), None),  # it would meet an own order
])  # fmt: skip
def test_one_request_at_a_time_brings_orders_nearer_to_several_wishes(
    resting: list[tuple[int, int, int]], wish: dict[tuple[int, int], int], take: Take | None, job: Any
):
    made = orders(*resting).next_job(wish, 0, take)
    assert (None if made is None else (made.do, made.client_id, made.price, made.lots)) == job
    assert made is None or made.now == (take is not None)


@pytest.mark.parametrize(("told", "filled", "may"), [(None, 70, False), (70, 30, False), (70, 70, True), (0, 0, True)])
def test_nothing_is_taken_again_before_all_that_was_taken_is_known(told: int | None, filled: int, may: bool):
    made = orders()
    made.took = OwnOrder("t", "T", 1, 5000, 100, 0, 0, filled=filled)
    made.took_lots = told
    assert (made.next_job({}, 0, Take(1, 5000, 10)) is not None) == may


def test_a_market_without_the_sibling_that_its_model_reads_is_one_line(
    day: Store, layers: Callable[..., SessionFolder]
):
    trust = layers("paper").path.parent / "layers.py"
    with opened(day) as (_, client), trusting(trust, "it"):
        model = quoting_model(f"{trust}:Layers")
        from touchline.engine.trading.listing import listed_markets

        listed: list[Listed] = listed_markets(client, tickers_of()[1:2], {})
        named = with_others(client, listed, model)
        assert (named[0][0].others, [one.ticker for one in named[1]]) == (
            {"next": tickers_of()[2], "theirs": tickers_of()[2]}, tickers_of()[2:]
        )  # fmt: skip
        with pytest.raises(InputError, match=r"B2 has no sibling\(\+1\): its event KXTEST-26SEP21 has 3 markets"):
            with_others(client, listed_markets(client, tickers_of()[2:], {}), model)
