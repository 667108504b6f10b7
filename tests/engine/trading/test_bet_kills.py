"""A process that bets and is killed at any moment leaves nothing that its next start does not settle."""

from __future__ import annotations

from pathlib import Path

import pytest

from .bet_kills import run


@pytest.mark.slow
def test_kills_at_random_moments_leave_no_bet_unknown_or_twice(tmp_path: Path):
    made = run(tmp_path, kills=2, seed=2)
    assert made.faults == [] and made.kills == 2
    assert made.orders > 0
