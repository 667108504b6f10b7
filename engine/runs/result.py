"""One result for a replay, several replays, bets and a sweep: what it came to, and what can be done with it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from ...io.ground.errors import CheckError, InputError
from ...io.ground.names import file_name
from ...strategies.own_file import Trust
from ..figures.warnings import Notice
from ..results.result_files import TakenError, write_copy, write_run
from ..results.results import Recorded, Runs, Sweep, own_folder, read_results

if TYPE_CHECKING:
    import altair as alt
    import polars as pl

    from ..results.evidence import Evidence
    from ..results.params import Params, PickName
    from ..results.selection import Ranking
    from .verifying import Strategy

Kind = Literal["replay", "replays", "bets", "sweep"]


@dataclass(frozen=True, repr=False)
class Result:
    """What a backtest or a sweep came to. Money in its frames is in micros, prices in ticks, sizes in lots.

    Example:
        >>> from touchline import engine
        >>> found = engine.open("results/replay")
        >>> found.kind, found.fills.height, [notice.name for notice in found.warnings]
        ('replay', 15, ['few-fills', 'synthetic-data'])
    """

    recorded: Recorded
    strategy: Strategy | None = field(default=None, kw_only=True)  #: the class that ran, where one was given
    weighed: Evidence | None = field(default=None, kw_only=True)  #: a sweep's evidence, where it is known already

    @property
    def kind(self) -> Kind:
        """Return what it is of: a ``replay`` of one market, ``replays`` of several, ``bets``, or a ``sweep``."""
        return cast("Kind", "sweep" if isinstance(self.recorded, Sweep) else self.record.get("kind", "replay"))

    @property
    def record(self) -> Mapping[str, Any]:
        """Return everything that was asked for and found, as the folder's JSON file has it."""
        return self.recorded.about

    @property
    def folder(self) -> Path | None:
        """Return where it is written; None while it is in memory alone."""
        return self.recorded.folder

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Return the figures: a replay's in micros and lots, bets' in dollars, a sweep's choices and evidence."""
        if isinstance(self.recorded, Sweep):
            from ..results.shown import shown

            return shown(self.recorded, evidence=self.weighed)
        if self.kind == "bets":
            apart = ("kind", "engine_version", "strategy", "settings", "warnings", "notes")
            return {name: value for name, value in self.record.items() if name not in apart}
        return dict(self.record["total" if self.kind == "replays" else "summary"])

    @cached_property
    def warnings(self) -> list[Notice]:
        """Return the warnings, which belong to the figures."""
        return list(self.evidence.notices) if isinstance(self.recorded, Sweep) else self.recorded.notices

    @cached_property
    def evidence(self) -> Evidence:
        """Return what the data says of a sweep's choice: was it luck?"""
        if self.weighed is not None:
            return self.weighed
        from ..results.evidence import judge

        return judge(self._sweep("evidence"))

    @property
    def hash(self) -> str:
        """Return one hash of everything that was produced; equal hashes are equal results."""
        return str(self.record.get("result_hash", ""))

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """Return the frames by name, as the folder's Parquet files have them."""
        return dict(self.recorded.frames)

    @property
    def fills(self) -> pl.DataFrame:
        """Return a replay's fills, a row each."""
        return self._frame("fills")

    @property
    def quotes(self) -> pl.DataFrame:
        """Return a replay's own quotes, a row a change."""
        return self._frame("quotes")

    @property
    def signals(self) -> pl.DataFrame:
        """Return a replay's signals as the market had them when its quotes changed; of a model that declares some."""
        return self._frame("signals")

    @property
    def rewards(self) -> pl.DataFrame:
        """Return a replay's incentive programs over time: shares, what they earned, what was locked up."""
        return self._frame("rewards")

    @property
    def equity(self) -> pl.DataFrame:
        """Return the equity by moment, or by bar for bets."""
        return self._frame("equity")

    @property
    def trades(self) -> pl.DataFrame:
        """Return the trades of bets, a row each."""
        return self._frame("trades")

    @property
    def candidates(self) -> pl.DataFrame:
        """Return what became of the candidates of bets, a row a fate."""
        return self._frame("candidates")

    @property
    def cells(self) -> pl.DataFrame:
        """Return a sweep's cells, a row a market and cell."""
        return self._frame("cells")

    @property
    def periods(self) -> pl.DataFrame:
        """Return a sweep's P&L, a row a market, cell and period."""
        return self._frame("periods")

    @property
    def runs(self) -> list[Result]:
        """Return the replays of several markets one by one; a single one is its own."""
        if not isinstance(self.recorded, Runs):
            return [self]
        if self.recorded.runs:
            return [Result(run, strategy=self.strategy) for run in self.recorded.runs]
        assert self.folder is not None
        return [open_result(own_folder(self.folder, row["ticker"])) for row in self.record["markets"]]

    def write(self, folder: str | Path, *, force: bool = False) -> Path:
        """Write the record and the frames into a folder, which ``engine.open`` reads.

        A folder that holds the answer to another question is left alone unless ``force`` is given.
        """
        place = Path(folder)
        if isinstance(self.recorded, Sweep):
            assert self.folder is not None
            write_copy(self.folder, place, force=force)
            return place
        for run in self.runs if isinstance(self.recorded, Runs) else ():
            write_run(own_folder(place, run.record["market"]), run.frames, run.record, force=force)
        write_run(place, self.frames, self.record, force=force)
        return place

    def written(self, folder: str | Path, *, force: bool = False) -> Result:
        """Return the same result, written into a folder."""
        return replace(self, recorded=replace(self.recorded, folder=self.write(folder, force=force)))

    def write_new(self, parent: str | Path) -> Path:
        """Write into a folder named for the strategy, with a number where another result has that name."""
        told = self.record["strategy"]
        name = file_name(told["name"] if isinstance(told, Mapping) else str(told))
        for number in itertools.count(1):
            place = Path(parent) / (name if number == 1 else f"{name}-{number}")
            with suppress(TakenError):
                return self.write(place)
        raise AssertionError

    def report(self, out: str | Path | None = None) -> Path:
        """Write one HTML page that needs no network; ``report.html`` in the result's folder unless ``out`` is given."""
        if out is None and self.folder is None:
            raise InputError("this result has no folder: write() it first, or say where the page goes with out=")
        from ..reports.report import write_report

        return write_report(self.recorded, Path(out) if out is not None else cast("Path", self.folder) / "report.html")

    def verify(self, *, trust: Trust = (), store: str | None = None) -> str:
        """Run it again and compare the hash of everything it produced; returns the hash, or raises a CheckError.

        What a folder holds is compared, not what was read from it. Files of code that it names are imported only if
        ``trust`` names them, too. ``store`` says where the store of then is now.
        """
        from .verifying import verify

        held, again = verify(self.recorded, self.strategy, trust, store)
        if held != again:
            what = self.folder or "this result"
            raise CheckError(
                f"{what} holds {held}, running it again gives {again}: the data, the model or the engine has changed"
            )
        return again

    def export(
        self, out: str | Path, *, pick: PickName = "robust", by: Ranking = "pnl", force: bool = False,
        valid_days: float | None = None,
    ) -> Params:  # fmt: skip
        """Write a sweep's choice as a parameter file for the live runner, unless the evidence forbids it.

        ``pick`` is robust (the best neighbourhood), overall (the highest average) or by-market. ``by`` is what the
        last two rank by. ``force`` exports although the checks refuse it, and the file says so. ``valid_days`` counts
        from the data's end; without it the file is valid as long as the data lasted.
        """
        from ..results.exporting import write_choice

        return write_choice(
            self._sweep("parameters to export"), out, pick=pick, by=by, force=force, valid_days=valid_days
        )

    def chart(self, name: str | None = None) -> alt.TopLevelMixin:
        """Return an Altair chart by name; without one the most telling. A wrong name lists those there are."""
        from ..reports.charts import chart

        return chart(self.recorded, name)

    def __str__(self) -> str:
        from ..reports.told.in_short import in_short, title_of

        facts = [f"  {name}: {text}" if name else f"    {text}" for name, text in in_short(self.recorded, self.weighed)]
        warned = [f"  warning: {notice.name}: {notice.text}" for notice in self.warnings]
        return "\n".join([title_of(self.recorded), *facts, *warned])

    def __repr__(self) -> str:
        from ..reports.told.in_short import title_of

        return f"<Result: {title_of(self.recorded)}, hash {self.hash}>"

    def _repr_html_(self) -> str:
        from ..reports.notebook import as_html

        return as_html(self.recorded, self.weighed, self.warnings)

    def _frame(self, name: str) -> pl.DataFrame:
        try:
            return self.recorded.frames[name]
        except KeyError:
            has = ", ".join(self.recorded.frames)
            raise InputError(f"a result of kind {self.kind} has no frame {name!r}; it has {has}") from None

    def _sweep(self, what: str) -> Sweep:
        if not isinstance(self.recorded, Sweep):
            raise InputError(f"a result of kind {self.kind} has no {what}; a sweep has")
        return self.recorded


def open_result(folder: str | Path) -> Result:
    """Return a result from its folder, of whatever kind it is."""
    return Result(read_results(folder))
