"""Whole numbers for prices, sizes, money and time, and the exact way from and to what people write.

A price is in ticks of 1/10,000 dollar, a size in lots of 1/100 contract, money in micros of 1/1,000,000 dollar,
a time in nanoseconds since 1970 UTC. Tick x lot is exactly one micro.
"""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

from .errors import InputError

TICKS_PER_DOLLAR = 10_000
TICKS_PER_CENT = 100
LOTS_PER_CONTRACT = 100
MICROS_PER_DOLLAR = 1_000_000
MICROS_PER_TICK = 100
NS_PER_SECOND = 1_000_000_000


def exact(text: str | int | Decimal, scale: int, what: str) -> int:
    """Return ``text * scale`` as a whole number, or say why that cannot be.

    >>> exact("0.565", TICKS_PER_DOLLAR, "price")
    5650
    """
    try:
        scaled = Decimal(text) * scale
    except (InvalidOperation, TypeError, ValueError):
        raise InputError(f"{what} {text!r} is not a number") from None
    if not scaled.is_finite() or scaled != scaled.to_integral_value():
        raise InputError(f"{what} {text} is finer than 1/{scale}")
    return int(scaled)


def dollars(micros: int) -> str:
    """Write money for a person: exact, at least two decimals, no float on the way.

    >>> dollars(-3_220_000), dollars(17_500)
    ('-$3.22', '$0.0175')
    """
    sign = "-" if micros < 0 else ""
    whole, rest = divmod(abs(micros), MICROS_PER_DOLLAR)
    decimals = f"{rest:06d}".rstrip("0").ljust(2, "0")
    return f"{sign}${whole:,}.{decimals}"


def cents(ticks: int) -> str:
    """Write a price for a person, in cents.

    >>> cents(5650), cents(4700)
    ('56.5', '47')
    """
    whole, rest = divmod(ticks, TICKS_PER_CENT)
    return f"{whole}.{rest:02d}".rstrip("0") if rest else f"{whole}"


def contracts(lots: int) -> str:
    """Write a size for a person, in contracts.

    >>> contracts(1411), contracts(-300)
    ('14.11', '-3')
    """
    sign = "-" if lots < 0 else ""
    whole, rest = divmod(abs(lots), LOTS_PER_CONTRACT)
    return f"{sign}{whole}.{rest:02d}" if rest else f"{sign}{whole}"
