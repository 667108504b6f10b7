"""A share of day.py: thirty markets of the synthetic day on paper, and one of them at the exchange."""

from __future__ import annotations

from pathlib import Path

import pytest

from .day import chosen, in_production, on_paper, sample_day


@pytest.mark.slow
def test_a_synthetic_day_is_its_backtest_on_paper_and_at_the_exchange(tmp_path: Path):
    store = sample_day(tmp_path, 0.02)
    paper = on_paper(store, tmp_path, chosen(store, 30))
    assert paper.faults == [] and (paper.markets, paper.fills > 500) == (30, True)
    real = in_production(store, tmp_path, ["SYNBTC15M-26OCT061545-45"])
    assert real.faults == [] and real.fills > 10
