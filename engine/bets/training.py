"""What a model may be trained on: a pipeline's own rows up to a moment, with the results that were known by then."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment, nanoseconds
from ...io.ground.units import TICKS_PER_DOLLAR
from ...io.store.store import Store
from ...strategies.parameters import nearest
from ...strategies.pipeline.pipeline import Pipeline, Scorer, ask, load_pipeline
from ...strategies.pipeline.scorers.onnx import FEATURES, OnnxScorer, feature, is_feature
from .backtest import MINUTE_NS, passing
from .panel.build import build_panel
from .panel.history import open_history
from .panel.panel import Panel
from .portfolio.columns import market_rows

#: Of every row beside its features: which market, the close of the bar, what YES paid, and when that was known.
ABOUT = ("ticker", "event", "series", "category", "ts")


def training_frame(
    data: str | Path | Store,
    strategy: str | Path | Pipeline,
    until: Moment,
    *,
    start: Moment | None = None,
    features: Sequence[str] = (),
) -> pl.DataFrame:
    """Return a row for each bar and market in which the pipeline could have bet before ``until``.

    ``label`` is what YES paid, in dollars, where that was known at ``until``, else null; ``label_ts`` says since when.
    ``features`` are inputs of an ONNX model by name; without them they are those that the pipeline's scorer reads.
    """
    pipeline = strategy if isinstance(strategy, Pipeline) else load_pipeline(strategy)
    return pl.concat(training_blocks(data, pipeline, until, start=start, features=features))


def training_blocks(
    data: str | Path | Store,
    pipeline: Pipeline,
    until: Moment,
    *,
    start: Moment | None = None,
    features: Sequence[str] = (),
) -> Iterator[pl.DataFrame]:
    """Yield the same some markets at a time."""
    panel = known_panel(data, pipeline, until, start)
    names = features_of(panel, pipeline, features)
    for frame in panel_rows(panel, pipeline, names):
        kept = frame.filter("candidate")
        yield kept.select(*ABOUT, *(pl.col(f"feature {name}").alias(name) for name in names), "label", "label_ts")


def features_of(panel: Panel, pipeline: Pipeline, features: Sequence[str] = ()) -> list[str]:
    """The features that are named, else those that the pipeline's scorer reads; one that is not there is an error."""
    names = list(features) or _read_by(pipeline.scorer, panel)
    for name in names:
        if not is_feature(name) and not panel.has(name):
            known = [*FEATURES, *panel.extras]
            raise InputError(f"there is no feature {name!r}, nor a table's column; {nearest(name, known)}")
    return names


def panel_rows(
    panel: Panel, pipeline: Pipeline, names: Sequence[str], move_bars: int | None = None
) -> Iterator[pl.DataFrame]:
    """Yield every row of a panel some markets at a time: features, label, and whether the pipeline could bet there.

    The label is what YES paid and known when it was; with ``move_bars`` it is the mark's change over so many bars,
    in dollars, known at the bar at which they end.
    """
    kept = passing(panel, pipeline)
    own = market_rows(panel)
    paid = panel.markets.select(
        market=pl.int_range(pl.len(), dtype=pl.Int32),
        label=pl.col("settlement").cast(pl.Float64) / TICKS_PER_DOLLAR,
        label_ts=pl.when(pl.col("settlement").is_not_null()).then(_PAID_AT),
    )
    wanted = [feature(name).cast(pl.Float32).alias(f"feature {name}") for name in names]
    roots = sorted({root for expression in wanted for root in expression.meta.root_names()})
    for block in panel.blocks():
        bar, market = panel.lives.bar(block), panel.lives.market(block)
        trades = (own["opens"][market] <= bar) & (bar <= own["closes"][market])
        frame = panel.frame(block, [*ABOUT, "market", "bar", "mark", "hours_left", *roots]).with_columns(
            *wanted, candidate=pl.Series(trades & panel.lives.take(kept, block))
        )
        if move_bars is None:
            frame = frame.join(paid, on="market", how="left", maintain_order="left")
        else:
            later = {name: pl.col(name).shift(-move_bars).over("market") for name in ("mark", "ts")}
            change = (later["mark"] - pl.col("mark")).cast(pl.Float64) / TICKS_PER_DOLLAR
            frame = frame.with_columns(label=change, label_ts=pl.when(change.is_not_null()).then(later["ts"]))
        yield frame


#: When what a market paid is known.
_PAID_AT = pl.coalesce("settled_ts", "close_ts", "expiration_ts")


def known_panel(
    data: str | Path | Store, pipeline: Pipeline, until: Moment | None, start: Moment | None = None,
    progress: Progress | None = None,
) -> Panel:  # fmt: skip
    """The panel of a pipeline with its tables as it was known at a moment: no later bar, result or settlement.

    Without a moment it is known up to the last payout.
    """
    for part in pipeline.tables:
        ask(part, "check", NoneType)
    cut = None if until is None else nanoseconds(until, "until")
    step = int(pipeline.source.values.get("step_minutes", 60)) * MINUTE_NS
    keep = ask(pipeline.source, "keep", (pl.Expr, NoneType))
    whole = build_panel(open_history(data).store, start, cut, step, where=keep, progress=progress)
    if cut is not None and whole.times[0] > cut:
        raise InputError(f"no bar ends before {until}; name a later until= or an earlier start=")
    return as_known(whole, pipeline, int(whole.times[-1]) if cut is None else cut)


def as_known(whole: Panel, pipeline: Pipeline, cut: int) -> Panel:
    """A panel as it was known at a moment, with the columns of the pipeline's tables as they would have been then."""
    panel = replace(whole, extras={}).until(int(np.searchsorted(whole.times, cut, side="right")))
    told = pl.when(_PAID_AT.le(cut))
    markets = panel.markets.with_columns(
        settlement=told.then(
            pl.coalesce(
                "settlement",
                pl.col("result").replace_strict(
                    {"yes": TICKS_PER_DOLLAR, "no": 0}, default=None, return_dtype=pl.Int32
                ),
            )
        ),
        result=told.then("result"),
    )
    panel = replace(panel, markets=markets)
    for part in pipeline.tables:
        panel = panel.with_extras(ask(part, "prepare", Mapping, panel))
    return panel


def _read_by(scorer: Scorer, panel: Panel) -> list[str]:
    """What a scorer and its members read: the inputs of models, else the panel's columns in their expressions."""
    names = list(dict.fromkeys(_inputs(scorer, panel)))
    if not names:
        raise InputError(f"scorer {scorer.name} reads no column of a panel; name features with features=")
    return names


def _inputs(scorer: Any, panel: Panel) -> Iterator[str]:
    if isinstance(scorer, OnnxScorer):
        yield from scorer.names
        return
    inner = getattr(scorer, "members", None) or [getattr(scorer, "inner", None)]
    for one in inner:
        if isinstance(one, Scorer):
            yield from _inputs(one, panel)
    if inner == [None]:
        roots = ask(scorer, "score", pl.Expr).meta.root_names()
        yield from sorted({name for name in roots if is_feature(name) or (panel.has(name) and name in panel.extras)})
