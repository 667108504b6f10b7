"""Rows bar after bar for grids: the same accounts, curves and books as market after market, also where lives differ."""

from __future__ import annotations

import numpy as np
from touchline.engine.bets.backtest import score_panel
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.maker import with_orders
from touchline.engine.bets.portfolio import layout
from touchline.engine.bets.portfolio.columns import columns_of
from touchline.engine.bets.portfolio.portfolio import rules, run_cells
from touchline.strategies.pipeline.pipeline import pipeline_of

from ..histories import HOUR, made_up
from ..made_books import SECOND, made_books

PIPELINE = pipeline_of(
    {
        "scorer": {"name": "momentum", "window_bars": 2, "strength": 0.9},
        "filters": [{"name": "spread", "max_spread": 5}],
        "selector": {"name": "diversified", "k": 5, "min_score": 0.001},
        "executor": {"max_positions": 9, "score_reversal": 0.01, "min_price": 1},
    },
    "p",
)


def both_ways(panel, pipeline, monkeypatch) -> int:
    """Run the same cells with rows either way; the number of their trades."""
    scored = score_panel(panel, pipeline)
    columns = columns_of(panel, scored.score)
    shares = np.linspace(0.05, 0.9, 10)
    cells = np.concatenate([rules(pipeline.with_values(kelly_fraction=share).limits()) for share in shares])
    assert layout.is_crowded(columns, len(cells))
    assert not layout.is_crowded(columns, layout.FEWEST_CELLS - 1)
    laid = run_cells(columns, cells, scored.passed)
    monkeypatch.setattr(layout, "FEWEST_CELLS", 11)
    assert not layout.is_crowded(columns, len(cells))
    plain = run_cells(columns, cells, scored.passed)
    for first, second in zip(laid, plain, strict=True):
        np.testing.assert_array_equal(first, second)
    return int(laid[0]["trades"].sum())


def test_cells_on_crowded_rows_come_to_the_same_either_way(tmp_path, monkeypatch):
    panel = build_panel(made_up(tmp_path / "store", 3, markets=24, hours=60), 12 * HOUR, 40 * HOUR)
    assert panel.lives.total < panel.shape[0] * panel.shape[1]
    assert len(np.unique(panel.lives.first)) > 3
    assert both_ways(panel, PIPELINE, monkeypatch) > 100


def test_orders_that_rest_come_to_the_same_either_way(tmp_path, monkeypatch):
    store = made_books(tmp_path / "store", markets=1, seconds=1_800)
    panel = with_orders(store, build_panel(store, step_ns=10 * SECOND), "power@3", 2)
    patient = PIPELINE.with_values(entry="maker", maker_bars=2, max_spread=100)
    assert both_ways(panel, patient, monkeypatch) > 20


def test_short_lives_keep_their_rows(tmp_path):
    panel = build_panel(made_up(tmp_path / "store", 3, markets=24, hours=200))
    assert not layout.is_crowded(columns_of(panel, np.zeros(panel.lives.total, np.int16)), 512)
