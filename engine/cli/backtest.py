"""`engine backtest`: what a strategy would have made of recorded markets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from ...io.ground.errors import InputError
from .console import JSON_OPTION, emit
from .options import (
    ASSUME,
    BETTING,
    END,
    FORCE,
    HISTORY,
    LATENCY,
    MARKETS,
    PRICE_GRID,
    QUEUE,
    REACTION,
    REWARD,
    SET,
    START,
    UNDERLYING,
    assumptions,
    delay,
    pairs,
)

app = typer.Typer(add_completion=False)
#: Parameters of a pipeline's executor that have an option of their own.
_CAPS = (
    "capital", "max_position", "max_positions", "kelly_fraction", "max_position_pct", "take_profit", "stop_loss",
    "max_hold_hours",
)  # fmt: skip

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
    *,
    strategy: str = _STRATEGY,
    store: str = HISTORY,
    start: str | None = START,
    end: str | None = END,
    params: list[str] = SET,
    out: Path | None = _OUT,
    force: bool = FORCE,
    as_json: bool = JSON_OPTION,
    market: list[str] = MARKETS,
    queue: str | None = QUEUE,
    latency_ms: str | None = LATENCY,
    assume: list[str] = ASSUME,
    reward: list[str] = REWARD,
    reaction: str | None = REACTION,
    price_grid: str | None = PRICE_GRID,
    underlying: str | None = UNDERLYING,
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
    seed: int | None = _betting("--seed", "Of the random portfolios and intervals; 0."),
) -> None:
    """Try a strategy on recorded markets, in exact money: replay a quoting model, or bet with a pipeline."""
    from ..api.runs import backtest as run
    from .tell.runs import tell

    found = run(
        strategy, market or None, store, params=pairs(params, "--set") | _caps(ctx, strategy), start=start, end=end,
        queue=queue, latency_ms=delay(latency_ms), assume=assumptions(assume) or None, reward=reward,
        reaction=reaction, price_grid=price_grid, underlying=underlying, compare_random=compare_random, seed=seed,
        out=out, force=force,
        progress=not as_json,
    )  # fmt: skip
    place = out or (found.write_new(Path("results")) if found.kind == "bets" else None)
    emit(as_json, lambda: found.record, lambda: tell(found, place))


def _caps(ctx: typer.Context, strategy: str) -> dict[str, Any]:
    """The parameters of a pipeline that were given as options of their own."""
    from ...strategies.families import is_pipeline

    given = {name: ctx.params[name] for name in _CAPS if ctx.params[name] is not None}
    if given and not is_pipeline(strategy):
        raise InputError(f"{next(iter(given))}= belongs to betting pipelines, and {strategy} is a quoting strategy")
    return given
