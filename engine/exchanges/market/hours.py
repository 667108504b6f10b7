"""The exchange's hours: always open, but for the weekly pause on Thursday from 3 to 5 in New York."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ....io.ground.units import NS_PER_SECOND

_THURSDAY = 3


def new_york_offset(moment: datetime) -> int:
    """Hours New York is behind UTC: 4 from the second Sunday of March to the first of November, else 5.

    >>> new_york_offset(datetime(2026, 7, 1, tzinfo=UTC)), new_york_offset(datetime(2026, 12, 1, tzinfo=UTC))
    (4, 5)
    """
    march = datetime(moment.year, 3, 8, 7, tzinfo=UTC)
    november = datetime(moment.year, 11, 1, 6, tzinfo=UTC)
    summer = march + timedelta(days=(6 - march.weekday()) % 7)
    winter = november + timedelta(days=(6 - november.weekday()) % 7)
    return 4 if summer <= moment < winter else 5


def next_pause(ts: int) -> tuple[int, int]:
    """Start and end of the weekly pause that is on at ``ts`` or comes next, in ns.

    >>> [str(datetime.fromtimestamp(t // 10**9, UTC)) for t in next_pause(1_790_000_000 * 10**9)]
    ['2026-09-24 07:00:00+00:00', '2026-09-24 09:00:00+00:00']
    """
    moment = datetime.fromtimestamp(ts // NS_PER_SECOND, UTC)
    day = moment.replace(hour=0, minute=0, second=0) + timedelta(days=(_THURSDAY - moment.weekday()) % 7)
    while True:
        offset = new_york_offset(day + timedelta(hours=8))
        start, end = (int((day + timedelta(hours=hour + offset)).timestamp()) * NS_PER_SECOND for hour in (3, 5))
        if ts < end:
            return start, end
        day += timedelta(days=7)


def schedule() -> dict[str, Any]:
    """The answer of ``/exchange/schedule``, times in New York."""
    open_all_day = [{"open_time": "00:00", "close_time": "00:00"}]
    days = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    week: dict[str, Any] = dict.fromkeys(days, open_all_day)
    week["thursday"] = [{"open_time": "00:00", "close_time": "03:00"}, {"open_time": "05:00", "close_time": "00:00"}]
    span = {"start_time": "2020-01-01T00:00:00Z", "end_time": "2099-01-01T00:00:00Z"}
    return {"schedule": {"standard_hours": [{**span, **week}], "maintenance_windows": []}}
