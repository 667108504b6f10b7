"""What `engine train` and `engine audit` print."""

from __future__ import annotations

from typing import Any

import msgspec

from ...api.training import TrainedModel
from ...training.words import in_short


def facts(made: TrainedModel) -> dict[str, object]:
    """A trained model in words, name by name."""
    return dict(in_short(made.record, made.folder))


def document(made: TrainedModel) -> dict[str, Any]:
    """The same as one JSON document."""
    told: dict[str, Any] = msgspec.to_builtins(made.record)
    return {"folder": str(made.folder), **told}
