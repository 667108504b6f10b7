"""`engine explain`: why a quote was what it was."""

from __future__ import annotations

from dataclasses import asdict

import typer

from .console import JSON_OPTION, emit
from .options import (
    ASSUME,
    END,
    LATENCY,
    PRICE_GRID,
    QUEUE,
    REACTION,
    REWARD,
    SET,
    START,
    STORE,
    UNDERLYING,
    delay,
    pairs,
)

app = typer.Typer(add_completion=False)
_STRATEGY = typer.Option(..., "--strategy", "-s", help="A quoting model or file.py:ClassName.")
_MARKET = typer.Option(..., "--market", "-m", help="Ticker to run on.")


@app.command()
def explain(
    *,
    strategy: str = _STRATEGY,
    market: str = _MARKET,
    at: str = typer.Option(..., "--at", help="The moment to explain: ISO 8601, UTC."),
    store: str = STORE,
    params: list[str] = SET,
    start: str | None = START,
    end: str | None = END,
    queue: str | None = QUEUE,
    latency_ms: str | None = LATENCY,
    assume: list[str] = ASSUME,
    reward: list[str] = REWARD,
    reaction: str | None = REACTION,
    price_grid: str | None = PRICE_GRID,
    underlying: str | None = UNDERLYING,
    as_json: bool = JSON_OPTION,
) -> None:
    """Say why a quote was what it was: what the model knew, what it asked for, and the rules that changed it."""
    from ..api.runs import explain as run
    from .tell.runs import tell_explanation

    found = run(
        strategy, market, at, store, params=pairs(params, "--set"), start=start, end=end, queue=queue,
        latency_ms=delay(latency_ms), assume=pairs(assume, "--assume"), reward=reward, reaction=reaction,
        price_grid=price_grid, underlying=underlying,
    )  # fmt: skip
    document = {"market": market, "at": at, **asdict(found)}
    emit(as_json, lambda: document, lambda: tell_explanation(found, f"{strategy} on {market}"))
