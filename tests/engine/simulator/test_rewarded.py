"""What is told of rewards beside the money: over time, by period with its fills, by volume, when rivals answer."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from touchline.engine.rewards.programs import Program
from touchline.engine.runs.replayed import frames_of, notices_of
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.programs import reward_plan
from touchline.engine.simulator.replay import Replay, replay
from touchline.engine.simulator.rewarded import by_volume, with_fills
from touchline.engine.simulator.tape.tape import Tape
from touchline.engine.sweeps.folder import _of_programs, facts_of
from touchline.io.ground.errors import InputError
from touchline.strategies.models.behind_best import BehindBest

from .test_rewards import QUIET, SECOND, START, paying, programs, random_tape, still_tape

CELL = {"distance": 0.0, "size": 10.0}
pytestmark = pytest.mark.usefixtures("plain_kernels")


def quoted(tape: Tape, reaction: str = "none") -> Replay:
    return replay(tape, BehindBest, CELL, replace(QUIET, reaction=reaction))


def test_what_was_earned_over_time_ends_with_what_the_periods_say() -> None:
    tape = Tape(**{**vars(random_tape(1, "linear_cent", 30)), "programs": programs()})
    run = quoted(tape)
    assert run.rewards is not None and run.periods is not None
    rows = run.rewards
    assert frames_of(run)["rewards"] is rows
    assert rows["earned"].is_sorted() and rows["earned"].item(-1) <= run.totals.rewards_earned
    assert rows["earned"].item(-1) > 0.9 * (run.totals.rewards_earned or 0) > 0
    shares = rows.select("bid_share", "ask_share").drop_nulls()
    assert shares.height > 5 and shares.min_horizontal().min() >= 0.0 and shares.max_horizontal().max() <= 1.0
    assert rows["locked"].sum() // rows.height == run.totals.locked
    days = (int(tape.columns.ts[-1]) - int(tape.columns.ts[0])) / SECOND / 86_400
    assert run.totals.rewards_dollar_day == pytest.approx(run.totals.rewards / run.totals.locked / days)
    assert run.totals.pnl_dollar_day == pytest.approx(run.totals.pnl / run.totals.locked / days)


def test_rivals_that_step_in_front_take_what_the_fractions_say() -> None:
    """10 contracts beside 10 at 46, 20 below; the reference is what stands in front once it has stepped to 47."""
    tape, _ = paying(still_tape(), 0, 15, target=1_000)
    alone, answered = quoted(tape), quoted(tape, "step:5s")
    [before], [after] = alone.periods, answered.periods
    assert before["included"] == after["included"] == 15
    assert before["bid_share"] * 15 == pytest.approx(14 * 0.5)  # nothing rests in the first second
    assert answered.fills.equals(alone.fills) and answered.quotes.equals(alone.quotes)
    assert answered.totals.rewards_unanswered == alone.totals.rewards
    # Five seconds later the ten at 46 stand at 47 and reach the target alone: ours score nothing.
    assert after["bid_share"] * 15 == pytest.approx(5 * 0.5)
    assert after["earned_unanswered"] == before["earned"] > after["earned"] > 0


def test_rivals_that_cannot_step_further_stay_beside() -> None:
    """Asks at 48 and bids that would step to 47 leave a cent; a longer delay than the tape answers nothing."""
    tape, _ = paying(still_tape(), 0, 15)
    assert quoted(tape, "step:1h").totals.rewards == quoted(tape).totals.rewards
    for wrong in ("step", "step:", "step:5", "step:2d", "follow:5s"):
        with pytest.raises(InputError, match="reaction is none, or step:"):
            Assumptions(reaction=wrong)


def test_a_large_share_is_warned_of() -> None:
    tape, _ = paying(still_tape(), 0, 15)
    names = [notice.name for notice in notices_of(quoted(tape), {})]
    assert "large-share" in names and "no-programs" not in names


def test_a_period_says_what_its_fills_cost() -> None:
    fills = pl.DataFrame({"ts": [START, START + 5, START + 99], "size": [100, 200, 900], "markout_60s": [-50, 100, -1]})
    [one] = with_fills([{"start": START, "end": START + 10}], fills)
    assert (one["filled"], one["fills_cost"]) == (300, 100 * 50 - 200 * 100)


def test_a_program_by_volume_is_estimated_with_its_caps() -> None:
    base = random_tape(2, "linear_cent", 30)
    end = START + 30 * SECOND
    kinds = {"kind": "volume", "target": 0, "discount": 10_000}
    paid = (
        Program("much", "M", START, end, 10**12, **kinds),
        Program("little", "M", START, end, 20_000, **kinds),
        Program("capped", "M", START, end, 10**12, cap=700, **kinds),
    )
    tape = Tape(**{**vars(base), "programs": paid})
    run = quoted(tape)
    much, little, capped = run.volume or ()
    assert much["own_lots"] > 0 and much["all_lots"] > much["own_lots"]
    assert much["estimate"] == much["own_lots"] * 50  # half a cent a contract
    assert little["estimate"] == little["own_lots"] * 20_000 // (2 * little["all_lots"])
    assert capped["estimate"] == 700
    assert run.totals.rewards == 0
    assert by_volume(reward_plan(tape, QUIET), tape, run.fills) == run.volume
    assert "rewards-by-volume" in [notice.name for notice in notices_of(run, {})]


def test_a_sweep_warns_of_parts_of_periods_and_of_markets_without_programs() -> None:
    part, _ = paying(still_tape(opens=-100, closes=200), -50, 10)
    facts = [facts_of(part, 1, QUIET), facts_of(replace(part, programs=()), 1, QUIET)]
    told = {notice.name: notice.detail for notice in _of_programs(facts)}
    assert told["no-programs"] == "1 of 2 markets"
    assert told["part-of-a-period"] == "1 of 1 period"
    assert not [*_of_programs([facts_of(part, 1, Assumptions())])]
