"""What a quote says by itself: mid, spread, weighted mid, age; and prices on scales where 0 and 100 are far away."""

from __future__ import annotations

import polars as pl


def mid(bid: str = "bid", ask: str = "ask") -> pl.Expr:
    """Half way between bid and ask, null when a side is missing. Unit: that of bid and ask. Warm-up: none."""
    return (pl.col(bid) + pl.col(ask)) / 2


def spread(bid: str = "bid", ask: str = "ask") -> pl.Expr:
    """Ask minus bid, null when a side is missing. Unit: that of bid and ask. Warm-up: none."""
    return pl.col(ask) - pl.col(bid)


def weighted_mid(bid: str = "bid", bid_size: str = "bid_size", ask: str = "ask", ask_size: str = "ask_size") -> pl.Expr:
    """Mid drawn towards the thinner side: ``(qb pa + qa pb) / (qa + qb)``, null without sizes.

    Unit: that of bid and ask. Warm-up: none.

    >>> quote = pl.DataFrame({"bid": [45], "bid_size": [100], "ask": [47], "ask_size": [80]})
    >>> round(quote.select(weighted_mid()).item(), 6)
    46.111111
    """
    pb, qb, pa, qa = (pl.col(name) for name in (bid, bid_size, ask, ask_size))
    return pl.when(qa + qb > 0).then((qb * pa + qa * pb) / (qa + qb))


def staleness(column: str, by: str = "ticker") -> pl.Expr:
    """Time since ``column`` last changed (nulls do not count as a change), 0 in the row of the change.

    Unit: seconds. Warm-up: null before the first value.
    """
    value = pl.col(column).forward_fill().over(by)
    changed = value.is_not_null() & value.ne_missing(value.shift(1).over(by))
    since = pl.when(changed).then(pl.col("ts")).forward_fill().over(by)
    return (pl.col("ts") - since) / 1e9


def logit(price: pl.Expr, dollar: float) -> pl.Expr:
    """Log odds of a price, where ``dollar`` is 1 dollar in its unit, null at 0 and at 1 dollar.

    Unit: none. Warm-up: none.

    >>> pl.select(logit(pl.lit(5000), 10_000)).item()
    0.0
    """
    return pl.when((price > 0) & (price < dollar)).then((price / (dollar - price)).log())


def arcsine(price: pl.Expr, dollar: float) -> pl.Expr:
    """``asin(sqrt(p))``: a scale on which a fair price moves evenly near 0 and 1.

    Unit: radians, 0 to π/2. Warm-up: none.
    """
    return (price / dollar).clip(0.0, 1.0).sqrt().arcsin()
