"""The shipped scorers. Each says in dollars how much more likely YES is than its mark; panel prices are ticks.

Windows count bars of the panel. ``cap`` bounds what one scorer may claim.
"""

from __future__ import annotations

import math

import polars as pl

from ....features.bollinger import is_outside
from ....features.flow import volume_imbalance
from ....features.momentum import divergence
from ...parameters import Parameter
from ..pipeline import DOLLAR, Scorer, register

TICK = 1.0 / DOLLAR  # dollars
HALF_TICK = 0.5
_CAP = Parameter("cap", 0.10, low=0, high=1, doc="most edge that is claimed, dollars")


def capped(edge: pl.Expr, cap: float) -> pl.Expr:
    """An edge inside its bounds."""
    return edge.clip(-cap, cap)


@register("momentum")
class Momentum(Scorer):
    """What moved goes on moving: a share of the change over a window."""

    PARAMETERS = (
        Parameter("window_bars", 24, low=1, kind="int", doc="bars over which the change is taken"),
        Parameter("strength", 0.2, low=-1, high=1, doc="share of the change that is expected again"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Strength times the change."""
        return capped(pl.col(f"change_{self.window_bars}") * (self.strength * TICK), self.cap)


@register("mean-reversion")
class MeanReversion(Scorer):
    """A price comes back to its mean: a share of the way."""

    PARAMETERS = (
        Parameter("window_bars", 48, low=2, kind="int", doc="bars of the mean"),
        Parameter("strength", 0.3, low=-1, high=1, doc="share of the distance that is expected to close"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Strength times the distance to the mean."""
        distance = pl.col(f"mean_{self.window_bars}") - pl.col("mark")
        return capped(distance * (self.strength * TICK), self.cap)


@register("volume")
class Volume(Scorer):
    """Unusual volume says that a move is meant: it goes on."""

    PARAMETERS = (
        Parameter("window_bars", 4, low=1, kind="int", doc="bars that are looked at"),
        Parameter("past_bars", 48, low=2, kind="int", doc="bars that say what is usual"),
        Parameter("unusual", 2.0, low=0, doc="times the usual volume from which on it counts"),
        Parameter("strength", 0.3, low=-1, high=1, doc="share of the window's change that is expected again"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """The change of the window where volume is unusual."""
        recent = pl.col(f"volume_{self.window_bars}")
        usual = pl.col(f"volume_{self.past_bars}") * (self.window_bars / self.past_bars)
        moved = pl.col(f"change_{self.window_bars}") * (self.strength * TICK)
        return pl.when((recent >= self.unusual * usual) & (recent > 0)).then(capped(moved, self.cap))


@register("time-decay")
class TimeDecay(Scorer):
    """Prices are too near to 50 cents (or too far): recalibrate them, the more the less time is left.

    ``p' = p^b / (p^b + (1 - p)^b)`` with b moving from 1 at the open to ``slope`` at the close.
    """

    PARAMETERS = (
        Parameter("slope", 1.1, low=0.2, high=5, doc="b at the close; above 1: favourites win more than they cost"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Recalibrated probability minus the mark."""
        odds = pl.col("mark").cast(pl.Float32) / (DOLLAR - pl.col("mark")).cast(pl.Float32)
        slope = 1.0 + (self.slope - 1.0) * (1.0 - pl.col("life_left"))
        powered = odds.pow(slope)
        edge = powered / (1.0 + powered) - pl.col("mark") * TICK
        return pl.when((pl.col("mark") > 0) & (pl.col("mark") < DOLLAR)).then(capped(edge, self.cap))


@register("multi-timeframe-momentum")
class MultiTimeframeMomentum(Scorer):
    """Several horizons at once: with the trend where they agree, against a short move that leaves the long trend."""

    PARAMETERS = (
        Parameter("shortest", 1, low=1, kind="int", doc="bars of the shortest horizon"),
        Parameter("short", 4, low=1, kind="int", doc="bars of the short horizon"),
        Parameter("long", 12, low=2, kind="int", doc="bars of the long horizon"),
        Parameter("longest", 24, low=2, kind="int", doc="bars of the longest horizon; volatility is measured over it"),
        Parameter("theta", 2.0, low=0, doc="divergence, in its standard deviations, that calls for the other side"),
        Parameter("edge", 0.01, low=0, high=1, doc="edge of one standard deviation, dollars"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Mean standardised momentum where all agree; minus the divergence where it is large and signs differ."""
        sigma = pl.col(f"sigma_{self.longest}")
        horizons = (self.shortest, self.short, self.long, self.longest)
        z = [pl.col(f"change_{n}") / (sigma * math.sqrt(n)) for n in horizons]
        agree = pl.all_horizontal([a > 0 for a in z]) | pl.all_horizontal([a < 0 for a in z])
        trend = pl.sum_horizontal(z) / len(z)
        apart = divergence(z[1], z[3], min(self.short, self.longest - 1), self.longest)
        against = (z[1] * z[3] < 0) & (apart.abs() > self.theta)
        signal = pl.when(agree).then(trend).when(against).then(-apart)
        return pl.when(sigma >= HALF_TICK).then(capped(signal * self.edge, self.cap))


@register("bollinger")
class Bollinger(Scorer):
    """Outside the bands: back to the mean. Inside: no opinion."""

    PARAMETERS = (
        Parameter("window_bars", 20, low=2, kind="int", doc="bars of mean and deviation"),
        Parameter("width", 2.0, low=0, doc="standard deviations from the mean to a band"),
        Parameter("strength", 0.3, low=-1, high=1, doc="share of the distance to the mean that is expected to close"),
        Parameter("min_deviation", 0.5, low=0, doc="cents; below it the price stands still and there are no bands"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Distance to the mean, outside the bands."""
        mean, deviation = pl.col(f"mean_{self.window_bars}"), pl.col(f"deviation_{self.window_bars}")
        floor = max(self.min_deviation * 100, HALF_TICK)
        outside = is_outside(pl.col("mark"), mean, deviation, self.width, floor)
        return pl.when(outside).then(capped((mean - pl.col("mark")) * (self.strength * TICK), self.cap))


@register("order-flow")
class OrderFlow(Scorer):
    """Takers know something: the imbalance of what they bought and sold, less what is usual."""

    PARAMETERS = (
        Parameter("window_bars", 6, low=1, kind="int", doc="bars of taker volume"),
        Parameter("usual", 0.2, low=-1, high=1, doc="imbalance that means nothing: takers buy YES more often than not"),
        Parameter("min_volume", 10, low=0, doc="contracts in the window below which there is no opinion"),
        Parameter("strength", 0.03, low=-1, high=1, doc="edge of one-sided flow, dollars"),
        _CAP,
    )

    def score(self) -> pl.Expr:
        """Strength times (bought - sold) / volume beyond the usual."""
        volume = f"volume_{self.window_bars}"
        imbalance = volume_imbalance(f"bought_{self.window_bars}", volume)
        edge = capped((imbalance - self.usual) * self.strength, self.cap)
        return pl.when(pl.col(volume) >= self.min_volume * 100).then(edge)
