"""What a run or a sweep left in its folder, read back and checked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError
from ...io.ground.names import file_name
from ..figures.metrics import Floats, Integers
from ..figures.warnings import Notice, notices
from .result_files import RECORD, SWEEP_RECORD, read_json, read_whole

#: Columns of ``cells.parquet`` in micros.
MONEY = ("cash", "pnl", "spread_capture", "drift", "settlement", "rebates", "fees", "max_drawdown")
#: The other columns that every sweep has.
COUNTS = ("position", "max_position", "fills", "volume", "requotes", "uptime", "markout_10s")
#: The frames of a replay and of bets, in the order in which their hash reads them.
RUN_FRAMES = ("fills", "quotes", "equity")
BETS_FRAMES = ("trades", "equity", "candidates")
#: P&L under the queue model that fills least; a column that a sweep may have.
WORST_PNL = "pnl_worst"
#: Columns of a sweep that counts incentive programs: micros, and those a day and dollar locked up.
REWARD_MONEY = (
    "pnl_without_rewards", "rewards", "rewards_earned", "locked", "rewards_unanswered", "rewards_dollar_day",
    "pnl_dollar_day",
)  # fmt: skip
#: In ``grid`` and ``counted`` then: rewards a dollar locked up.
REWARD_RATE = "rewards_per_collateral"
#: In ``grid``: the lower of a cell's average P&L under the queue models that were run.
LEAST_PNL = "pnl_least"


@dataclass(frozen=True)
class Axis:
    """One swept parameter: its values in order, and whether steps are equal in value or in ratio."""

    name: str
    values: tuple[float, ...]
    scale: Literal["lin", "log"] = "lin"
    part: str = "model"  #: what the parameter belongs to: model, venue or limits
    labels: tuple[str, ...] = ()  #: for an axis of words: what the values 0, 1, … stand for

    def setting(self, value: float) -> float | str | bool:
        """What a value sets the parameter to.

        >>> Axis("queue", (0.0, 1.0), labels=("power@1", "power@3")).setting(1.0)
        'power@3'
        """
        if not self.labels:
            return value
        label = self.labels[round(value)]
        if label.lower() in ("true", "false"):
            return label.lower() == "true"
        return float(label) if label.replace(".", "", 1).isdigit() else label

    def text(self, value: float) -> str:
        """A value for people."""
        return self.labels[round(value)] if self.labels else f"{value:.4g}"

    def unit(self, values: Floats) -> Floats:
        """Return values as places between 0 and 1 along the axis."""
        low, high = min(self.values), max(self.values)
        if high == low:
            return np.zeros(len(values))
        if self.scale == "log":
            return np.log(np.asarray(values) / low) / np.log(high / low)
        return (np.asarray(values) - low) / (high - low)


@dataclass(frozen=True)
class SweptMarket:
    """What a sweep says of one of its markets; None where it does not."""

    ticker: str
    event: str
    series: str
    close_ts: int | None = None
    settlement: int | None = None  #: what one YES paid, ticks
    coverage: float | None = None  #: share of the time with a usable book
    start_ts: int | None = None  #: when it could first be traded, where the periods are not the market's own
    end_ts: int | None = None
    can_fill: bool = True  #: False: no trades are recorded, and the queue model fills by trades alone


@dataclass(frozen=True)
class Recorded:
    """A result as its folder holds it: the record of what was asked and found, and frames by name."""

    about: Mapping[str, Any]
    frames: Mapping[str, pl.DataFrame]
    folder: Path | None = None  #: None until it is written

    @property
    def notices(self) -> list[Notice]:
        """The warnings that the run itself gave."""
        return notices(self.about.get("warnings", ()))

    @property
    def equity(self) -> pl.DataFrame:
        """Equity by moment or bar, micros."""
        return self.frames["equity"]


class Run(Recorded):
    """A replay: one market, one cell, every fill, quote and equity point."""

    @property
    def fills(self) -> pl.DataFrame:
        """A row a fill."""
        return self.frames["fills"]

    @property
    def quotes(self) -> pl.DataFrame:
        """A row a change of the own quotes."""
        return self.frames["quotes"]


@dataclass(frozen=True)
class Runs(Recorded):
    """One strategy on several markets: the record above theirs, and their joined equity."""

    runs: tuple[Run, ...] = ()  #: of each market, where they are in memory

    @property
    def each(self) -> tuple[Run, ...]:
        """The replay of each market, from memory or from its folder below; one whose folder is gone is left out."""
        if self.runs or self.folder is None:
            return self.runs
        places = (own_folder(self.folder, str(row["ticker"])) for row in self.about["markets"])
        found = (read_results(place) for place in places if (place / RECORD).is_file())
        return tuple(run for run in found if isinstance(run, Run))


class Bets(Recorded):
    """A betting backtest: many markets, every trade, every bar's equity, every candidate's fate."""

    @property
    def trades(self) -> pl.DataFrame:
        """A row a trade."""
        return self.frames["trades"]


@dataclass(frozen=True)
class Sweep(Recorded):
    """A sweep: one row a market and cell, P&L a period, and everything needed to repeat it."""

    axes: tuple[Axis, ...] = ()
    markets: tuple[SweptMarket, ...] = ()
    computed: int | None = None  #: cell-events that were not there already, of a sweep that was just run

    @property
    def cells(self) -> pl.DataFrame:
        """A row a market and cell."""
        return self.frames["cells"]

    @property
    def periods(self) -> pl.DataFrame:
        """P&L by market, cell and period."""
        return self.frames["periods"]

    @property
    def strategy(self) -> str:
        """The strategy's name."""
        return str(self.about.get("strategy", ""))

    @cached_property
    def counted(self) -> pl.DataFrame:
        """The rows that are evidence: of markets that could fill. All of them, if no market could."""
        out = [market.ticker for market in self.markets if not market.can_fill]
        kept = self.cells.filter(~pl.col("market").is_in(out)) if out else self.cells
        return with_rate(self.cells if kept.is_empty() else kept)

    @property
    def made_nothing(self) -> bool:
        """Whether no cell made or lost anything in any market, so that there is nothing to choose."""
        return bool((self.counted["pnl"] == 0).all())

    @cached_property
    def grid(self) -> pl.DataFrame:
        """One row a cell, in the order of ``cell``: its parameters and its averages over markets that could fill."""
        names = [axis.name for axis in self.axes]
        means = [
            pl.col(name).mean() for name in (*MONEY, *COUNTS, WORST_PNL, *REWARD_MONEY) if name in self.cells.columns
        ]
        held = pl.col("position").abs().mean().alias("abs_position")
        total = pl.col("pnl").sum().alias("total_pnl")
        rows = self.counted.group_by("cell").agg(*(pl.col(name).first() for name in names), *means, held, total)
        models = [name for name in ("pnl", WORST_PNL) if name in rows.columns]
        return with_rate(rows.with_columns(pl.min_horizontal(models).alias(LEAST_PNL))).sort("cell")

    @cached_property
    def period_pnl(self) -> tuple[Integers, Floats]:
        """The periods' starts, and a matrix periods x cells of P&L over all markets; flat periods are zeros."""
        summed = self.periods.group_by("period", "cell").agg(pl.col("pnl").sum())
        return _matrix(summed, "period", self.grid["cell"])

    @cached_property
    def event_pnl(self) -> tuple[list[str], Integers, Integers, Floats]:
        """Events in the order of their end: names, starts, ends, and a matrix events x cells of P&L."""
        event_of = {market.ticker: market.event for market in self.markets}
        named = pl.col("market").replace_strict(event_of, return_dtype=pl.String()).alias("event")
        lives = self._lives(named)
        place = {event: index for index, event in enumerate(lives["event"])}
        summed = (
            self.counted.with_columns(named)
            .filter(pl.col("event").is_in(list(place)))
            .group_by("event", "cell")
            .agg(pl.col("pnl").sum())
            .with_columns(pl.col("event").replace_strict(place, return_dtype=pl.Int64()).alias("place"))
        )
        _, pnl = _matrix(summed, "place", self.grid["cell"])
        return lives["event"].to_list(), lives["start"].to_numpy(), lives["end"].to_numpy(), pnl

    def _lives(self, event: pl.Expr) -> pl.DataFrame:
        """First and last moment of every event: as the record says, else from its periods."""
        able = [one for one in self.markets if one.can_fill] or self.markets
        stated = [one for one in able if one.start_ts is not None and one.end_ts is not None]
        if stated:
            rows = [(one.event, one.start_ts, one.end_ts) for one in stated]
            frame = pl.DataFrame(rows, schema=("event", "start", "end"), orient="row")
            lives = frame.group_by("event").agg(pl.col("start").min(), pl.col("end").max())
        else:
            end = (pl.col("period").max() + self.period_ns).alias("end")
            rows = self.periods.filter(pl.col("market").is_in([one.ticker for one in able])).with_columns(event)
            lives = rows.group_by("event").agg(pl.col("period").min().alias("start"), end)
        return lives.sort("end", "start", "event")

    @cached_property
    def period_ns(self) -> int:
        """The length of a period: the smallest distance between two of them."""
        if isinstance(stated := self.about.get("period_ns"), int):
            return stated
        starts = self.periods["period"].unique().sort().to_numpy()
        return int(np.diff(starts).min()) if starts.size > 1 else 1

    def text(self, name: str, value: float) -> str:
        """A value of an axis for people."""
        return next(axis for axis in self.axes if axis.name == name).text(value)

    def parameters(self, cell: int) -> dict[str, float]:
        """Return the parameters of a cell."""
        row = self.grid.row(by_predicate=pl.col("cell") == cell, named=True)
        return {axis.name: row[axis.name] for axis in self.axes}


