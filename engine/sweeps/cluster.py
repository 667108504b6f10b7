"""A sweep beyond one machine: the same blocks as tasks of a Dask scheduler, on workers that read the shared store.

Only the missing cells of one block travel to a worker, and a block's part travels back; the caller writes all files. A
worker that dies costs the tasks it had: the scheduler gives them to another one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...io.ground.errors import InputError
from ...strategies.quoting.fingerprint import fingerprint
from ..simulator.assumptions.venue import Assumptions
from .block import BlockPart, run_part

#: Seconds between two looks at whether the sweep is to stop.
LOOK_UP_S = 0.2


@dataclass(frozen=True)
class Task:
    """A block as it travels: what its tape is made from, and its cells."""

    strategy: str
    code: str  #: the fingerprint of the strategy
    source: Mapping[str, Any]  #: what ``compile_tape`` needs: store, ticker, window, grid, underlying
    digest: str
    values: Sequence[Mapping[str, float]]
    limits: Sequence[Assumptions]
    float_queue: bool


def work(task: Task) -> BlockPart:
    """Run a block on the worker that got it."""
    from ...io.store.store import Store
    from ...strategies.models.registry import quoting_model
    from ..simulator.tape.source import compile_tape

    named = dict(task.source)
    tape = compile_tape(Store(named.pop("store")), named.pop("ticker"), **named)
    if tape.digest != task.digest:
        raise InputError(f"a worker reads other rows of {tape.market.ticker} than the caller: is its store the same?")
    model = quoting_model(task.strategy)
    if fingerprint(model) != task.code:
        raise InputError(f"a worker has another {task.strategy} than the caller: are its file and its Python the same?")
    return run_part(tape, model, task.values, task.limits, task.float_queue)


class Cluster:
    """A connection to a scheduler."""

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError:
            raise InputError("scheduler= needs Dask: pip install 'touchline[cluster]'") from None
        try:
            self._client = Client(address, timeout=10, set_as_default=False)
        except (OSError, ValueError) as error:
            raise InputError(f"no scheduler answers at {address}: {' '.join(str(error).split())}") from None
        if not self._client.nthreads():
            self._client.close()
            raise InputError(f"the scheduler at {address} has no workers; start some: dask worker {address}")

    @property
    def slots(self) -> int:
        """How many blocks can run at once."""
        threads: Any = self._client.nthreads()
        return max(sum(threads.values()), 1)

    def run(self, task: Task, look_up: Callable[[int], None]) -> BlockPart:
        """Run a block somewhere and wait for it; ``look_up`` is called now and then and may end the wait."""
        answer = self._client.submit(work, task, pure=False)
        while True:
            try:
                return answer.result(timeout=LOOK_UP_S)
            except TimeoutError:
                look_up(0)

    def close(self) -> None:
        """Let go of the scheduler; its workers stay."""
        self._client.close()
