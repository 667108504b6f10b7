"""The page of a trained model: skill by time to close, reliability, what it leans on, drift, and its learning curve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ....strategies.pipeline.scorers.trained import Trained
from ...figures.calibration import calibration
from ...figures.warnings import Notice
from ...reports import page, pictures_bets
from ...results.results import synthetic
from ..folder import REPORT
from .words import in_short, share, verdict


def write_report(folder: Path, trained: Trained, folds: pl.DataFrame) -> Path:
    """Write the page into the model's folder."""
    found, skill = in_short(trained, folder), trained.skill
    name = f"{trained.kind} of {trained.target}"
    return page.write_page(
        folder / REPORT,
        f"{name}: a trained scorer",
        page.heading(f"{name}: a trained scorer", found["rows"], synthetic(folds["ticker"].unique().to_list())),
        page.warnings_section(notices(trained)),
        page.section("In short", page.table(["", ""], list(found.items()))),
        page.section(
            f"Skill against {skill['reference']} by time to close",
            page.table(["hours to the close", "rows", "events", "skill"], lead_rows(skill["leads"])),
            about="One minus the squared error of the model over that of the reference, on rows that no model had "
            "learned from. The interval draws whole events again.",
        ),
        page.section("Reliability", *_reliability(trained, folds)),
        page.section(
            "What it leans on",
            page.table(["feature", "what it is", "squared error it takes away"], [
                (one["feature"], trained.definitions[one["feature"]], f"{one['error']:.6f}")
                for one in skill["importance"]
            ]),
            about="How much worse predictions become when the feature is taken from another event.",
        ),
        page.section(
            "Learning curve",
            page.table(["serves from", "events learned from", "rows judged", "skill"], [
                (one["serves_from"][:16], one["learned_from"], one["rows"], share(one)) for one in skill["curve"]
            ]),
            about="Each model of the series on the bars that it serves: with more events learned from, skill should "
            "grow.",
        ),
        page.section(
            "Drift",
            page.table(["feature", "stability index"], [
                (name, f"{index:.3f}") for name, index in trained.drift["last_fold"].items()
            ]),
            about="How far the bars of the last fold lie from all that was learned from: above 0.25 a feature has "
            "moved.",
        ),
        page.section("How it was made", page.table(["", ""], _made(trained))),
    )  # fmt: skip


def notices(trained: Trained) -> list[Notice]:
    """What to know before believing a trained model."""
    found = [] if trained.has_skill else [Notice("no-skill", verdict(trained))]
    judged = int(trained.skill.get("brier", trained.skill.get("squared", {})).get("events", 0))
    if judged < FEW_EVENTS:
        found.append(Notice("few-events", f"{judged} events were judged; {FEW_EVENTS} are a start"))
    return found


FEW_EVENTS = 30


def lead_rows(leads: Sequence[Mapping[str, Any]]) -> list[tuple[object, ...]]:
    """Skill by time to close as rows of a table."""
    return [(one["hours"], one["rows"], one["events"], share(one)) for one in leads]


def _reliability(trained: Trained, folds: pl.DataFrame) -> list[str]:
    if trained.gives != "probability" or not folds.height:
        return []
    found = {
        whose: made.as_dict()
        for whose, column in (("market", "mark"), ("strategy", "prediction"))
        if (made := calibration(folds[column], folds["label"])) is not None
    }
    rows = [
        (whose, *(f"{one[name]:.4f}" for name in ("brier", "reliability", "resolution", "log_loss")))
        for whose, one in found.items()
    ]
    drawn = page.chart(pictures_bets.reliability(found))
    return [drawn, page.table(["", "Brier", "reliability", "resolution", "log loss"], rows)]


def _made(trained: Trained) -> list[tuple[str, str]]:
    made = {name: value for name, value in trained.made.items() if name not in ("notes", "versions")}
    asked = {name: value for name, value in trained.asked.items() if name != "pipeline"}
    versions = ", ".join(f"{name} {value}" for name, value in trained.made["versions"].items())
    return [(name.replace("_", " "), str(value)) for name, value in {**asked, **made, "versions": versions}.items()]
