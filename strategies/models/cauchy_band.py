"""A contract on where the underlying closes: fair value from the law of its return until then."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from ..parameters import Parameter
from ..quoting.known import Known
from ..quoting.model import QuotingModel

NO_EDGE = 1e12


class CauchyBand(QuotingModel):
    """Fair value is the probability that the underlying closes from ``floor`` to ``cap``.

    Its return until then has the scale ``scale x seconds^exponent`` and location 0; ``nu`` picks the law: 1 Cauchy,
    2 and more Student-t, 0 normal. Quotes stand ``half_spread`` on both sides of the fair value rounded to ``step``
    (halves to even), and shift one step against the position for every ``skew`` contracts, likewise rounded. Where
    the run lets quotes cross, they take after anything but a tick of the underlying; after such a tick they stop
    short of the opposite side until ``urgent`` contracts are held the other way.

    The horizon is the time to the close in seconds. A market that settles on the mean of the last ``average`` prices,
    one a second, has less variance left, and is not quoted once they have begun.
    """

    name = "cauchy-band"
    parameters = (
        Parameter(
            "floor",
            -NO_EDGE,
            -NO_EDGE,
            NO_EDGE,
            "lower edge of the band, in the underlying's unit; the market's, or open",
        ),
        Parameter("cap", NO_EDGE, -NO_EDGE, NO_EDGE, "upper edge of the band; the market's, or open"),
        Parameter("scale", 5e-6, 1e-12, 1.0, "scale of the return over one second"),
        Parameter("exponent", 0.6, 0.0, 2.0, "how the scale grows with the seconds left"),
        Parameter("nu", 1, 0, 100, "degrees of freedom: 1 Cauchy, 2 and more Student-t, 0 normal", kind="int"),
        Parameter("half_spread", 1.0, 0.0, 50.0, "cents from the fair value to each quote"),
        Parameter("step", 1.0, 1e-9, 10.0, "cents that fair value and shift are rounded to"),
        Parameter("skew", 10.0, 0.01, 1e9, "contracts held that shift both quotes by one step"),
        Parameter("size", 10.0, 0.01, 1e6, "contracts a quote"),
        Parameter("most", 40.0, 0.01, 1e6, "contracts held at most"),
        Parameter("urgent", 20.0, 0.0, 1e9, "contracts held from which a tick of the underlying may make a quote take"),
        Parameter(
            "average", 0, 0, 3600, "prices, one a second, whose mean settles the market; 0: the last", kind="int"
        ),
    )
    derived = ("shorter", "unit", "odd")
    explain: ClassVar = {
        "scale": "scale of the return until the close", "share": "probability of the band",
        "fair": "fair value after the shift, cents",
    }  # fmt: skip
    grid: ClassVar = {"scale": (1e-6, 1e-4, 32), "half_spread": (0.0, 8.0, 17)}
    from_market: ClassVar = ("floor", "cap")
    needs_underlying = True

    @staticmethod
    def derive(p: Any) -> tuple[float, float, float]:
        """Seconds by which averaging shortens the horizon; one over the law's own unit; 1 for odd nu."""
        n = p.average
        shorter = (n - 1.0) - (n - 1.0) * (2.0 * n - 1.0) / (6.0 * n) if n else 0.0
        return shorter, math.sqrt(0.5) if p.nu == 0 else 1.0 / math.sqrt(p.nu), p.nu % 2.0

    @staticmethod
    def quote(known: Known, p: Any) -> tuple[float, float, float, float]:
        """Bid, ask, bid size, ask size."""
        spot, seconds, held = known.underlying, known.tau - p.shorter, known.position
        if not (spot > 0.0 and known.tau > p.average and seconds > 0.0):
            return math.nan, math.nan, 0.0, 0.0
        scale = p.scale * seconds**p.exponent
        low = (p.floor - spot) / spot / scale * p.unit
        high = (p.cap - spot) / spot / scale * p.unit
        if p.nu == 0.0:
            share = 0.5 * (math.erf(high) - math.erf(low))
        else:  # the finite series of Student's law: in powers of the squared cosine of the angle atan(t / sqrt(nu))
            low_square, high_square = 1.0 / (1.0 + low * low), 1.0 / (1.0 + high * high)
            odd = p.odd > 0.0
            low_term = low * (low_square if odd else math.sqrt(low_square))
            high_term = high * (high_square if odd else math.sqrt(high_square))
            total, k = 0.0, 2.0 if odd else 1.0
            while k < p.nu:
                total += high_term - low_term
                low_term *= low_square * k / (k + 1.0)
                high_term *= high_square * k / (k + 1.0)
                k += 2.0
            share = (math.atan(high) - math.atan(low) + total) / math.pi if odd else 0.5 * total
        share = share if share > 0.0 else 0.0
        share = share if share < 1.0 else 1.0
        fair = round(100.0 * share / p.step) * p.step - round(held / p.skew) * p.step
        bid, ask = fair - p.half_spread, fair + p.half_spread
        tick = known.trigger == 2.0
        bid = known.ask - p.step if tick and bid >= known.ask and held > -p.urgent else bid
        ask = known.bid + p.step if tick and ask <= known.bid and held < p.urgent else ask
        bid = bid if bid >= p.step else math.nan
        ask = ask if ask <= 100.0 - p.step else math.nan
        bid_size, ask_size = min(p.size, p.most - held), min(p.size, p.most + held)
        return bid, ask, max(bid_size, 0.0), max(ask_size, 0.0)
