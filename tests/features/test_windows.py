"""Compiled window columns against the Polars expressions, number for number, missing values included."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.features import bars
from touchline.features.windows import WINDOWS, parse_window, source_of, window

from .rows import many, same
from .test_bars import panels

EXPRESSIONS = {
    "lag": lambda n: bars.lag("x", n),
    "change": lambda n: bars.change("x", n),
    "mean": lambda n: bars.mean("x", n),
    "deviation": lambda n: bars.deviation("x", n),
    "z": lambda n: bars.zscore("x", n, 1e-9),
    "sigma": lambda n: bars.sigma("x", n),
    "volume": lambda n: bars.total(pl.col("x"), n),
    "bought": lambda n: bars.total(pl.col("x"), n),
}


@pytest.mark.parametrize("kind", [name.removesuffix("_N") for name in WINDOWS])
@many
@given(panel=panels(most=7), n=st.integers(1, 20))
def test_window_equals_the_expression(kind, panel, n):
    markets = panel["market"].max() + 1
    values = panel["mark"].fill_null(-1).to_numpy().astype(np.int16).reshape(markets, -1)
    found = pl.Series(window(kind, n, values).ravel(), nan_to_null=True)
    expected = panel.rename({"mark": "x"}).select(e=EXPRESSIONS[kind](n))["e"].fill_nan(None)
    same(found.to_list(), expected.to_list())


def test_a_window_reads_what_its_name_says():
    values = np.array([[4500, 4600, -1, 4800]])
    assert window("mean", 2, values)[0].tolist()[1] == 4550
    assert np.isnan(window("z", 2, values)[0, 3])
    assert (source_of("volume"), source_of("bought"), source_of("z")) == ("volume", "buys", "mark")


def test_names():
    assert parse_window("change_24") == ("change", 24)
    assert parse_window("change_0") is None
    assert parse_window("colour_3") is None