def with_rate(rows: pl.DataFrame) -> pl.DataFrame:
    """Add what rewards come to a dollar locked up, where incentive programs were counted."""
    if "locked" not in rows.columns:
        return rows
    rate = pl.when(pl.col("locked") > 0).then(pl.col("rewards") / pl.col("locked")).otherwise(0.0)
    return rows.with_columns(rate.alias(REWARD_RATE))


def _matrix(rows: pl.DataFrame, key: str, cells: pl.Series) -> tuple[Integers, Floats]:
    """Spread long rows (key, cell, pnl) into a matrix of distinct keys by cells; what is missing is zero."""
    keys, row = np.unique(rows[key].to_numpy(), return_inverse=True)
    column = np.searchsorted(cells.to_numpy(), rows["cell"].to_numpy())
    matrix = np.zeros((keys.size, len(cells)))
    matrix[row, column] = rows["pnl"].to_numpy()
    return keys.astype(np.int64), matrix


def read_results(folder: str | Path) -> Sweep | Run | Runs | Bets:
    """Read a folder of results, whichever kind it is."""
    place = Path(folder)
    if (place / SWEEP_RECORD).is_file():
        return read_sweep(place)
    if not (place / RECORD).is_file():
        raise InputError(f"{place} is no folder of results: it has neither {SWEEP_RECORD} nor {RECORD}")
    kind = str(_json(place / RECORD, "engine backtest").get("kind", "replay"))
    if kind == "replay":
        return read_run(place)
    if kind == "replays":
        return read_runs(place)
    if kind == "bets":
        return read_bets(place)
    raise InputError(f"{place} holds a result of kind {kind!r}, of another version; run it again")


