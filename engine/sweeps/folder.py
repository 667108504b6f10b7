"""A sweep's folder: cells, periods and the record of everything needed to repeat it, put together from the parts."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.locks import own_folder
from ..figures.warnings import Notice
from ..figures.words import count as count_of
from ..figures.words import usd
from ..results.result_files import (
    SWEEP_RECORD,
    as_written,
    frames_hash,
    read_json,
    refuse_other,
    write_files,
)
from ..results.results import WORST_PNL, Axis, Sweep, sweep_of
from ..rewards import LARGE_SHARE
from ..simulator.assumptions.venue import Assumptions, table_of
from ..simulator.prepare import counted_programs, counts_to_close, notes_of, period_for
from ..simulator.state import I64
from ..simulator.tape.tape import Tape
from ..version import __version__
from .block import BlockPart, coarser
from .plan import Plan

PARTS = "parts"
#: A sweep whose pick has fewer fills than these is warned of.
FEW_FILLS = 30


@dataclass(frozen=True)
class TapeFacts:
    """What remains of a tape when its cells are done."""

    ticker: str
    event: str
    series: str
    close_ts: int | None
    settlement: int | None
    coverage: float | None
    digest: str
    events: int
    first: int
    last: int
    period: int  #: length of the tape's own periods
    notes: tuple[str, ...]
    traded_lots: int
    programs: int | None = None  #: periods of liquidity programs on it; None where none are to be counted
    parts: int = 0  #: those of them that the tape does not cover


def facts_of(tape: Tape, period: int, assumptions: Assumptions) -> TapeFacts:
    """Take note of a tape."""
    market, ts = tape.market, tape.columns.ts
    paying = counted_programs(tape, assumptions)
    count = None if paying is None else len(paying.programs)
    parts = 0 if paying is None else sum(map(paying.is_part, range(len(paying.programs))))
    return TapeFacts(
        market.ticker, market.event, market.series, market.close_ts, market.settlement, tape.coverage.share,
        tape.digest, len(tape), int(ts[0]), int(ts[-1]), period, tape.notes, tape.coverage.traded_lots,
        count, parts,
    )  # fmt: skip


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Make the folder ready and be its only sweep; one that holds something else is left alone."""
    other = folder.exists() and not (folder / SWEEP_RECORD).exists() and not (folder / PARTS).exists()
    if other and (not folder.is_dir() or any(folder.iterdir())):
        raise InputError(f"{folder} holds something else than a sweep; name a new folder with out=")
    with own_folder(folder, f"another sweep is writing to {folder}; wait for it, or name another folder with out="):
        yield


def refuse_other_sweep(
    folder: Path, asked: Mapping[str, Any], axes: Iterable[Axis], tickers: Iterable[str] | None
) -> None:
    """Raise an error if the folder holds a sweep that this one does not go on with or widen.

    A wider one has more markets or more values on the same axes. ``tickers`` is None where the strategy finds them.
    """
    if not (folder / SWEEP_RECORD).is_file():
        return
    held = read_json(folder / SWEEP_RECORD)
    known = {**asked, "axes": sorted(one.name for one in axes), "markets": True}
    lost = set() if tickers is None else {row["ticker"] for row in held.get("markets", ())} - set(tickers)
    held |= {"axes": sorted(str(row.get("name")) for row in held.get("axes", ())), "markets": not lost}
    refuse_other(folder, held, known, (*asked, "axes", "markets"))


def period_length(tapes: Iterable[TapeFacts]) -> int:
    """One length of period for all tapes: about a 64th of the time that they cover, and no shorter than any tape's own.

    Nights and years between the tapes are not covered and do not stretch it.
    """
    listed = sorted(tapes, key=lambda one: one.first)
    covered, until = 0, listed[0].first
    for one in listed:
        covered += max(one.last - max(one.first, until), 0)
        until = max(until, one.last)
    return max(period_for(covered), *(one.period for one in listed))


def write_sweep(
    folder: Path, plan: Plan, settings: Mapping[str, Any], markets: list[TapeFacts], parts: Iterable[list[BlockPart]]
) -> Sweep:
    """Write the cells, the periods and, last, the record; ``parts`` are a market's groups, market by market."""
    length = period_length(markets)
    cells, periods = [], []
    for market, groups in zip(markets, parts, strict=True):
        order = np.argsort(np.concatenate([group.cells for group in plan.groups]), kind="stable")
        cells.append(_cells(plan, market, groups, order))
        periods.append(_periods(market, groups, order, length))
    frames = {"cells": pl.concat(cells, rechunk=False), "periods": pl.concat(periods, rechunk=False)}
    record = _record(plan, settings, markets, frames["cells"], length) | {"result_hash": frames_hash({}, frames)}
    write_files(folder, frames, record, SWEEP_RECORD)
    return sweep_of(as_written(record), frames["cells"], frames["periods"], folder)


def _joined(groups: list[BlockPart], order: I64, name: str) -> np.ndarray[Any, Any]:
    return np.concatenate([part.columns[name] for part in groups])[order]


def _cells(plan: Plan, market: TapeFacts, groups: list[BlockPart], order: I64) -> pl.DataFrame:
    swept = {one.name: plan.cells[:, at] for at, one in enumerate(plan.axes)}
    found = {name: _joined(groups, order, name) for name in groups[0].columns}
    named = {"market": pl.repeat(market.ticker, len(plan.cells), dtype=pl.String, eager=True)}
    frame = pl.DataFrame(named | {"cell": np.arange(len(plan.cells), dtype=np.int32)} | swept | found)
    return frame.with_columns(pl.col("markout_10s").fill_nan(None))


