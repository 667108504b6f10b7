"""Random frames as recordings are: ties, gaps of very different length, nulls, tickers of different length."""

from __future__ import annotations

import atexit
from functools import cache

import duckdb
import polars as pl
from hypothesis import settings
from hypothesis import strategies as st

#: Enough frames to hit what matters; the first one pays for compiling.
many = settings(deadline=None, max_examples=30)
TICKERS = "ABC"


@st.composite
def frames(draw, most=25):
    """Rows of up to three tickers, sorted; in any column but ``ticker``, ``ts`` and ``n`` a value may be missing."""
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
    missing = st.sampled_from([None, None, None, None, "x", "x", "bid", "ask", "bid_size", "size", "taker_side"])
    row = st.tuples(gap, missing, *some.values())
    rows = []
    for ticker in TICKERS[: draw(st.integers(1, 3))]:
        ts = 0
        for wait, hidden, *values in draw(st.lists(row, min_size=1, max_size=most)):
            ts += wait
            one = {"ticker": ticker, "ts": ts, "n": len(rows), **dict(zip(some, values, strict=True))}
            one["ask"] = one["bid"] + one.pop("half")
            rows.append({**one, hidden: None} if hidden else one)
    kinds = dict.fromkeys((*some, "ts", "n", "ask"), pl.Int64) | {"ticker": pl.String, "taker_side": pl.Int8}
    kinds.pop("half")
    return pl.DataFrame(rows, schema=kinds)


def sql(query, **frames):
    """The one column that DuckDB answers, its tables the frames given."""
    for name, frame in frames.items():
        _connection().register(name, frame)
    return [row[0] for row in _connection().execute(query).fetchall()]


@cache
def _connection():
    atexit.register(_connection.cache_clear)  # DuckDB complains of what lives at the very end
    return duckdb.connect(config={"threads": 1})


def rows_of(frame, ticker):
    return frame.filter(pl.col("ticker") == ticker).to_dicts()


def same(found, expected, within=1e-6):
    """Equal, null for null, to six digits unless told otherwise."""
    assert len(found) == len(expected)
    for at, (a, b) in enumerate(zip(found, expected, strict=True)):
        if a is None or b is None:
            assert a is None and b is None, (at, a, b)
        else:
            assert abs(a - b) <= within + 1e-8 * abs(b), (at, a, b)


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
