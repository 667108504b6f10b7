"""Bets across markets: the common work W3, a panel of 2,000 x 2,000 with ten scorers, a grid, ONNX models."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.bets.backtest import backtest, run_grid
from touchline.engine.bets.panel.panel import panel_of
from touchline.engine.bets.results import BetsResult
from touchline.strategies.pipeline.pipeline import pipeline_of

from tests.strategies.pipeline.test_pipeline import some_panel
from tests.strategies.pipeline.test_scorer_onnx import scorer_of, trained_lstm, trained_mlp

from .panels import year_of_markets
from .tapes import data

HERE = Path(__file__).resolve().parent
W3 = HERE / "bets" / "w3.toml"
HOUR = 3_600_000_000_000
ANCHOR = (160_158, 63_710, 617_601_130_000)

pytestmark = pytest.mark.bench

TEN = {
    "name": "ensemble",
    "members": [
        *({"name": name} for name in ("momentum", "mean-reversion", "volume", "time-decay", "bollinger", "order-flow")),
        {"name": "multi-timeframe-momentum"},
        {"name": "correlation"},
        {"name": "category-weighted", "inner": {"name": "momentum", "window_bars": 12}, "weights": {"A": 0.5}},
    ],
}
PIPELINE = {
    "filters": [{"name": "price-band"}, {"name": "spread"}],
    "scorer": TEN,
    "selector": {"name": "diversified", "max_per_series": 100},
    "executor": {"max_positions": 100, "max_position": 500},
}


@pytest.fixture(scope="module")
def w3_price() -> np.ndarray:
    file = data("w3_prices.npz")
    if file is None:
        pytest.skip("no w3_prices.npz; set BENCH_DATA to the folder of the common work")
    with np.load(file) as stored:
        return np.rint(stored["price"] * 10_000).astype(np.int16)


@pytest.fixture(scope="module")
def big_panel():
    """2,000 markets x 2,000 hours with quotes, depth, volume, categories, events of four, payouts."""
    rng = np.random.default_rng(1)
    bars = markets = 2_000
    mark = np.clip(5000 + np.cumsum(rng.integers(-150, 151, (bars, markets)), axis=0), 150, 9850) // 50 * 50
    m = np.arange(markets)
    close = (200 + rng.integers(0, 1800, markets)) * HOUR
    paid = np.where(rng.random(markets) < mark[-1] / 10_000, 10_000, 0)
    named = pl.DataFrame(
        {
            "ticker": [f"KX{i % 50:02d}-{i // 4:04d}-{i % 4}" for i in m],
            "event": [f"KX{i // 4:04d}" for i in m],
            "series": [f"KX{i % 50:02d}" for i in m],
            "category": ["ABCD"[i % 4] for i in m],
            "open_ts": 0,
            "close_ts": close,
            "settled_ts": close + HOUR,
            "settlement": paid.astype(np.int32),
        }
    )
    volume = rng.integers(0, 50_000, mark.shape)
    sizes = {"bid_lots": rng.integers(0, 90_000, mark.shape), "ask_lots": rng.integers(0, 90_000, mark.shape)}
    flow = {"volume": volume, "buys": volume // 2, "age": np.zeros_like(volume)}
    return panel_of(mark, HOUR * np.arange(1, bars + 1), named, bid=mark - 100, ask=mark + 100, **sizes, **flow)


def outcome(found):
    return len(found.run.trades), int(found.run.account["wins"]), found.run.pnl


def test_w3(benchmark, w3_price):
    """W3, features included: 2,000 markets x 2,000 bars, equal to the anchor in trades, wins and P&L."""
    panel = panel_of(w3_price, HOUR * np.arange(1, len(w3_price) + 1))
    assert outcome(backtest(panel, W3)) == ANCHOR
    found = benchmark.pedantic(backtest, (panel, W3), rounds=5, iterations=1)
    assert outcome(found) == ANCHOR


def test_w3_memory(w3_price):
    """W3 in a process of its own, warm kernels: at most 400 MB, prices included."""
    code = f"""
import numpy as np
from touchline.engine.bets.backtest import backtest
from touchline.engine.bets.panel.panel import panel_of
price = np.load({str(data("w3_prices.npz"))!r})["price"]
ticks = np.empty(price.shape, np.int16)
for t, row in enumerate(price):
    ticks[t] = np.rint(row * 10_000)
