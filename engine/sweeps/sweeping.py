"""Sweeps: a quoting model, markets, thousands of cells; the same answer however the work was spread and resumed."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground.errors import CheckError, InputError
from ...io.ground.progress import Progress
from ...io.store.store import Store
from ...strategies.parameters import check
from ...strategies.quoting.fingerprint import fingerprint
from ...strategies.quoting.model import QuotingModel
from ...strategies.quoting.registry import quoting_model
from ..reports.conclusions import conclude, get_ready
from ..reports.drawing import Drawer, drawing
from ..results.evidence import Evidence
from ..results.results import Sweep, read_sweep
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.venue import Assumptions
from ..simulator.lookahead import prove as look_ahead
from ..simulator.prepare import Ground, ground
from ..simulator.state import F64
from ..simulator.tape.source import Moment, compile_tape
from ..simulator.tape.tape import Tape
from .block import BLOCK, BlockPart, StoppedError, keys_of, own_period, run_part
from .folder import PARTS, TapeFacts, claimed, facts_of, write_sweep
from .grid_spec import axes_of
from .parts import Parts, gather, group_name, missing
from .plan import Group, Plan, plan_of

#: Cells of each group that the look-ahead prover tries, and the times at which it cuts each tape.
PROVING_CELLS, PROVING_CUTS = 16, 5


@dataclass(frozen=True)
class Swept:
    """A finished sweep: its folder, frames and evidence."""

    sweep: Sweep
    evidence: Evidence
    result_hash: str
    computed: int  #: cell-events that were not there already

    @property
    def folder(self) -> Path:
        """Where everything was written."""
        return self.sweep.folder

    @property
    def cells(self) -> pl.DataFrame:
        """A row a market and cell."""
        return self.sweep.cells

    @property
    def periods(self) -> pl.DataFrame:
        """P&L by market, cell and period."""
        return self.sweep.periods


def sweep(
    strategy: str | type[QuotingModel], markets: str | Sequence[str], store: Store | str = "data", *,
    out: str | Path = "results/sweep", grid: Sequence[str] | Mapping[str, Any] | None = None,
    sample: str | None = None, start: Moment | None = None, end: Moment | None = None, price_grid: str | None = None,
    underlying: str | None = None, assumptions: Assumptions | None = None, threads: int = 2,
    pictures: bool | Drawer = True, walk_forward: int = 5, embargo_hours: float = 0.0, prove: bool = False,
    scheduler: str | None = None, progress: Progress | None = None, **parameters: Any,
) -> Swept:  # fmt: skip
    """Run every cell of a grid on every market, and weigh what came out; everything is left in the folder ``out``.

    ``grid`` maps parameters of the model, the venue or the limits to a list of values or a text such as
    ``"0.05:1:32"``; without it the model's own grid is taken. Other keywords fix parameters of the model. What the
    folder holds already is not computed again. ``walk_forward`` is the number of folds, each chosen on what ended
    ``embargo_hours`` before it; ``prove`` looks for look-ahead first. ``scheduler`` is the address of a Dask scheduler
    whose workers read the same store; they take the place of ``threads``.
    ``progress`` hears of cell-events: done, and about how many in all.
    """
    model = quoting_model(strategy) if isinstance(strategy, str) else strategy
    check(model.parameters, parameters)
    opened = Store(store) if isinstance(store, str) else store
    tickers = sorted({markets} if isinstance(markets, str) else set(markets))
    if not tickers:
        raise InputError("a sweep needs a market: --market TICKER, or --series, --category, --where")
    plan = plan_of(model, parameters, assumptions or Assumptions(), axes_of(model, grid, parameters), sample)
    place = Path(out)
    with claimed(place):
        asked = {
            "strategy": strategy if isinstance(strategy, str) else model.name, "strategy_hash": fingerprint(model),
            "store": opened.path, "from": None if start is None else str(start),
            "to": None if end is None else str(end), "grid": price_grid, "underlying": underlying, "sample": sample,
            "walk_forward": {"folds": walk_forward, "embargo_ns": round(embargo_hours * 3_600e9)},
        }  # fmt: skip

        source = {"start": start, "end": end, "grid": price_grid, "underlying": underlying}

        def tapes() -> Iterator[Tape]:
            for ticker in tickers:
                yield compile_tape(opened, ticker, **source)

        if prove:
            asked["proved"] = prove_plan(plan, tapes())
        remote = None if scheduler is None else Remote(scheduler, strategy, {"store": opened.path, **source})
        runner = Runner(plan, Parts(place / PARTS), max(threads, 1), len(tickers), progress, remote)
        if remote is None and isinstance(strategy, str):
            compile_ahead(strategy, plan.groups[0].limits[0], cells=2, record=False, float_queue=plan.float_queue)
        with drawing(pictures) as drawer:
            get_ready(drawer is not None)
            try:
                found = runner.run(tapes())
            finally:
                if remote is not None:
                    remote.cluster.close()
            result = write_sweep(place, plan, asked, [facts for facts, _ in found], runner.collect(found))
            evidence = conclude(place, drawer)
        return Swept(read_sweep(place), evidence, result, runner.computed)


def prove_plan(plan: Plan, tapes: Iterable[Tape], cuts: int = PROVING_CUTS, seed: int = 0) -> dict[str, Any]:
    """Cut every tape at random times and run some cells on what is left; raise an error if anything earlier changes."""
    tried = 0
    for tape in tapes:
        for group in plan.groups:
            some = np.unique(np.linspace(0, len(group.cells) - 1, PROVING_CELLS).astype(np.int64))
            given = [plan.given(int(cell)) for cell in group.cells[some]]
            limits = [group.limits[at] for at in some]
            leaks = look_ahead(tape, plan.model, given, limits, cuts, seed, plan.float_queue)
            if leaks:
                more = f" ({len(leaks) - 1} more)" if len(leaks) > 1 else ""
                raise CheckError(f"look-ahead: {leaks[0]}{more}")
            tried += len(given) * cuts
    return {"cuts": cuts, "seed": seed, "cells_cut": tried}


#: Names and keys of a market's groups, in the plan's order.
Wanted = list[tuple[str, F64]]


class Remote:
    """Where blocks run instead of here, and what a worker needs to know."""

    def __init__(self, address: str, strategy: str | type[QuotingModel], source: Mapping[str, Any]) -> None:
        from .cluster import Cluster

        if not isinstance(strategy, str):
            raise InputError("workers find a strategy by its name or as file.py:ClassName, not as a class")
        self.cluster, self.strategy, self.source = Cluster(address), strategy, source
        self.code = fingerprint(quoting_model(strategy))

    def run(
        self, tape: Tape, values: list[dict[str, float]], limits: list[Assumptions], float_queue: bool,
        seen: Callable[[int], None],
    ) -> BlockPart:  # fmt: skip
        """Run a block on some worker."""
        from .cluster import Task

        source = {**self.source, "ticker": tape.market.ticker}
        part = self.cluster.run(Task(self.strategy, self.code, source, tape.digest, values, limits, float_queue), seen)
        seen(2 * len(tape) * len(values))
        return part


class Runner:
    """Spreads (market, group, block) over threads; keeps few tapes, and what is done on disk."""

    LOOK_UP_S = 0.1  #: between two reports of progress

    def __init__(
        self, plan: Plan, parts: Parts, threads: int, markets: int, progress: Progress | None = None,
        remote: Remote | None = None,
    ) -> None:  # fmt: skip
        self.plan, self.parts, self.remote, self.markets = plan, parts, remote, markets
        self.threads = threads if remote is None else remote.cluster.slots
        self.progress, self.computed = progress, 0
        self._done, self._planned, self._seen = 0, 0, 0
        self._lock, self._stop, self._told = threading.Lock(), threading.Event(), 0.0

    def run(self, tapes: Iterator[Tape]) -> list[tuple[TapeFacts, Wanted]]:
        """Run what is missing on every tape; Ctrl-C stops at the next look-up and keeps what is done."""
        found: list[tuple[TapeFacts, Wanted]] = []
        under_way: set[Future[None]] = set()
        alike: dict[int, F64] = {}  # most models have the same cells on every market: kept once
        with ThreadPoolExecutor(self.threads) as pool:
            try:
                for tape in tapes:
                    wanted: Wanted = []
                    with self._lock:
                        self._seen += 1
                        self._planned += 2 * len(tape) * len(self.plan.cells)
                    for group in self.plan.groups:
                        name, keys, pieces = self._pieces(tape, group)
                        first = alike.setdefault(id(group), keys)
                        wanted.append((name, first if np.array_equal(first, keys, equal_nan=True) else keys))
                        for values, limits, shared in pieces:
                            under_way.add(pool.submit(self._work, tape, name, values, limits, shared))
                            if len(under_way) > self.threads:
                                done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
                                _raise(done)
                    found.append((facts_of(tape, own_period(tape)), wanted))
                _raise(wait(under_way).done)
            except BaseException:
                self._stop.set()
                raise
        return found

    def collect(self, found: list[tuple[TapeFacts, Wanted]]) -> Iterator[list[BlockPart]]:
        """Read the parts of each market back, a part a group."""
        for _, wanted in found:
            yield [gather(keys, self.parts.load(name)) for name, keys in wanted]

    def _pieces(self, tape: Tape, group: Group) -> tuple[str, Any, Iterator[tuple[Any, Any, Ground]]]:
        """The blocks that a group still needs on a tape."""
        name = group_name(tape, self.plan.model, group.limits[0])
        values = self.plan.values(tape, group.cells)
        keys = keys_of(values, group.limits)
        rows = missing(keys, self.parts.load(name))
        self._count((len(keys) - len(rows)) * 2 * len(tape), fresh=False)

        def pieces() -> Iterator[tuple[Any, Any, Ground]]:
            shared = ground(tape, group.limits[0]) if rows else None
            for some in np.array_split(rows, -(-len(rows) // BLOCK)) if rows else ():
                assert shared is not None
                yield [values[row] for row in some], [group.limits[row] for row in some], shared

        return name, keys, pieces()

    def _work(
        self, tape: Tape, name: str, values: list[dict[str, float]], limits: list[Assumptions], shared: Ground
    ) -> None:
        if self.remote is None:
            part = run_part(tape, self.plan.model, values, limits, self.plan.float_queue, self._count, shared)
        else:
            part = self.remote.run(tape, values, limits, self.plan.float_queue, self._count)
        self.parts.write(name, part)

    def _count(self, done: int, fresh: bool = True) -> None:
        if self._stop.is_set():
            raise StoppedError
        with self._lock:
            self._done += done
            self.computed += done if fresh else 0
            if self.progress is not None and time.monotonic() - self._told >= self.LOOK_UP_S:
                self._told = time.monotonic()
                self.progress(self._done, self._planned * self.markets // max(self._seen, 1))


def _raise(done: set[Future[None]]) -> None:
    for one in done:
        one.result()
