"""The reward maker stands where a moment's reward is worth more than its fills, and keeps its place there."""

from __future__ import annotations

import math
from typing import Any

import pytest
from touchline.strategies.models import reward_maker
from touchline.strategies.models.reward_maker import RewardMaker
from touchline.strategies.quoting.known import NO_REWARD

from .quotes import quote

#: 20 dollars a quarter of an hour: 40 dollars an hour a side. 300 contracts of rivals at the best.
PROGRAM = NO_REWARD._replace(
    pool=20.0, seconds=900.0, left=600.0, target=300.0, discount=0.5, bid_reference=49.0, bid_last=45.0,
    bid_rivals=300.0, ask_reference=51.0, ask_last=55.0, ask_rivals=300.0,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled quote is the plain one to the bit, as a test of all models says."""
    for name in ("worth", "choice", "reward_rate"):
        monkeypatch.setattr(reward_maker, name, getattr(reward_maker, name).py_func)


def quoted(program: Any = PROGRAM, told: dict[str, Any] | None = None, **given: float) -> tuple[float, float]:
    known = {"rewards": (program, NO_REWARD, NO_REWARD), **(told or {})}
    return quote(RewardMaker, known, **({"rate": 100.0, "decay": 0.7, "deep": 4} | given))[:2]


def test_it_joins_the_best_where_a_step_in_front_would_not_score_more() -> None:
    capped = PROGRAM._replace(capped=1.0)
    assert quoted(capped, loss=0.1) == (49.0, 51.0)


def test_it_improves_where_that_halves_what_rivals_score() -> None:
    assert quoted(loss=0.1) == (50.0, 50.0)  # both would stand in the middle; post-only keeps them apart


def test_it_steps_back_as_fills_lose_more_and_stays_away_in_the_end() -> None:
    stands = [quoted(PROGRAM._replace(capped=1.0), loss=loss, rate=200.0)[0] for loss in (0.1, 2.0, 3.0, 100.0)]
    assert stands[0] == 49.0
    assert stands[:3] == sorted(stands[:3], reverse=True) and stands[2] == 47.0
    assert math.isnan(stands[3])


def test_it_keeps_its_place_until_another_price_is_worth_enough_more() -> None:
    told = {"own_bid": 48.0, "own_ask": 52.0}
    capped = PROGRAM._replace(capped=1.0)
    assert quoted(capped, told, loss=0.1, still=1.5) == (48.0, 52.0)
    assert quoted(capped, told, loss=0.1, still=0.1) == (49.0, 51.0)


@pytest.mark.parametrize(("accrued", "left", "stands"), [(0.0, 600.0, True), (0.0, 20.0, False), (0.99, 20.0, True)])
def test_it_stops_where_a_period_cannot_come_to_a_dollar_any_more(accrued: float, left: float, stands: bool) -> None:
    program = PROGRAM._replace(capped=1.0, accrued=accrued, left=left)
    assert (not math.isnan(quoted(program, loss=0.1)[0])) is stands


def test_it_stands_on_the_side_that_lowers_what_it_holds() -> None:
    capped = PROGRAM._replace(capped=1.0)
    bid, ask = quoted(capped, {"position": 60.0}, loss=0.1, most=50.0)
    assert math.isnan(bid) and ask == 51.0
    bid, ask = quoted(NO_REWARD, {"position": -5.0})
    assert (bid, math.isnan(ask)) == (49.0, True)
    assert all(map(math.isnan, quoted(NO_REWARD)))


def test_a_side_that_lacks_its_target_is_worth_it_only_to_who_completes_it() -> None:
    lacking = PROGRAM._replace(capped=1.0, accrued=0.5, bid_lacks=40.0)
    assert quoted(lacking, loss=0.1, size=50.0)[0] < 50.0
    assert math.isnan(quoted(lacking, loss=0.1, size=30.0)[0])
    assert all(map(math.isnan, quoted(PROGRAM._replace(ask_lacks=40.0), loss=0.1, size=30.0)))
