"""A replay's record: everything it produced and everything needed to repeat it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from typing import Any

import msgspec
import polars as pl

from ...features.signals.outside import OnnxSignal
from ...features.signals.signal import definitions
from ...io.ground.errors import InputError
from ...io.ground.times import Moment, written
from ...io.store.store import Store
from ...strategies.models.registry import quoting_model
from ...strategies.own_file import from_anywhere
from ...strategies.quoting.model import QuotingModel
from ..figures.warnings import Notice
from ..figures.words import count as count_of
from ..figures.words import usd
from ..results.result_files import frames_hash, settled
from ..results.results import Run
from ..rewards import LARGE_SHARE
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.queue import BRACKET
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import counts_to_close, ground, notes_of, own_period
from ..simulator.quote_figures import quote_figures
from ..simulator.replay import Replay, Totals, quantiles, replay, replay_block, totals
from ..simulator.tape.source import compile_tape
from ..simulator.tape.tape import Tape
from ..version import __version__


class ReplaySettings(msgspec.Struct, frozen=True):
    """What a replay was asked for, as ``run.json`` has it."""

    strategy: str
    market: str
    store: str
    parameters: dict[str, float]
    start: str | int | None
    end: str | int | None
    price_grid: str | None
    underlying: str | None
    venue: dict[str, Any]

    @property
    def assumptions(self) -> Assumptions:
        """The venue as the simulator takes it."""
        return Assumptions().with_options(self.venue)


def settings_of(
    strategy: str, market: str, store: str, given: Mapping[str, Any], assumptions: Assumptions, *,
    start: Moment | None = None, end: Moment | None = None, price_grid: str | None = None,
    underlying: str | None = None,
) -> ReplaySettings:  # fmt: skip
    """Return everything that a replay is asked for; files are named so that they are found from any folder."""
    return ReplaySettings(
        from_anywhere(strategy), market, settled(store), dict(given), written(start), written(end), price_grid,
        underlying, assumptions.as_dict(),
    )  # fmt: skip


def recorded_settings(about: Mapping[str, Any], where: str) -> ReplaySettings:
    """Return what a record says was asked for; one that was edited by hand or is of another version is an error."""
    try:
        return msgspec.convert(about, ReplaySettings)
    except msgspec.ValidationError as error:
        raise InputError(f"the record in {where} cannot be run again: {error}") from None


def tape_and_model(asked: ReplaySettings, model: type[QuotingModel] | None = None) -> tuple[Tape, type[QuotingModel]]:
    """The market and the strategy that the settings name; ``model`` where it is at hand already."""
    if model is None:
        model = quoting_model(asked.strategy)
        compile_ahead(asked.strategy, asked.assumptions)
    tape = compile_tape(
        Store(asked.store), asked.market, asked.start, asked.end, grid=asked.price_grid, underlying=asked.underlying
    )
    return tape, model


def run_settings(asked: ReplaySettings, model: type[QuotingModel] | None = None) -> Replay:
    """Replay what the settings ask for."""
    tape, model = tape_and_model(asked, model)
    return replay(tape, model, asked.parameters, asked.assumptions)


def recorded(run: Replay, asked: ReplaySettings) -> Run:
    """Return a replay as a result: its record with the queue bracket and warnings, and its frames."""
    return Run(describe(run, asked), frames_of(run))


def bracket(run: Replay) -> dict[str, Totals]:
    """The same replay under the least favourable, the chosen and the most favourable queue model."""
    names = [BRACKET[0], run.assumptions.queue, BRACKET[1]]
    if not run.tape.depth:
        names = ["through@1", run.assumptions.queue, "touch@1"]

    shared = ground(run.tape, run.assumptions)

    def under(name: str) -> Totals:
        if name == run.assumptions.queue:
            return run.totals
        other = run.assumptions.with_options({"queue": name})
        return totals(replay_block(run.tape, run.model, run.values, other, shared), run.tape)[0]

    distinct = list(dict.fromkeys(names))
    with ThreadPoolExecutor(2) as pool:
        return dict(zip(distinct, pool.map(under, distinct), strict=True))


def notices_of(run: Replay, queues: Mapping[str, Totals]) -> list[Notice]:
    """The warnings that belong to a replay."""
    found = []
    signs = {total.pnl > 0 for total in queues.values() if total.pnl != 0}
    if len(signs) > 1:
        found.append(Notice("queue-sign", ", ".join(f"{name}: {t.pnl / 1e6:.2f} $" for name, t in queues.items())))
    share = run.tape.coverage.share
    if share is not None and share < 0.95:
        found.append(Notice("thin-coverage", f"{share:.0%} of the time has a known book"))
    if not run.tape.coverage.traded_lots and run.assumptions.needs_trades:
        found.append(Notice("cannot-fill"))
    if run.totals.fills < 30:
        found.append(Notice("few-fills", count_of(run.totals.fills, "fill")))
    is_told = counts_to_close(run.model, run.assumptions)
    if not run.totals.fills and run.assumptions.horizon == "session" and is_told:
        found.append(Notice("tau-is-a-share"))
    found += _of_programs(run)
    if any(isinstance(signal, OnnxSignal) for signal in run.model.signals.values()):
        from .trained_signals import signal_notices  # with all that signals read from

        found += signal_notices(run.tape, run.model)
    if run.tape.market.series.startswith("SYN"):
        found.append(Notice("synthetic-data"))
    found += [Notice(name) for name in notes_of(run.tape.notes, is_told)]
    return found


def _of_programs(run: Replay) -> Iterator[Notice]:
    """What is to be known of the rewards of a replay."""
    periods = run.periods or []
    shares = [max(one["bid_share"] or 0.0, one["ask_share"] or 0.0) for one in periods]
    if large := [share for share in shares if share > LARGE_SHARE]:
        yield Notice("large-share", f"{max(large):.0%} of a side; {len(large)} of {len(periods)} periods")
    if parts := [one["id"] for one in periods if one["is_part"]]:
        yield Notice("part-of-a-period", f"{len(parts)} of {len(periods)} periods: {', '.join(parts[:3])}")
    if run.periods is not None and not periods and not run.volume:
        yield Notice("no-programs")
    if run.volume:
        estimates = sum(one["estimate"] for one in run.volume)
        yield Notice("rewards-by-volume", f"{usd(estimates)} of {len(run.volume)} programs")


def result_hash(run: Replay) -> str:
    """One hash of everything a replay produced."""
    return frames_hash(run.totals.record(), frames_of(run))


def frames_of(run: Replay) -> dict[str, pl.DataFrame]:
    """The frames that are written beside the record."""
    frames = {"fills": run.fills, "quotes": run.quotes, "equity": run.equity}
    more = {"signals": run.signals, "rewards": run.rewards}
    return frames | {name: frame for name, frame in more.items() if frame is not None}


def markouts(fills: pl.DataFrame) -> dict[str, float | None]:
    """Volume-weighted markouts in cents a contract, by delay."""
    weight = pl.col("size").sum()
    names = [name for name in fills.columns if name.startswith("markout_")]
    row = fills.select(((pl.col(name) * pl.col("size")).sum() / weight / 100.0).alias(name) for name in names)
    return {name: row[name][0] if len(fills) else None for name in names}


def summary(run: Replay, queues: Mapping[str, Totals]) -> dict[str, Any]:
    """What a person wants to know first, with exact money in micros."""
    ahead = run.quotes.select(pl.concat([pl.col("bid_ahead"), pl.col("ask_ahead")])).to_series().drop_nulls()
    return {
        **run.totals.record(),
        "markouts": markouts(run.fills),
        "queue_ahead": quantiles(ahead.to_numpy() / 100.0),
        "quoting": quote_figures(run.tape, run.fills, run.quotes, run.equity, own_period(run.tape)),
        "by_queue": {name: total.pnl for name, total in queues.items()},
        "settled": run.tape.market.settlement is not None,
        **({} if run.periods is None else {"programs": run.periods, "volume_programs": run.volume}),
    }


def _signals_of(model: type[QuotingModel]) -> dict[str, Any]:
    """The definitions of a model's signals, where it has some."""
    if not model.signals:
        return {}
    return {"signals": definitions(model.signals)}


def describe(run: Replay, asked: ReplaySettings) -> dict[str, Any]:
    """The record of a replay, as ``run.json`` holds it."""
    queues = bracket(run)
    return {
        "kind": "replay",
        "engine_version": __version__,
        **msgspec.to_builtins(asked),
        "values": run.values,
        "markets": [_market(run.tape)],
        "coverage": asdict(run.tape.coverage),
        "data_hash": run.tape.digest,
        "result_hash": result_hash(run),
        "summary": summary(run, queues),
        **_signals_of(run.model),
        "warnings": [notice.as_row() for notice in notices_of(run, queues)],
    }


def _market(tape: Tape) -> dict[str, Any]:
    market = tape.market
    named = {name: getattr(market, name) for name in ("ticker", "event", "series", "close_ts", "settlement")}
    return named | {"coverage": tape.coverage.share}
