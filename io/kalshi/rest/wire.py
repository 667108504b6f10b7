"""Numbers and times as the exchange writes them, and the whole numbers they become."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, TypeVar

import msgspec

from ...ground.errors import InputError
from ...ground.times import iso, nanoseconds
from ...ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR, TICKS_PER_DOLLAR, exact

T = TypeVar("T")


class Ticks(int):
    """A YES price in ticks of 1/10,000 dollar; a decimal string of dollars on the wire."""


class Lots(int):
    """A size in lots of 1/100 contract; a decimal string of contracts on the wire."""


class Micros(int):
    """Money in 1/1,000,000 dollar; a decimal string of dollars on the wire."""


class CentMicros(int):
    """Money in 1/1,000,000 dollar; a whole number of cents on the wire."""


class Nanos(int):
    """A time in nanoseconds since 1970 UTC; 0 where the exchange has none."""


class Wire(msgspec.Struct, kw_only=True):
    """Base of every answer: unknown fields are ignored, enumerations stay plain strings."""


def read_time(value: object) -> int:
    """Read a time whatever its unit: RFC 3339 text, or seconds, ms, µs or ns told apart by their size.

    >>> read_time("2026-06-11T06:31:29.957081Z"), read_time(1781159489), read_time(1781159489957)
    (1781159489957081000, 1781159489000000000, 1781159489957000000)
    """
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a time, got {value!r}")
    if isinstance(value, str):
        text = value.strip()
        if not text or text.startswith("0001-"):  # the exchange's way to say "no time"
            return 0
        if not text.lstrip("-").replace(".", "", 1).isdigit():
            return _read_text(text)
        value = text
    number = Decimal(str(value))
    for ceiling, scale in ((10**11, 10**9), (10**14, 10**6), (10**17, 10**3)):
        if abs(number) < ceiling:
            return int(number * scale)
    return int(number)


def _read_text(text: str) -> int:
    try:
        return nanoseconds(text)
    except InputError as error:
        raise ValueError(str(error)) from None


def write_time(ns: int) -> str:
    """Write a time as RFC 3339 UTC with microseconds, as the exchange does.

    >>> write_time(1781159489957081000)
    '2026-06-11T06:31:29.957081Z'
    """
    return iso(ns, 6)


def write_price(ticks: int) -> str:
    """Write a price as the exchange does: dollars with four decimals.

    >>> write_price(5650)
    '0.5650'
    """
    return _decimals(ticks, TICKS_PER_DOLLAR, 4)


def write_count(lots: int) -> str:
    """Write a size as the exchange does: contracts with two decimals.

    >>> write_count(-300)
    '-3.00'
    """
    return _decimals(lots, LOTS_PER_CONTRACT, 2)


def _decimals(number: int, scale: int, places: int) -> str:
    whole, rest = divmod(abs(number), scale)
    return f"{'-' if number < 0 else ''}{whole}.{rest:0{places}d}"


def read_price(value: object) -> int:
    """Read a price in dollars, a string or (in old recordings) a JSON number, into ticks."""
    return exact(_text(value), TICKS_PER_DOLLAR, "price")


def read_count(value: object) -> int:
    """Read a size in contracts, a string or (in old recordings) a JSON number, into lots."""
    return exact(_text(value), LOTS_PER_CONTRACT, "size")


def _read_micros(value: object) -> int:
    # Averages may come with more decimals than money has; the nearest micro is what they mean.
    scaled = Decimal(_text(value)) * MICROS_PER_DOLLAR
    return int(scaled.to_integral_value(ROUND_HALF_EVEN))


def _read_cents(value: object) -> int:
    return exact(_text(value), MICROS_PER_DOLLAR // 100, "money")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"expected a number, got {value!r}")
    return str(value)


_READERS: dict[type, Callable[[object], int]] = {
    Ticks: read_price,
    Lots: read_count,
    Micros: _read_micros,
    CentMicros: _read_cents,
    Nanos: read_time,
}


def _read(kind: type, value: object) -> Any:
    try:
        return kind(_READERS[kind](value))
    except (ArithmeticError, InputError) as error:
        raise ValueError(str(error)) from None


_DECODERS: dict[object, msgspec.json.Decoder[Any]] = {}


def decode(kind: type[T] | Any, raw: bytes | msgspec.Raw) -> T:
    """Decode JSON into a typed answer."""
    decoder = _DECODERS.get(kind)
    if decoder is None:
        decoder = _DECODERS[kind] = msgspec.json.Decoder(kind, dec_hook=_read, strict=False)
    return decoder.decode(raw)


def convert(kind: type[T] | Any, document: object) -> T:
    """Turn decoded JSON into a typed answer."""
    return msgspec.convert(document, kind, dec_hook=_read, strict=False)


def names(*, dollars: str = "", fp: str = "", **others: str) -> dict[str, str]:
    """Say what fields are called on the wire: with ``_dollars``, with ``_fp``, or by another name.

    >>> names(dollars="yes_bid", fp="volume", event="event_ticker")
    {'yes_bid': 'yes_bid_dollars', 'volume': 'volume_fp', 'event': 'event_ticker'}
    """
    return {
        **{name: f"{name}_dollars" for name in dollars.split()},
        **{name: f"{name}_fp" for name in fp.split()},
        **others,
    }
