"""What `engine train` and `engine audit` print."""

from __future__ import annotations

from typing import Any

import msgspec

from ...api.training import TrainedModel
from ...training.audit import Audited
from ...training.judging.words import in_short, share
from ..console import emit_table


def facts(made: TrainedModel) -> dict[str, object]:
    """A trained model in words, name by name."""
    return dict(in_short(made.record, made.folder))


def document(made: TrainedModel) -> dict[str, Any]:
    """The same as one JSON document."""
    told: dict[str, Any] = msgspec.to_builtins(made.record)
    return {"folder": str(made.folder), **told}


def audited(found: Audited) -> dict[str, Any]:
    """An audit as one JSON document."""
    return {
        "hash": found.trained.hash, "rows": found.predictions.height, "skill": found.skill,
        "over_time": found.over_time, "by_edge": found.by_edge, "moved": found.moved, "has_skill": found.has_skill,
    }  # fmt: skip


def tell_audit(found: Audited) -> None:
    """Print an audit as tables."""
    told = found.skill.get("brier", found.skill.get("squared", {}))
    emit_table(
        f"{found.predictions.height:,} predictions; skill against {found.skill['reference']}: {share(told)}",
        ("from, UTC", "predicted", "happened", "slope", "skill"),
        [
            (one["from"][:16], _number(one.get("predicted")), _number(one.get("happened")), _number(one.get("slope")),
             share(one))
            for one in found.over_time
        ],
    )  # fmt: skip
    emit_table(
        "by the edge that the model saw, dollars a contract",
        ("edge", "rows", "a bet made"),
        [(f"{one['edge']:+.4f}", one["rows"], f"{one['pnl']:+.4f}") for one in found.by_edge],
    )
    emit_table(
        "how far features have moved from what was learned from; above 0.25 is far",
        ("feature", "stability index"),
        [(name, f"{index:.3f}") for name, index in found.moved.items()],
    )


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.3f}"
