"""`engine sweep`: thousands of parameter sets on many markets, and how much of the best to believe."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...io.ground.errors import InputError
from .console import JSON_OPTION, emit_json, progress, say
from .options import (
    ASSUME,
    BY,
    DATA,
    END,
    LATENCY,
    MARKETS,
    QUEUE,
    QUOTING,
    SET,
    START,
    UNDERLYING,
    RankBy,
    assumptions,
    pairs,
    refuse,
)

if TYPE_CHECKING:
    from ..reports.drawing import Drawer
    from ..results.evidence import Evidence

app = typer.Typer()
_GRID = typer.Option(
    [], "--grid", help="An axis: name=low:high:count, name=log:low:high:count or name=value,value; may repeat."
)
_STRATEGY = typer.Option(
    None, "--strategy", "-s", help="A quoting model or file.py:ClassName; a pipeline or FILE.toml."
)


def _quoting(*names: str, help: str, default: Any = None, **more: Any) -> Any:
    return typer.Option(default, *names, help=help, rich_help_panel=QUOTING, **more)


_SERIES = _quoting("--series", help="All markets of a series; may repeat.", default=[])
_CATEGORY = _quoting("--category", help="All markets of a category.")
_WHERE = _quoting("--where", help="A condition in SQL on table markets.")
_MIN_VOLUME = _quoting("--min-volume", help="Contracts traded before --from, at least.")
_SCORE = _quoting("--score", help="So many markets with the best score before --from.", min=1)
_PRICE_GRID = _quoting("--price-grid", help="Price grid, when the market's is not stored.")
_WALK_FORWARD = _quoting("--walk-forward", help="Folds, each chosen on earlier data only.", default=5, min=1)
_EMBARGO = _quoting("--embargo-hours", help="Hours left out before each fold.", default=0.0, min=0.0)
_PROVE = _quoting("--prove", help="First cut the tapes at random: nothing earlier may change.", default=False)
_SCHEDULER = _quoting("--scheduler", help="Address of a Dask scheduler; its workers read the same store.")
_OUT = typer.Option(Path("results/sweep"), "--out", help="Folder for the result; a sweep that was stopped goes on.")
_FOLDER = typer.Argument(..., help="Folder that engine sweep wrote.")


@app.callback(invoke_without_command=True)
def sweep(
    context: typer.Context,
    strategy: str | None = _STRATEGY,
    market: list[str] = MARKETS,
    series: list[str] = _SERIES,
    category: str | None = _CATEGORY,
    where: str | None = _WHERE,
    min_volume: float | None = _MIN_VOLUME,
    score: int | None = _SCORE,
    grid: list[str] = _GRID,
    sample: str | None = typer.Option(None, "--sample", help="Some of the grid's cells: sobol:4096."),
    data: str = DATA,
    start: str | None = START,
    end: str | None = END,
    parameters: list[str] = SET,
    queue: str = QUEUE,
    latency_ms: str = LATENCY,
    assume: list[str] = ASSUME,
    price_grid: str | None = _PRICE_GRID,
    underlying: str | None = UNDERLYING,
    threads: int = typer.Option(2, "--threads", min=1, help="Threads that run cells."),
    walk_forward: int = _WALK_FORWARD,
    embargo_hours: float = _EMBARGO,
    prove: bool = _PROVE,
    scheduler: str | None = _SCHEDULER,
    out: Path = _OUT,
    pictures: bool = typer.Option(True, help="Draw heat maps and write the report."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Run a grid of parameters of a model, the venue and the limits, or of a betting pipeline, on recorded markets."""
    if context.invoked_subcommand is not None:
        return
    if strategy is None:
        raise InputError("name a strategy: --strategy avellaneda-stoikov; engine strategies lists them")
    from ..reports.drawing import drawing

    with drawing(pictures) as drawer:  # it starts while the rest is loaded
        from ...strategies.families import is_pipeline

        given, started = pairs(parameters, "--set"), drawer or False
        if is_pipeline(strategy):
            refuse(context, QUOTING, f"belongs to quoting strategies, and {strategy} is a betting pipeline")
            evidence = _sweep_bets(strategy, data, start, end, given, grid, sample, threads, out, started, as_json)
        else:
            choice = (tuple(market), tuple(series), category, where, min_volume, score)
            evidence = _sweep_quotes(
                choice, data, given, quiet=as_json, strategy=strategy, out=out, grid=grid, sample=sample, start=start,
                end=end, price_grid=price_grid, underlying=underlying,
                assumptions=assumptions(queue, latency_ms, assume), threads=threads, pictures=started,
                walk_forward=walk_forward, embargo_hours=embargo_hours, prove=prove, scheduler=scheduler,
            )  # fmt: skip
        _told(out, as_json, evidence)


