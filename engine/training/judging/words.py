"""A trained model in words: its skill in one sentence, and the facts that command, page and notebook show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ....strategies.pipeline.scorers.trained import Trained


def share(found: Mapping[str, Any]) -> str:
    """Write a skill with its interval.

    >>> share({"skill": 0.012, "low": -0.003, "high": 0.027, "events": 40})
    '+1.2 % (-0.3 % to +2.7 %, 40 events)'
    """
    if "skill" not in found:
        return "not known"
    interval = f"{found['low']:+.1%} to {found['high']:+.1%}, " if "low" in found else ""
    return f"{found['skill']:+.1%} ({interval}{found['events']:,} events)".replace("%", " %")


def main_skill(trained: Trained) -> dict[str, Any]:
    """The skill that decides: Brier's of a probability, of squared errors of a move."""
    return dict(trained.skill.get("brier", trained.skill.get("squared", {})))


def verdict(trained: Trained) -> str:
    """Say what a statistician would: whether the model beats its reference out of fold."""
    return f"skill against {trained.skill['reference']} out of fold: {share(main_skill(trained))}"


def in_short(trained: Trained, folder: Path) -> dict[str, str]:
    """The facts of a trained model in words."""
    made, newest = trained.made, trained.models[-1]
    facts = {
        "folder": str(folder),
        "model": f"{trained.kind} of {trained.target}, {len(trained.features)} features",
        "rows": f"{made['rows']:,} of {made['events']:,} events, {made['from']} to {made['to']}",
        "series": f"{len(trained.models)} models; the newest serves from {newest.serves_from[:19]}Z",
        f"skill against {trained.skill['reference']}": share(main_skill(trained)),
    }
    if "log_loss" in trained.skill:
        facts["the same by log loss"] = share(trained.skill["log_loss"])
        facts["skill against the base rate"] = share(trained.skill["base_rate"])
    if not trained.has_skill:
        facts["no-skill"] = "it does not beat what it is compared with: nothing says that bets on it would pay"
    facts |= {
        "ONNX form": f"{trained.parity['rows']:,} rows, at most {trained.parity['largest']:.1e} apart; bets "
        f"{trained.parity['bets']}",
        "expires": trained.expires,
        "hash": trained.hash,
    }
    return facts | ({"notes": "; ".join(made["notes"])} if made["notes"] else {})
