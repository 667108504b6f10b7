"""What a quote says by itself, by its definition and by SQL."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from touchline.features.quotes import arcsine, logit, mid, spread, staleness, weighted_mid

from .rows import frames, many, per_row, same, sql


def test_what_a_quote_says():
    quote = pl.DataFrame({"bid": [45, None], "bid_size": [100, 5], "ask": [47, 9], "ask_size": [80, 5]})
    found = quote.select(mid().alias("mid"), spread().alias("spread"), weighted_mid().alias("weighted"))
    assert found.row(0) == pytest.approx((46, 2, 46.111111), abs=1e-6)
    assert found.row(1) == (None, None, None)
    assert pl.select(logit(pl.lit(0), 100)).item() is None
    assert pl.select(arcsine(pl.lit(100), 100)).item() == pytest.approx(np.pi / 2)


@many
@given(frame=frames())
def test_what_a_quote_says_equals_sql(frame):
    pairs = {
        "(bid + ask) / 2": mid(),
        "ask - bid": spread(),
        "(bid_size * ask + ask_size * bid) / (bid_size + ask_size)": weighted_mid(),
        "ln((x / 99) / (1 - x / 99))": logit(pl.when(pl.col("x") < 99).then(pl.col("x")), 99),
        "asin(sqrt(x / 99))": arcsine(pl.col("x"), 99),
    }
    for query, expression in pairs.items():
        own = f"case when x < 99 then {query} end" if query.startswith("ln") else query
        same(frame.select(a=expression)["a"].to_list(), sql(f"select {own} from t order by n", t=frame))


@many
@given(frame=frames())
def test_staleness_equals_the_definition(frame):
    def rule(rows, at):
        last, since = None, None
        for row in rows[: at + 1]:
            if row["x"] is not None and row["x"] != last:
                last, since = row["x"], row["ts"]
        return None if since is None else (rows[at]["ts"] - since) / 1e9

    same(frame.select(s=staleness("x"))["s"].to_list(), per_row(frame, rule), within=1e-12)


def test_staleness_of_a_price_that_stands():
    frame = pl.DataFrame({"ticker": "A", "ts": [0, 10**9, 5 * 10**9, 6 * 10**9], "x": [7, 7, None, 8]})
    assert frame.select(s=staleness("x"))["s"].to_list() == [0.0, 1.0, 5.0, 0.0]
