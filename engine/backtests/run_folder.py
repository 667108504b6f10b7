"""A replay's record: everything it produced and everything needed to repeat it; and the check that a run repeats."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ...io.ground.errors import InputError
from ...io.store.store import Store
from ...strategies.own_file import Trust, trusting
from ...strategies.quoting.model import QuotingModel
from ...strategies.quoting.registry import quoting_model
from .. import __version__
from ..figures.warnings import Notice
from ..results.result_files import check_hash, check_whole, frames_hash, read_record, settled, write_run
from ..results.results import read_frames
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.queue import BRACKET
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import ground
from ..simulator.quote_figures import quote_figures
from ..simulator.replay import Replay, Totals, quantiles, replay, replay_block, totals
from ..simulator.tape.source import compile_tape
from ..simulator.tape.tape import Tape
from ..sweeps.block import own_period
from .many_runs import combined_hash, own_folder, own_records


class _Settings(msgspec.Struct, rename={"begin": "from", "end": "to"}):
    """What ``settings_of`` wrote, to tell a record that was edited by hand or is of another version."""

    strategy: str
    market: str
    store: str
    parameters: dict[str, float]
    begin: str | None
    end: str | None
    grid: str | None
    underlying: str | None
    venue: dict[str, Any]


def settings_of(
    strategy: str, market: str, store: str, given: Mapping[str, Any], assumptions: Assumptions, *,
    start: str | None = None, end: str | None = None, grid: str | None = None, underlying: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Everything that a replay was asked for, as it is written to ``run.json``."""
    return {
        "strategy": strategy, "market": market, "store": settled(store), "parameters": dict(given),
        "from": start, "to": end, "grid": grid, "underlying": underlying, "venue": assumptions.as_dict(),
    }  # fmt: skip


def tape_and_model(settings: Mapping[str, Any]) -> tuple[Tape, type[QuotingModel]]:
    """The market and the strategy that the settings name."""
    model = quoting_model(settings["strategy"])
    compile_ahead(settings["strategy"], Assumptions().with_options(settings["venue"]))
    tape = compile_tape(
        Store(settings["store"]), settings["market"], settings["from"], settings["to"], grid=settings["grid"],
        underlying=settings["underlying"],
    )  # fmt: skip
    return tape, model


def run_settings(settings: Mapping[str, Any]) -> Replay:
    """Replay what the settings ask for."""
    tape, model = tape_and_model(settings)
    return replay(tape, model, settings["parameters"], Assumptions().with_options(settings["venue"]))


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
        found.append(Notice("few-fills", f"{run.totals.fills} fills"))
    if not run.totals.fills and run.assumptions.horizon == "session" and "tau" in run.model.quote.__code__.co_names:
        found.append(Notice("tau-is-a-share"))
    if run.tape.market.series.startswith("SYN"):
        found.append(Notice("synthetic-data"))
    found += [Notice(name) for name in run.tape.notes]
    return found


def result_hash(run: Replay) -> str:
    """One hash of everything a replay produced."""
    return frames_hash(asdict(run.totals), _frames(run))


def _frames(run: Replay) -> dict[str, pl.DataFrame]:
    return {"fills": run.fills, "quotes": run.quotes, "equity": run.equity}


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
        **asdict(run.totals),
        "markouts": markouts(run.fills),
        "queue_ahead": quantiles(ahead.to_numpy() / 100.0),
        "quoting": quote_figures(run.tape, run.fills, run.quotes, run.equity, own_period(run.tape)),
        "by_queue": {name: total.pnl for name, total in queues.items()},
        "settled": run.tape.market.settlement is not None,
    }


def write(run: Replay, settings: Mapping[str, Any], folder: str | Path) -> dict[str, Any]:
    """Write the replay's folder and return its record."""
    about = describe(run, settings)
    write_run(folder, _frames(run), about)
    return about


def describe(run: Replay, settings: Mapping[str, Any]) -> dict[str, Any]:
    """The record of a replay, as ``run.json`` holds it."""
    queues = bracket(run)
    return {
        "kind": "replay",
        "engine_version": __version__,
        **settings,
        "values": run.values,
        "markets": [_market(run.tape)],
        "coverage": asdict(run.tape.coverage),
        "data_hash": run.tape.digest,
        "result_hash": result_hash(run),
        "summary": summary(run, queues),
        "warnings": [notice.as_row() for notice in notices_of(run, queues)],
    }


def _market(tape: Tape) -> dict[str, Any]:
    market = tape.market
    named = {name: getattr(market, name) for name in ("ticker", "event", "series", "close_ts", "settlement")}
    return named | {"coverage": tape.coverage.share}


def verify(folder: str | Path, trust: Trust = (), store: str | None = None) -> tuple[str, str]:
    """Run a folder's settings again. Returns the hash of what it holds and the hash it gets.

    Files of code that its record names are imported only if ``trust`` names them, too. ``store`` is where the store
    of then is now.
    """
    place, about = Path(folder), read_record(folder)
    place = place if place.is_dir() else place.parent
    check_whole(place)
    with trusting(trust, folder):
        again = _run_again(about, place, store)
    held = _held_hash(about, place)
    check_hash(place, about, held)
    return held, again


def _held_hash(about: Mapping[str, Any], place: Path) -> str:
    """The hash of what a folder holds, read back from its files."""
    if about["kind"] == "replays":
        return combined_hash(
            {ticker: _held_hash(own, own_folder(place, ticker)) for ticker, own in own_records(place, about)}
        )
    if about["kind"] == "directional":
        random = about["random"]
        made = None if random is None else [round(pnl * 1e6) for pnl in random["pnl"]]
        return frames_hash({"random": made}, read_frames(place, ("trades", "equity", "candidates")))
    named = {one.name: about["summary"][one.name] for one in fields(Totals)}
    return frames_hash(named, read_frames(place, ("fills", "quotes", "equity")))


def _run_again(about: Mapping[str, Any], place: Path, store: str | None) -> str:
    if about["kind"] == "directional":
        from ..bets.directional_results import run_record

        settings = about.get("settings")
        if isinstance(settings, dict):
            about = {**about, "settings": settings | {"data": _found(place, settings.get("data"), store)}}
        return run_record(about).result_hash
    if about["kind"] == "replays":
        hashes = {
            ticker: _run_again(own, own_folder(place, ticker), store) for ticker, own in own_records(place, about)
        }
        return combined_hash(hashes)
    if about["kind"] != "replay":
        raise InputError(f"{place} is of kind {about['kind']!r}; engine verify takes what engine backtest left")
    try:
        msgspec.convert(about, _Settings)
    except msgspec.ValidationError as error:
        raise InputError(f"the record in {place} cannot be run again: {error}") from None
    return result_hash(run_settings({**about, "store": _found(place, about["store"], store)}))


def _found(place: Path, recorded: object, store: str | None) -> object:
    """Where a result's store is now: where the user says, or where it was."""
    if store is not None:
        return store
    if isinstance(recorded, str) and "://" not in recorded and not Path(recorded).exists():
        raise InputError(f"{place} was made from {recorded}, which is not there; say where it is now with --store")
    return recorded
