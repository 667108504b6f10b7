"""How far back a pipeline looks: what of a panel a bar's scores and filters depend on."""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from ...features.windows import parse_window
from .pipeline import Filter, Part, Pipeline, Scorer, ask
from .scorers.combined import CategoryWeighted, Ensemble
from .scorers.onnx import OnnxScorer
from .scorers.related import Correlation

_SHIPPED = f"{__package__}."


def bars_back(pipeline: Pipeline) -> int | None:
    """How many bars before its own a bar's scores depend on; None: on all of them, or nobody said.

    >>> from touchline.strategies.pipeline.pipeline import load_pipeline
    >>> bars_back(load_pipeline("bollinger"))
    20
    """
    return _most(_of(part) for part in (*pipeline.tables, *pipeline.filters, pipeline.scorer))


def _most(found: Iterable[int | None]) -> int | None:
    bars = list(found)
    return None if None in bars else max((one for one in bars if one is not None), default=0)


def _of(part: Part) -> int | None:
    if not type(part).__module__.startswith(_SHIPPED):
        return part.looks_back
    if isinstance(part, CategoryWeighted):
        return _of(part.inner)
    if isinstance(part, Ensemble):
        return None if part.adapt == "yes" else _most(_of(one) for one in part.members)
    if isinstance(part, Correlation):
        return part.window_bars + part.lag_bars + 2 if part.among == "series" else None
    names = ask(part, "keep", pl.Expr).meta.root_names() if isinstance(part, Filter) else ()
    names = part.reads() if isinstance(part, Scorer) else names
    windows = [found[1] for name in names if (found := parse_window(name)) is not None]
    return max(windows, default=0) + (part.window - 1 if isinstance(part, OnnxScorer) else 0)
