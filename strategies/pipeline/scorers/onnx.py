"""Any ONNX model as a scorer: rows or windows of named features, in batches over the whole panel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....features.flow import volume_imbalance
from ....features.quotes import logit
from ....io.ground.errors import InputError
from ...parameters import Parameter, nearest
from ..pipeline import DOLLAR, PanelView, Scorer, register
from .session import opened_session
from .trained import Trained, is_trained, model_bytes, read_trained

if TYPE_CHECKING:
    import onnxruntime

#: Feature -> its unit and meaning; ``N`` is a number of bars.
FEATURES: dict[str, str] = {
    "mark": "mark, dollars",
    "log_odds": "log odds of the mark; missing at 0 and at 1 dollar",
    "spread": "ask minus bid, dollars",
    "hours_left": "hours to the close",
    "life_left": "share of the market's life that is left",
    "previous_rate": "share of YES in the series' last 20 settled markets",
    "age": "bars since the market was last heard of",
    "change_N": "change of the mark over N bars, dollars",
    "mean_N": "mark minus its mean over N bars, dollars",
    "z_N": "mark minus its mean, in standard deviations, over N bars",
    "sigma_N": "root mean square change a bar over N bars, dollars",
    "volume_N": "contracts traded over N bars",
    "imbalance_N": "taker imbalance over N bars, -1 to 1",
}
_BARS = re.compile(r"(.+)_([1-9]\d{0,4})")
_BATCH = 65_536


def is_feature(name: str) -> bool:
    """Whether a name is one of ``FEATURES``.

    >>> is_feature("z_20"), is_feature("z_N"), is_feature("cpi")
    (True, False, False)
    """
    found = _BARS.fullmatch(name)
    return (f"{found[1]}_N" if found else name) in FEATURES and not name.endswith("_N")


def feature(name: str) -> pl.Expr:
    """One of ``FEATURES`` as an expression over a panel's columns; another name is a column as it is.

    >>> feature("change_24").meta.root_names()
    ['change_24']
    """
    found = _BARS.fullmatch(name)
    if found and is_feature(name):
        plain, n = found.groups()
        if plain == "imbalance":
            quiet = pl.col(f"volume_{n}").fill_null(0) <= 0
            return pl.when(~quiet).then(volume_imbalance(f"bought_{n}", f"volume_{n}")).otherwise(0.0)
        if plain == "mean":
            return (pl.col("mark") - pl.col(name)) / DOLLAR
        if plain == "z":
            return pl.when(pl.col(f"mean_{n}").is_not_null()).then(pl.col(name).fill_null(0.0))  # 0: it stands still
        return pl.col(name) / (100 if plain == "volume" else DOLLAR)
    if name in ("mark", "spread"):
        return pl.col(name) / DOLLAR
    if name == "log_odds":
        return logit(pl.col("mark"), DOLLAR)
    return pl.col(name)


@register("onnx")
class OnnxScorer(Scorer):
    """A trained model: a classifier gives the probability of YES, a regressor the edge in dollars."""

    PARAMETERS = (
        Parameter("file", "model.onnx", kind="text", doc="the model, or a folder of engine train, beside the pipeline"),
        Parameter(
            "features", "mark,change_24,z_20", kind="text", doc="the model's inputs in their order, commas between"
        ),
        Parameter("window", 1, low=1, high=4096, kind="int", doc="bars in each input; 1: plain rows"),
        Parameter("gives", "probability", kind="choice", choices=("probability", "edge"), doc="what the model gives"),
        Parameter("weight", 1.0, low=0, high=1, doc="share of the model's opinion; the rest is the market's"),
        Parameter("threads", 0, low=0, high=256, kind="int", doc="threads; 0: all"),
    )

    def __init__(self, folder: Path | None = None, **given: Any) -> None:
        super().__init__(folder, **given)
        self.path = Path(self.file) if folder is None or Path(self.file).is_absolute() else folder / self.file
        self.trained: Trained | None = read_trained(self.path) if is_trained(self.path) else None
        if self.trained is not None:
            self._as_trained(self.trained, given)
        self.names = _listed(self.features)

    def _as_trained(self, trained: Trained, given: Mapping[str, Any]) -> None:
        """Take inputs, window and output from the folder; what a pipeline says of them must be the same."""
        if trained.gives not in ("probability", "edge"):
            raise InputError(
                f"onnx: {self.path} is a model of {trained.target}, which a quoting model reads as a signal"
            )
        told = {"features": trained.features, "window": trained.window, "gives": trained.gives}
        for name, value in told.items():
            own = _listed(self.values[name]) if name == "features" else self.values[name]
            if name in given and own != value:
                raise InputError(
                    f"onnx: {self.path} was trained with {name} {_written(value)}, and the pipeline says "
                    f"{_written(own)}; leave {name} out of the pipeline, or train again"
                )
            self.values[name] = _written(value) if name == "features" else value

    def session(self, model: int = 0) -> onnxruntime.InferenceSession:
        """Open a model, of a folder the one of this place, and compare its inputs with what is declared."""
        name = self.path if self.trained is None else self.path / self.trained.models[model].file
        if self.trained is None and not self.path.exists():
            raise InputError(f"onnx: there is no model file {self.path}")
        source = str(self.path) if self.trained is None else model_bytes(self.path, self.trained.models[model])
        session = opened_session(source, f"onnx: {name}", self.threads)
        inputs = session.get_inputs()
        told = ", ".join(f"{i.name} {i.type} {i.shape}" for i in inputs)
        shape = ["batch", len(self.names)] if self.window == 1 else ["batch", self.window, len(self.names)]
        wanted = f"one tensor(float) {shape} of {', '.join(self.names)}"
        if len(inputs) != 1 or inputs[0].type != "tensor(float)":
            raise InputError(f"onnx: {name.name} takes {told}; declared is {wanted}")
        found = inputs[0].shape
        fits = len(found) == len(shape) and all(
            not isinstance(a, int) or a == b for a, b in zip(found[1:], shape[1:], strict=True)
        )
        if not fits:
            raise InputError(f"onnx: {name.name} takes {told}; declared is {wanted}")
        return session

    def check(self) -> None:
        """Open the model, of a folder the newest."""
        self.session(-1)

    def reads(self) -> set[str]:
        """The columns of the model's inputs."""
        return {root for name in self.names for root in feature(name).meta.root_names()}

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The model's answer for every bar of every market; NaN where a feature is missing, or no model serves yet."""
        for name in self.names:
            if not is_feature(name) and name not in panel.extras:
                known = [*FEATURES, *panel.extras]
                raise InputError(f"onnx: there is no feature {name!r}, nor a table's column; {nearest(name, known)}")
        answer = panel.column("model", np.float32)
        since = None if self.trained is None else np.array([one.since for one in self.trained.models])
        opened: dict[int, onnxruntime.InferenceSession] = {}
        expressions = [feature(name).cast(pl.Float32).alias(f"_{i}") for i, name in enumerate(self.names)]
        roots = sorted({root for expression in expressions for root in expression.meta.root_names()})
        for block in panel.blocks():
            frame = panel.frame(block, [*roots, "bar", "ts"])
            rows = frame.lazy().select(expressions).collect().to_numpy(order="c")
            known = has_inputs(rows, frame["bar"].to_numpy(), self.window)
            found = np.full(len(rows), np.nan, np.float32)
            which = np.zeros(len(rows), np.int64)
            if since is not None:  # each bar is served by the newest model that learned from nothing after it
                which = np.searchsorted(since, frame["ts"].to_numpy(), side="right") - 1
            for model in np.unique(which[known & (which >= 0)]).tolist():
                if model not in opened:
                    opened[model] = self.session(model)
                self._answer(opened[model], rows, np.flatnonzero(known & (which == model)), found)
            panel.lives.put(answer, block, found)
        return {self.own("model"): answer}

    def _answer(
        self,
        session: onnxruntime.InferenceSession,
        rows: npt.NDArray[np.float32],
        wanted: npt.NDArray[np.int64],
        found: npt.NDArray[np.float32],
    ) -> None:
        name = session.get_inputs()[0].name
        for at in range(0, len(wanted), _BATCH):
            part = wanted[at : at + _BATCH]
            outputs = session.run(None, {name: inputs_of(rows, part, self.window)})
            found[part] = self._one_column(outputs, len(part))

    def _one_column(self, outputs: Any, rows: int) -> npt.NDArray[np.float32]:
        """The answer among a model's outputs: the last with a float a row, of two columns the second (YES).

        A list of maps from class to probability, as skl2onnx makes of a classifier, counts as its columns.
        """
        for output in reversed(outputs):
            mapped = isinstance(output, list) and len(output) == rows and all(isinstance(one, dict) for one in output)
            values = np.array([list(one.values()) for one in output], np.float32) if mapped else np.asarray(output)
            if values.dtype.kind == "f" and values.shape[:1] == (rows,) and values.size in (rows, 2 * rows):
                return values.reshape(rows, -1)[:, -1].astype(np.float32)
        shapes = ", ".join(str(np.shape(output)) for output in outputs)
        raise InputError(f"onnx: {self.path.name} gives {shapes}; expected one number a row, or two (NO, YES)")

    def score(self) -> pl.Expr:
        """The model's edge, weighted."""
        answer = pl.col(self.own("model")).fill_nan(None)
        edge = answer if self.gives == "edge" else answer - pl.col("mark") / DOLLAR
        return edge * self.weight


def has_inputs(rows: npt.NDArray[np.float32], place: npt.NDArray[Any], window: int) -> npt.NDArray[np.bool_]:
    """Where a model has all of its inputs: rows stand market after market, ``place`` counts those of one market."""
    known = np.asarray(np.isfinite(rows).all(axis=1))
    if window == 1:
        return known
    run = np.cumsum(~known)
    before = np.concatenate((np.zeros(window, run.dtype), run))[: len(run)]
    return known & (place >= window - 1) & (run == before)


def inputs_of(rows: npt.NDArray[np.float32], places: npt.NDArray[np.int64], window: int) -> npt.NDArray[np.float32]:
    """What a model is given for some rows: the rows, or of each the window of bars that ends with it."""
    if window == 1:
        return np.ascontiguousarray(rows[places])
    return rows[places[:, None] + np.arange(1 - window, 1)]


def _listed(names: str) -> list[str]:
    return [name.strip() for name in names.split(",") if name.strip()]


def _written(value: Any) -> Any:
    return ",".join(value) if isinstance(value, list) else value
