"""A training that is killed at any moment goes on by fold and comes to the same hash."""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline.engine.training.folder import claimed
from touchline.io.ground.errors import InputError

from .kills import run


@pytest.mark.slow
def test_a_training_that_is_killed_comes_to_the_same_hash(tmp_path: Path):
    found = run(tmp_path, kills=2, seed=3, events=60)
    assert found.faults == [] and found.kills == 2 and found.finished > 0


def test_what_a_killed_training_was_writing_is_no_hindrance_and_goes(tmp_path: Path):
    left, own = tmp_path / ".model.onnx.0123456789ab.tmp", tmp_path / "folds.parquet"
    for one in (left, own):
        one.write_bytes(b"half")
    with claimed(tmp_path):
        assert own.exists() and not left.exists()
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="holds something else"), claimed(tmp_path):
        pass
