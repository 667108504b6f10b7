"""Sweeps of bets: any parameter of a pipeline's parts as an axis, in the same folder as every other sweep."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment, written
from ...io.store.store import Store
from ...strategies.pipeline.pipeline import Pipeline, load_pipeline
from ..figures.warnings import Notice
from ..results.result_files import SWEEP_RECORD, as_written, frames_hash, settled, write_files
from ..results.results import Axis, Sweep, sweep_of
from ..sweeps.folder import FEW_FILLS, refuse_other_sweep
from ..sweeps.grid_spec import cells_of, distinct, is_number, spec_of, values_of
from ..version import __version__
from .backtest import BetGrid, panel_for, run_grid
from .panel.markets import market_notices
from .panel.panel import Panel
from .types import BOOKED_FEES, BOOKED_LOTS, BOOKED_OPEN, BOOKED_PNL, BOOKED_SETTLED, BOOKED_TRADES

DAY_NS = 86_400_000_000_000
#: The grid of a pipeline unless another is named: exits and stakes, 512 cells.
GRID = ("kelly_fraction=0.05:0.40:8", "take_profit=0.05:0.40:8", "stop_loss=0.05:0.40:8")
#: In ``periods.parquet``: the P&L of a day is the whole portfolio's.
PORTFOLIO = "portfolio"


def sweep_bets(
    strategy: str | Path | Pipeline, store: str | Path | Store | Panel, place: Path, *,
    axes: Sequence[str] | Mapping[str, Any] | None = None, sample: str | None = None, start: Moment | None = None,
    end: Moment | None = None, params: Mapping[str, Any] | None = None, force: bool = False,
    progress: Progress | None = None,
) -> Sweep:  # fmt: skip
    """Run every cell of a grid over a pipeline on one panel; cells, periods and record are left in ``place``.

    The folder is claimed by the caller. ``axes`` is a list of texts, or maps a parameter to its values; without it
    exits and stakes are swept.
    """
    pipeline = strategy if isinstance(strategy, Pipeline) else load_pipeline(strategy)
    fixed = dict(params or {})
    pipeline = pipeline.with_values(**fixed)
    swept = bet_axes(pipeline, axes, fixed)
    values = cells_of(swept, sample)
    cells = [{one.name: one.setting(value) for one, value in zip(swept, row, strict=True)} for row in values.tolist()]
    asked = {
        "strategy": pipeline.name,
        "pipeline": pipeline.as_dict(),
        "store": None if isinstance(store, Panel) else settled(store.path if isinstance(store, Store) else str(store)),
        "start": written(start),
        "end": written(end),
        "sample": sample,
        "fixed": fixed,
    }
    if not force:
        refuse_other_sweep(place, asked, swept, None)
    panel, _ = panel_for(store, pipeline, start, end, cells=[pipeline.with_values(**cell) for cell in cells])
    found = run_grid(panel, pipeline, cells, progress)
    frames = {"cells": _cells(panel, found, swept, values), "periods": _periods(panel, found)}
    record = {
        "kind": "sweep",
        "engine_version": __version__,
        **asked,
        "limits": {},
        "venue": {},
        "data_hash": panel_hash(panel),
        "period_ns": DAY_NS,
        "axes": [_axis_row(one) for one in swept],
        "markets": _markets(panel, frames["cells"]["market"].unique().to_list()),
        "warnings": [notice.as_row() for notice in (*_notices(found), *market_notices(panel, pipeline))],
        "result_hash": frames_hash({}, frames),
    }
    write_files(place, frames, record, SWEEP_RECORD)
    return sweep_of(as_written(record), frames["cells"], frames["periods"], place)


def bet_axes(
    pipeline: Pipeline, given: Sequence[str] | Mapping[str, Any] | None, fixed: Mapping[str, Any]
) -> tuple[Axis, ...]:
    """The axes that were asked for, each value checked by setting it; else the default grid less what is fixed."""
    if isinstance(given, Mapping):
        found = [
            _axis(pipeline, *spec_of(f"{name}={values}"))
            if isinstance(values, str)
            else _axis(pipeline, name, values_of(values), "lin")
            for name, values in given.items()
        ]
    else:
        texts = given or [text for text in GRID if text.partition("=")[0] not in fixed]
        found = [_axis(pipeline, *spec_of(text)) for text in texts]
    return distinct(found, fixed)


def _axis(pipeline: Pipeline, name: str, values: Sequence[Any], scale: Any) -> Axis:
    owner, dot, plain = name.rpartition(".")
    key = owner + dot + plain.replace("-", "_")
    numbers = all(not isinstance(value, bool) and is_number(value) for value in values)
    settings = [float(value) if numbers else str(value) for value in values]
    for setting in settings:
        changed = pipeline.with_values(**{key: setting})
        asked = (changed.limits().get("queue"), pipeline.limits().get("queue"))
        if changed.source is not pipeline.source or asked[0] != asked[1]:
            raise InputError(f"{key} shapes the data of all cells: run a sweep for each value with params=")
    if len(set(settings)) < len(settings):
        raise InputError(f"axis {name} names a value twice")
    if numbers:
        return Axis(key, tuple(float(value) for value in settings), scale)
    return Axis(key, tuple(float(i) for i in range(len(settings))), "lin", "model", tuple(map(str, settings)))


def _axis_row(one: Axis) -> dict[str, Any]:
    row = {"name": one.name, "values": list(one.values), "scale": one.scale, "part": one.part}
    return row | ({"labels": list(one.labels)} if one.labels else {})


def panel_hash(panel: Panel) -> str:
    """A hash of everything a panel holds."""
    made = hashlib.blake2b(panel.times.tobytes())
    made.update(repr(panel.markets.to_dict(as_series=False)).encode())
    made.update(panel.lives.first.tobytes() + panel.lives.start.tobytes())
    resting = panel.resting
    orders = {} if resting is None else {f"after{i}": a for i, a in enumerate(resting.after)}
    orders |= {} if resting is None else {f"lots{i}": a for i, a in enumerate(resting.lots)}
    for name, values in (panel.rows | orders).items():
        made.update(name.encode())
        for some in np.array_split(values, max(-(-values.size // (1 << 24)), 1)):
            made.update(np.ascontiguousarray(some).data)
    return made.hexdigest()[:16]


def _cells(panel: Panel, found: BetGrid, axes: Sequence[Axis], values: Any) -> pl.DataFrame:
    """One row a market and cell, for the markets in which any cell traded. What only quoting knows is zero or null."""
    booked = found.booked
    traded = np.flatnonzero(booked[:, :, BOOKED_TRADES].any(axis=0))
    traded = traded if len(traded) else np.array([0])
    own = booked[:, traded].transpose(1, 0, 2).reshape(-1, booked.shape[2])
    cells, markets = len(values), len(traded)
    drawdown = np.rint(found.frame["max_drawdown"].to_numpy() * 1e6).astype(np.int64)
    zero = pl.repeat(0, len(own), dtype=pl.Int64, eager=True)
    pnl, fees, settled = own[:, BOOKED_PNL], own[:, BOOKED_FEES], own[:, BOOKED_SETTLED]
    return pl.DataFrame(
        {
            "market": panel.markets["ticker"].gather(np.repeat(traded, cells)),
            "cell": np.tile(np.arange(cells, dtype=np.int32), markets),
            **{one.name: np.tile(values[:, at], markets) for at, one in enumerate(axes)},
            "cash": pnl,
            "pnl": pnl,
            "spread_capture": zero,
            "drift": pnl + fees - settled,
            "settlement": settled,
            "rebates": zero,
            "fees": fees,
            "max_drawdown": np.tile(drawdown, markets),
            "position": own[:, BOOKED_OPEN],
            "max_position": own[:, BOOKED_LOTS],
            "fills": own[:, BOOKED_TRADES],
            "volume": own[:, BOOKED_LOTS],
            "requotes": zero,
            "uptime": zero.cast(pl.Float64),
            "markout_10s": pl.repeat(None, len(own), dtype=pl.Float64, eager=True),
        }
    )


def _periods(panel: Panel, found: BetGrid) -> pl.DataFrame:
    cells, days = found.daily.shape
    first = int(panel.times[0] - 1) // DAY_NS * DAY_NS
    return pl.DataFrame(
        {
            "market": pl.repeat(PORTFOLIO, cells * days, eager=True),
            "cell": np.tile(np.arange(cells, dtype=np.int32), days),
            "period": np.repeat(first + DAY_NS * np.arange(days, dtype=np.int64), cells),
            "pnl": found.daily.T.ravel(),
        }
    )


def _markets(panel: Panel, tickers: Sequence[str]) -> list[dict[str, Any]]:
    first, last = int(panel.times[0]), int(panel.times[-1])
    start = pl.col("open_ts").fill_null(first).clip(first, last)
    end = pl.coalesce("settled_ts", "close_ts", pl.lit(last)).clip(first, last)
    rows = panel.markets.filter(pl.col("ticker").is_in(tickers)).select(
        "ticker", "event", "series", "close_ts", "settlement", start.alias("start_ts"), end.alias("end_ts")
    )
    return rows.to_dicts()


def _notices(found: BetGrid) -> list[Notice]:
    """What the grid itself has to warn of; the statistics add theirs."""
    best = int(found.frame["pnl"].arg_max() or 0)
    notices = []
    if found.frame["trades"][best] < FEW_FILLS:
        notices.append(Notice("few-fills", f"{found.frame['trades'][best]} trades of the cell with the highest P&L"))
    if held := int((found.booked[best, :, BOOKED_OPEN] != 0).sum()):
        notices.append(Notice("open-at-end", f"{held:,} positions of the cell with the highest P&L"))
    if found.columns.ask_lots.shape[0] == 0 and found.columns.volume.shape[0] == 0:
        notices.append(Notice("unknown-depth"))
    if found.cut:
        notices.append(Notice("cut-scores", f"{found.cut:,} scores"))
    return notices
