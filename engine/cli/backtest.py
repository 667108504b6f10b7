"""`engine backtest`: what a strategy would have made of recorded markets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...io.ground.errors import InputError
from ...io.ground.names import file_name
from .console import JSON_OPTION, emit_json, progress, say
from .options import (
    ASSUME,
    BETTING,
    DATA,
    END,
    EXPLAIN,
    LATENCY,
    MARKETS,
    PRICE_GRID,
    QUEUE,
    QUOTING,
    SET,
    START,
    UNDERLYING,
    assumptions,
    pairs,
    refuse,
)

if TYPE_CHECKING:
    from ..simulator.assumptions.venue import Assumptions

app = typer.Typer()
#: Parameters of a pipeline's executor that have an option of their own.
_CAPS = (
    "capital", "max_position", "max_positions", "kelly_fraction", "max_position_pct", "take_profit", "stop_loss",
    "max_hold_hours",
)  # fmt: skip
RANDOM_PORTFOLIOS = 200

_STRATEGY = typer.Option(
    ...,
    "--strategy",
    "-s",
    help="A quoting model or file.py:ClassName; a pipeline or FILE.toml. engine strategies lists them.",
)
_OUT = typer.Option(None, "--out", help="Folder for the result; bets go to results/NAME unless it is given.")


def _betting(name: str, help: str) -> Any:
    return typer.Option(None, name, help=help, rich_help_panel=BETTING)


@app.command()
def backtest(
    ctx: typer.Context,
    strategy: str = _STRATEGY,
    data: str = DATA,
    start: str | None = START,
    end: str | None = END,
    parameters: list[str] = SET,
    out: Path | None = _OUT,
    as_json: bool = JSON_OPTION,
    market: list[str] = MARKETS,
    queue: str = QUEUE,
    latency_ms: str = LATENCY,
    assume: list[str] = ASSUME,
    grid: str | None = PRICE_GRID,
    underlying: str | None = UNDERLYING,
    explain: str | None = EXPLAIN,
    capital: float | None = _betting("--capital", "Dollars at the start; 10000 unless the pipeline says otherwise."),
    max_position: float | None = _betting("--max-position", "Contracts in one market; 100."),
    max_positions: int | None = _betting("--max-positions", "Positions open at once; 5."),
    kelly_fraction: float | None = _betting("--kelly-fraction", "Share of the Kelly stake; 0.25."),
    max_position_pct: float | None = _betting("--max-position-pct", "Share of equity in one market; 0.25."),
    take_profit: float | None = _betting("--take-profit", "Return at which a position is left, 0 never; 0.20."),
    stop_loss: float | None = _betting("--stop-loss", "Loss at which a position is left, 0 never; 0.15."),
    max_hold_hours: float | None = _betting("--max-hold-hours", "Hours after which a position is left, 0 never; 72."),
    compare_random: bool = typer.Option(
        False,
        "--compare-random",
        help="Compare with 200 random portfolios of the same exposure.",
        rich_help_panel=BETTING,
    ),
    seed: int = typer.Option(0, "--seed", help="Of the random portfolios and intervals.", rich_help_panel=BETTING),
) -> None:
    """Try a strategy on recorded markets, in exact money: replay a quoting model, or bet with a pipeline."""
    from ...strategies.families import is_pipeline

    given = pairs(parameters, "--set")
    if is_pipeline(strategy):
        refuse(ctx, QUOTING, f"belongs to quoting strategies, and {strategy} is a betting pipeline")
        for name in _CAPS:
            if ctx.params[name] is not None:
                given[name] = ctx.params[name]
        count = RANDOM_PORTFOLIOS if compare_random else 0
        _bet(strategy, data, start, end, given, count, seed, out, as_json)
        return
    refuse(ctx, BETTING, f"belongs to betting pipelines, and {strategy} is a quoting strategy")
    if not market:
        raise InputError("name a market: --market TICKER; engine data tables lists what is stored")
    assumed = assumptions(queue, latency_ms, assume)
    kept = {"start": start, "end": end, "grid": grid, "underlying": underlying}
    if explain is not None:
        if out is not None:
            raise InputError("--explain tells about one moment and writes nothing; leave --out away")
        for ticker in market:
            _explain(strategy, data, ticker, given, assumed, kept, explain, as_json)
        return
    _replay(strategy, data, market, given, assumed, kept, out, as_json)


def _explain(
    strategy: str, data: str, ticker: str, given: dict[str, Any], assumed: Assumptions, kept: dict[str, Any],
    moment: str, as_json: bool,
) -> None:  # fmt: skip
    from dataclasses import asdict

    from ...io.ground.times import nanoseconds
    from ..backtests.explain import explain_settings
    from ..backtests.run_folder import settings_of
    from .summary import tell_explanation

    ts = nanoseconds(moment, "--explain")
    found = explain_settings(settings_of(strategy, ticker, data, given, assumed, **kept), ts)
    if as_json:
        emit_json({"market": ticker, "ts": ts, **asdict(found)})
    else:
        tell_explanation(found, f"{strategy} on {ticker}")


def _bet(
    strategy: str, data: str, start: str | None, end: str | None, options: dict[str, Any], random_portfolios: int,
    seed: int, out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    from ..bets.directional import backtest as run
    from ..bets.directional_results import DirectionalResult
    from .summary import tell_bets

    with progress(quiet=as_json) as bar:
        task = bar.add_task("reading history", total=None)

        def seen(done: int, total: int) -> None:
            bar.update(task, completed=done, total=total)

        found = run(
            data, strategy, start=start, end=end, options=options, random_portfolios=random_portfolios, seed=seed,
            progress=seen,
        )  # fmt: skip
        result = DirectionalResult(found)
        folder = result.write(out or Path("results") / file_name(found.pipeline.name)).parent
    if as_json:
        emit_json(result.summary)
    else:
        tell_bets(result.summary)
    for note in found.notes:
        say(f"note: {note}")
    say(f"written to {folder}; engine report {folder} makes a page of it")


def _replay(
    strategy: str, data: str, markets: list[str], given: dict[str, Any], assumed: Assumptions, kept: dict[str, Any],
    out: Path | None, as_json: bool,
) -> None:  # fmt: skip
    from ..simulator.ahead import compile_ahead

    compile_ahead(strategy, assumed)  # while the rest is loaded
    from ..backtests.many_runs import combine, joined_curve, own_folder, write_many
    from ..backtests.run_folder import describe, run_settings, settings_of, write
    from .summary import tell_replay, tell_replays

    tickers = list(dict.fromkeys(markets))
    records: list[dict[str, Any]] = []
    curves: list[Any] = []
    with progress(quiet=as_json) as bar:
        task = bar.add_task("replaying", total=len(tickers))
        for ticker in tickers:
            settings = settings_of(strategy, ticker, data, given, assumed, **kept)
            run = run_settings(settings)
            place = None if out is None else out if len(tickers) == 1 else own_folder(out, ticker)
            records.append(describe(run, settings) if place is None else write(run, settings, place))
            curves.append(run.equity.select("ts", "equity"))
            bar.advance(task)
    if len(records) == 1:
        found, tell = records[0], tell_replay
    else:
        curve = joined_curve(curves)
        found, tell = combine(records, curve), tell_replays
        if out is not None:
            write_many(out, found, curve)
    if as_json:
        emit_json(found)
        return
    tell(found)
    if out is not None:
        say(f"written to {out}; engine report {out} makes a page of it")
