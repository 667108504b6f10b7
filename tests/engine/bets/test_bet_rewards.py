"""What programs pay for a maker's bets: a replay's scores for the same orders, beside an unchanged P&L."""

from __future__ import annotations

from itertools import pairwise

import pytest
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.results import BetsResult
from touchline.engine.bets.rewards import scored
from touchline.engine.rewards.payout import PARTS
from touchline.engine.simulator.programs import reward_plan
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.tape import Tape
from touchline.io.ground.errors import InputError
from touchline.strategies.models.behind_best import BehindBest

from ..made_books import made_books
from ..simulator.test_rewards import QUIET, programs, random_tape
from .test_maker_bets import PATIENT

REWARD = "pool=500,per=10m,target=5;pool=90,per=1h,target=20"


@pytest.mark.usefixtures("plain_kernels")
@pytest.mark.parametrize("seed", range(4))
def test_orders_score_as_the_kernel_says_of_a_quote_that_rests_as_long(seed: int) -> None:
    tape = Tape(**{**vars(random_tape(seed, "linear_cent", 30)), "programs": programs()})
    run, plan = replay(tape, BehindBest, {"distance": 1.0, "size": 9.0}, QUIET), reward_plan(tape, QUIET)
    level = {price: at for at, price in enumerate(tape.grid.ticks.tolist())}
    rows = [*run.quotes.iter_rows(named=True)]
    orders = [
        (row["ts"], following["ts"], side, level[row[word]] if side == 0 else 100 - level[row[word]],
         row[f"{word}_size"])
        for row, following in pairwise([*rows, {"ts": int(tape.columns.ts[-1]) + 1}])
        for side, word in enumerate(("bid", "ask"))
        if row[f"{word}_size"]
    ]  # fmt: skip
    for (own, included), period in zip(scored(tape, plan, orders, 0), run.periods or (), strict=True):
        assert included == period["included"]
        kept = (period["bid_share"] or 0.0) + (period["ask_share"] or 0.0)
        assert float(own) == pytest.approx(kept * included, abs=2.0 * (included + 1) / PARTS)


@pytest.mark.slow
def test_a_makers_bets_are_told_what_programs_pay_and_their_money_stays(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store = made_books(tmp_path_factory.mktemp("books") / "store", markets=3, seconds=3_000)
    options = {"maker_bars": 4}
    plain, paid = (backtest(store, PATIENT, options=options, reward=reward) for reward in ("none", REWARD))
    without, with_ = BetsResult(plain).summary, BetsResult(paid).summary
    assert (without["figures"], without["result_hash"]) == (with_["figures"], with_["result_hash"])
    assert "rewards" not in without and "reward" not in without["settings"]
    assert with_["settings"]["reward"] == REWARD
    assert with_["rewards_earned"] == pytest.approx(sum(one["earned"] for one in with_["programs"]) / 1e6)
    assert with_["rewards_earned"] >= with_["rewards"] > 0
    orders = paid.run.rested[paid.run.rested[:, 0] != 0]
    assert len(orders) == with_["maker_orders"]["orders"] > 0
    with pytest.raises(InputError, match="entry=maker"):
        backtest(store, PATIENT, options={"entry": "taker"}, reward=REWARD)
