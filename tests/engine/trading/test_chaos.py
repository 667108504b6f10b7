"""A few of the schedules of chaos.py; the command runs three hundred."""

from __future__ import annotations

from pathlib import Path

import pytest

from .bet_chaos import bet_store, bet_weather
from .chaos import store_of, weather


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_whatever_the_exchange_does_no_position_is_wrong_without_a_halt(seed: int, tmp_path: Path):
    made = weather(tmp_path, store_of(tmp_path), seed)
    assert made.faults == [] and made.orders > 0


@pytest.mark.slow
def test_whatever_the_exchange_does_no_bet_is_wrong_without_a_halt(tmp_path: Path):
    made = bet_weather(tmp_path, bet_store(tmp_path), 1)
    assert made.faults == [] and made.orders > 0
