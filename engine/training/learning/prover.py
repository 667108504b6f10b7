"""The prover of features: what a row holds does not change when everything after it is cut away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from ....io.ground.errors import CheckError
from ....io.ground.progress import Progress, silent
from ....strategies.pipeline.pipeline import Pipeline
from ...bets.panel.panel import Panel
from ...bets.training import as_known, panel_rows

CUTS = 2


def prove(
    panel: Panel, pipeline: Pipeline, names: Sequence[str], seed: int = 0, cuts: int = CUTS, progress: Progress = silent
) -> None:
    """Cut a panel at random bars and compare all rows up to there; a row that changes is an error that names why."""
    rng = np.random.default_rng(seed)
    bars = len(panel.times)
    if bars < 3:
        return
    moments = sorted(rng.choice(np.arange(bars // 3, bars - 1), min(cuts, bars // 3), replace=False).tolist())
    for done, bar in enumerate(moments, 1):
        cut = int(panel.times[bar])
        whole, early = (pl.concat(_rows(one, pipeline, names, cut)) for one in (panel, as_known(panel, pipeline, cut)))
        for name in names:
            column = f"feature {name}"
            _same(whole[column], early[column], f"feature {name!r}", cut, whole)
        _same(whole["candidate"], early["candidate"], "a filter", cut, whole)
        progress(done, len(moments))


def _rows(panel: Panel, pipeline: Pipeline, names: Sequence[str], cut: int) -> list[pl.DataFrame]:
    columns = ["ts", "ticker", "candidate", *(f"feature {name}" for name in names)]
    return [frame.filter(pl.col("ts") <= cut).select(columns) for frame in panel_rows(panel, pipeline, names)]


def _same(whole: pl.Series, early: pl.Series, what: str, cut: int, rows: pl.DataFrame) -> None:
    if whole.dtype.is_float():
        whole, early = whole.fill_nan(None), early.fill_nan(None)
    differs = whole.ne_missing(early).to_numpy()
    if differs.any():
        row = rows.row(int(np.flatnonzero(differs)[0]), named=True)
        raise CheckError(
            f"{what} of {row['ticker']} changes {(cut - row['ts']) / 1e9:,.0f} s before a moment when what comes after "
            "that moment is cut away: it knows the future, and nothing is trained on it"
        )
