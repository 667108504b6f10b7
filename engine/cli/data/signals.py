"""`engine data signals`: what a model's signals were along a market, as a Parquet file."""

from __future__ import annotations

import typer

from ..console import JSON_OPTION, emit
from ..options import END, PRICE_GRID, START, STORE, UNDERLYING


def data_signals(
    *,
    market: str = typer.Option(..., "--market", "-m", help="Ticker to run on."),
    strategy: str = typer.Option(..., "--strategy", "-s", help="A quoting model or file.py:ClassName."),
    store: str = STORE,
    start: str | None = START,
    end: str | None = END,
    price_grid: str | None = PRICE_GRID,
    underlying: str | None = UNDERLYING,
    out: str = typer.Option("signals.parquet", "--out", help="The Parquet file to write."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write a quoting model's signals along a market, a row a moment."""
    from ...api.signals import signals as run

    frame = run(market, strategy, store, start=start, end=end, price_grid=price_grid, underlying=underlying, out=out)
    document = {"file": out, "rows": frame.height, "columns": frame.columns}
    line = f"{out}: {frame.height:,} moments of {market}, with {', '.join(frame.columns[1:])}"
    emit(as_json, lambda: document, lambda: typer.echo(line))