def read_sweep(folder: str | Path) -> Sweep:
    """Read a sweep's folder, and say plainly what is missing from it."""
    place = Path(folder)
    about = _json(place / SWEEP_RECORD, "engine sweep")
    cells, periods = _frame(place / "cells.parquet"), _frame(place / "periods.parquet")
    names = [str(row.get("name")) for row in about.get("axes", ())]
    _need(cells, ("market", "cell", *names, *MONEY, *COUNTS), place / "cells.parquet")
    _need(periods, ("market", "cell", "period", "pnl"), place / "periods.parquet")
    if cells.is_empty():
        raise InputError(f"{place / 'cells.parquet'} has no rows: the sweep ran no cell")
    return sweep_of(about, cells, periods, place)


def sweep_of(about: Mapping[str, Any], cells: pl.DataFrame, periods: pl.DataFrame, place: Path) -> Sweep:
    """Return a sweep from its record and frames; a market that the record leaves out stands for itself."""
    axes = tuple(_axis(row, place) for row in about.get("axes", ()))
    markets = tuple(_market(row) for row in about.get("markets", ()))
    known = {market.ticker for market in markets}
    rest = (
        SweptMarket(name, name, name.split("-")[0]) for name in cells["market"].unique().sort() if name not in known
    )
    return Sweep(about, {"cells": cells, "periods": periods}, place, axes, (*markets, *rest))


