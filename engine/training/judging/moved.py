"""What inputs and answers looked like when a model was trained, so that drift is seen later."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ....strategies.pipeline.scorers.onnx import inputs_of
from ...bets.served import moved_from
from ...figures.drift import deciles, shares
from ..learning.fold import Trial
from ..learning.folds import Fold, FoldRows
from ..learning.rows import Rows


def reference(rows: Rows, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial]) -> dict[str, Any]:
    """Deciles of each feature over the rows that were learned from, and of the answers out of fold."""
    latest = inputs_of(rows.x, rows.at, 1)
    made = [_of(name, latest[:, place]) for place, name in enumerate(rows.names)]
    last = next((split.test for _, split in reversed(chosen) if len(split.test)), np.zeros(0, np.int64))
    moved = moved_from(made, latest[last]) if len(last) else {}
    answers = np.concatenate([trial.predicted for trial in trials])
    return {"features": made, "answer": _of("answer", answers), "last_fold": moved}


def _of(name: str, values: Any) -> dict[str, Any]:
    edges = deciles(values)
    return {"name": name, "edges": edges, "shares": shares(values, edges)}
