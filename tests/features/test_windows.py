"""Compiled window columns against the Polars expressions, number for number, missing values included."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from touchline.features import bars
from touchline.features.windows import WINDOWS, parse_window, window

from .rows import same

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
@pytest.mark.parametrize("n", [2, 5, 20])
def test_windows_equal_the_expressions(kind, n):
    rng = np.random.default_rng(n)
    values = rng.integers(0, 30, (7, 60)).astype(np.int16) * 50
    values[rng.random(values.shape) < 0.03] = -1
    values[3] = 4200  # a price that stands still
    found = pl.Series(window(kind, n, values).ravel(), nan_to_null=True)
    frame = pl.DataFrame({"bar": np.tile(np.arange(60), 7), "x": values.ravel()}).with_columns(
        pl.when(pl.col("x") >= 0).then(pl.col("x")).alias("x")
    )
    expected = frame.select(e=EXPRESSIONS[kind](n))["e"].fill_nan(None)
    same(found.to_list(), expected.to_list())


def test_names():
    assert parse_window("change_24") == ("change", 24)
    assert parse_window("change_0") is None
    assert parse_window("colour_3") is None
