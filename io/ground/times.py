"""Moments as people write them, in nanoseconds since 1970 UTC: read here, and written here."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from .errors import InputError
from .units import NS_PER_SECOND

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


def iso(ns: int, digits: int = 0) -> str:
    """Write a moment as ISO 8601 in UTC, with so many digits of the second; finer ones are cut off.

    >>> iso(1_781_159_489_957_081_000), iso(1_781_159_489_957_081_000, 6)
    ('2026-06-11T06:31:29Z', '2026-06-11T06:31:29.957081Z')
    """
    second, rest = divmod(ns, NS_PER_SECOND)
    return f"{_second(second)}.{rest:09d}"[: 20 + digits if digits else 19] + "Z"


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


@lru_cache(maxsize=256)
def _second(second: int) -> str:
    return f"{datetime.fromtimestamp(second, UTC):%Y-%m-%dT%H:%M:%S}"


def written(moment: Moment | None) -> str | int | None:
    """Return a moment as a record keeps it: as it was typed, or in ISO 8601.

    >>> written(date(2025, 6, 15)), written(5), written(None)
    ('2025-06-15', 5, None)
    """
    return moment.isoformat() if isinstance(moment, date) else moment


def _parse(text: str, what: str) -> int:
    found = _FRACTION.search(text)
    fraction = int(found[1].ljust(9, "0")) if found else 0
    try:
        return nanoseconds(datetime.fromisoformat(_FRACTION.sub("", text))) + fraction
    except ValueError:
        raise InputError(f"{what} {text!r} is not an ISO 8601 time; write 2025-06-15 or 2025-06-15T15:06:40Z") from None
