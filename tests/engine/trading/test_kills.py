"""A process that is killed at any moment leaves nothing that its next start does not settle."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kills import run


@pytest.mark.slow
def test_kills_at_random_moments_leave_nothing_unknown(tmp_path: Path):
    made = run(tmp_path, kills=5, seed=3)
    assert made.faults == [] and made.kills == 5
    assert made.fills > 5 and made.orders > 20
