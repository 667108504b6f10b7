"""The local exchange pays for resting orders: it looks at its own book each second and pays when a period ends."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from touchline.engine.exchanges.answers.public import Public
from touchline.engine.exchanges.answers.query import Query
from touchline.engine.exchanges.incentives import Incentives
from touchline.engine.rewards.programs import Program
from touchline.io.store.schema import BookKind

from .conftest import SECOND, START, TICKER, Desktop

DOLLAR = 1_000_000


def program(name: str = "p", start: float = 0, end: float = 100, target: int = 2_000, **more: Any) -> Program:
    begun, ended = START + int(start * SECOND), START + int(end * SECOND)
    return Program(name, TICKER, begun, ended, 20 * DOLLAR, target, 5_000, **more)


def paying(desktop: Callable[..., Desktop], *programs: Program, **made: Any) -> tuple[Desktop, Incentives, int]:
    desk = desktop(**made)
    return desk, Incentives(desk.venue, programs), desk.venue.account.cash


def test_half_a_side_for_nine_tenths_of_the_period_is_paid_at_its_end(desktop: Callable[..., Desktop]) -> None:
    desk, incentives, cash = paying(desktop, program())
    desk.seconds(10)
    desk.order("bid", "0.4600", "10.00")  # beside 10 that stand there: the target of 20 is reached
    desk.seconds(89.9)
    assert desk.venue.account.cash == cash
    desk.seconds(0.1)
    assert desk.venue.account.cash - cash == incentives.programs[0].paid == 4_500_000


@pytest.mark.parametrize(
    ("given", "paid"),
    [
        ({"cap": 2 * DOLLAR}, 2 * DOLLAR),
        ({"target": 2_001}, 0),  # the asks reach 20 contracts and no more
        ({"kind": "volume"}, None),
        ({"end": 2_000}, None),  # the market's recording ends before
    ],
    ids=["cap", "short", "volume", "later"],
)
def test_what_a_program_does_not_pay(desktop: Callable[..., Desktop], given: dict[str, Any], paid: int | None) -> None:
    desk, incentives, cash = paying(desktop, program(**given))
    desk.order("bid", "0.4600", "10.00")
    desk.seconds(150)
    assert incentives.programs[0].paid == paid
    assert desk.venue.account.cash - cash == (paid or 0)


def test_programs_that_overlap_pay_each_by_itself_and_a_lost_book_is_not_looked_at(
    desktop: Callable[..., Desktop],
) -> None:
    lost = [(50, BookKind.GAP, 0, 0, 0)]
    desk, incentives, cash = paying(desktop, program("a"), program("b", 20, 60), book=lost)
    desk.order("bid", "0.4600", "10.00")
    desk.seconds(120)
    assert [one.paid for one in incentives.programs] == [2_500_000, 3_750_000]
    assert desk.venue.account.cash - cash == 6_250_000


def test_recorded_schedules_are_served_as_they_came(desktop: Callable[..., Desktop]) -> None:
    desk, incentives, _ = paying(desktop)
    told = [{"series_ticker": "A", "all_markets": True}, {"event_ticker": "B-1", "since": None}]
    desk.venue.history.schedules.update(enumerate(told))
    public = Public(desk.venue, 90, incentives)
    assert public.incentive_schedules(Query([])) == {"incentive_schedules": told, "next_cursor": ""}
    assert public.incentive_schedules(Query([("series_ticker", "A")]))["incentive_schedules"] == told[:1]
    assert public.incentive_schedules(Query([("event_ticker", "C")]))["incentive_schedules"] == []


def test_programs_are_listed_by_state_and_type_with_a_cursor_of_their_own_name(desktop: Callable[..., Desktop]) -> None:
    desk, incentives, _ = paying(desktop, program("a"), program("b", 200, 300), program("c", kind="volume", cap=DOLLAR))
    public = Public(desk.venue, 90, incentives)

    def ids(**query: object) -> list[str]:
        pairs = [(name, str(value)) for name, value in query.items()]
        return [one["id"] for one in public.incentive_programs(Query(pairs))["incentive_programs"]]

    assert ids() == ids(status="all") == ["a", "b", "c"]
    assert (ids(status="active"), ids(status="upcoming"), ids(type="volume")) == (["a", "c"], ["b"], ["c"])
    desk.seconds(150)
    assert (ids(status="paid_out"), ids(status="closed"), ids(status="active")) == (["a"], ["c"], [])
    first = public.incentive_programs(Query([("limit", "2")]))
    rest = public.incentive_programs(Query([("cursor", first["next_cursor"])]))
    assert [one["id"] for one in first["incentive_programs"] + rest["incentive_programs"]] == ["a", "b", "c"]
    shown = first["incentive_programs"][0]
    assert (shown["period_reward"], shown["target_size_fp"], shown["paid_out"]) == (200_000, "20.00", True)
