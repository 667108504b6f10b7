"""What a session may do: how it trades and every limit, in a person's units, kept as TOML in its folder."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from ...io.ground.errors import InputError
from ...io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR
from ...strategies.parameters import nearest

Mode = Literal["paper", "shadow", "production"]
Ending = Literal["reduce", "hold"]
MODES: tuple[Mode, ...] = ("paper", "shadow", "production")
MOST = 1e9


def _limit(default: float | None, unit: str, low: float = 0.0) -> Any:
    return field(default=default, metadata={"unit": unit, "low": low})


@dataclass(frozen=True)
class TradeSettings:
    """How a session trades, and its limits; None is no limit.

    Example:
        >>> TradeSettings(lease_s=60).with_options({"loss-day": 25}).loss_day
        25
    """

    mode: Mode = "paper"
    lease_s: float = _limit(120.0, "s", 10.0)  #: an order that is not renewed dies by itself after so long
    group_contracts: float | None = _limit(1000.0, "contracts", 1.0)  #: filled in 15 s: the exchange stops the market
    largest_order: float | None = _limit(1000.0, "contracts", 0.01)  #: a larger wish is cut
    largest_notional: float | None = _limit(1000.0, "dollars", 0.01)  #: an order that costs more is cut
    collar: float | None = _limit(15.0, "cents", 0.01)  #: from the mid: no order beyond it, and a fill there halts
    loss_market: float | None = _limit(None, "dollars", 0.01)  #: lost in a market this session: it is halted
    loss_session: float | None = _limit(None, "dollars", 0.01)  #: lost this session: killed
    loss_day: float | None = _limit(None, "dollars", 0.01)  #: lost this UTC day: killed
    exposure_market: float | None = _limit(None, "dollars", 0.01)  #: lost at worst in a market: it is halted
    exposure_event: float | None = _limit(None, "dollars", 0.01)  #: at worst over an event's outcomes: all are halted
    exposure_account: float | None = _limit(None, "dollars", 0.01)  #: at worst over all: killed
    cash_apart: float | None = _limit(5.0, "dollars", 0.01)  #: gone by what is none of ours: killed; none if shared
    differences: float | None = _limit(5.0, "in an hour", 1.0)  #: lists that were put right: the market is halted
    refusals: float | None = _limit(10.0, "in a row", 1.0)  #: orders refused one after the other: the market is halted
    unknown_s: float = _limit(60.0, "s", 1.0)  #: an outcome that stays unknown for so long halts its market
    feed_age_s: float | None = _limit(30.0, "s", 0.1)  #: nothing heard for so long: quotes go until the feed is back
    clock_drift_s: float | None = _limit(2.0, "s", 0.1)  #: our clock against the exchange's: killed
    disk_mb: float | None = _limit(200.0, "MB", 1.0)  #: less space left: killed
    reconcile_s: float = _limit(15.0, "s", 0.05)  #: from one comparison with the exchange's lists to the next
    list_lag_s: float = _limit(35.0, "s", 0.0)  #: the exchange's lists may be as old as this
    choose_s: float = _limit(300.0, "s", 1.0)  #: from one look at a series' markets to the next
    choose_band: float = _limit(0.25, "share", 0.0)  #: another market takes a place if its score is so much higher
    ending: Ending = "reduce"  #: what a market that lost its place holds is worked off, or held until it settles
    deny: str = ""  #: series, events and markets that are never chosen, with commas between them
    subaccount: int = 0
    settle_ms: float = _limit(20.0, "ms", 0.0)  #: on paper: how long a moment's last message is waited for

    def __post_init__(self) -> None:
        if self.mode not in MODES:
            raise InputError(f"mode is one of {', '.join(MODES)}, not {self.mode!r}")
        if self.ending not in ("reduce", "hold"):
            raise InputError(f"ending is reduce or hold, not {self.ending!r}")
        if not isinstance(self.deny, str):
            raise InputError(f"deny is names with commas between them, not {self.deny!r}")
        if isinstance(self.subaccount, bool) or self.subaccount not in range(64):
            raise InputError(f"subaccount is a whole number from 0 to 63, not {self.subaccount!r}")
        for one in fields(self):
            value, low = getattr(self, one.name), one.metadata.get("low")
            if low is None or (value is None and one.default is None) or value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= MOST:
                raise InputError(f"{one.name} is a number from {low:g} ({one.metadata['unit']}), not {value!r}")

    def with_options(self, given: dict[str, Any]) -> TradeSettings:
        """Return these settings with some changed; names may be written with dashes, and ``none`` lifts a limit."""
        known = {one.name for one in fields(self)}
        changed: dict[str, Any] = {}
        for text, value in given.items():
            name = text.replace("-", "_")
            if name not in known:
                raise InputError(f"there is no setting {text!r} of a session; {nearest(name, known)}")
            nothing = "" if name == "deny" else None
            changed[name] = nothing if value == "none" else int(value) if name == "subaccount" else value
        return TradeSettings(**{**asdict(self), **changed})

    @property
    def denied(self) -> tuple[str, ...]:
        """The names of ``deny``."""
        return tuple(name.strip() for name in self.deny.split(",") if name.strip())

    def document(self) -> dict[str, Any]:
        """The settings as a TOML table; what is no limit is left out and reads as ``none``."""
        return {name: "none" if value is None else value for name, value in asdict(self).items()}

    def micros(self, name: str) -> int | None:
        """A limit in dollars as micros."""
        value = getattr(self, name)
        return None if value is None else round(value * MICROS_PER_DOLLAR)

    def lots(self, name: str) -> int | None:
        """A limit in contracts as lots."""
        value = getattr(self, name)
        return None if value is None else round(value * LOTS_PER_CONTRACT)
