"""What a training reads from: the rows of a strategy of either family, and what is to be proved of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from ....io.ground.progress import Progress, silent
from ....io.ground.times import Moment
from ....io.store.store import Store
from .fold import Trial
from .folds import Fold, FoldRows
from .rows import Rows, Target


@dataclass(frozen=True)
class WantedRows:
    """Which rows are wanted, with which inputs, and what is to be learned."""

    features: Sequence[str]
    target: Target
    window: int = 1
    start: Moment | None = None
    until: Moment | None = None


class RowHistory(Protocol):
    """Rows that were read."""

    @property
    def rows(self) -> Rows:
        """The rows, and which of them a model may learn from."""
        ...

    def prove(self, seed: int, progress: Progress) -> None:
        """Refuse rows that change when everything after them is cut away."""
        ...

    def parity(self, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial]) -> str:
        """Say how decisions on the trained models and on their ONNX forms compare; one that changes is an error."""
        ...

    def definitions(self) -> dict[str, str]:
        """What each input is, in words."""
        ...


class RowSource(Protocol):
    """A strategy whose own moments are rows to learn from."""

    def told(self) -> dict[str, Any]:
        """What is written of it in a model's record."""
        ...

    def target(self, text: str) -> Target:
        """Read what is to be learned."""
        ...

    def read(self, data: str | Path | Store, wanted: WantedRows, progress: Progress = silent) -> RowHistory:
        """Read the rows as they were known at the time up to which is trained."""
        ...
