"""An audit: each prediction of a served series against its outcome once known, over time, by edge, and what moved."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.times import Moment, iso
from ...io.store.store import Store
from ...strategies.models.registry import quoting_model
from ...strategies.pipeline.pipeline import recorded_pipeline
from ...strategies.pipeline.scorers.onnx import inputs_of
from ...strategies.pipeline.scorers.trained import RECORD, Trained, is_trained, model_bytes, read_trained
from ..bets.served import moved_from
from ..figures.calibration import calibration
from .judging.skill import has_skill, skills
from .learning.bars import PipelineBars
from .learning.fold import opened
from .learning.history import RowSource, WantedRows
from .learning.moments import ModelMoments
from .learning.rows import CENTS, Rows, as_frame

#: Into how many stretches of equal rows time is cut, and into how many groups edges.
STRETCHES, GROUPS = 6, 10
_BATCH = 65_536
_MEANS = {"predicted": "prediction", "happened": "label"}


@dataclass(frozen=True)
class Audited:
    """What an audit came to."""

    trained: Trained
    skill: dict[str, Any]
    over_time: list[dict[str, Any]]
    by_edge: list[dict[str, Any]]
    moved: dict[str, float]
    predictions: pl.DataFrame

    @property
    def has_skill(self) -> bool:
        """Whether what was predicted beat the market's own price."""
        return has_skill(self.skill)


def source_of_model(trained: Trained) -> RowSource:
    """The strategy whose rows a model was trained on; it says which rows there are, not what is thought of them."""
    if "strategy" in trained.asked:
        return ModelMoments(
            trained.asked["strategy"], quoting_model(trained.asked["strategy"]), tuple(trained.asked["markets"])
        )
    told = {**trained.asked["pipeline"], "scorer": {"name": "momentum"}}
    told |= {name: told.get(name, []) for name in ("tables", "filters")}
    return PipelineBars(recorded_pipeline(told))


def read_model(folder: Path) -> Trained:
    """Read the record of a folder; one without it is an error."""
    if not is_trained(folder):
        raise InputError(f"{folder} holds no trained model: there is no {RECORD}; engine train writes one")
    return read_trained(folder)


def audit(
    folder: Path, data: str | Path | Store | None = None, start: Moment | None = None, until: Moment | None = None
) -> Audited:
    """Let the models of a folder predict what they serve in a store, and compare with what came of it."""
    trained = read_model(folder)
    source = source_of_model(trained)
    wanted = WantedRows(trained.features, source.target(trained.target), trained.window, start, until)
    rows = source.read(trained.asked["store"] if data is None else data, wanted).rows
    frame = predictions(folder, trained, rows)
    if not frame.height:
        first = trained.models[0].serves_from
        raise InputError(f"no bar that {folder} serves has a known outcome; it serves from {first}")
    after = rows.time >= trained.models[0].since
    moved = moved_from(trained.drift["features"], inputs_of(rows.x, rows.at[after], 1))
    return Audited(
        trained, skills(frame, trained.gives, trained.seed), _over_time(frame, trained.gives), _by_edge(frame, trained),
        moved, frame,
    )  # fmt: skip


def predictions(folder: Path, trained: Trained, rows: Rows) -> pl.DataFrame:
    """What each model says of the rows that it serves, in the order of time."""
    since = np.array([one.since for one in trained.models])
    which = np.searchsorted(since, rows.time, side="right") - 1
    parts = list[pl.DataFrame]()
    for place, one in enumerate(trained.models):
        mine = np.flatnonzero(which == place)
        run = opened(model_bytes(folder, one)) if len(mine) else None
        found = np.empty(len(mine))
        for at in range(0, len(mine), _BATCH):
            assert run is not None
            found[at : at + _BATCH] = run(rows.inputs(mine[at : at + _BATCH]))
        told = {
            "serves_from": np.full(len(mine), one.since), "prediction": found,
            "base_rate": np.full(len(mine), float(one.facts["base_rate"])),
        }  # fmt: skip
        parts.append(as_frame(rows, told, mine))
    return pl.concat(parts)


def _over_time(frame: pl.DataFrame, gives: str) -> list[dict[str, Any]]:
    """Calibration and skill of stretches of equal rows."""
    made = list[dict[str, Any]]()
    size = max(-(-frame.height // STRETCHES), 1)
    for own in frame.iter_slices(size):
        found = skills(own, gives)
        told: dict[str, Any] = {"from": iso(int(own["ts"][0]))}
        if gives == "probability":
            fit = calibration(own["prediction"], own["label"])
            told |= {name: float(own[column].to_numpy().mean()) for name, column in _MEANS.items()}
            told |= {} if fit is None or fit.slope is None else {"slope": fit.slope}
        made.append({**told, **found.get("brier", found.get("squared", {}))})
    return made


def _by_edge(frame: pl.DataFrame, trained: Trained) -> list[dict[str, Any]]:
    """Dollars that a contract bought at the mark made, by groups of equal size of what the model saw in it."""
    p, y, mark = (frame[name].to_numpy() for name in ("prediction", "label", "mark"))
    if trained.gives == CENTS:
        p, y = p / 100, y / 100
    edge, gain = (p - mark, y - mark) if trained.gives == "probability" else (p, y)
    order = np.argsort(edge, kind="stable")
    return [
        {"edge": float(edge[some].mean()), "rows": len(some), "pnl": float((np.sign(edge[some]) * gain[some]).mean()),
         "moved": float(gain[some].mean())}
        for some in np.array_split(order, min(GROUPS, len(order)))
    ]  # fmt: skip
