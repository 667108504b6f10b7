"""A training that is killed at any moment goes on by fold and comes to the same hash."""

from __future__ import annotations

from pathlib import Path

import pytest

from .kills import run


@pytest.mark.slow
def test_a_training_that_is_killed_comes_to_the_same_hash(tmp_path: Path):
    found = run(tmp_path, kills=2, seed=3, events=60)
    assert found.faults == [] and found.kills == 2 and found.finished > 0
