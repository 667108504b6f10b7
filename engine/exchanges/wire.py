"""How numbers, times and refusals look on the exchange's wire."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from ...io.ground.times import iso
from ...io.ground.units import LOTS_PER_CONTRACT, TICKS_PER_DOLLAR

_DECIMAL = re.compile(r"[0-9]{1,12}(?:\.[0-9]{1,12})?\Z")
NS_PER_MS = 1_000_000
FOREVER = 1 << 62


class RefusalError(Exception):
    """An answer other than success: an HTTP status and the body that goes with it."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(body)
        self.status = status
        self.body = body


def refuse(status: int, code: str, message: str = "", details: str = "") -> RefusalError:
    """Build the usual, nested error body.

    >>> refuse(404, "not_found").body
    {'error': {'code': 'not_found', 'message': 'not found'}}
    """
    error = {"code": code, "message": message or code.replace("_", " ")}
    return RefusalError(status, {"error": {**error, "details": details} if details else error})


def bad_body(details: str) -> RefusalError:
    """Build the flat body that answers a request which cannot be decoded."""
    return RefusalError(400, {"code": "bad_request", "message": "bad request", "details": details})


def bad_query(message: str) -> RefusalError:
    """Build the body that answers a wrong query parameter."""
    return RefusalError(400, {"msg": message})


def parse(raw: bytes) -> Any:
    """Decode JSON; whatever is wrong with it, numbers without end and nests without floor included, is a ValueError."""
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None


def price(ticks: int) -> str:
    """Write a price in dollars with four decimals.

    >>> price(4700), price(10_000)
    ('0.4700', '1.0000')
    """
    return f"{ticks // TICKS_PER_DOLLAR}.{ticks % TICKS_PER_DOLLAR:04d}"


def count(lots: int) -> str:
    """Write a number of contracts with two decimals.

    >>> count(300), count(-1411)
    ('3.00', '-14.11')
    """
    sign = "-" if lots < 0 else ""
    whole, rest = divmod(abs(lots), LOTS_PER_CONTRACT)
    return f"{sign}{whole}.{rest:02d}"


def money(micros: int) -> str:
    """Write money in dollars with six decimals.

    >>> money(17_500), money(-1)
    ('0.017500', '-0.000001')
    """
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), 1_000_000)
    return f"{sign}{whole}.{rest:06d}"


def average(total: int, lots: int) -> str:
    """Write the mean per contract of micros paid for lots, four decimals or up to six where it needs them.

    >>> average(5200 * 100, 100), average(1, 300)
    ('0.5200', '0.0000')
    """
    whole, rest = divmod(total * LOTS_PER_CONTRACT // lots, 1_000_000)
    decimals = f"{rest:06d}"
    return f"{whole}.{decimals[:4]}{decimals[4:].rstrip('0')}"


def stamp(ns: int) -> str:
    """Write a time as RFC 3339 with microseconds.

    >>> stamp(1_781_159_370_164_000_000)
    '2026-06-11T06:29:30.164000Z'
    """
    return iso(ns, 6)


def read_decimal(body: dict[str, Any], name: str, scale: int) -> int:
    """Read a decimal string as a whole number of 1/scale; JSON numbers and finer steps are refused."""
    text = body.get(name)
    if not isinstance(text, str):
        raise bad_body(f"{name} must be a decimal string")
    if not _DECIMAL.match(text):
        raise bad_body(f"{name} is not a decimal number: {text[:40]!r}")
    whole, _, fraction = text.partition(".")
    digits = len(str(scale)) - 1
    if fraction[digits:].strip("0"):
        raise refuse(
            400, "invalid_price" if name == "price" else "invalid_order", details=f"{name} is finer than 1/{scale}"
        )
    return int(whole) * scale + int(fraction[:digits].ljust(digits, "0"))


def read_choice(body: dict[str, Any], name: str, allowed: tuple[str, ...]) -> str:
    """Read a required word of a closed list."""
    value = body.get(name)
    if value not in allowed:
        raise bad_body(f"{name} must be one of {', '.join(allowed)}")
    return value


def read_optional(body: dict[str, Any], name: str, kind: type) -> Any:
    """Read an optional value of one JSON type; null counts as absent."""
    value = body.get(name)
    if value is not None and (not isinstance(value, kind) or (kind is int and isinstance(value, bool))):
        raise bad_body(f"{name} must be of type {kind.__name__}")
    return value
