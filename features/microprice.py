"""The learned micro-price (Stoikov 2018): where the mid goes from here, by what it did from books like this one.

A book's state is its spread and the imbalance of its best sizes. Between two rows the state moves like a Markov chain,
and the mid moves by an amount that depends on the state. The micro-price is the mid plus the sum of all moves that are
still expected. Do not mix it with the weighted mid: here the weight of an imbalance is learned.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ..io.ground.errors import InputError


@dataclass(frozen=True)
class Shape:
    """How books are told apart: names of the columns, price step, classes of spread and buckets of imbalance."""

    bid: str = "bid"
    bid_size: str = "bid_size"
    ask: str = "ask"
    ask_size: str = "ask_size"
    tick: int = 100  #: price step, in the unit of bid and ask
    spreads: int = 4  #: classes of spread: 1 tick, 2 ticks …, and the last for all wider ones
    buckets: int = 5  #: equal buckets of imbalance; odd, so that the middle one is even-handed

    def __post_init__(self) -> None:
        if self.buckets < 3 or self.buckets % 2 == 0:
            raise InputError(f"buckets is an odd number from 3 on, not {self.buckets}")
        if self.spreads < 1 or self.tick < 1:
            raise InputError(f"spreads and tick are 1 or more, not {self.spreads} and {self.tick}")

    @property
    def half(self) -> int:
        """Buckets on each side of the middle."""
        return self.buckets // 2

    def state(self) -> tuple[pl.Expr, pl.Expr]:
        """Class of spread from 0, and bucket of imbalance from ``-half`` to ``half``; null where a side is missing.

        The bucket is ``imbalance * buckets / 2``, rounded away from 0: swapped sides give exactly its negative.
        """
        bid, ask, low, high = (
            pl.col(name).cast(pl.Int64) for name in (self.bid, self.ask, self.bid_size, self.ask_size)
        )
        known = (ask > bid) & (low >= 0) & (high >= 0) & (low + high > 0)
        size, total = low - high, low + high
        bucket = (size.abs() * self.buckets + total) // (2 * total)
        bucket = bucket.clip(upper_bound=self.half) * size.sign()
        spread = ((ask - bid + self.tick // 2) // self.tick).clip(1, self.spreads) - 1
        return pl.when(known).then(spread), pl.when(known).then(bucket)


@dataclass(frozen=True)
class Microprice:
    """What was learned from rows before ``before``: it may be used from then on."""

    shape: Shape
    before: int  #: ns
    adjustment: npt.NDArray[np.floating[Any]]  #: spreads x buckets: micro-price minus mid, in the unit of bid and ask
    rows: npt.NDArray[np.int64]  #: spreads x buckets: rows it was learned from, sides swapped rows included

    def price(self) -> pl.Expr:
        """The micro-price, in the unit of bid and ask. Warm-up: null before ``before``, and where a side is missing.

        Several fits follow each other as ``pl.coalesce(latest.price(), …, first.price())``.
        """
        shape = self.shape
        spread, bucket = shape.state()
        place = spread * shape.buckets + bucket + shape.half
        added = place.replace_strict(range(self.adjustment.size), self.adjustment.ravel(), return_dtype=pl.Float64)
        mid = (pl.col(shape.bid) + pl.col(shape.ask)) / 2
        return pl.when(pl.col("ts") >= self.before).then(mid + added)


def fit_microprice(
    quotes: pl.LazyFrame, before: int, shape: Shape | None = None, *, prior: float = 1.0, by: str = "ticker"
) -> Microprice:
    """Learn the adjustment from best quotes (rows sorted by ``by`` and ``ts``), of which those before ``before`` count.

    With P the chances of the next state and r the mean move of the mid, both by state and with every row counted again
    with sides swapped, the adjustment solves ``G = r + P G``. That is Stoikov's ``sum of B^i G1`` where P is Q (the mid
    stayed) plus R (it moved), ``G1 = (I - Q)^-1 r`` and ``B = (I - Q)^-1 R``. ``prior`` rows a state, after which its
    side is forgotten, draw what was seen too seldom to the mid; near 0 it is Stoikov's alone.

    Unit: that of bid and ask. Warm-up: null before ``before``, and where a side is missing.

    >>> book = {"ticker": "A", "ts": range(4), "bid": [4500, 4500, 4600, 4600], "ask": [4600, 4600, 4700, 4700]}
    >>> quotes = pl.LazyFrame(book | {"bid_size": [9, 9, 5, 5], "ask_size": [1, 1, 5, 5]})
    >>> fit_microprice(quotes, before=4, shape=Shape(spreads=1, buckets=3), prior=1e-9).adjustment.round(3).tolist()
    [[-100.0, 0.0, 100.0]]
    """
    if prior <= 0:
        raise InputError(f"prior is above 0, not {prior}: a state that was never left has no expected move")
    shape = shape or Shape()
    seen = _transitions(quotes, before, shape, by)
    half, wide = shape.half, shape.spreads * shape.half
    chance = np.zeros((wide, wide))
    move, rows = np.zeros(wide), np.zeros(wide)
    side, nxt = np.sign(seen["bucket"].to_numpy()), np.sign(seen["then_bucket"].to_numpy())
    at = seen["spread"].to_numpy() * half + np.abs(seen["bucket"].to_numpy()) - 1
    to = seen["then_spread"].to_numpy() * half + np.abs(seen["then_bucket"].to_numpy()) - 1
    count = seen["rows"].to_numpy()
    sided, both = side != 0, (side != 0) & (nxt != 0)  # from the middle nothing is expected, whichever way it goes
    np.add.at(chance, (at[both], to[both]), (side * nxt * count)[both])
    np.add.at(move, at[sided], (side * seen["moved"].to_numpy())[sided])
    np.add.at(rows, at[sided], count[sided])
    found = np.linalg.solve(np.diag(rows + prior) - chance, move / 2).reshape(shape.spreads, half)
    middle = np.bincount(seen["spread"].to_numpy()[~sided], count[~sided], shape.spreads).astype(np.int64)[:, None]
    kept = rows.astype(np.int64).reshape(shape.spreads, half)
    return Microprice(
        shape,
        before,
        np.hstack([-found[:, ::-1], np.zeros((shape.spreads, 1)), found]),
        np.hstack([kept[:, ::-1], 2 * middle, kept]),
    )


def _transitions(quotes: pl.LazyFrame, before: int, shape: Shape, by: str) -> pl.DataFrame:
    """How often each state followed each, and how far twice the mid moved in all."""
    spread, bucket = shape.state()
    level = (pl.col(shape.bid) + pl.col(shape.ask)).cast(pl.Int64)
    rows = quotes.filter(pl.col("ts") < before).select(
        by, spread.alias("spread"), bucket.alias("bucket"), level.alias("level")
    )
    then = {name: f"then_{name}" for name in ("spread", "bucket", "level")}
    pairs = rows.with_columns(pl.col(name).shift(-1).over(by).alias(new) for name, new in then.items())
    known = pairs.filter(pl.all_horizontal(pl.col("spread", "then_spread").is_not_null()))
    moved = (pl.col("then_level") - pl.col("level")).sum()
    states = ("spread", "bucket", "then_spread", "then_bucket")
    return (
        known.group_by(states).agg(pl.len().cast(pl.Int64).alias("rows"), moved.alias("moved")).sort(states).collect()
    )