def _sweep_quotes(chosen: tuple[Any, ...], data: str, fixed: dict[str, Any], *, quiet: bool, **given: Any) -> Evidence:
    from ...strategies.parameters import check
    from ...strategies.quoting.registry import quoting_model
    from ..bets.panel.history import open_history
    from ..sweeps.market_choice import MarketChoice, choose_markets
    from ..sweeps.sweeping import sweep as run

    choice = MarketChoice(*chosen)
    if choice == MarketChoice():
        raise InputError("say which markets: --market TICKER, --series, --category, --where or --score; may combine")
    check(quoting_model(given["strategy"]).parameters, fixed)
    with progress(quiet=quiet) as bar:
        task = bar.add_task("choosing markets", total=None)
        history = open_history(data)
        tickers = choose_markets(history.store, choice, given["start"], given["end"])
        began = time.monotonic()

        def seen(done: int, total: int) -> None:
            rate = done / max(time.monotonic() - began, 1e-9) / 1e6
            bar.update(task, completed=done, total=total, description=f"sweeping, {rate:,.0f} M cell-events/s")

        try:
            return run(markets=tickers, store=history.store, progress=seen, **given, **fixed).evidence
        except KeyboardInterrupt:
            say(f"stopped; what is done is kept in {given['out']}: the same command goes on from there")
            raise typer.Exit(130) from None


def _sweep_bets(
    strategy: str, data: str, start: str | None, end: str | None, options: dict[str, Any], grid: list[str],
    sample: str | None, threads: int, out: Path, pictures: bool | Drawer, as_json: bool,
) -> Evidence:  # fmt: skip
    import numba

    from ..bets.sweeping_bets import sweep_bets

    numba.set_num_threads(min(threads, numba.config.NUMBA_NUM_THREADS))  # type: ignore[attr-defined]  # set at run time
    with progress(quiet=as_json) as bar:
        task = bar.add_task("sweeping, cells", total=None)

        def seen(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        try:
            return sweep_bets(
                strategy, data, out=out, grid=grid, sample=sample, start=start, end=end, options=options,
                pictures=pictures, progress=seen,
            ).evidence  # fmt: skip
        except KeyboardInterrupt:
            say("stopped; a sweep of bets starts again from the beginning")
            raise typer.Exit(130) from None


def _told(out: Path, as_json: bool, evidence: Evidence) -> None:
    from ..reports.conclusions import show as shown
    from .sweep_summary import tell

    made = shown(out, evidence=evidence)
    if as_json:
        emit_json({"folder": str(out), **made})
        return
    tell(made)
    say(f"written to {out}; engine sweep show {out} prints it again, engine export {out} --to params.toml exports it")


@app.command("show")
def show(
    folder: Path = _FOLDER,
    top: int = typer.Option(10, "--top", min=1, help="How many cells to list."),
    by: RankBy = BY,
    as_json: bool = JSON_OPTION,
) -> None:
    """Print a sweep's top cells, the effect of each parameter and the warnings."""
    from ..reports.conclusions import show as shown
    from .sweep_summary import tell

    made: dict[str, Any] = shown(folder, top, by=by.value)
    if as_json:
        emit_json(made)
    else:
        tell(made)