found = backtest(panel_of(ticks, {HOUR} * np.arange(1, len(ticks) + 1)), {str(W3)!r})
high = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(len(found.run.trades), int(high.split()[1]) // 1024)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert int(shown[0]) == ANCHOR[0]
    print(f"\nW3 peak memory {shown[1]} MB")
    assert int(shown[1]) <= 400


def test_w3_against_vectorbt(w3_price):
    """W3 here and by vectorbt (equal answers) in the same run; VECTORBT names its Python, WORK the common runners."""
    python, work = os.environ.get("VECTORBT"), os.environ.get("WORK")
    if not python or not work:
        pytest.skip("VECTORBT names no Python with vectorbt, or WORK no folder with run_vectorbt_w3.py")
    panel = panel_of(w3_price, HOUR * np.arange(1, len(w3_price) + 1))
    backtest(panel, W3)
    ours, theirs = [], []
    for _ in range(3):
        began = time.perf_counter()
        found = backtest(panel, W3)
        ours.append(time.perf_counter() - began)
        peer = subprocess.run([python, "run_vectorbt_w3.py"], cwd=work, capture_output=True, text=True, check=True)
        told = json.loads(peer.stdout.splitlines()[-1])
        theirs.append(told["wall_s"])
        assert (told["trades"], told["wins"], round(told["pnl"], 2)) == (*outcome(found)[:2], outcome(found)[2] / 1e6)
    ratio = min(theirs) / min(ours)
    print(f"\nW3 {min(ours):.3f} s, vectorbt {min(theirs):.3f} s ({told['peak_rss_mb']} MB): {ratio:.1f} times")
    assert ratio >= 10


def test_ten_scorers(benchmark, big_panel):
    """2,000 markets x 2,000 bars: ten scorers, two filters, the portfolio, every figure and group."""
    pipeline = pipeline_of(PIPELINE, "ten")

    def whole():
        return BetsResult(backtest(big_panel, pipeline)).summary

    first = whole()
    assert first["figures"]["trades"] > 1_000
    assert benchmark.pedantic(whole, rounds=3, iterations=1) == first


def test_grid_of_512_cells(benchmark, big_panel):
    """512 cells over exits and Kelly on the same panel; the first cell equals a single backtest."""
    pipeline = pipeline_of(PIPELINE, "ten")
    cells = [
        {"kelly_fraction": k / 8, "take_profit": t / 20, "stop_loss": s / 20}
        for k in range(1, 9)
        for t in range(8)
        for s in range(8)
    ]
    run_grid(big_panel, pipeline, cells[:2])
    frame = benchmark.pedantic(run_grid, (big_panel, pipeline, cells), rounds=1, iterations=1).frame
    assert frame.height == 512
    alone = backtest(big_panel, pipeline, options=cells[100])
    assert frame["pnl"][100] == alone.run.pnl / 1e6


@pytest.mark.parametrize("kind", ["mlp", "lstm"])
def test_onnx(benchmark, big_panel, tmp_path, kind):
    """A trained MLP on rows, an LSTM on windows of six bars: 4 M answers."""
    (trained_mlp if kind == "mlp" else trained_lstm)(tmp_path / "model.onnx", some_panel())
    window = {"window": 6, "gives": "edge"} if kind == "lstm" else {}
    scorer = scorer_of(tmp_path, file="model.onnx", **window)
    found = benchmark.pedantic(scorer.prepare, (big_panel,), rounds=1, iterations=1)
    assert np.isfinite(found[scorer.own("model")]).sum() > 3_900_000
    took = benchmark.stats.stats.max
    print(f"\n{kind}: 4 M answers in {took:.1f} s; bar 10 s, ratio {took / 10:.2f}")
    assert took <= 10


def test_a_year_of_short_lived_markets(tmp_path):
    """2,056 markets of some days each in a year of five minutes: bets in 120 s and 1.5 GB, alone in a process."""
    year_of_markets(tmp_path / "store")
    code = f"""
import time
from touchline.engine.bets.backtest import backtest
began = time.perf_counter()
found = backtest({str(tmp_path / "store")!r}, "quant", options={{"step_minutes": 5}})
high = next(line for line in open('/proc/self/status') if line.startswith('VmHWM'))
print(len(found.panel.times), found.panel.lives.total, time.perf_counter() - began, int(high.split()[1]) / 1e6)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    bars, rows, seconds, gigabytes = map(float, shown)
    print(f"\n{bars:,.0f} bars, {rows:,.0f} rows: {seconds:.1f} s, {gigabytes:.2f} GB")
    assert bars > 100_000
    assert seconds <= 120
    assert gigabytes <= 1.5


def test_memory_is_bounded():
    """Nothing here passed 3 GB, the panels of the tests above included."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 3 << 20
