"""Exact numbers and times from text: compiled, over whole columns, integers only."""

from __future__ import annotations

import numba
import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.jit import compiled, kept
from ...ground.units import NS_PER_SECOND

Bytes = NDArray[np.uint8]
Starts = NDArray[np.int64]

#: Marks a missing value in a column of whole numbers.
NULL = np.iinfo(np.int64).min
OK, EMPTY, MALFORMED, TOO_FINE, OUT_OF_RANGE = range(5)

#: What is wrong with a value, for people.
FAULTS = {
    EMPTY: "is missing",
    MALFORMED: "cannot be read",
    TOO_FINE: "is finer than the smallest unit",
    OUT_OF_RANGE: "is out of range",
}

#: Epoch times are told apart by magnitude, and only years 2000 to 2099 are taken.
EARLIEST, LATEST = 946_684_800, 4_102_444_800
_LIMIT = 10**17
_LARGEST = 2**63 - 1
_TENTH = 2**63 // 10
#: How many digits after the smallest unit decide whether a value is noise around it: 1e-3 of a unit, for 32-bit floats.
_NOISE_DIGITS = 3
_TENS = 10 ** np.arange(10, dtype=np.int64)
#: Arrow buffers are read-only.
_BYTES = numba.types.Array(numba.uint8, 1, "C", readonly=True)
_STARTS = numba.types.Array(numba.int64, 1, "C", readonly=True)


def buffers(texts: pl.Series) -> tuple[np.ndarray, np.ndarray]:
    """Return the bytes of a text column and where each value starts; a null is an empty text."""
    arrow = texts.fill_null("").rechunk().to_arrow()
    _, starts, data = arrow.buffers()
    offsets = np.frombuffer(starts, dtype=np.int64, count=len(arrow) + 1, offset=8 * arrow.offset)
    return np.frombuffer(data or b"\0", dtype=np.uint8), offsets


