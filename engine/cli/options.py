"""Options that several commands share, and how they are read."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Any

import typer

from ...io.ground.errors import InputError

if TYPE_CHECKING:
    from ..simulator.assumptions.venue import Assumptions

QUOTING = "Options of quoting strategies"
BETTING = "Options of betting pipelines"


def _quoting(default: Any, *names: str, help: str) -> Any:
    return typer.Option(default, *names, help=help, rich_help_panel=QUOTING)


DATA = typer.Option("data", "--data-dir", "--store", help="A store, or a folder with markets.csv and trades.csv.")
START = typer.Option(None, "--start", "--from", help="From this time on, ISO 8601, UTC.")
END = typer.Option(None, "--end", "--to", help="Before this time.")
SET = typer.Option([], "--set", help="A parameter of the strategy: name=value; may repeat.")
MARKETS = _quoting([], "--market", "-m", help="Ticker to run on; may repeat.")
QUEUE = _quoting("power@3", "--queue", help="Queue model: power@n, log, touch, through, pessimistic, …")
LATENCY = _quoting("0", "--latency-ms", help="How long orders take: ms, or a law as lognormal:50:0.5.")
ASSUME = _quoting([], "--assume", help="An assumption about venue or risk: name=value; may repeat.")
PRICE_GRID = _quoting(None, "--grid", help="Price grid, when the market's own is not stored.")
EXPLAIN = _quoting(None, "--explain", help="Only tell why the quote at this time was what it was: ISO 8601, UTC.")
UNDERLYING = _quoting(None, "--underlying", help="Symbol of the underlying's prices.")


class RankBy(StrEnum):
    """What the cells of a sweep rank by."""

    PNL = "pnl"
    CASH = "cash"


BY = typer.Option(RankBy.PNL, "--by", help="Rank by pnl, or by cash, which leaves out what positions settled at.")


def pairs(given: list[str], option: str) -> dict[str, Any]:
    """Read name=value options; values that look like numbers are numbers.

    >>> pairs(["gamma=0.1", "post-only=true"], "--set")
    {'gamma': 0.1, 'post-only': True}
    """
    out: dict[str, Any] = {}
    for item in given:
        name, equals, text = item.partition("=")
        if not equals or not name:
            raise InputError(f"{option} {item!r}: expected name=value, as in {option} gamma=0.1")
        out[name.strip()] = value(text.strip())
    return out


def value(text: str) -> Any:
    """A switch, a number or a word."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text


def assumptions(queue: str, latency_ms: str, given: list[str]) -> Assumptions:
    """The assumptions that the options spell out; the latency is that of an order on its way in."""
    from ..simulator.assumptions.venue import Assumptions

    return Assumptions(queue=queue, entry_ms=value(latency_ms)).with_options(pairs(given, "--assume"))


def refuse(ctx: typer.Context, section: str, why: str) -> None:
    """Raise an error when an option of a section of the help was given; ``why`` follows its name."""
    for parameter in ctx.command.params:
        source = ctx.get_parameter_source(parameter.name or "")
        if getattr(parameter, "rich_help_panel", None) == section and source is not None and source.name != "DEFAULT":
            raise InputError(f"{parameter.opts[0]} {why}")