def read_run(folder: str | Path) -> Run:
    """Read a run's folder."""
    place = Path(folder)
    about = _json(place / RECORD, "engine backtest")
    more = {"signals": "signals" in about, "rewards": "programs" in (about.get("summary") or {})}
    frames = read_frames(place, (*RUN_FRAMES, *(name for name, is_there in more.items() if is_there)))
    _need(frames["fills"], ("ts", "side", "price", "size", "fee", "position", "mid"), place / "fills.parquet")
    _need(frames["quotes"], ("ts", "bid", "ask"), place / "quotes.parquet")
    _need(frames["equity"], ("ts", "cash", "position", "mid", "equity"), place / "equity.parquet")
    return Run(about, frames, place)


def read_runs(folder: str | Path) -> Runs:
    """Read what stands above the folders of several markets."""
    place = Path(folder)
    equity = _frame(place / "equity.parquet")
    _need(equity, ("ts", "equity"), place / "equity.parquet")
    return Runs(_json(place / RECORD, "engine backtest"), {"equity": equity}, place)


def read_bets(folder: str | Path) -> Bets:
    """Read a betting backtest's folder."""
    place = Path(folder)
    about = _json(place / RECORD, "engine backtest")
    frames = read_frames(place, BETS_FRAMES)
    _need(frames["trades"], ("ticker", "event", "side", "entry_ts", "exit_ts", "pnl", "exit"), place / "trades.parquet")
    _need(frames["equity"], ("ts", "equity", "locked", "positions"), place / "equity.parquet")
    return Bets(about, frames, place)


def read_frames(place: Path, names: Sequence[str]) -> dict[str, pl.DataFrame]:
    """Read frames of a result by name."""
    return {name: _frame(place / f"{name}.parquet") for name in names}


def _json(path: Path, command: str) -> dict[str, Any]:
    try:
        return read_json(path)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; {command} writes it") from None
    except NotADirectoryError:
        raise InputError(f"{path.parent} is a file; a result is the folder that {command} wrote") from None


def _frame(path: Path) -> pl.DataFrame:
    if not path.is_file():
        raise InputError(f"{path} is missing: the folder is not a finished run or sweep")
    try:
        return pl.read_parquet(BytesIO(read_whole(path)))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise InputError(f"{path} cannot be read: {error}") from None


def own_folder(folder: Path, ticker: str) -> Path:
    """Return the folder of one market's run, below the one of them all."""
    return folder / file_name(ticker)


def _need(frame: pl.DataFrame, columns: tuple[str, ...], path: Path) -> None:
    missing = [name for name in columns if name not in frame.columns]
    if missing:
        raise InputError(f"{path} lacks column{'s' if len(missing) > 1 else ''} {', '.join(missing)}")


def _axis(row: Mapping[str, Any], place: Path) -> Axis:
    values = tuple(float(value) for value in row.get("values", ()))
    scale = row.get("scale", "lin")
    if not values or scale not in ("lin", "log") or (scale == "log" and min(values) <= 0):
        raise InputError(f"{place / 'sweep.json'}: axis {row.get('name')!r} needs values and the scale lin or log")
    labels = tuple(str(label) for label in row.get("labels", ()))
    if labels and values != tuple(range(len(labels))):
        raise InputError(f"{place / 'sweep.json'}: axis {row['name']!r} has labels that do not fit its values")
    return Axis(str(row["name"]), values, scale, str(row.get("part", "model")), labels)


def _market(row: Mapping[str, Any]) -> SweptMarket:
    ticker = str(row.get("ticker") or row.get("market"))
    return SweptMarket(
        ticker,
        str(row.get("event") or ticker),
        str(row.get("series") or ticker.split("-", maxsplit=1)[0]),
        row.get("close_ts"),
        row.get("settlement"),
        row.get("coverage"),
        row.get("start_ts"),
        row.get("end_ts"),
        row.get("can_fill") is not False,
    )


def synthetic(tickers: npt.NDArray[np.str_] | list[str]) -> bool:
    """Say whether any market is made up: the sample generator's series begin with SYN."""
    return any(str(ticker).startswith("SYN") for ticker in tickers)
