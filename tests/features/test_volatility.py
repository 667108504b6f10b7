"""Volatility: the worked EWMA, a random walk of known sigma, and plain Python on irregular rows."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from touchline.features.volatility import bipower_sigma, ewma, realised_sigma, rolling_sd

from .rows import per_row, random_rows, same

SECOND = 1_000_000_000


def test_the_worked_ewma():
    frame = pl.LazyFrame({"ticker": "A", "ts": [t * SECOND for t in (0, 2, 3, 10)], "x": [50, 51, 49, 52]})
    found = ewma(frame, "x", 5 * SECOND).collect()
    assert found["x_ewma"].to_list()[1:] == pytest.approx([50.329679954, 50.088649870, 51.528666861], abs=1e-6)
    assert found["x_ewmvar"].to_list()[1:] == pytest.approx([0.220991082, 0.443329564, 0.788051453], abs=1e-6)


@pytest.mark.parametrize("seed", range(12))
def test_ewma_equals_the_recursion(seed):
    frame = random_rows(seed).with_columns(pl.col("ts") * 1_000_000)  # half-lives are whole ns
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


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("kind", ["realised", "bipower"])
def test_sigma_equals_the_definition(seed, kind):
    frame = random_rows(seed)

    def rule(rows, at):
        now, window, last, sizes = rows[at]["ts"], 50, None, []
        for row in rows:
            size = None
            if row["x"] is not None:
                size = None if last is None else abs(row["x"] - last)
                last = row["x"]
            elif last is not None:
                size = 0
            sizes.append(size)
        total = 0
        for i, row in enumerate(rows):
            if now - window < row["ts"] <= now and sizes[i] is not None:
                if kind == "realised":
                    total += sizes[i] ** 2
                elif i and sizes[i - 1] is not None:
                    total += math.pi / 2 * sizes[i] * sizes[i - 1]
        seconds = min(now - rows[0]["ts"], window) / 1e9
        return math.sqrt(total / seconds) if seconds else None

    expression = realised_sigma("x", 50) if kind == "realised" else bipower_sigma("x", 50)
    found, expected = frame.select(s=expression)["s"].to_list(), per_row(frame, rule)
    for a, b in zip(found, expected, strict=True):
        assert (a is None) == (b is None)
        assert a is None or a == pytest.approx(b, rel=1e-6, abs=1e-3)


def test_sigma_of_a_random_walk():
    rng = np.random.default_rng(3)
    ts = np.cumsum(rng.integers(1, 3 * SECOND, 20_000))
    steps = rng.normal(0, 2 * np.sqrt(np.diff(ts, prepend=0) / 1e9))
    frame = pl.DataFrame({"ticker": "A", "ts": ts, "x": np.cumsum(steps)})
    last = frame.select(realised_sigma("x", int(ts[-1])).alias("r"), bipower_sigma("x", int(ts[-1])).alias("b")).row(-1)
    assert last[0] == pytest.approx(2, rel=0.03)
    assert last[1] == pytest.approx(2, rel=0.15)  # times are irregular: products of neighbours are a little off


def test_rolling_sd_equals_numpy():
    frame = random_rows(5, nulls=0)
    found = frame.select(s=rolling_sd("x", 4))["s"].to_list()

    def rule(rows, at):
        changes = [float(rows[i]["x"] - rows[i - 1]["x"]) for i in range(1, at + 1)][-4:]
        return float(np.std(changes)) if len(changes) == 4 else None

    same(found, per_row(frame, rule))
