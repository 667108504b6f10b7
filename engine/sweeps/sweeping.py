"""Run thousands of cells of a quoting model on markets; the answer is the same however the work was spread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from ...io.ground.errors import CheckError, InputError
from ...io.ground.progress import Progress
from ...io.ground.times import Moment, written
from ...io.store.store import Store
from ...strategies.models.registry import quoting_model
from ...strategies.own_file import from_anywhere
from ...strategies.parameters import check
from ...strategies.quoting.fingerprint import fingerprint
from ...strategies.quoting.model import QuotingModel
from ..results.results import Sweep
from ..simulator.ahead import compile_ahead
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import Ground, ground, own_period
from ..simulator.state import F64
from ..simulator.tape.source import compile_tape
from ..simulator.tape.tape import Tape
from .block import BLOCK, BlockPart, StoppedError, keys_of, run_part
from .folder import PARTS, TapeFacts, assumed_of, facts_of, refuse_other_sweep, write_sweep
from .grid_spec import axes_of
from .parts import Parts, gather, group_name, missing
from .plan import Group, Plan, plan_of

#: Cells of each group that the look-ahead prover tries, and the times at which it cuts each tape.
PROVING_CELLS, PROVING_CUTS = 16, 5


def sweep_quotes(
    strategy: str | type[QuotingModel], tickers: Sequence[str], store: Store, place: Path, *,
    axes: Sequence[str] | Mapping[str, Any] | None = None, sample: str | None = None, start: Moment | None = None,
    end: Moment | None = None, price_grid: str | None = None, underlying: str | None = None,
    assumptions: Assumptions | None = None, params: Mapping[str, Any] | None = None, threads: int = 2,
    walk_forward: int = 5, embargo_hours: float = 0.0, prove: bool = False, scheduler: str | None = None,
    force: bool = False, progress: Progress | None = None,
) -> Sweep:  # fmt: skip
    """Run every cell of a grid on every market; the cells, the periods and the record are left in ``place``.

    The folder is claimed by the caller. What it holds already is not computed again; a sweep in it that this one does
    not widen is left alone unless ``force`` is given. ``walk_forward`` is the number of
    folds, each chosen on what ended ``embargo_hours`` before it; ``prove`` looks for look-ahead first. ``scheduler``
    is the address of a Dask scheduler whose workers read the same store; they take the place of ``threads``.
    """
    model = quoting_model(strategy) if isinstance(strategy, str) else strategy
    fixed = dict(params or {})
    check(model.parameters, fixed)
    if not tickers:
        raise InputError("a sweep of a quoting strategy needs a market")
    markets = sorted(set(tickers))
    plan = plan_of(model, fixed, assumptions or Assumptions(), axes_of(model, axes, fixed), sample)
    asked = {
        "strategy": from_anywhere(strategy) if isinstance(strategy, str) else model.name,
        "strategy_hash": fingerprint(model), "store": store.path, "start": written(start), "end": written(end),
        "price_grid": price_grid, "underlying": underlying, "sample": sample,
        "walk_forward": {"folds": walk_forward, "embargo_ns": round(embargo_hours * 3_600e9)},
    }  # fmt: skip
    if not force:
        refuse_other_sweep(place, asked | assumed_of(plan), plan.axes, markets)
    source = {"start": start, "end": end, "grid": price_grid, "underlying": underlying}

    def tapes() -> Iterator[Tape]:
        for ticker in markets:
            yield compile_tape(store, ticker, **source)

    if prove:
        asked["proved"] = prove_plan(plan, tapes())
    remote = None if scheduler is None else Remote(scheduler, strategy, {"store": store.path, **source})
    runner = Runner(plan, Parts(place / PARTS), max(threads, 1), len(markets), progress, remote)
    if remote is None and isinstance(strategy, str):
        compile_ahead(strategy, plan.groups[0].limits[0], cells=2, record=False, float_queue=plan.float_queue)
    try:
        found = runner.run(tapes())
    finally:
        if remote is not None:
            remote.cluster.close()
    made = write_sweep(place, plan, asked, [facts for facts, _ in found], runner.collect(found))
    return replace(made, computed=runner.computed)


def prove_plan(plan: Plan, tapes: Iterable[Tape], cuts: int = PROVING_CUTS, seed: int = 0) -> dict[str, Any]:
    """Cut every tape at random times and run some cells on what is left; raise an error if anything earlier changes."""
    from ..simulator.lookahead import prove  # with all that signals read from

    tried = 0
    for tape in tapes:
        for group in plan.groups:
            some = np.unique(np.linspace(0, len(group.cells) - 1, PROVING_CELLS).astype(np.int64))
            given = [plan.given(int(cell)) for cell in group.cells[some]]
            limits = [group.limits[at] for at in some]
            leaks = prove(tape, plan.model, given, limits, cuts, seed, plan.float_queue)
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
                    found.append((facts_of(tape, own_period(tape), self.plan.assumptions), wanted))
                _raise(wait(under_way).done)
            except BaseException:
                self._stop.set()
                raise
        if self.progress is not None:
            self.progress(self._planned, self._planned)  # reports are apart in time, and the last may be left out
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