def decimals(texts: pl.Series, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Return ``value * 10**places`` as whole numbers, and a fault code for each.

    A value within 1e-3 of a whole unit is that unit (floats written out carry such noise); any other rest is a fault.

    >>> decimals(pl.Series(["0.47", "10.299999999999997", "x"]), 4)[0].tolist()
    [4700, 103000, 0]
    """
    data, offsets = buffers(texts)
    return span_decimals(data, offsets[:-1], offsets[1:], places)


def span_decimals(data: Bytes, begins: Starts, stops: Starts, places: int) -> tuple[np.ndarray, np.ndarray]:
    """Do what :func:`decimals` does for pieces of one text; a piece without length is missing."""
    values, faults = np.empty(begins.size, np.int64), np.empty(begins.size, np.uint8)
    _decimals_nb(data, begins, stops, places, values, faults)
    return values, faults


def times(texts: pl.Series) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return ns since 1970, a fault code, and whether the text carries no zone (its time is then read as UTC).

    Takes RFC 3339, ``YYYY-MM-DD HH:MM:SS``, a date alone, and epoch seconds, ms, us and ns by magnitude.

    >>> times(pl.Series(["2025-06-15T15:06:40.5Z", "1750000000"]))[0].tolist()
    [1750000000500000000, 1750000000000000000]
    """
    data, offsets = buffers(texts)
    return span_times(data, offsets[:-1], offsets[1:])


def span_times(data: Bytes, begins: Starts, stops: Starts) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Do what :func:`times` does for pieces of one text; a piece without length is missing."""
    size = begins.size
    values, faults, naive = np.empty(size, np.int64), np.empty(size, np.uint8), np.empty(size, np.bool_)
    _times_nb(data, begins, stops, values, faults, naive)
    return values, faults, naive


@compiled
def _trim_nb(data: Bytes, start: int, end: int) -> tuple[int, int]:
    while start < end and (data[start] == 32 or data[start] == 9):
        start += 1
    while end > start and (data[end - 1] == 32 or data[end - 1] == 9 or data[end - 1] == 13):
        end -= 1
    return start, end


@compiled
def _digits_nb(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Read digits from ``start``: their value and where they stop; one that overflows is the largest number."""
    value = 0
    while start < end and 48 <= data[start] <= 57:
        value = value * 10 + (data[start] - 48) if value < _TENTH else _LARGEST
        start += 1
    return value, start


@compiled
def _exponent_nb(data: Bytes, start: int, end: int) -> tuple[bool, int, int, int]:
    """Check the grammar of a number and return (valid, digits before the point, end of mantissa, exponent)."""
    _, point = _digits_nb(data, start, end)
    stop = point
    if stop < end and data[stop] == 46:
        _, stop = _digits_nb(data, stop + 1, end)
    count = stop - start - (1 if stop > point else 0)
    exponent, rest = 0, stop
    if rest < end and (data[rest] | 32) == 101:
        rest += 1
        sign = 1
        if rest < end and (data[rest] == 43 or data[rest] == 45):
            sign = -1 if data[rest] == 45 else 1
            rest += 1
        exponent, after = _digits_nb(data, rest, end)
        if after == rest:
            return False, point, stop, exponent
        exponent, rest = sign * exponent, after
    return count > 0 and rest == end, point - start, stop, exponent


@compiled
def _decimal_nb(data: Bytes, start: int, end: int, places: int) -> tuple[int, int]:
    start, end = _trim_nb(data, start, end)
    if start == end:
        return 0, EMPTY
    negative = data[start] == 45
    if negative or data[start] == 43:
        start += 1
    if end - start <= 15:  # the usual case: digits alone
        whole, stop = _digits_nb(data, start, end)
        if stop == end and stop > start and 0 <= places <= 4:
            if whole * _TENS[places] >= _LIMIT:
                return 0, OUT_OF_RANGE
            whole *= _TENS[places]
            return -whole if negative else whole, OK
    valid, before, stop, exponent = _exponent_nb(data, start, end)
    if not valid:
        return 0, MALFORMED
    cut = before + exponent + places  # digits before this one make the whole number
    whole, noise, index = 0, 0, 0
    for at in range(start, stop):
        if data[at] == 46:
            continue
        digit = data[at] - 48
        if index < cut:
            whole = whole * 10 + digit
            if whole >= _LIMIT:
                return 0, OUT_OF_RANGE
        elif index < cut + _NOISE_DIGITS:
            noise += digit * _TENS[_NOISE_DIGITS - 1 - max(index - cut, 0)]
        index += 1
    while index < cut and whole > 0:
        whole *= 10
        if whole >= _LIMIT:
            return 0, OUT_OF_RANGE
        index += 1
    if noise == 999:
        whole += 1
    elif noise != 0:
        return 0, TOO_FINE
    return -whole if negative else whole, OK


@kept(numba.void(_BYTES, _STARTS, _STARTS, numba.int64, numba.int64[::1], numba.uint8[::1]))
def _decimals_nb(data: Bytes, begins: Starts, stops: Starts, places: int, values: Starts, faults: Bytes) -> None:
    for row in range(values.size):
        values[row], faults[row] = _decimal_nb(data, begins[row], stops[row], places)


@compiled
def _days_nb(year: int, month: int, day: int) -> int:
    """Return days from 1970-01-01 (the civil calendar's closed form), or -1 if there is no such day."""
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    if month < 1 or month > 12 or day < 1 or year < 1970:
        return -1
    length = 28 + (1 if leap else 0) if month == 2 else 30 + (month + month // 8) % 2
    if day > length:
        return -1
    shifted = year - (1 if month <= 2 else 0)
    era, year_of_era = shifted // 400, shifted % 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146_097 + year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year - 719_468


@compiled
def _fraction_nb(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Read the digits after a point as billionths; -1 if there are none, or more than nine that are not zeros."""
    value, places, at = 0, 0, start
    while at < end and 48 <= data[at] <= 57:
        digit = data[at] - 48
        if places < 9:
            value = value * 10 + digit
        elif digit != 0:
            return -1, at
        places += 1
        at += 1
    if places == 0:
        return -1, at
    return value * _TENS[max(9 - places, 0)], at


@compiled
def _epoch_nb(data: Bytes, start: int, end: int) -> tuple[int, int]:
    """Read an epoch time; its unit follows from its magnitude."""
    value, at = _digits_nb(data, start, end)
    fraction = 0
    if at < end and data[at] == 46:
        fraction, at = _fraction_nb(data, at + 1, end)
    if at != end or fraction < 0:
        return 0, MALFORMED
    unit = NS_PER_SECOND
    while unit >= 1:
        if EARLIEST * (NS_PER_SECOND // unit) <= value < LATEST * (NS_PER_SECOND // unit):
            part = fraction * unit
            if part % NS_PER_SECOND != 0:
                return 0, TOO_FINE
            return value * unit + part // NS_PER_SECOND, OK
        unit //= 1000
    return 0, OUT_OF_RANGE


@compiled
def _two_nb(data: Bytes, at: int) -> int:
    """Read two digits, or -1."""
    tens, ones = int(data[at]) - 48, int(data[at + 1]) - 48
    return tens * 10 + ones if 0 <= tens <= 9 and 0 <= ones <= 9 else -1


@compiled
def _zone_nb(data: Bytes, start: int, end: int) -> tuple[int, bool]:
    """Read what follows a time of day: seconds east of UTC, and whether there was no zone; 999999 if unreadable."""
    if start < end and data[start] == 32:
        start += 1
    if start == end:
        return 0, True
    left = end - start
    if left == 1 and (data[start] | 32) == 122:  # Z
        return 0, False
    if (
        left == 3 and (data[start] | 32) == 117 and (data[start + 1] | 32) == 116 and (data[start + 2] | 32) == 99
    ):  # UTC
        return 0, False
    if left < 3 or (data[start] != 43 and data[start] != 45):
        return 999_999, False
    hours, minutes, at = _two_nb(data, start + 1), 0, start + 3
    if at < end and data[at] == 58:
        at += 1
    if at + 2 == end:
        minutes = _two_nb(data, at)
    elif left != 3:
        return 999_999, False
    if hours < 0 or hours > 15 or minutes < 0 or minutes > 59:
        return 999_999, False
    seconds = hours * 3600 + minutes * 60
    return -seconds if data[start] == 45 else seconds, False


@compiled
def _calendar_nb(data: Bytes, start: int, end: int) -> tuple[int, int, bool]:
    """Read a date, and the time of day and zone after it if there are any."""
    bad = (0, MALFORMED, False)
    if end - start < 10 or data[start + 4] != 45 or data[start + 7] != 45:
        return bad
    century, year = _two_nb(data, start), _two_nb(data, start + 2)
    days = _days_nb(century * 100 + year, _two_nb(data, start + 5), _two_nb(data, start + 8))
    if days < 0 or century < 0 or year < 0:
        return bad
    seconds, fraction, east, naive, at = 0, 0, 0, True, start + 10
    if at < end:
        if end - at < 6 or (data[at] != 32 and data[at] != 84 and data[at] != 116) or data[at + 3] != 58:  # " ", T, t
            return bad
        hour, minute, second = _two_nb(data, at + 1), _two_nb(data, at + 4), 0
        at += 6
        if at + 2 < end and data[at] == 58:
            second, at = _two_nb(data, at + 1), at + 3
            if at < end and data[at] == 46:
                fraction, at = _fraction_nb(data, at + 1, end)
        if hour < 0 or hour > 23 or minute < 0 or minute > 59 or second < 0 or second > 59 or fraction < 0:
            return bad
        east, naive = _zone_nb(data, at, end)
        if east == 999_999:
            return bad
        seconds = hour * 3600 + minute * 60 + second
    since = days * 86_400 + seconds - east
    if since < EARLIEST or since >= LATEST:
        return 0, OUT_OF_RANGE, False
    return since * NS_PER_SECOND + fraction, OK, naive


@kept(numba.void(_BYTES, _STARTS, _STARTS, numba.int64[::1], numba.uint8[::1], numba.boolean[::1]))
def _times_nb(
    data: Bytes, begins: Starts, stops: Starts, values: Starts, faults: Bytes, naive: NDArray[np.bool_]
) -> None:
    for row in range(values.size):
        start, end = _trim_nb(data, begins[row], stops[row])
        naive[row] = False
        if start == end:
            values[row], faults[row] = 0, EMPTY
        elif end - start > 4 and data[start + 4] == 45:
            values[row], faults[row], naive[row] = _calendar_nb(data, start, end)
        else:
            values[row], faults[row] = _epoch_nb(data, start, end)
