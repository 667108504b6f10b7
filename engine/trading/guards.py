"""Every limit of a session: a small pure function of what is seen now, which gives a reason or None.

``wait``: quotes are withdrawn as long as the reason holds. ``halt``: the market stays closed until a person resumes it.
``kill``: everything is cancelled and stays so, over restarts too, until a person resumes the session with a reason.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Literal, NamedTuple

import msgspec

from ...io.ground.units import MICROS_PER_DOLLAR, NS_PER_SECOND, TICKS_PER_DOLLAR
from .settings import TradeSettings

Severity = Literal["wait", "halt", "kill"]


class MarketSeen(msgspec.Struct, frozen=True, gc=False):
    """One market as a guard sees it; money in micros, prices in ticks, times in ns."""

    ticker: str
    event: str = ""
    exclusive: bool = False
    position: int = 0
    cash: int = 0
    mid: int = 0
    day_start: int = 0  #: cash and position at the mid when the UTC day began
    refused: int = 0  #: orders refused in a row
    unknown_since: int | None = None
    disagreed: int = 0  #: readings in a row in which the exchange's position was none of ours
    collared: int | None = None  #: price of a fill outside of the collar
    group_stopped: bool = False
    unpaid: bool = False  #: the exchange cancelled an order for want of money
    buys: int = 0  #: what resting buys cost if they fill and the market settles at nothing, micros
    sells: int = 0  #: what resting sells cost if they fill and the market settles at a dollar
    untold_since: int | None = None  #: an order says since then that it filled, and no list tells the fill
    differences: int = 0  #: what the exchange's lists had otherwise within an hour, put right each time
    ghost: str | None = None  #: client id of an order that rests there and was over here

    @property
    def is_calm(self) -> bool:
        """Whether nothing speaks against it but money: most markets, most of the time."""
        return not (
            self.refused or self.disagreed or self.differences or self.group_stopped or self.unpaid or self.ghost
            or self.unknown_since is not None or self.collared is not None or self.untold_since is not None
        )  # fmt: skip

    @property
    def worth(self) -> int:
        """Cash and the position at the mid."""
        return self.cash + self.position * self.mid

    @property
    def at_nothing(self) -> int:
        """What is left if the market settles at nothing, and what rests fills where that hurts."""
        return self.cash - self.buys

    @property
    def at_a_dollar(self) -> int:
        """What is left if the market settles at a dollar, and what rests fills where that hurts."""
        return self.cash + self.position * TICKS_PER_DOLLAR - self.sells

    @property
    def worst(self) -> int:
        """What is left if the market settles as badly as it can."""
        return min(self.at_nothing, self.at_a_dollar)


@dataclass(frozen=True)
class Seen:
    """The session as a guard sees it."""

    now: int
    heard: int
    drift_ns: int = 0
    disk_free: int | None = None
    stranger: str | None = None  #: the client id of an order that bears our prefix and that we do not know
    cash_apart: int = 0  #: by how much the exchange's cash is not what our fills explain, micros
    markets: Mapping[str, MarketSeen] = field(default_factory=dict)
    unfit: str | None = None  #: why a trained model may not serve any more
    left: tuple[int, int] = (0, 0)  #: cash of markets that have left, and what of it the UTC day began with

    @property
    def made(self) -> int:
        """What the session has made, micros."""
        return sum(market.worth for market in self.markets.values()) + self.left[0]

    @property
    def made_today(self) -> int:
        """What of it the UTC day has made."""
        return self.made - sum(market.day_start for market in self.markets.values()) - self.left[1]


class Reason(NamedTuple):
    """Why quoting stops: which guard says so, of which market (None: of the session), and in words."""

    guard: str
    severity: Severity
    ticker: str | None
    text: str


def exposure(markets: list[MarketSeen]) -> int:
    """What markets of one event can lose at worst, micros: at most one of them pays where outcomes are exclusive.

    What rests counts as filled wherever that makes it worse.

    >>> yes = MarketSeen("A", exclusive=True, position=100, cash=-400_000)
    >>> no = MarketSeen("B", exclusive=True, position=-100, cash=300_000)
    >>> exposure([yes, no]), exposure([yes]), exposure([no])
    (1100000, 400000, 700000)
    """
    if all(market.exclusive for market in markets):
        none = sum(market.at_nothing for market in markets)
        worst = min([none, *(none - market.at_nothing + market.at_a_dollar for market in markets)])
    else:
        worst = sum(market.worst for market in markets)
    return max(0, -worst)


def by_event(seen: Seen) -> dict[str, list[MarketSeen]]:
    """The markets of each event; one without an event stands alone."""
    found: dict[str, list[MarketSeen]] = {}
    for market in seen.markets.values():
        found.setdefault(market.event or market.ticker, []).append(market)
    return found


def loss_market(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """A market has lost more than it may."""
    return _over("lost", lambda: -market.worth, settings.micros("loss_market"))


def exposure_market(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """A market could lose more than it may."""
    return _over("could lose", lambda: exposure([market]), settings.micros("exposure_market"))


def exposure_event(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """The outcomes of a market's event could lose more than they may, whichever comes true."""

    def lost() -> int:
        own = [one for one in seen.markets.values() if one.event == market.event] if market.event else [market]
        return exposure(own)

    return _over(f"event {market.event} could lose", lost, settings.micros("exposure_event"))


