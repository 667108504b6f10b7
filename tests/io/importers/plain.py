"""The importers' oracle: numbers, times and books in the most obvious Python."""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal, InvalidOperation

NS = 1_000_000_000
EARLIEST, LATEST = 946_684_800, 4_102_444_800
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)(?:[ Tt](\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?)? ?([zZ]|[uU][tT][cC]|[+-]\d\d(?::?\d\d)?)?",
    re.ASCII,
)


def number(text: str, places: int) -> int | None:
    """Return ``text * 10**places`` if it is within 1e-3 of a whole number, else None."""
    text = text.strip(" \t\r")
    if not _NUMBER.fullmatch(text):
        return None
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    if value and value.adjusted() + places > 30:
        return None
    if value and value.adjusted() + places < -30:
        return 0
    scaled = abs(value.scaleb(places))
    whole = int(scaled)
    first = int((scaled - whole) * 1000)
    if first == 999:
        whole += 1
    elif first != 0:
        return None
    if whole >= 10**17:
        return None
    return -whole if value < 0 else whole


def moment(text: str) -> int | None:
    """Return ns since 1970, times without a zone taken as UTC; None if it is no time."""
    text = text.strip(" \t\r")
    if re.fullmatch(r"\d+(\.\d+)?", text, re.ASCII):
        return _epoch(text)
    found = _TIME.fullmatch(text)
    if not found:
        return None
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if hour is None and zone:
        return None
    if fraction and fraction[9:].strip("0"):
        return None
    try:
        at = dt.datetime(
            int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=dt.UTC
        )
    except ValueError:
        return None
    seconds = int((at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)).total_seconds()) - _offset(zone)
    if not EARLIEST <= seconds < LATEST or abs(_offset(zone)) > 15 * 3600 + 3599:
        return None
    return seconds * NS + int((fraction or "").ljust(9, "0")[:9])


def _offset(zone: str | None) -> int:
    if not zone or zone in "zZ" or zone.upper() == "UTC":
        return 0
    digits = zone[1:].replace(":", "")
    hours, minutes = int(digits[:2]), int(digits[2:] or 0)
    if hours > 15 or minutes > 59:
        return 10**9
    return (hours * 3600 + minutes * 60) * (-1 if zone[0] == "-" else 1)


def _epoch(text: str) -> int | None:
    whole, _, fraction = text.partition(".")
    if fraction[9:].strip("0"):
        return None
    for unit in (NS, NS // 1000, 1000, 1):
        if EARLIEST * (NS // unit) <= int(whole) < LATEST * (NS // unit):
            part = int(fraction.ljust(9, "0")[:9] or 0) * unit if fraction else 0
            return None if part % NS else int(whole) * unit + part // NS
    return None


def replay(rows: list[tuple[int, int, int, int]]) -> list[tuple[dict[int, int], dict[int, int]] | None]:
    """Apply (kind, side, price, size) rows of one market; after each, (bids, asks), or None while unknown."""
    books: dict[int, dict[int, int]] = {1: {}, -1: {}}
    known, states = False, []
    for kind, side, price, size in rows:
        if kind == 2:
            books, known = {1: {}, -1: {}}, True
        elif kind == 3:
            known = False
        elif known:
            level = size if kind == 1 else books[side].get(price, 0) + size
            assert level >= 0
            if level:
                books[side][price] = level
            else:
                books[side].pop(price, None)
        states.append((dict(books[1]), dict(books[-1])) if known else None)
    return states
