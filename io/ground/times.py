"""Moments as people write them, in nanoseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

from .errors import InputError

#: ns since 1970 UTC, a datetime or date (naive: UTC), or an ISO 8601 text: "2025-06-15", "2025-06-15T15:06:40Z".
Moment = int | datetime | date | str

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FRACTION = re.compile(r"(?<=[T ]\d\d:\d\d:\d\d)[.,](\d{1,9})\d*")


def nanoseconds(moment: Moment, what: str = "time") -> int:
    """Return a moment as ns since 1970 UTC, exactly; a text or datetime without a zone is UTC.

    >>> nanoseconds("1970-01-01T00:00:01.000000007Z"), nanoseconds("1970-01-02")
    (1000000007, 86400000000000)
    """
    if isinstance(moment, str):
        return _parse(moment.strip(), what)
    if isinstance(moment, datetime):
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (aware - _EPOCH) // timedelta(microseconds=1) * 1_000
    if isinstance(moment, date):
        return nanoseconds(datetime(moment.year, moment.month, moment.day))
    return int(moment)


def window(start: Moment | None, end: Moment | None) -> tuple[int | None, int | None]:
    """Return both ends of a window in ns; one that ends before it begins is an error.

    >>> window("1970-01-01", None), window(None, 5)
    ((0, None), (None, 5))
    """
    low = None if start is None else nanoseconds(start, "start")
    high = None if end is None else nanoseconds(end, "end")
    if low is not None and high is not None and low >= high:
        raise InputError(f"the window is empty: its start {start} is not before its end {end}; exchange them")
    return low, high


def _parse(text: str, what: str) -> int:
    found = _FRACTION.search(text)
    fraction = int(found[1].ljust(9, "0")) if found else 0
    try:
        return nanoseconds(datetime.fromisoformat(_FRACTION.sub("", text))) + fraction
    except ValueError:
        raise InputError(f"{what} {text!r} is not an ISO 8601 time; write 2025-06-15 or 2025-06-15T15:06:40Z") from None