def _periods(market: TapeFacts, groups: list[BlockPart], order: I64, length: int) -> pl.DataFrame:
    starts, pnl = coarser(groups[0].starts, np.concatenate([part.pnl for part in groups], axis=1)[:, order], length)
    count = pnl.shape[1]
    named = {"market": pl.repeat(market.ticker, pnl.size, dtype=pl.String, eager=True)}
    number = np.tile(np.arange(count, dtype=np.int32), len(starts))
    return pl.DataFrame(named | {"cell": number, "period": np.repeat(starts, count), "pnl": pnl.ravel()})


def _record(
    plan: Plan, settings: Mapping[str, Any], markets: list[TapeFacts], cells: pl.DataFrame, length: int
) -> dict[str, Any]:
    kept = ("ticker", "event", "series", "close_ts", "settlement", "coverage")
    digests = "".join(market.digest for market in markets)
    return {
        "kind": "sweep",
        "engine_version": __version__,
        **settings,
        **assumed_of(plan),
        "data_hash": hashlib.sha256(digests.encode()).hexdigest()[:16],
        "period_ns": length,
        "axes": [_present(asdict(one)) for one in plan.axes],
        "markets": [
            {name: getattr(market, name) for name in kept} | {"can_fill": can_fill(plan, market)} for market in markets
        ],
        "warnings": [notice.as_row() for notice in _notices(plan, markets, cells)],
    }


def assumed_of(plan: Plan) -> dict[str, dict[str, Any]]:
    """Return what all cells of a plan share: the model's fixed parameters, the limits and the venue."""
    swept = {one.name for one in plan.axes}
    assumed = {name: value for name, value in plan.assumptions.as_dict().items() if name not in swept}
    return {
        "fixed": dict(plan.fixed),
        "limits": {name: value for name, value in assumed.items() if table_of(name) == "limits"},
        "venue": {name: value for name, value in assumed.items() if table_of(name) == "venue"},
    }


def can_fill(plan: Plan, market: TapeFacts) -> bool:
    """Whether any cell could fill in a market: it traded, or some queue model needs no trades."""
    return market.traded_lots > 0 or not all(group.limits[0].needs_trades for group in plan.groups)


def _present(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "labels" or value}


def _notices(plan: Plan, markets: list[TapeFacts], cells: pl.DataFrame) -> Iterator[Notice]:
    """What the sweep itself has to warn of; the statistics add theirs."""
    unable = [market.ticker for market in markets if not can_fill(plan, market)]
    if unable:
        listed = ", ".join(unable[:3]) + (", …" if len(unable) > 3 else "")
        yield Notice(
            "cannot-fill", f"{len(unable):,} of {count_of(len(markets), 'market')}, left out of all averages: {listed}"
        )
    total = (
        cells.group_by("cell")
        .agg(pl.col("pnl", WORST_PNL, "fills").sum())
        .sort("pnl", "cell", descending=[True, False])
    )
    best = total.row(0, named=True)
    if best["pnl"] * best[WORST_PNL] < 0 or (best["pnl"] > 0 and best[WORST_PNL] <= 0):
        flips = int(((total["pnl"] > 0) != (total[WORST_PNL] > 0)).sum())
        pair = f"the cell with the highest P&L makes {usd(best['pnl'])} under the queue model that was chosen, and"
        count = f"of {len(total):,} cells {flips:,} change their sign"
        yield Notice("queue-sign", f"{pair} {usd(best[WORST_PNL])} under the one that fills least; {count}")
    if "side_share" in cells.columns:
        share = cells.filter(pl.col("cell") == best["cell"])["side_share"].max()
        if isinstance(share, float) and share > LARGE_SHARE:
            yield Notice("large-share", f"{share:.0%} of a side in a period of the cell with the highest P&L")
    yield from _of_programs(markets)
    if best["fills"] < FEW_FILLS:
        yield Notice("few-fills", f"{count_of(best['fills'], 'fill')} of the cell with the highest P&L")
    unsettled = [market.ticker for market in markets if market.settlement is None]
    held = cells.filter(pl.col("market").is_in(unsettled), pl.col("position") != 0)["market"].n_unique()
    if held:
        yield Notice("open-at-end", f"{held:,} of {count_of(len(markets), 'market')}")
    is_told = any(counts_to_close(plan.model, one) for group in plan.groups for one in group.limits)
    for name in sorted({note for market in markets for note in notes_of(market.notes, is_told)}):
        count = sum(name in market.notes for market in markets)
        yield Notice(name, f"{count:,} of {count_of(len(markets), 'market')}")


def _of_programs(markets: list[TapeFacts]) -> Iterator[Notice]:
    """What is to be known of incentive programs, where they are to be counted."""
    paying = [market.programs for market in markets if market.programs is not None]
    if parts := sum(market.parts for market in markets):
        yield Notice("part-of-a-period", f"{parts:,} of {count_of(sum(paying), 'period')}")
    if without := sum(count == 0 for count in paying):
        yield Notice("no-programs", f"{without:,} of {count_of(len(markets), 'market')}")
