"""Filters: which markets may be bet on now. A market that is held is never bought again: the portfolio sees to it."""

from __future__ import annotations

import polars as pl

from ..parameters import Parameter
from .pipeline import Filter, register

CENT = 100  # ticks
CONTRACT = 100  # lots


@register("liquidity")
class Liquidity(Filter):
    """Enough contracts traded lately."""

    PARAMETERS = (
        Parameter("min_volume", 10, low=0, doc="contracts traded in the window"),
        Parameter("window_bars", 24, low=1, kind="int", doc="bars looked back"),
    )

    def keep(self) -> pl.Expr:
        """Volume of the window; nothing passes before it is full."""
        return pl.col(f"volume_{self.window_bars}") >= self.min_volume * CONTRACT


@register("depth")
class Depth(Filter):
    """Enough contracts offered on both sides."""

    PARAMETERS = (Parameter("min_contracts", 10, low=0, doc="contracts at the best bid and at the best ask"),)

    def keep(self) -> pl.Expr:
        """Sizes at the touch."""
        return pl.min_horizontal("bid_lots", "ask_lots") >= self.min_contracts * CONTRACT


@register("spread")
class Spread(Filter):
    """Bid and ask close together."""

    PARAMETERS = (Parameter("max_spread", 5, low=0, high=100, doc="cents from bid to ask"),)

    def keep(self) -> pl.Expr:
        """Both sides stand, and not too far apart."""
        return pl.col("spread") <= self.max_spread * CENT


@register("time-to-close")
class TimeToClose(Filter):
    """Neither too near to the close nor too far from it."""

    PARAMETERS = (
        Parameter("min_hours", 1, low=0, doc="hours before the close in which nothing is entered"),
        Parameter("max_hours", 8_760, low=0, doc="hours before the close before which nothing is entered"),
    )

    def keep(self) -> pl.Expr:
        """Hours left within the bounds."""
        return pl.col("hours_left").is_between(self.min_hours, self.max_hours)


@register("price-band")
class PriceBand(Filter):
    """A mark inside a band."""

    PARAMETERS = (
        Parameter("low", 5, low=0, high=100, doc="cents, at least"),
        Parameter("high", 95, low=0, high=100, doc="cents, at most"),
    )

    def keep(self) -> pl.Expr:
        """Mark within the band, ends included."""
        return pl.col("mark").is_between(round(self.low * CENT), round(self.high * CENT))


@register("category")
class Category(Filter):
    """Only some categories, or all but some."""

    PARAMETERS = (
        Parameter("only", "", kind="text", doc="categories that pass, commas between them; empty: all"),
        Parameter("never", "", kind="text", doc="categories that do not pass"),
    )

    def keep(self) -> pl.Expr:
        """Category named, and not excluded."""
        category = pl.col("category").fill_null("")
        named = category.is_in(_listed(self.only)) if self.only else pl.lit(value=True)
        return named & ~category.is_in(_listed(self.never))


@register("fresh")
class Fresh(Filter):
    """Heard of lately: no old price is taken for a price."""

    PARAMETERS = (Parameter("max_age_bars", 24, low=0, kind="int", doc="bars since the last quote or trade"),)

    def keep(self) -> pl.Expr:
        """Bars since the market was last heard of."""
        return pl.col("age") <= self.max_age_bars


@register("moving")
class Moving(Filter):
    """A price that moves at all."""

    PARAMETERS = (
        Parameter("min_sigma", 0.1, low=0, doc="cents a bar, root mean square of the window's changes"),
        Parameter("window_bars", 24, low=2, kind="int", doc="bars looked back"),
    )

    def keep(self) -> pl.Expr:
        """Volatility above the floor."""
        return pl.col(f"sigma_{self.window_bars}") >= self.min_sigma * CENT


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]
