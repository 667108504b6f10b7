"""Rows of a betting pipeline: its own bars, with the features as its scorer will read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ....io.ground.progress import Progress, silent
from ....io.ground.times import nanoseconds
from ....io.store.store import Store
from ....strategies.pipeline.pipeline import Pipeline
from ....strategies.pipeline.scorers.onnx import FEATURES
from ...bets.panel.panel import Panel
from ...bets.training import known_panel
from .fold import Trial
from .folds import Fold, FoldRows
from .history import WantedRows
from .parity import changed_bets
from .prover import prove
from .rows import Rows, Target, rows_of, step_minutes, target_of


@dataclass(frozen=True)
class BarHistory:
    """The rows of a panel."""

    panel: Panel
    pipeline: Pipeline
    rows: Rows
    gives: str

    def prove(self, seed: int, progress: Progress = silent) -> None:
        """Refuse features and filters that change when everything after a moment is cut away."""
        prove(self.panel, self.pipeline, self.rows.names, seed, progress=progress)

    def parity(self, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial]) -> str:
        """Let the pipeline bet on both."""
        return changed_bets(self.panel, self.pipeline, self.rows, chosen, trials, self.gives)

    def definitions(self) -> dict[str, str]:
        """What each feature is, in words, with its unit."""
        made = dict[str, str]()
        for name in self.rows.names:
            plain, _, bars = name.rpartition("_")
            if f"{plain}_N" in FEATURES and bars.isdigit():
                made[name] = FEATURES[f"{plain}_N"].replace("N bars", f"{bars} bars")
            else:
                made[name] = FEATURES.get(name, "column of a table of the pipeline")
        return made


@dataclass(frozen=True)
class PipelineBars:
    """A pipeline whose bars are rows."""

    pipeline: Pipeline

    def told(self) -> dict[str, Any]:
        """What of the pipeline says which rows there are: its source, tables and filters."""
        told = self.pipeline.as_dict()
        kept = {name: told[name] for name in ("name", "folder", "source", "tables", "filters")}
        return {"pipeline": {name: value for name, value in kept.items() if value is not None}}

    def target(self, text: str) -> Target:
        """Read what is to be learned, in bars of the pipeline."""
        return target_of(text, step_minutes(self.pipeline))

    def read(self, data: str | Path | Store, wanted: WantedRows, progress: Progress = silent) -> BarHistory:
        """Build the panel as it was known, and collect its rows."""
        until = None if wanted.until is None else nanoseconds(wanted.until, "until")
        panel = known_panel(data, self.pipeline, until, wanted.start, progress)
        rows = rows_of(panel, self.pipeline, wanted.features, wanted.target, wanted.window)
        return BarHistory(panel, self.pipeline, rows, wanted.target.gives)
