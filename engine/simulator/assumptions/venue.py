"""The venue: every assumption about the exchange, the connection and the risk limits, with units and defaults."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any, Literal

import numpy as np

from ....io.ground.errors import InputError
from ....strategies.parameters import nearest, switch
from ...rewards import BY_DAY
from ..state import I64, Grid, VenueNumbers
from .draws import uniform_draws
from .fees import FeeTable
from .flags import Flags
from .latency import BUCKET_NS, Delay, check_delay, delay_lines, is_delayed
from .queue import POISSON, QueueModel, queue_model

#: What an assumption may be set to.
Assumed = bool | int | float | str | None
MS = 1_000_000
SECOND = 1_000_000_000

#: Assumption -> what each of its values means, for people.
MEANINGS: dict[str, dict[str, str]] = {
    "volatility": {
        "constant": "`variance`, always",
        "levels": "variance of the trade prices of the last `window_s`",
        "increments": "squared changes of the mid over the last `window_s`, a second",
        "decaying": "variance of the mid around its mean, both decaying with the time constant `window_s`",
    },
    "horizon": {
        "session": "the share of the session that is left, 1 to 0",
        "to-close": "the seconds to the close",
        "fixed": "`tau`, always",
    },
    "shrink": {
        "none": "nothing",
        "limit": "the position limit, by calm / volatility",
        "size": "the sizes that are quoted, by calm / volatility",
        "both": "limit and sizes",
    },
    "amend": {
        "keep": "a smaller size at the same price keeps its place in the queue",
        "replace": "every change of an order loses it",
    },
    "sides": {"both": "both", "bid": "bids alone", "ask": "asks alone"},
    "fees": {"exchange": "the market's own, of the day", "none": "no fees"},
    "membership": {"direct": "fees are rounded as for direct members", "broker": "as for those behind a broker"},
}
VOLATILITY = {"constant": 0, "levels": 1, "increments": 2, "decaying": 3}
HORIZON = {"session": 0, "to-close": 1, "fixed": 2}
SIDES = {"both": 0, "bid": 2, "ask": 1}
PROMPTS = {"time": 0, "trade": 1, "touch": 2, "book": 4, "signal": 8}
NEVER = 1 << 61  #: ns
SHRINK = {"none": 0, "limit": 1, "size": 2, "both": 3}
#: Other names of assumptions, as options of the commands and parameter files have them.
ALSO = {"latency_ms": "entry_ms"}


def _assumed(default: Any, unit: str = "", low: float = -math.inf, high: float = math.inf, table: str = "venue") -> Any:
    """An assumption: its default, its unit and bounds if it is a number, and its table in a parameter file."""
    return field(default=default, metadata={"unit": unit, "low": low, "high": high, "table": table})


@dataclass(frozen=True)
class Assumptions:
    """What a run takes for granted. Prices are in cents, sizes in contracts, money in dollars, times as named.

    Example:
        >>> Assumptions(queue="touch").with_options({"latency-ms": 50}).entry_ms
        50
    """

    queue: str = "power@3"  #: when an order fills, see replay.md
    feed_ms: Delay = 0.0  #: from the exchange's event to the agent's knowing it; a number or a law, see replay.md
    entry_ms: Delay = 0.0  #: from the agent's order to its arrival
    response_ms: Delay = 0.0  #: from a fill to the agent's knowing it
    seed: int = _assumed(0, "", 0, 2**53)  #: of everything that is drawn: delays and Poisson fills
    requote_ms: float = _assumed(1000.0, "ms", 0, 864e5)  #: from a quote to the next; after a fill at once
    post_only: bool = True  #: a quote never takes: it stays off the other side, or is refused when it would cross
    requote_on: str = "time"  #: what leads to a quote besides own fills: time, trade, touch, book, signal, signal:NAME
    tolerance: int = _assumed(0, "levels", 0, 10_000)  #: an order so near to what is wished stays where it is
    min_life_ms: float = _assumed(0.0, "ms", 0, 864e5)  #: an order is left alone so long, unless limits take it away
    amend: Literal["keep", "replace"] = "keep"  #: whether a smaller size at the same price keeps its place
    volatility: Literal["constant", "levels", "increments", "decaying"] = "levels"  #: what a model knows of it
    window_s: float = _assumed(60.0, "s", 0.001, 86_400)  #: of the volatility, or the time constant of its decay
    variance: float = _assumed(1.0, "cents squared", 0.0, 1e6)  #: while there are fewer than two observations
    horizon: Literal["session", "to-close", "fixed"] = "session"  #: what tau is
    tau: float = _assumed(1.0, "", 0.0, 1e9)  #: time left for the fixed horizon
    fees: Literal["exchange", "none"] = "exchange"  #: what is charged
    membership: Literal["direct", "broker"] = "direct"  #: whose rounding of fees holds
    rewards: str = "none"  #: incentive programs that are counted: none, recorded, or assumed ones, see rewards.md
    reward_rules: str = BY_DAY  #: how they are scored: the text of the day or a named one, and settings
    reaction: str = "none"  #: what rivals do about quotes that score: none, or step:DELAY, see rewards.md
    position_limit: float = _assumed(100.0, "contracts", 0.0, 10_000_000.0, "limits")  #: held at most, long or short
    halt: float | None = _assumed(None, "contracts", 1e-9, 1e9, "limits")  #: held: the side that adds is not quoted
    shrink: Literal["none", "limit", "size", "both"] = _assumed("none", table="limits")  #: what does, above calm
    calm: float | None = _assumed(None, "cents", 1e-9, 1e9, "limits")  #: volatility up to which nothing shrinks
    daily_loss: float | None = _assumed(None, "dollars", 1e-9, 1e9, "limits")  #: lost: quoting stops for the UTC day
    reduce_only: bool = _assumed(False, table="limits")  #: only what makes the position smaller is quoted
    sides: Literal["both", "bid", "ask"] = _assumed("both", table="limits")  #: the sides that are quoted
    stop_quoting_s: float = _assumed(0.0, "s", 0, 1e9, "limits")  #: quotes stop so long before the close as then known
    capital: float | None = _assumed(None, "dollars", 1e-9, 1e9, "limits")  #: an order that it cannot pay is refused

    def __post_init__(self) -> None:
        if (post_only := switch(self.post_only)) is None:
            raise InputError(f"post_only is true or false, not {self.post_only!r}")
        object.__setattr__(self, "post_only", post_only)
        if (reduce_only := switch(self.reduce_only)) is None:
            raise InputError(f"reduce_only is true or false, not {self.reduce_only!r}")
        object.__setattr__(self, "reduce_only", reduce_only)
        object.__setattr__(self, "requote_on", _prompts(self.requote_on))
        _one_of("sides", self.sides, SIDES)
        queue_model(self.queue)
        _one_of("volatility", self.volatility, VOLATILITY)
        _one_of("horizon", self.horizon, HORIZON)
        _one_of("shrink", self.shrink, SHRINK)
        _one_of("amend", self.amend, ("keep", "replace"))
        _one_of("fees", self.fees, ("exchange", "none"))
        _one_of("membership", self.membership, ("direct", "broker"))
        if (self.rewards, self.reward_rules, self.reaction) != ("none", BY_DAY, "none"):
            _check_programs(self.rewards, self.reward_rules, self.reaction)
        if self.shrink != "none" and self.calm is None:
            raise InputError("shrink needs calm: the volatility in cents up to which nothing shrinks")
        for name in ("feed_ms", "entry_ms", "response_ms"):
            check_delay(name, getattr(self, name))
        for one in fields(self):
            value = getattr(self, one.name)
            if math.isfinite(one.metadata.get("high", math.inf)) and not (value is None and one.default is None):
                _within(one.name, value, one.metadata["low"], one.metadata["high"])
        if self.tolerance != int(self.tolerance):
            raise InputError(f"tolerance is a whole number of levels, not {self.tolerance}")
        object.__setattr__(self, "tolerance", int(self.tolerance))

    @property
    def queue_rule(self) -> QueueModel:
        """The queue model by its name."""
        return queue_model(self.queue)

    @property
    def is_poisson(self) -> bool:
        """Whether fills are drawn, and neither trades nor the book decide on them."""
        return self.queue_rule.rule == POISSON

    @property
    def needs_trades(self) -> bool:
        """Whether nothing can fill without recorded trades: orders only rest, and no crossing quote fills them."""
        return self.post_only and not self.is_poisson and not self.queue_rule.cross

    @property
    def delays(self) -> tuple[Delay, Delay, Delay]:
        """Feed, order entry and response, as their names stand in state.py."""
        return self.feed_ms, self.entry_ms, self.response_ms

    def with_options(self, given: Mapping[str, Any]) -> Assumptions:
        """Return these assumptions with some of them changed; names may be written with dashes."""
        known = {one.name for one in fields(self)}
        named: dict[str, Any] = {}
        for text, value in given.items():
            name = text.replace("-", "_")
            name = ALSO.get(name, name)
            if name not in known:
                raise InputError(f"there is no assumption {text!r}; {nearest(name, {*known, *ALSO})}")
            if name in named:
                raise InputError(f"{name} is given twice, once as {text!r}; leave one out")
            named[name] = value
        return replace(self, **named)

    def as_dict(self) -> dict[str, Any]:
        """All assumptions by name, for a result's record."""
        return asdict(self)

    def tables(self) -> dict[str, dict[str, Any]]:
        """The same as ``[venue]`` and ``[limits]`` of a parameter file, which leave out what is none."""
        made: dict[str, dict[str, Any]] = {"venue": {}, "limits": {}}
        for one in fields(self):
            if (value := getattr(self, one.name)) is not None:
                made[table_of(one.name)][one.name] = value
        return made

    @classmethod
    def from_tables(cls, venue: Mapping[str, Any], limits: Mapping[str, Any]) -> Assumptions:
        """Read the two tables of a parameter file; what they leave out is as by default."""
        if both := sorted({*venue} & {*limits}):
            raise InputError(f"{both[0]} stands in [venue] and in [limits]; it belongs in [{table_of(both[0])}] alone")
        return cls().with_options({**venue, **limits})

    def flags(
        self, grid: Grid, fees: FeeTable, *, cells: int, record: bool, float_queue: bool = False, reported: bool = False
    ) -> Flags:
        """What the kernel must be able to do under these assumptions, and nothing more.

        A single cell keeps any queue position as a float, and with ``float_queue`` every cell does where whole numbers
        would do: the answers are the same, and one compiled kernel serves several queue models. With ``reported`` no
        fill is assumed: the exchange reports its own.
        """
        risk = self.shrink != "none" or self.halt is not None or self.daily_loss is not None
        return Flags(
            one=cells == 1, record=record, latency=any(map(is_delayed, self.delays)), risk=risk,
            taker=not self.post_only and not self.is_poisson and not reported, drawn=self.is_poisson, reported=reported,
            fees=bool(fees.taker_rate.any() or fees.maker_rate.any() or fees.grid.max() > 1),
            capital=self.capital is not None, rewards=self.rewards != "none",
            reaction=self.rewards != "none" and self.reaction != "none", uniform=bool(grid.step > 0),
            float_queue=float_queue or cells == 1 or self.queue_rule.is_float,
            still=self.tolerance > 0 or self.min_life_ms > 0, quiet=self.sides != "both" or self.stop_quoting_s > 0,
            prompted=self.requote_on != "time",
        )  # fmt: skip

    def numbers(self, session_start: int, closes: Sequence[tuple[int, int]], ts: I64, ticker: str = "") -> VenueNumbers:
        """The same as the kernel needs it, for a tape with events at ``ts``; ``closes`` are those of the tape."""
        rule, named = self.queue_rule, {one.partition(":")[0] for one in self.requote_on.split("+")}
        every = round(self.requote_ms * MS) if "time" in named else NEVER
        delay, lift = delay_lines(self.delays, int(self.seed), int(ts[0]), int(ts[-1]))
        draws = uniform_draws(int(self.seed), ticker, ts) if self.is_poisson else np.zeros((2, 1))
        return VenueNumbers(
            rule.rule, rule.exponent, rule.partial, rule.cross, self.post_only, self.amend == "keep",
            SHRINK[self.shrink], every, session_start, close_steps(closes), HORIZON[self.horizon],
            float(self.tau), VOLATILITY[self.volatility], round(self.window_s * SECOND), float(self.variance),
            BUCKET_NS, delay, lift, rule.rate, SIDES[self.sides],
            round(self.stop_quoting_s * SECOND) if self.stop_quoting_s else -NEVER, sum(PROMPTS[one] for one in named),
            np.zeros(0, np.int64), draws,
        )  # fmt: skip


