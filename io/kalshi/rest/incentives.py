"""What the REST endpoints about incentive programs answer."""

from __future__ import annotations

from typing import Any

from .wire import Lots, Nanos, Wire, names


class IncentiveProgram(Wire, rename=names(fp="target_size")):
    """What a program pays in a period. Money is in 1/10,000 dollar."""

    id: str
    market_ticker: str
    market_id: str | None = None
    incentive_type: str | None = None
    incentive_description: str | None = None
    start_date: Nanos | None = None
    end_date: Nanos | None = None
    period_reward: int | None = None
    paid_out: bool | None = None
    discount_factor_bps: int | None = None
    target_size: Lots | None = None
    max_reward_per_account: int | None = None


#: What windows of a series can expect; fields are as the exchange writes them, for nothing here depends on them.
IncentiveSchedule = dict[str, Any]
_CURSORS = ("next_cursor", "cursor")


def schedules_of(answer: dict[str, Any]) -> tuple[list[IncentiveSchedule], str]:
    """Take the records out of an answer, whatever their list is called, and the cursor of the next page.

    An answer without a list is a record itself, so that nothing of it is lost.

    >>> schedules_of({"incentive_schedules": [{"series_ticker": "KXA"}], "next_cursor": "n"})
    ([{'series_ticker': 'KXA'}], 'n')
    """
    lists = [value for value in answer.values() if isinstance(value, list)]
    cursor = next((answer[name] for name in _CURSORS if isinstance(answer.get(name), str)), "")
    if not lists and (rest := {name: value for name, value in answer.items() if name not in _CURSORS}):
        return [rest], cursor
    return [one if isinstance(one, dict) else {"value": one} for found in lists for one in found], cursor