def disagreement(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """The exchange has shown a position twice that was none of ours."""
    return (
        f"the exchange's position agreed with ours in none of {market.disagreed} readings"
        if market.disagreed >= 2
        else None
    )


def unknown(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """What became of an order stays unknown."""
    if market.unknown_since is None or seen.now - market.unknown_since < settings.unknown_s * NS_PER_SECOND:
        return None
    return f"what became of an order is unknown for {(seen.now - market.unknown_since) / NS_PER_SECOND:.0f} s"


def refusals(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """Orders are refused one after the other."""
    most = settings.refusals
    return f"{market.refused} orders in a row were refused" if most is not None and market.refused >= most else None


def collar(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """A fill was farther from the mid than any order may be."""
    if market.collared is None:
        return None
    return f"a fill at {market.collared / 100:g} cents is more than {settings.collar:g} cents from the mid"


def group(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """The exchange has stopped the market's order group."""
    return "its order group filled its limit within 15 s" if market.group_stopped else None


def margin(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """The exchange has cancelled an order because the account could not pay for it."""
    return "the exchange cancelled an order for want of money" if market.unpaid else None


def untold(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """An order says that it filled, and no list tells the fill when none lags any more."""
    if market.untold_since is None or seen.now - market.untold_since < settings.list_lag_s * NS_PER_SECOND:
        return None
    return f"an order filled {(seen.now - market.untold_since) / NS_PER_SECOND:.0f} s ago and nobody tells the fill"


def differences(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """The exchange's lists and ours had to be made even too often."""
    most = settings.differences
    if most is None or market.differences < most:
        return None
    return f"the exchange's lists were not ours {market.differences} times within an hour"


def ghost(seen: Seen, market: MarketSeen, settings: TradeSettings) -> str | None:
    """An order of ours rests that was over here."""
    return f"order {market.ghost} rests and was over here" if market.ghost else None


def loss_session(seen: Seen, settings: TradeSettings) -> str | None:
    """The session has lost more than it may."""
    return _over("the session lost", lambda: -seen.made, settings.micros("loss_session"))


def loss_day(seen: Seen, settings: TradeSettings) -> str | None:
    """The UTC day has lost more than it may."""
    return _over("the day lost", lambda: -seen.made_today, settings.micros("loss_day"))


def exposure_account(seen: Seen, settings: TradeSettings) -> str | None:
    """All markets together could lose more than they may."""

    def lost() -> int:
        return sum(exposure(markets) for markets in by_event(seen).values())

    return _over("the account could lose", lost, settings.micros("exposure_account"))


def cash(seen: Seen, settings: TradeSettings) -> str | None:
    """More of the account's cash is gone than our own fills, fees and settlements explain."""
    most = settings.micros("cash_apart")
    if most is None or -seen.cash_apart < most or settings.mode != "production":  # else none of it is ours to move
        return None
    return f"the account's cash is ${seen.cash_apart / MICROS_PER_DOLLAR:+,.2f} off what our fills explain"


def clock(seen: Seen, settings: TradeSettings) -> str | None:
    """Our clock and the exchange's have drifted apart."""
    most = settings.clock_drift_s
    if most is None or abs(seen.drift_ns) < most * NS_PER_SECOND:
        return None
    return f"our clock is {seen.drift_ns / NS_PER_SECOND:+.1f} s off the exchange's"


def stranger(seen: Seen, settings: TradeSettings) -> str | None:
    """An order rests that bears our name and that we do not know."""
    return f"order {seen.stranger} bears our name and is not known here" if seen.stranger else None


def model(seen: Seen, settings: TradeSettings) -> str | None:
    """A trained model has expired, or what it reads has moved since it was trained."""
    return seen.unfit


def disk(seen: Seen, settings: TradeSettings) -> str | None:
    """The disk is nearly full."""
    most = settings.disk_mb
    if most is None or seen.disk_free is None or seen.disk_free >= most * 1e6:
        return None
    return f"{seen.disk_free / 1e6:.0f} MB are left on the journal's disk"


def feed_age(seen: Seen, settings: TradeSettings) -> str | None:
    """Nothing has been heard for too long."""
    most = settings.feed_age_s
    if most is None or seen.now - seen.heard < most * NS_PER_SECOND:
        return None
    return f"nothing was heard for {(seen.now - seen.heard) / NS_PER_SECOND:.0f} s"


MarketGuard = Callable[[Seen, MarketSeen, TradeSettings], str | None]
SessionGuard = Callable[[Seen, TradeSettings], str | None]
#: Guards of a market's money, which halt it; each is named as its limit is.
OF_MONEY: dict[str, MarketGuard] = {
    "loss-market": loss_market, "exposure-market": exposure_market, "exposure-event": exposure_event,
}  # fmt: skip
#: Guards of a market, which halt it.
OF_MARKETS: dict[str, MarketGuard] = {
    **OF_MONEY,
    "disagreement": disagreement, "unknown": unknown, "refusals": refusals, "collar": collar, "group": group,
    "margin": margin, "untold": untold, "differences": differences, "ghost": ghost,
}  # fmt: skip
#: Guards of the session: how severe, and what they say.
OF_SESSION: dict[str, tuple[Severity, SessionGuard]] = {
    "loss-session": ("kill", loss_session), "loss-day": ("kill", loss_day),
    "exposure-account": ("kill", exposure_account), "cash": ("kill", cash), "clock": ("kill", clock),
    "stranger": ("kill", stranger), "disk": ("kill", disk), "feed-age": ("wait", feed_age),
    "model": ("kill", model),
}  # fmt: skip


def reasons(seen: Seen, settings: TradeSettings) -> list[Reason]:
    """Everything that speaks against quoting now, the session's own reasons first."""
    found = [
        Reason(name, severity, None, text)
        for name, (severity, guard) in OF_SESSION.items()
        if (text := guard(seen, settings)) is not None
    ]
    money = {name: one for name, one in OF_MONEY.items() if settings.micros(name.replace("-", "_")) is not None}
    found += [
        Reason(name, "halt", market.ticker, text)
        for market in seen.markets.values()
        for name, guard in (money if market.is_calm else OF_MARKETS).items()
        if (text := guard(seen, market, settings)) is not None
    ]
    return found


class Used(NamedTuple):
    """How far a limit is used up."""

    name: str
    used: float
    limit: float | None  #: None is no limit
    unit: str


def limits_used(seen: Seen, settings: TradeSettings) -> list[Used]:
    """Return how far each limit is used up, of markets and events the one that is nearest to it.

    >>> [one[:3] for one in limits_used(Seen(0, 0), TradeSettings())][-1]
    ('feed_age_s', 0.0, 30.0)
    """
    markets, events = seen.markets.values(), by_event(seen).values()
    lost = {
        "loss_market": max([-one.worth for one in markets], default=0),
        "loss_session": -seen.made,
        "loss_day": -seen.made_today,
        "exposure_market": max([exposure([one]) for one in markets], default=0),
        "exposure_event": max([exposure(one) for one in events], default=0),
        "exposure_account": sum(exposure(one) for one in events),
    }
    others = {
        "refusals": max([one.refused for one in markets], default=0),
        "clock_drift_s": abs(seen.drift_ns) / NS_PER_SECOND,
        "feed_age_s": max(seen.now - seen.heard, 0) / NS_PER_SECOND,
    }  # fmt: skip
    units = {one.name: one.metadata.get("unit", "") for one in fields(TradeSettings)}
    found = [
        Used(name, max(value, 0) / MICROS_PER_DOLLAR, getattr(settings, name), units[name])
        for name, value in lost.items()
    ]
    return found + [Used(name, float(value), getattr(settings, name), units[name]) for name, value in others.items()]


def _over(what: str, lost: Callable[[], int], most: int | None) -> str | None:
    if most is None or (amount := lost()) < most:
        return None
    return f"{what} ${amount / MICROS_PER_DOLLAR:,.2f}, and the limit is ${most / MICROS_PER_DOLLAR:,.2f}"