def close_steps(closes: Sequence[tuple[int, int]]) -> I64:
    """Since when each close of a session was known, and the close, as the kernel needs them."""
    return np.ascontiguousarray(np.array(closes, np.int64).T)


def _check_programs(rewards: str, rules: str, reaction: str) -> None:
    """Refuse what says of incentive programs nothing that is known; most runs count none and load nothing of them."""
    from ...rewards.programs import answer_ns, check_rewards
    from ...rewards.rules import check_rules

    check_rewards(rewards)
    check_rules(rules)
    answer_ns(reaction)


def _prompts(given: object) -> str:
    """What a quote follows, in one order: ``time+trade+signal:flow``."""
    named = dict.fromkeys(part.strip() for part in str(given).replace(",", "+").split("+"))
    signals = [name for name in named if name.startswith("signal:") and name != "signal:"]
    for name in named:
        if name not in signals:
            _one_of("requote_on", name, PROMPTS)
    return "+".join([*(name for name in PROMPTS if name in named), *([] if "signal" in named else sorted(signals))])


def table_of(name: str) -> str:
    """The table of a parameter file in which an assumption stands: ``venue`` or ``limits``."""
    return {one.name: one.metadata.get("table", "venue") for one in fields(Assumptions)}.get(name, "venue")


def _one_of(name: str, given: str, allowed: Any) -> None:
    if given not in allowed:
        raise InputError(f"{name} is one of {', '.join(allowed)}, not {given!r}; {nearest(str(given), allowed)}")


def _within(name: str, given: Any, low: float, high: float) -> None:
    if not (isinstance(given, int | float) and not isinstance(given, bool) and low <= given <= high):
        raise InputError(f"{name} is a number from {low:g} to {high:g}, not {given}")


def no_fees() -> FeeTable:
    """A fee table that charges nothing and rounds nothing."""
    return FeeTable(*(np.array([value], np.int64) for value in (0, 0, 0, 1, 1, 1, 0)))
