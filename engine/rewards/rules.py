"""The rules of liquidity programs by date, with the readings that are disputed as settings."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal

from ...io.ground.errors import InputError
from ...io.ground.times import nanoseconds
from . import BY_DAY

#: From when on the payout is reduced by the share of snapshots that were excluded.
SCALED_SINCE = nanoseconds("2026-07-30")


@dataclass(frozen=True)
class RewardRules:
    """How a snapshot is scored and a period paid; see rewards.md for the texts these are taken from."""

    name: str
    reference: Literal["best", "fifth"]  #: the best bid, or the level at which a fifth of the target stands
    inside: Literal["capped", "filed"] = "capped"  #: weight of a bid better than the reference: 1, or above 1
    unit: Literal["ticks", "cents"] = "ticks"  #: what a step below the reference is
    highest: Literal["excluded", "counted"] = "counted"  #: a snapshot in which a best bid is the highest price
    scaled: bool = True  #: the payout is reduced by the share of excluded snapshots


#: The texts by the day from which each holds, oldest first.
TEXTS = (
    (nanoseconds("2026-02-11"), RewardRules("lip@2026-02", "best", highest="excluded", scaled=False)),
    (nanoseconds("2026-07-15"), RewardRules("lip@2026-07", "fifth")),
)
_SETTINGS: dict[str, tuple[str, ...]] = {
    "reference": ("best", "fifth"),
    "inside": ("capped", "filed"),
    "unit": ("ticks", "cents"),
    "highest": ("excluded", "counted"),
    "scaled": ("true", "false"),
}


def rules_at(ts: int, spec: str = BY_DAY) -> RewardRules:
    """Return the rules of a period that begins at ``ts``: the text of the day, or what ``spec`` names.

    Args:
        ts: Begin of the period, ns UTC. Before the first text the first one holds.
        spec: ``by-day`` or the name of a text, and settings after it, such as ``lip@2026-07,inside=filed``.

    Example:
        >>> rules_at(nanoseconds("2026-03-01")).reference
        'best'
        >>> rules_at(nanoseconds("2026-10-01"), "by-day,inside=filed").inside
        'filed'
    """
    names, settings = _parsed(spec)
    since, text = next((row for row in reversed(TEXTS) if row[0] <= ts), TEXTS[0])
    if names:
        since, text = next(row for row in TEXTS if row[1].name == names[0])
    if text.scaled and since <= ts < SCALED_SINCE:
        text = replace(text, scaled=False)
    return replace(text, **settings)


def check_rules(spec: str) -> str:
    """Return a text of rules as it was given, or raise an error that says what one is."""
    _parsed(spec)
    return spec


def _parsed(spec: str) -> tuple[list[str], dict[str, Any]]:
    """The name of a text, if one is named, and the settings."""
    names, settings = list[str](), dict[str, Any]()
    known = [text.name for _, text in TEXTS]
    for at, part in enumerate(str(spec).split(",")):
        name, equals, value = part.strip().partition("=")
        if at == 0 and not equals and name in (BY_DAY, *known):
            names += [name] if name != BY_DAY else []
        elif equals and value in _SETTINGS.get(name, ()):
            settings[name] = value == "true" if name == "scaled" else value
        else:
            allowed = ", ".join(f"{one}={'|'.join(values)}" for one, values in _SETTINGS.items())
            raise InputError(
                f"reward_rules: {part.strip()!r} is neither {BY_DAY}, {', '.join(known)}, nor a setting after it "
                f"({allowed})"
            )
    return names, settings


def described(rules: RewardRules) -> str:
    """Write rules down so that ``rules_at`` reads the same again, whatever the day."""
    words = {one.name: getattr(rules, one.name) for one in fields(rules) if one.name != "name"}
    words["scaled"] = str(rules.scaled).lower()
    return ",".join([rules.name, *(f"{name}={value}" for name, value in words.items())])
