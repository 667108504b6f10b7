"""Training: a series of models in time, each judged on what came after it, the newest for what comes next."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground import atomic
from ...io.ground.progress import Progress, silent
from ...io.ground.times import Moment, iso, nanoseconds, written
from ...io.store.store import Store
from ...strategies.pipeline.scorers.trained import FORMAT, VERSION, ServedModel, Trained, is_trained, read_trained
from ..results.result_files import frames_hash, settled
from ..version import __version__
from .expiry import expires
from .folder import (
    clear_parts,
    part_file,
    refuse_other,
    series_file,
    write_folds,
    write_models,
    write_record,
)
from .judging.importance import importance
from .judging.moved import reference
from .judging.report import write_report
from .judging.skill import curve, has_skill, skills
from .kinds.kind import Kind
from .learning.fold import Trial, run_fold, unpacked
from .learning.folds import Fold, FoldRows, cuts, first_usable
from .learning.history import RowSource, WantedRows
from .learning.rows import Rows, Target, as_frame
from .learning.sources import code_hash

HOUR_NS = 3_600_000_000_000
#: Of a fold's progress, so much is its fit.
_STEPS = 100
#: Shares of a training's progress: rows are read, proved not to peek, and learned from.
READING, PROVING, FITTING = (0, 20), (20, 30), (30, 100)


@dataclass(frozen=True)
class Asked:
    """What a training is asked for."""

    source: RowSource
    kind: Kind
    features: tuple[str, ...] = ()
    target: str = "outcome"
    start: Moment | None = None
    until: Moment | None = None
    folds: int = 5
    every_hours: float | None = None
    embargo_hours: float = 1.0
    balance: bool = False
    seed: int = 0
    prove: bool = True
    model: str = field(default="logistic")  #: as it was named

    @property
    def what(self) -> Target:
        """The target, as the strategy counts it."""
        return self.source.target(self.target)

    def wanted(self, until: int | None) -> WantedRows:
        """The rows that are read for it."""
        return WantedRows(self.features, self.what, self.kind.window, self.start, until)

    def as_dict(self, store: str) -> dict[str, Any]:
        """What is written of it, and what another training must be asked alike."""
        told = {
            "model": self.model, "params": self.kind.values, "features": list(self.features), "target": self.target,
            "start": written(self.start), "until": written(self.until), "folds": self.folds,
            "every_hours": self.every_hours, "embargo_hours": self.embargo_hours, "balance": self.balance,
            "seed": self.seed, "store": store, **self.source.told(),
        }  # fmt: skip
        return {name: value for name, value in told.items() if value is not None}


def train(
    data: str | Path | Store, asked: Asked, out: Path, *, force: bool = False, progress: Progress = silent
) -> Trained:
    """Train a series of models into a folder. A fold that was finished before a kill is not trained again."""
    place = data.path if isinstance(data, Store) else settled(str(data))
    told = asked.as_dict(place)
    held = read_trained(out) if is_trained(out) and not force else None
    refuse_other(out, question(told), None if held is None else question(held.asked), force)
    until = nanoseconds(asked.until, "until") if asked.until is not None else None
    asked.kind.versions()
    history = asked.source.read(data, asked.wanted(until), between(progress, *READING))
    rows = history.rows
    end = until if until is not None else int(max(rows.time[-1], rows.known.max()))
    if asked.prove:
        history.prove(asked.seed, between(progress, *PROVING))
    every = None if asked.every_hours is None else round(asked.every_hours * HOUR_NS)
    move, embargo = not asked.what.is_outcome, round(asked.embargo_hours * HOUR_NS)
    chosen = first_usable(rows, cuts(rows, end, asked.folds, every), embargo, move)
    trials = run_folds(rows, chosen, asked, out, between(progress, *FITTING))
    predictions = predicted(rows, chosen, trials)
    models = [(series_file(fold.cut), trial.model) for (fold, _), trial in zip(chosen, trials, strict=True)]
    bets = history.parity(chosen, trials)
    hashes = write_models(out, models)
    served = [
        ServedModel(name, iso(fold.cut, 9), digest, trial.facts["rows"], trial.facts["events"], trial.facts)
        for (fold, _), trial, (name, _), digest in zip(chosen, trials, models, hashes, strict=True)
    ]
    found = skills(predictions, asked.what.gives, asked.seed)
    found["importance"] = importance(rows, chosen, trials, asked.seed)
    found["curve"] = curve(predictions, served, asked.what.gives, asked.seed)
    made = {
        "at": iso(end), "engine_version": __version__, "data_hash": rows.data_hash, "code_hash": code_hash(asked.kind),
        "rows": len(rows), "events": len(rows.events), "from": iso(int(rows.time[0])), "to": iso(int(rows.time[-1])),
        "notes": list(rows.notes), "versions": asked.kind.versions(),
        "folds_checksum": write_folds(out, predictions),
    }  # fmt: skip
    trained = Trained(
        format=FORMAT, version=VERSION, kind=asked.kind.name, target=asked.target, gives=asked.what.gives,
        window=asked.kind.window, features=list(rows.names), seed=asked.seed,
        hash=frames_hash({"models": hashes}, {"folds": predictions}), expires=expires(chosen, end, every),
        has_skill=has_skill(found), definitions=history.definitions(), asked=told, made=made,
        parity={"rows": len(rows), "largest": max(trial.apart for trial in trials), "bets": bets},
        skill=found, drift=reference(rows, chosen, trials), models=served,
    )  # fmt: skip
    write_report(out, trained, predictions)
    write_record(out, trained)
    clear_parts(out)
    return trained


def between(progress: Progress, begin: int, end: int) -> Progress:
    """Tell a part's progress as that share of the whole, in thousandths.

    >>> seen = []
    >>> between(lambda done, of: seen.append((done, of)), 20, 30)(1, 2)
    >>> seen
    [(250, 1000)]
    """
    return lambda done, of: progress(10 * begin + 10 * (end - begin) * done // max(of, 1), 1_000)


#: What two trainings that answer the same question were asked alike: all of it.
_WHERE = ("store",)


def question(told: Mapping[str, Any]) -> str:
    """What was asked for as one text; where the store lies is not part of it."""
    return json.dumps({name: value for name, value in told.items() if name not in _WHERE}, sort_keys=True, default=str)


def run_folds(
    rows: Rows, chosen: Sequence[tuple[Fold, FoldRows]], asked: Asked, out: Path, progress: Progress
) -> list[Trial]:
    """Train what is not trained yet, fold by fold; each is kept as soon as it is done."""
    total = len(chosen) * _STEPS
    made = list[Trial]()
    for number, (fold, split) in enumerate(chosen):
        key = fold_key(rows, fold, asked)
        waiting = part_file(out, key)
        if waiting.is_file():
            made.append(unpacked(waiting.read_bytes()))
        else:
            trial = run_fold(
                rows, fold, split, asked.kind, asked.what.gives, balance=asked.balance, seed=asked.seed,
                told=_within(progress, number, total),
            )  # fmt: skip
            atomic.write(waiting, trial.packed())
            made.append(trial)
        progress((number + 1) * _STEPS, total)
    return made


def _within(progress: Progress, number: int, total: int) -> Callable[[int, int], None]:
    return lambda done, of: progress(number * _STEPS + done * (_STEPS - 1) // max(of, 1), total)


def fold_key(rows: Rows, fold: Fold, asked: Asked) -> str:
    """What names a fold's file: everything that it depends on."""
    told = (
        rows.data_hash, fold.cut, fold.stop, asked.kind.name, asked.kind.values, asked.target, asked.embargo_hours,
        asked.balance, asked.seed, code_hash(asked.kind), asked.kind.versions(),
    )  # fmt: skip
    return hashlib.sha256(repr(told).encode()).hexdigest()[:24]


def predicted(rows: Rows, chosen: Sequence[tuple[Fold, FoldRows]], trials: Sequence[Trial]) -> pl.DataFrame:
    """The predictions for rows that no model had learned from, in the order of time."""
    frames = [
        as_frame(
            rows,
            {
                "serves_from": np.full(len(trial.test), fold.cut),
                "prediction": trial.predicted.astype(np.float64),
                "base_rate": np.full(len(trial.test), trial.facts["base_rate"]),
            },
            trial.test,
        )
        for (fold, _), trial in zip(chosen, trials, strict=True)
    ]
    return pl.concat(frames)
