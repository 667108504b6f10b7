"""Volatility: the worked EWMA, a random walk of known sigma, and plain Python on irregular rows."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from touchline.features.volatility import bipower_sigma, ewma, realised_sigma, rolling_sd

from .rows import frames, many, per_row, same

SECOND = 1_000_000_000


def test_the_worked_ewma():
    frame = pl.LazyFrame({"ticker": "A", "ts": [t * SECOND for t in (0, 2, 3, 10)], "x": [50, 51, 49, 52]})
    found = ewma(frame, "x", 5 * SECOND).collect()
    assert found["x_ewma"].to_list()[1:] == pytest.approx([50.329679954, 50.088649870, 51.528666861], abs=1e-6)
    assert found["x_ewmvar"].to_list()[1:] == pytest.approx([0.220991082, 0.443329564, 0.788051453], abs=1e-6)


@many
@given(frame=frames())
def test_ewma_equals_the_recursion(frame):
    frame = frame.with_columns(pl.col("ts") * 10_000_000)  # half-lives are whole ns
    theta = 1e9

    def rule(rows, at):
        mean, variance, last = None, 0.0, 0
        for row in rows:
            if row["ts"] > rows[at]["ts"] or row["x"] is None:
                continue
            if mean is None:
                mean, last = float(row["x"]), row["ts"]
                continue
            a = 1 - math.exp(-(row["ts"] - last) / theta)
            d = row["x"] - mean
            mean, variance, last = mean + a * d, (1 - a) * (variance + a * d * d), row["ts"]
        return None if mean is None else (mean, variance)

    found = ewma(frame.lazy(), "x", int(theta)).collect()
    expected = per_row(frame, rule)
    same(found["x_ewma"].to_list(), [pair and pair[0] for pair in expected])
    same(found["x_ewmvar"].to_list(), [pair and pair[1] for pair in expected])


@pytest.mark.parametrize("kind", ["realised", "bipower"])
@many
@given(frame=frames())
def test_sigma_equals_the_definition(kind, frame):
    def rule(rows, at):
        now, window = rows[at]["ts"], 50
        known = [row for row in rows if row["x"] is not None]
        steps = [(new["ts"], abs(new["x"] - old["x"])) for old, new in pairwise(known)]
        if kind == "realised":
            terms = [(ts, size**2) for ts, size in steps]
        else:
            terms = [(ts, math.pi / 2 * size * before) for (_, before), (ts, size) in pairwise(steps)]
        seconds = min(now - rows[0]["ts"], window) / 1e9
        return math.sqrt(sum(term for ts, term in terms if now - window < ts <= now) / seconds) if seconds else None

    expression = realised_sigma("x", 50) if kind == "realised" else bipower_sigma("x", 50)
    found, expected = frame.select(s=expression)["s"].to_list(), per_row(frame, rule)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-6, abs=1)  # windows are ns: values are tens of thousands


def test_sigma_of_a_random_walk():
    rng = np.random.default_rng(3)
    ts = np.cumsum(rng.integers(1, 3 * SECOND, 20_000))
    steps = rng.normal(0, 2 * np.sqrt(np.diff(ts, prepend=0) / 1e9))
    frame = pl.DataFrame({"ticker": "A", "ts": ts, "x": np.cumsum(steps)})
    last = frame.select(realised_sigma("x", int(ts[-1])).alias("r"), bipower_sigma("x", int(ts[-1])).alias("b")).row(-1)
    assert last[0] == pytest.approx(2, rel=0.03)
    assert last[1] == pytest.approx(2, rel=0.15)  # times are irregular: products of neighbours are a little off


@many
@given(frame=frames())
def test_rolling_sd_equals_numpy(frame):
    def rule(rows, at):
        known = [float(row["x"]) for row in rows[: at + 1] if row["x"] is not None]
        return float(np.std(np.diff(known)[-4:])) if len(known) > 4 else None

    same(frame.select(s=rolling_sd("x", 4))["s"].to_list(), per_row(frame, rule))
