"""A market's signals as a frame: what a quoting model would read, for whoever trains on it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.times import Moment
from ...io.store.store import Store

if TYPE_CHECKING:
    from ...features.signals.signal import Signal
    from ...strategies.quoting.model import QuotingModel


def signals(
    market: str, strategy: str | type[QuotingModel] | Mapping[str, Signal], store: Store | str | Path = "data", *,
    start: Moment | None = None, end: Moment | None = None, price_grid: str | None = None,
    underlying: str | None = None, out: str | Path | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Return the signals of a quoting model along a market, as it would have read them after each whole moment.

    Args:
        market: The ticker.
        strategy: A quoting model by name, as ``file.py:ClassName`` or as a class; or signals by name.
        store: A store or the place of one.
        start: From this time on.
        end: Before this time.
        price_grid: The price grid, where the market's own is not stored.
        underlying: Symbol of the underlying's prices.
        out: A Parquet file to write as well.

    Returns:
        A row a moment: ``ts``, then a column a value; null where a signal is not known yet.

    Example:
        >>> from touchline import engine
        >>> engine.signals("SYNINX-26OCT06H1600-B6737", "microprice-maker").columns
        ['ts', 'fair', 'sigma']
    """
    from ...features.signals.checks import check_signals
    from ...features.signals.signal import column_names
    from ...io.ground import atomic
    from ...strategies.models.registry import quoting_model
    from ..simulator.signals.matrix import signal_matrix
    from ..simulator.tape.events import MOMENT
    from ..simulator.tape.source import compile_tape
    from .data import opened

    model = quoting_model(strategy) if isinstance(strategy, str) else strategy
    named = model if isinstance(model, Mapping) else model.signals
    if not named:
        raise InputError(f"strategy= {strategy} declares no signals; pass a model that does, or signals by name")
    check_signals(named, "strategy=")
    tape = compile_tape(opened(store), market, start, end, grid=price_grid, underlying=underlying)
    whole = (tape.columns.kind & MOMENT) > 0
    rows = signal_matrix(tape, named)[whole]
    columns = dict(zip(column_names(named), rows.T, strict=True))
    frame = pl.DataFrame({"ts": tape.columns.ts[whole], **columns}).fill_nan(None)
    if out is not None:
        with atomic.writing(Path(out)) as beside:
            atomic.write_frame(frame, beside)
    return frame
