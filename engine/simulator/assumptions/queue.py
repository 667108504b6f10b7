"""Where an order stands in the queue of its price level, and what a trade or a cancellation does to it.

One rule a model, named and versioned. Sizes are lots. ``ahead`` is what must trade before the order does; the
models with a probability keep it as a float, the others as a whole number.
"""

from __future__ import annotations

# The compiler infers the types of a kernel.
# pyright: reportMissingParameterType=false
import math
from dataclasses import dataclass
from difflib import get_close_matches

from ....io.ground.errors import InputError
from ....io.ground.jit import larger_nb, melted

#: Those from POWER up to POISSON say with what probability a cancelled lot stood behind the order.
TOUCH, THROUGH, PESSIMISTIC, OPTIMISTIC, RISK_AVERSE, POWER, LOG, POISSON = range(8)

#: Models that bracket the others, from the least to the most favourable.
BRACKET = ("pessimistic@1", "optimistic@1")


@dataclass(frozen=True)
class QueueModel:
    """An assumption about fills: its rule, whether fills may be partial, whether a crossing quote fills all."""

    name: str
    rule: int
    exponent: float = 0.0
    partial: bool = True
    cross: bool = False
    rate: float = 0.0  #: fills a second at no distance from the mid; the exponent is then the decay per cent of it

    @property
    def is_float(self) -> bool:
        """Whether the queue position is a float."""
        return POWER <= self.rule < POISSON


_FIXED = {
    "touch@1": QueueModel("touch@1", TOUCH),
    "touch+cross@1": QueueModel("touch+cross@1", TOUCH, cross=True),
    "through@1": QueueModel("through@1", THROUGH),
    "pessimistic@1": QueueModel("pessimistic@1", PESSIMISTIC),
    "optimistic@1": QueueModel("optimistic@1", OPTIMISTIC),
    "risk-averse@1": QueueModel("risk-averse@1", RISK_AVERSE, partial=False, cross=True),
    "log@1": QueueModel("log@1", LOG),
}


def queue_model(name: str) -> QueueModel:
    """Return the queue model of that name; ``power@n`` takes its exponent, a missing version means 1.

    ``poisson@A,k`` knows no queue and no trades: in each step of dt seconds an order fills with the probability
    ``A exp(-k distance) dt``, the distance from the mid in cents.

    >>> queue_model("power@3").exponent, queue_model("touch").name
    (3.0, 'touch@1')
    """
    if not isinstance(name, str):
        raise InputError(f"a queue model is a name, as power@3, not {name!r}")
    base, _, version = name.partition("@")
    if base == "power":
        try:
            exponent = float(version or 1)
        except ValueError:
            exponent = math.nan
        if not 0 < exponent <= 10:
            raise InputError(f"queue model {name!r}: the exponent must be a number above 0 and up to 10, as in power@3")
        return QueueModel(f"power@{exponent:g}", POWER, exponent)
    if base == "poisson":
        return _poisson(name, version)
    full = f"{base}@{version or 1}"
    if full not in _FIXED:
        near = get_close_matches(full, [*_FIXED, "power@3"], 1, 0.4)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise InputError(f"queue model {name!r} is unknown{hint} Known: {', '.join(_FIXED)}, power@n, poisson@A,k")
    return _FIXED[full]


def _poisson(name: str, numbers: str) -> QueueModel:
    try:
        rate, decay = (float(number) for number in numbers.split(","))
    except ValueError:
        rate, decay = math.nan, math.nan
    if not (0 < rate <= 1e6 and 0 <= decay <= 1e3):
        raise InputError(
            f"queue model {name!r}: write fills a second at the mid and their decay, as in poisson@0.7,0.3"
        )
    return QueueModel(f"poisson@{rate:g},{decay:g}", POISSON, decay, partial=False, rate=rate)


@melted
def is_probable_nb(rule):
    """Whether the rule is one of those with a probability."""
    return (rule >= POWER) & (rule < POISSON)


@melted
def is_whole_nb(exponent):
    """Whether ``whole_power_nb`` knows the power."""
    return (exponent == 1.0) | (exponent == 2.0) | (exponent == 3.0)


@melted
def whole_power_nb(x, exponent):
    """``x`` to the power 1, 2 or 3, without a branch."""
    return x * (x if exponent > 1.5 else 1.0) * (x if exponent > 2.5 else 1.0)


@melted
def behind_nb(front, back):
    """Probability that a cancelled lot stood behind the order, from the weights of what is before and behind it."""
    total = front + back
    return back / total if total > 0.0 else 1.0


@melted
def cancelled_behind_nb(front, back, rule, exponent):
    """Probability that a cancelled lot stood behind the order."""
    if rule == LOG:
        return behind_nb(math.log(1.0 + front), math.log(1.0 + back))
    if is_whole_nb(exponent):
        return behind_nb(whole_power_nb(front, exponent), whole_power_nb(back, exponent))
    return behind_nb(front**exponent, back**exponent)


@melted
def ahead_of_nb(front, back, behind, cancelled, bound):
    """Queue ahead when a share ``behind`` of the ``cancelled`` lots stood behind the order; at most ``bound``."""
    overflow = back - behind * cancelled
    rest = front - (1.0 - behind) * cancelled + (overflow if overflow < 0.0 else 0.0)
    rest = larger_nb(rest, 0.0)
    return rest if rest < bound else bound


@melted
def ahead_after_cancel_nb(front, before, cancelled, bound, rule, exponent):
    """Queue ahead after ``cancelled`` of the ``before`` lots at the level left; never more than ``bound``."""
    if cancelled > 0:
        back = larger_nb(before - front, 0.0)
        return ahead_of_nb(front, back, cancelled_behind_nb(front, back, rule, exponent), cancelled, float(bound))
    return front if front < bound else float(bound)
