"""An update: the newest models of a series, trained on what has become known; those that served before stay."""

from __future__ import annotations

from pathlib import Path

import msgspec
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress, silent
from ...io.ground.times import Moment, iso, nanoseconds
from ...io.store.store import Store
from ...strategies.pipeline.scorers.trained import ServedModel, Trained
from ..results.result_files import frames_hash
from .audit import predictions, read_model, source_of_model
from .expiry import extended
from .folder import clear_parts, read_folds, series_file, write_folds, write_models, write_record
from .judging.moved import reference
from .judging.report import write_report
from .judging.skill import curve, has_skill, skills
from .kinds.registry import kind_of
from .learning.folds import Fold, first_usable
from .series import FITTING, HOUR_NS, PROVING, READING, Asked, between, run_folds


def update(
    folder: Path, data: str | Path | Store | None = None, until: Moment | None = None, progress: Progress = silent
) -> Trained:
    """Add models that learned from what became known since; what the last one predicted meanwhile is judged."""
    held = read_model(folder)
    told = held.asked
    kind, _ = kind_of(told["model"], told["params"])
    asked = Asked(
        source_of_model(held), kind, tuple(held.features), held.target, told.get("start"), None, told["folds"],
        told.get("every_hours"), told["embargo_hours"], told["balance"], held.seed, model=told["model"],
    )  # fmt: skip
    last = held.models[-1].since
    place = told["store"] if data is None else data
    known = None if until is None else nanoseconds(until, "until")
    history = asked.source.read(place, asked.wanted(known), between(progress, *READING))
    rows = history.rows
    end = known if known is not None else int(max(rows.time[-1], rows.known.max()))
    if end <= last:
        raise InputError(f"{folder} was trained up to {iso(last)}, and nothing is known after it: import more history")
    history.prove(held.seed, between(progress, *PROVING))
    every = None if asked.every_hours is None else round(asked.every_hours * HOUR_NS)
    begins = [*(range(last + every, end, every) if every is not None else ()), end]
    new = [Fold(cut, stop) for cut, stop in zip(begins, [*begins[1:], None], strict=True)]
    chosen = first_usable(rows, new, round(asked.embargo_hours * HOUR_NS), not asked.what.is_outcome)
    trials = run_folds(rows, chosen, asked, folder, between(progress, *FITTING))
    bets = history.parity(chosen, trials)
    models = [(series_file(fold.cut), trial.model) for (fold, _), trial in zip(chosen, trials, strict=True)]
    hashes = write_models(folder, models)
    added = [
        ServedModel(name, iso(fold.cut, 9), digest, trial.facts["rows"], trial.facts["events"], trial.facts)
        for (fold, _), trial, (name, _), digest in zip(chosen, trials, models, hashes, strict=True)
    ]
    series = [*held.models, *added]
    before = read_folds(folder, held).filter(pl.col("ts") < last)
    since = predictions(folder, msgspec.structs.replace(held, models=series), rows).filter(pl.col("ts") >= last)
    folds = pl.concat([before, since.filter(pl.col("ts") < end).select(before.columns)])
    skill = skills(folds, held.gives, held.seed)
    skill |= {"importance": held.skill["importance"], "curve": curve(folds, series, held.gives, held.seed)}
    moved = reference(rows, chosen, trials)
    moved["answer"] = held.drift["answer"] if not any(len(trial.test) for trial in trials) else moved["answer"]
    made = {
        **held.made, "at": iso(end), "data_hash": rows.data_hash, "rows": len(rows), "events": len(rows.events),
        "to": iso(int(rows.time[-1])), "notes": list(rows.notes), "versions": kind.versions(),
        "folds_checksum": write_folds(folder, folds),
    }  # fmt: skip
    largest = max(held.parity["largest"], *(trial.apart for trial in trials))
    trained = msgspec.structs.replace(
        held, models=series, skill=skill, has_skill=has_skill(skill), drift=moved, made=made,
        hash=frames_hash({"models": [one.sha256 for one in series]}, {"folds": folds}),
        expires=extended(held, end, every), parity={"rows": len(rows), "largest": largest, "bets": bets},
    )  # fmt: skip
    write_report(folder, trained, folds)
    write_record(folder, trained)
    clear_parts(folder)
    return trained
