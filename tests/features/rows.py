"""Random frames as recordings are: irregular times, ties, gaps, nulls, tickers of different length."""

from __future__ import annotations

import numpy as np
import polars as pl
from hypothesis import strategies as st


def random_rows(seed, nulls=0.15):
    rng = np.random.default_rng(seed)
    parts = []
    for ticker in "ABC"[: rng.integers(1, 4)]:
        n = int(rng.integers(1, 40))
        ts = np.sort(rng.integers(0, rng.choice([20, 200, 5000]), n))
        price = np.clip(50 + np.cumsum(rng.integers(-2, 3, n)), 1, 99)
        half = rng.integers(0, 3, n)
        part = pl.DataFrame(
            {
                "ticker": [ticker] * n,
                "ts": ts.astype(np.int64),
                "x": price,
                "bid": price - half,
                "ask": price + half,
                "bid_size": rng.integers(1, 200, n),
                "ask_size": rng.integers(1, 200, n),
                "size": rng.integers(1, 300, n),
                "taker_side": rng.choice([1, -1, 0], n, p=[0.5, 0.4, 0.1]).astype(np.int8),
            }
        )
        hidden = {c: pl.Series(rng.random(n) < nulls) for c in ("x", "bid", "ask")}
        parts.append(part.with_columns(pl.when(~mask).then(pl.col(c)).alias(c) for c, mask in hidden.items()))
    return pl.concat(parts)


TICKERS = "ABC"


@st.composite
def frames(draw, most=25):
    """Rows of up to three tickers: ties, gaps of very different length, nulls anywhere but in ``ticker`` and ``ts``."""
    some = {
        "x": st.integers(1, 99),
        "bid": st.integers(1, 97),
        "half": st.integers(0, 3),
        "bid_size": st.integers(1, 200),
        "ask_size": st.integers(1, 200),
        "size": st.integers(1, 300),
        "taker_side": st.sampled_from([1, 1, -1, -1, 0]),
    }
    gap = st.sampled_from([0, 0, 1, 1, 2, 5, 24, 25, 90, 1_000])
    row = st.tuples(gap, *some.values(), st.sampled_from([None, None, None, "x", "bid", "ask", "bid_size", "size"]))
    rows = []
    for ticker in TICKERS[: draw(st.integers(1, 3))]:
        ts = 0
        for wait, *values, hidden in draw(st.lists(row, min_size=1, max_size=most)):
            ts += wait
            one = {"ticker": ticker, "ts": ts, **dict(zip(some, values, strict=True))}
            one["ask"] = one["bid"] + one.pop("half")
            rows.append({**one, hidden: None} if hidden else one)
    kinds = dict.fromkeys((*some, "ts", "ask"), pl.Int64) | {"ticker": pl.String, "taker_side": pl.Int8}
    kinds.pop("half")
    return pl.DataFrame(rows, schema=kinds)


def rows_of(frame, ticker):
    return frame.filter(pl.col("ticker") == ticker).to_dicts()


def same(found, expected):
    """Equal, null for null, to six digits."""
    assert len(found) == len(expected)
    for at, (a, b) in enumerate(zip(found, expected, strict=True)):
        if a is None or b is None:
            assert a is None and b is None, (at, a, b)
        else:
            assert abs(a - b) <= 1e-6 + 1e-8 * abs(b), (at, a, b)


def per_row(frame, rule):
    """Apply a plain rule to every row: it gets the rows of the ticker and the place of the row."""
    return [
        rule(rows, at)
        for ticker in frame["ticker"].unique(maintain_order=True)
        for rows in [rows_of(frame, ticker)]
        for at in range(len(rows))
    ]


def upto(rows, ts, column="x"):
    """The last known value at or before ``ts``."""
    known = [row[column] for row in rows if row["ts"] <= ts and row[column] is not None]
    return known[-1] if known else None
