"""`engine backtest`: what a strategy would have made of recorded markets."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ...io.errors import InputError
from .console import JSON_OPTION, emit_facts, emit_json, emit_table, progress, say

if TYPE_CHECKING:
    from ..venue import Assumptions

app = typer.Typer()
_MARKETS = typer.Option([], "--market", "-m", help="Ticker to replay; may repeat.")
_SET = typer.Option([], "--set", help="A parameter of the strategy: name=value; may repeat.")
_ASSUME = typer.Option([], "--assume", help="An assumption about venue or risk: name=value; may repeat.")
_OUT = typer.Option(None, "--out", help="Folder for the result; with several markets, a folder each inside it.")


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Read name=value options; values that look like numbers are numbers."""
    out: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {item!r}: expected name=value, as in {option} gamma=0.1")
        out[name.strip()] = _value(value.strip())
    return out


def _value(text: str) -> Any:
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text


def assumptions(queue: str, latency_ms: str, given: list[str]) -> Assumptions:
    """The assumptions that the options spell out; the latency is that of an order on its way in."""
    from ..venue import Assumptions

    return Assumptions(queue=queue, entry_ms=_value(latency_ms)).with_options(pairs(given, "--assume"))


@app.command()
def backtest(
    strategy: str = typer.Option(..., "--strategy", "-s", help="A quoting model, or file.py:ClassName."),
    market: list[str] = _MARKETS,
    store: str = typer.Option("data", "--store", "--data-dir", help="The store: a folder or s3://bucket/prefix."),
    start: str | None = typer.Option(None, "--from", help="From this time on, ISO 8601, UTC."),
    end: str | None = typer.Option(None, "--to", help="Before this time."),
    parameters: list[str] = _SET,
    queue: str = typer.Option("power@3", "--queue", help="Queue model: power@n, log, touch, through, pessimistic, …"),
    latency_ms: str = typer.Option("0", "--latency-ms", help="How long orders take: ms, or a law as lognormal:50:0.5."),
    assume: list[str] = _ASSUME,
    grid: str | None = typer.Option(None, "--grid", help="Price grid, when the market's own is not stored."),
    underlying: str | None = typer.Option(None, "--underlying", help="Symbol of the underlying's prices."),
    out: Path | None = _OUT,
    as_json: bool = JSON_OPTION,
) -> None:
    """Replay a quoting strategy on recorded markets, in exact money, under three queue models."""
    if not market:
        raise InputError("name a market: --market TICKER; engine data tables lists what is stored")
    from ..run_folder import describe, run_settings, settings_of, write

    assumed = assumptions(queue, latency_ms, assume)
    given = pairs(parameters, "--set")
    records: list[dict[str, Any]] = []
    with progress(quiet=as_json) as bar:
        task = bar.add_task("replaying", total=len(market))
        for ticker in market:
            settings = settings_of(
                strategy, ticker, store, given, assumed, start=start, end=end, grid=grid, underlying=underlying
            )
            run = run_settings(settings)
            place = None if out is None else out if len(market) == 1 else out / ticker
            records.append(describe(run, settings) if place is None else write(run, settings, place))
            bar.advance(task)
    if as_json:
        emit_json(records if len(records) > 1 else records[0])
        return
    for record in records:
        tell(record)
    if out is not None:
        say(f"written to {out}; engine report {out} makes a page of it")


def tell(record: dict[str, Any]) -> None:
    """Print one replay for a person."""
    from ...io.units import contracts, dollars

    made = record["summary"]
    parts = ("spread_capture", "drift", "settlement", "rebates")
    facts = {"P&L": dollars(made["pnl"])} | {name.replace("_", " "): dollars(made[name]) for name in parts}
    facts |= {"fees": dollars(-made["fees"]), "position at the end": contracts(made["position"])}
    facts |= {"fills": f"{made['fills']:,}", "contracts": contracts(made["volume"])}
    facts |= {"re-quotes": f"{made['requotes']:,}", "largest position": contracts(made["max_position"])}
    facts |= {"drawdown": dollars(made["max_drawdown"]), "both quotes stood": f"{made['uptime']:.1%}"}
    facts["valued"] = "at settlement" if made["settled"] else "at the last mid: the market is not settled"
    emit_facts(f"{record['strategy']} on {record['market']}", facts)
    rows = [(name, dollars(pnl)) for name, pnl in made["by_queue"].items()]
    emit_table("P&L by queue model", ("queue", "P&L"), rows)
    for notice in record["warnings"]:
        say(f"warning: {notice['name']}: {notice['text']}")
