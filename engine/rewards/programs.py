"""Incentive programs of a market: as recorded in a store, or assumed for a what-if."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ...io.ground.errors import InputError
from ...io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR, NS_PER_SECOND, exact

#: Types of program: pay for resting orders, and pay by volume.
LIQUIDITY, VOLUME = "liquidity", "volume"
_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400}
_KEYS = ("pool", "per", "target", "discount", "cap", "kind")
_EXAMPLE = "pool=20,per=15m,target=300,discount=0.5"


@dataclass(frozen=True)
class Program:
    """What one program pays in one period."""

    id: str
    ticker: str
    start: int  #: ns UTC
    end: int
    reward: int  #: micros for the period
    target: int  #: lots that must stand on each side
    discount: int  #: what a step below the reference leaves of a score, 1/10,000
    cap: int | None = None  #: most that an account gets, micros
    kind: str = LIQUIDITY

    @property
    def seconds(self) -> int:
        """How many snapshots the period has."""
        return (self.end - self.start) // NS_PER_SECOND


@dataclass(frozen=True)
class AssumedProgram:
    """A program that is taken for granted on every market: the same reward each period, one after the other."""

    reward: int
    per_ns: int
    target: int
    discount: int
    cap: int | None = None
    kind: str = LIQUIDITY

    def over(self, ticker: str, start: int, end: int) -> list[Program]:
        """Return its periods that touch start … end; they begin at round times of the clock."""
        first = start // self.per_ns
        return [
            Program(
                f"assumed-{self.per_ns // NS_PER_SECOND}s-{number}", ticker, number * self.per_ns,
                (number + 1) * self.per_ns, self.reward, self.target, self.discount, self.cap, self.kind,
            )
            for number in range(first, max(-(-end // self.per_ns), first))
        ]  # fmt: skip


def assumed(text: str) -> list[AssumedProgram]:
    """Read programs to assume, one or several with ``;`` between them.

    Args:
        text: Such as ``pool=20,per=15m,target=300,discount=0.5``: dollars a period, its length, contracts that must
            stand, and what a step leaves of a score; ``cap=`` dollars an account.

    Example:
        >>> assumed("pool=20,per=15m,target=300,discount=0.5")[0].reward
        20000000
    """
    return [_one(part) for part in text.split(";") if part.strip()] or [_one(text)]


def _one(text: str) -> AssumedProgram:
    given: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or name not in _KEYS or name in given:
            raise InputError(f"a reward is written such as {_EXAMPLE}; {part.strip()!r} is no part of one")
        given[name] = value
    if missing := [name for name in ("pool", "per", "target") if name not in given]:
        raise InputError(f"the reward {text!r} lacks {', '.join(missing)}; it is written such as {_EXAMPLE}")
    reward = _scaled(given["pool"], MICROS_PER_DOLLAR, "pool")
    target = _scaled(given["target"], LOTS_PER_CONTRACT, "target")
    discount = _scaled(given.get("discount", "0.5"), 10_000, "discount")
    if discount > 10_000:
        raise InputError(f"the discount of a reward is a number above 0 and up to 1, not {given['discount']}")
    kind = given.get("kind", LIQUIDITY)
    if kind not in (LIQUIDITY, VOLUME):
        raise InputError(f"the kind of a reward is {LIQUIDITY} or {VOLUME}, not {kind!r}")
    cap = _scaled(given["cap"], MICROS_PER_DOLLAR, "cap") if "cap" in given else None
    return AssumedProgram(reward, _span(given["per"]), target, discount, cap, kind)


def _scaled(text: str, scale: int, name: str) -> int:
    try:
        value = exact(text, scale, name)
    except (InputError, ValueError, ArithmeticError):
        value = 0
    if value <= 0:
        raise InputError(f"the {name} of a reward is a number above 0, not {text!r}; one is written such as {_EXAMPLE}")
    return value


def _span(text: str) -> int:
    number, unit = text[:-1], _UNITS.get(text[-1:].lower())
    if unit is None or not number.isdigit() or not 0 < int(number) * unit <= 366 * 86_400:
        raise InputError(f"the span (per) of a reward is a time such as 15m, 90m, 1d or 7d, not {text!r}")
    return int(number) * unit * NS_PER_SECOND


def check_rewards(text: str) -> str:
    """Return what ``rewards`` is set to as it was given, or raise an error that says what it may be."""
    if text not in ("none", "recorded"):
        assumed(text)
    return text


def answer_ns(text: str) -> int | None:
    """Return after how long rivals step in front of a quote: None for ``none``, or that of ``step:DELAY``.

    >>> answer_ns("step:5s")
    5000000000
    """
    name, colon, delay = text.partition(":")
    if text == "none":
        return None
    number, unit = delay[:-1], _UNITS.get(delay[-1:].lower())
    if name != "step" or not colon or unit is None or not number.isdigit() or int(number) * unit > 86_400:
        raise InputError(f"reaction is none, or step: and a delay such as step:5s or step:1m, not {text!r}")
    return int(number) * unit * NS_PER_SECOND


def recorded(rows: Iterable[Mapping[str, Any]]) -> list[Program]:
    """Return the programs that rows of table ``programs`` tell; one without an end or a reward is left out."""
    found = [
        Program(
            str(row["id"]), str(row["ticker"]), int(row["start_ts"]), int(row["end_ts"]), int(row["reward"]),
            int(row["target"] or 0), int(row["discount"] or 10_000), row["cap"], str(row["kind"] or LIQUIDITY),
        )
        for row in rows
        if row["end_ts"] is not None and row["reward"] is not None and row["end_ts"] > row["start_ts"]
    ]  # fmt: skip
    return sorted(found, key=lambda one: (one.start, one.end, one.id))
