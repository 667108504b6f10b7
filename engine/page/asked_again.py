"""What was asked for of a result or of a sweep's cell, as settings to run it with again, and as text to type."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import polars as pl

from ...io.ground.errors import InputError
from ..results.results import Sweep
from ..runs.replayed import ReplaySettings, settings_of
from ..simulator.assumptions.venue import Assumptions


def cell_settings(sweep: Sweep, cell: int, market: str) -> ReplaySettings:
    """Return what a replay of one of a sweep's cells on one of its markets is asked for."""
    about = sweep.about
    if "pipeline" in about:
        raise InputError("a sweep of a betting pipeline has no cells to replay on one market")
    if market not in {one.ticker for one in sweep.markets}:
        raise InputError(f"the sweep ran on no market {market!r}")
    if not isinstance(about.get("store"), str):
        raise InputError("the sweep does not say where its data was, so none of its cells can be replayed")
    row = sweep.cells.filter(pl.col("cell") == cell).head(1)
    if row.is_empty():
        raise InputError(f"the sweep has no cell {cell}")
    swept = {one.name: one.setting(float(row[one.name][0])) for one in sweep.axes if one.part != "model"}
    given = {one.name: float(row[one.name][0]) for one in sweep.axes if one.part == "model"}
    assumed = Assumptions().with_options({**about.get("venue", {}), **about.get("limits", {}), **swept})
    return settings_of(
        str(about["strategy"]), market, str(about["store"]), {**about.get("fixed", {}), **given}, assumed,
        start=about.get("start"), end=about.get("end"), price_grid=about.get("price_grid"),
        underlying=about.get("underlying"),
    )  # fmt: skip


def to_type(asked: ReplaySettings, at: str | None = None) -> dict[str, str]:
    """Return the command and the Python that ask for the same replay, or with a moment for its explanation.

    >>> told = to_type(settings_of("glft", "KX-1", "s3://data", {"gamma": 0.1}, Assumptions()))
    >>> told["command"]
    'engine backtest --strategy glft --market KX-1 --store s3://data --set gamma=0.1'
    >>> told["python"]
    "engine.backtest('glft', market='KX-1', store='s3://data', params={'gamma': 0.1})"
    """
    usual = Assumptions().as_dict()
    assumed = {name: value for name, value in asked.venue.items() if value != usual.get(name)}
    verb, given = "explain" if at else "backtest", msgspec.to_builtins(asked)
    words = ["engine", verb, "--strategy", asked.strategy, "--market", asked.market, "--store", asked.store]
    more = {"at": at} | {name: given[name] for name in ("start", "end", "price_grid", "underlying")}
    named: dict[str, Any] = {"store": asked.store}
    for name, value in more.items():
        if value is not None:
            words += [f"--{name.replace('_', '-')}", str(value)]
            named[name] = value
    for option, name, settings in (("--set", "params", asked.parameters), ("--assume", "assume", assumed)):
        words += [word for key, value in settings.items() for word in (option, f"{key}={_typed(value)}")]
        named |= {name: dict(settings)} if settings else {}
    return {
        "command": shlex.join(words),
        "python": f"engine.{verb}({asked.strategy!r}, market={asked.market!r}, {_arguments(named)})",
    }


def rows_of_book(place: str, ticker: str) -> dict[str, str]:
    """Return the command and the Python that give the rows of a market's book.

    >>> print(rows_of_book("data", "KX-1")["command"])
    engine data sql "select * from book where ticker = 'KX-1' order by ts" --store data
    """
    quoted = ticker.replace("'", "''")
    query = f"select * from book where ticker = '{quoted}' order by ts"
    shown = f'"{query}"' if not set('"$`\\!') & set(query) else shlex.quote(query)
    return {
        "command": f"engine data sql {shown} --store {shlex.quote(place)}",
        "python": f"engine.sql({query!r}, {place!r})",
    }


def opened_again(places: Sequence[str]) -> dict[str, str]:
    """Return the command and the Python that open folders of results.

    >>> opened_again(["results/a", "results/b"])["python"]
    "[engine.open(folder) for folder in ['results/a', 'results/b']]"
    """
    if len(places) == 1:
        return {"command": shlex.join(["engine", "summary", places[0]]), "python": f"engine.open({places[0]!r})"}
    return {
        "command": " && ".join(shlex.join(["engine", "summary", place]) for place in places),
        "python": f"[engine.open(folder) for folder in {[*places]!r}]",
    }


def _typed(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) and float(f"{value:g}") == value else str(value)


def _arguments(named: Mapping[str, object]) -> str:
    return ", ".join(f"{name}={value!r}" for name, value in named.items())
