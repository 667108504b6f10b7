"""A result made again from its record, to see that it repeats."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from ...io.ground.errors import InputError
from ...io.store.store import Store
from ...strategies.own_file import Trust, trusting
from ...strategies.pipeline.pipeline import Pipeline, recorded_pipeline
from ...strategies.quoting.model import QuotingModel
from ..bets.results import run_record
from ..bets.sweep import sweep_bets
from ..results.result_files import check_hash, check_whole, frames_hash
from ..results.results import BETS_FRAMES, RUN_FRAMES, Recorded, Runs, Sweep, own_folder, read_frames
from ..simulator.assumptions.venue import Assumptions
from ..simulator.replay import Totals
from ..sweeps.sweeping import sweep_quotes
from .replayed import recorded_settings, result_hash, run_settings
from .several import combined_hash, own_records

#: What a strategy may be given as where it is no name.
Strategy = type[QuotingModel] | Pipeline


def verify(
    found: Recorded, strategy: Strategy | None = None, trust: Trust = (), store: str | None = None
) -> tuple[str, str]:
    """Run what a result was asked for again. Returns the hash of what it holds and the hash it gets.

    Files of code that a folder's record names are imported only if ``trust`` names them, too. ``store`` is where the
    store of then is now.
    """
    place = found.folder
    if place is None:
        return str(found.about["result_hash"]), _Again("this result", strategy, store).hash_of(found)
    check_whole(place)
    with trusting(trust, place):
        again = _Again(str(place), strategy, store).hash_of(found)
    held = held_hash(found.about, place)
    check_hash(place, found.about, held)
    return held, again


def held_hash(about: Mapping[str, Any], place: Path) -> str:
    """Return the hash of what a folder holds, read back from its files."""
    kind = about["kind"]
    if kind == "sweep":
        return frames_hash({}, read_frames(place, ("cells", "periods")))
    if kind == "replays":
        own = own_records(place, about)
        return combined_hash({ticker: held_hash(one, own_folder(place, ticker)) for ticker, one in own})
    if kind == "bets":
        random = about["random"]
        made = None if random is None else [round(pnl * 1e6) for pnl in random["pnl"]]
        return frames_hash({"random": made}, read_frames(place, BETS_FRAMES))
    made = about["summary"]
    named = {one.name: made[one.name] for one in fields(Totals) if one.name in made}  # rewards only where they count
    return frames_hash(named, read_frames(place, RUN_FRAMES))


class _Again:
    """One more run of what a record says was asked for."""

    def __init__(self, where: str, strategy: Strategy | None, store: str | None) -> None:
        self.where, self.strategy, self.store = where, strategy, store

    def hash_of(self, found: Recorded) -> str:
        about = found.about
        if isinstance(found, Sweep):
            return self._sweep(found)
        if about["kind"] == "bets":
            settings = about.get("settings")
            if isinstance(settings, dict):
                about = {**about, "settings": settings | {"store": self._place(settings.get("store"))}}
            return run_record(about).result_hash
        if not isinstance(found, Runs):
            return self._replay(about)
        if found.folder is None:
            return combined_hash({run.about["market"]: self._replay(run.about) for run in found.runs})
        return combined_hash({ticker: self._replay(one) for ticker, one in own_records(found.folder, about)})

    def _replay(self, about: Mapping[str, Any]) -> str:
        asked = recorded_settings({**about, "store": self._place(about.get("store"))}, self.where)
        model = self.strategy if isinstance(self.strategy, type) else None
        return result_hash(run_settings(asked, model))

    def _sweep(self, found: Sweep) -> str:
        about = found.about
        axes = {one.name: [one.setting(value) for value in one.values] for one in found.axes}
        with tempfile.TemporaryDirectory(prefix="touchline-") as aside:
            asked: dict[str, Any] = {"axes": axes, "sample": about["sample"], "params": about["fixed"]}
            asked |= {"start": about["start"], "end": about["end"]}
            store = self._place(about["store"])
            if "pipeline" in about:
                return str(
                    sweep_bets(recorded_pipeline(about["pipeline"]), store, Path(aside), **asked).about["result_hash"]
                )
            swept = {one.name: one.setting(one.values[0]) for one in found.axes if one.part != "model"}
            assumed = Assumptions().with_options({**swept, **about["venue"], **about["limits"]})
            named = self.strategy if isinstance(self.strategy, type) else about["strategy"]
            tickers = [row["ticker"] for row in about["markets"]]
            made = sweep_quotes(
                named, tickers, Store(store), Path(aside), price_grid=about["price_grid"],
                underlying=about["underlying"], assumptions=assumed, **asked,
            )  # fmt: skip
            return str(made.about["result_hash"])

    def _place(self, recorded: object) -> str:
        """Where a result's store is now: where the user says, or where it was."""
        if self.store is not None:
            return self.store
        if not isinstance(recorded, str):
            raise InputError(f"{self.where} was made on data in memory and cannot be run again from its record")
        if "://" not in recorded and not Path(recorded).exists():
            raise InputError(
                f"{self.where} was made from {recorded}, which is not there; say where it is now with store="
            )
        return recorded
