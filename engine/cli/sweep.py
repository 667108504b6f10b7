"""`engine sweep`: thousands of parameter sets on many markets, and how much of the best to believe."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...io.ground.errors import InputError
from .console import JSON_OPTION, emit, say, stoppable
from .options import (
    ASSUME,
    BY,
    END,
    FOLDER,
    FORCE,
    HISTORY,
    LATENCY,
    MARKETS,
    PRICE_GRID,
    QUEUE,
    QUOTING,
    REACTION,
    REWARD,
    SET,
    START,
    UNDERLYING,
    RankBy,
    assumptions,
    delay,
    pairs,
)

if TYPE_CHECKING:
    from ..reports.drawing import Drawer
    from ..runs.result import Result

app = typer.Typer(add_completion=False)
_KEPT = "stopped; what is done is kept in {}: the same command goes on from there"
_WRITTEN = "written to {0}; engine sweep show {0} prints it again, engine export {0} --out params.toml exports it"
_AXES = typer.Option(
    [], "--axis", help="An axis: name=low:high:count, name=log:low:high:count or name=value,value; may repeat."
)
_STRATEGY = typer.Option(
    None, "--strategy", "-s", help="A quoting model or file.py:ClassName; a pipeline or FILE.toml."
)


def _quoting(*names: str, help: str, default: Any = None, **more: Any) -> Any:
    return typer.Option(default, *names, help=help, rich_help_panel=QUOTING, **more)


_SERIES = _quoting("--series", help="All markets of a series; may repeat.", default=[])
_CATEGORY = _quoting("--category", help="All markets of a category.")
_WHERE = _quoting("--where", help="A condition in SQL on table markets.")
_MIN_VOLUME = _quoting("--min-volume", help="Contracts traded before --start, at least.")
_SCORE = _quoting("--score", help="So many markets with the best score before --start.", min=1)
_WALK_FORWARD = _quoting("--walk-forward", help="Folds, each chosen on earlier data only; 5.", min=1)
_EMBARGO = _quoting("--embargo-hours", help="Hours left out before each fold; 0.", min=0.0)
_PROVE = _quoting("--prove", help="First cut the tapes at random: nothing earlier may change.", default=False)
_SCHEDULER = _quoting("--scheduler", help="Address of a Dask scheduler; its workers read the same store.")
_OUT = typer.Option(Path("results/sweep"), "--out", help="Folder for the result; a sweep that was stopped goes on.")


@app.callback(invoke_without_command=True)
def sweep(
    context: typer.Context,
    *,
    strategy: str | None = _STRATEGY,
    market: list[str] = MARKETS,
    series: list[str] = _SERIES,
    category: str | None = _CATEGORY,
    where: str | None = _WHERE,
    min_volume: float | None = _MIN_VOLUME,
    score: int | None = _SCORE,
    axes: list[str] = _AXES,
    sample: str | None = typer.Option(None, "--sample", help="Some of the grid's cells: sobol:4096."),
    store: str = HISTORY,
    start: str | None = START,
    end: str | None = END,
    params: list[str] = SET,
    queue: str | None = QUEUE,
    latency_ms: str | None = LATENCY,
    assume: list[str] = ASSUME,
    reward: list[str] = REWARD,
    reaction: str | None = REACTION,
    price_grid: str | None = PRICE_GRID,
    underlying: str | None = UNDERLYING,
    threads: int = typer.Option(2, "--threads", min=1, help="Threads that run cells."),
    walk_forward: int | None = _WALK_FORWARD,
    embargo_hours: float | None = _EMBARGO,
    prove: bool = _PROVE,
    scheduler: str | None = _SCHEDULER,
    out: Path = _OUT,
    force: bool = FORCE,
    pictures: bool = typer.Option(True, help="Draw heat maps and write the report."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Run a grid of parameters of a model, the venue and the limits, or of a betting pipeline, on recorded markets."""
    if context.invoked_subcommand is not None:
        return
    with _beside(pictures, out, as_json) as drawer:  # it starts while the rest is loaded
        from ..api.runs import sweep as run

        found = run(
            _named(strategy), market, store, axes=axes, sample=sample, params=pairs(params, "--set"), series=series,
            category=category, where=where, min_volume=min_volume, score=score, start=start, end=end,
            queue=queue, latency_ms=delay(latency_ms), assume=assumptions(assume), reward=reward,
            reaction=reaction, price_grid=price_grid, underlying=underlying, threads=threads,
            walk_forward=walk_forward,
            embargo_hours=embargo_hours, prove=prove, scheduler=scheduler, out=out, force=force, pictures=drawer,
            progress=not as_json,
        )  # fmt: skip
        emit(as_json, lambda: {"folder": str(out), **found.summary}, lambda: _tell(found))


@contextmanager
def _beside(pictures: bool, out: Path, as_json: bool) -> Iterator[Drawer | bool]:
    """Draw beside a sweep. One that is stopped says how it goes on, and one that is done where it lies."""
    from ..reports.drawing import drawing

    with drawing(pictures) as drawer, stoppable(_KEPT.format(out)):
        yield drawer or False
    if not as_json:
        say(_WRITTEN.format(out))


def _named(strategy: str | None) -> str:
    if strategy is None:
        raise InputError("name a strategy: --strategy avellaneda-stoikov; engine strategies lists them")
    return strategy


def _tell(found: Result) -> None:
    from .tell.sweeps import tell

    tell(found.summary)


@app.command("show")
def show(
    folder: Path = FOLDER,
    top: int = typer.Option(10, "--top", min=1, help="How many cells to list."),
    by: RankBy = BY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print a sweep's top cells, the effect of each parameter and the warnings."""
    from ..api.runs import show as run
    from .tell.sweeps import tell

    made = run(folder, top=top, by=by.value)
    emit(as_json, lambda: made, lambda: tell(made))
