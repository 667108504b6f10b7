"""`engine demo`: a synthetic day, imported, checked, bet on and swept, in a folder of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import JSON_OPTION, emit_facts, emit_json, progress, say

if TYPE_CHECKING:
    from rich.progress import Progress

    from ...io.store.store import Store

app = typer.Typer()
_OUT = typer.Option(Path("results/demo"), "--out", help="The demo's folder; an earlier demo in it is replaced.")
_MARK = "demo.json"
_SWEPT = "avellaneda-stoikov"
#: Bets in the short day: bars of five minutes, and markets may close soon.
_BETS = {"step_minutes": 5, "min_hours": 0.1}
_HOUR_NS = 3_600_000_000_000


@app.command()
def demo(
    out: Path = _OUT,
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same day."),
    scale: float = typer.Option(0.05, "--scale", help="How much happens: 1 is over a million messages."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a synthetic market day, import it, check it, bet on it and sweep it. Nothing in it was ever traded."""
    from ...io import sample
    from ...io.store.store import Store
    from ..simulator.ahead import compile_ahead
    from ..simulator.assumptions.venue import Assumptions

    _clear(out, {"synthetic": True, "seed": seed, "scale": scale})
    store = Store(out / "store")
    compile_ahead(_SWEPT, Assumptions(), cells=2, record=False)
    with progress(quiet=as_json) as bar:
        task = bar.add_task("making a synthetic day", total=sample.RECORDINGS)
        files = sample.make(seed, scale, out / "day", lambda _: bar.advance(task))
        importing = bar.add_task("importing it", total=len(files))
        rows = sample.load(store, files, lambda _: bar.advance(importing))
        checked = _check(store, bar)
        bets = _bet(store, out / "bets", seed, bar)
        swept = _sweep(store, out / "sweep", bar)
    document = {"synthetic": True, "folder": str(out), "rows": rows, "checked": checked, "bets": bets, "sweep": swept}
    _write(out / _MARK, {"seed": seed, "scale": scale, **document})
    if as_json:
        emit_json(document)
    else:
        _tell(document, _busiest(store))
    _refuse(checked, out / "store")


def _clear(out: Path, about: dict[str, Any]) -> None:
    """Make room for a new demo; a folder that no demo made is left alone."""
    from ...io.ground.errors import InputError

    if out.exists() and not (out / _MARK).exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} holds something else than a demo; name a new folder with --out")
    for part in ("day", "store", "bets", "sweep"):
        shutil.rmtree(out / part, ignore_errors=True)
    out.mkdir(parents=True, exist_ok=True)
    _write(out / _MARK, about)


def _write(path: Path, document: dict[str, Any]) -> None:
    from ...io.ground import atomic

    atomic.write(path, json.dumps(document, indent=1) + "\n")


def _check(store: Store, bar: Progress) -> dict[str, Any]:
    """Look for faults as `engine data check` does."""
    from ...io.doctor.doctor import FAULT, check

    task = bar.add_task("checking it", total=None)
    found = check(store, None, lambda done, of: bar.update(task, completed=done, total=of))
    faults = sum(one.severity == FAULT for one in found)
    markets = int(store.sql("select count(distinct ticker) from markets").item())
    return {"markets": markets, "faults": faults, "notes": len(found) - faults}


def _refuse(checked: dict[str, Any], store: Path) -> None:
    from ...io.ground.errors import CheckError

    if checked["faults"]:
        raise CheckError(f"{checked['faults']} faults in the day; engine data check --store {store} lists them")


def _bet(store: Store, folder: Path, seed: int, bar: Progress) -> dict[str, Any]:
    """Run the default pipeline over the hours in which the books are recorded."""
    from ..bets.directional import backtest
    from ..bets.directional_results import DirectionalResult

    first, last = store.sql("select min(ts), max(ts) from book").row(0)
    task = bar.add_task("betting on it", total=None)

    def seen(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    made = backtest(store, "quant", start=first, end=last + _HOUR_NS, options=_BETS, seed=seed, progress=seen)
    result = DirectionalResult(made)
    result.write(folder)
    return {"trades": result.summary["figures"]["trades"], "pnl": result.summary["figures"]["pnl"]}


def _sweep(store: Store, folder: Path, bar: Progress) -> dict[str, Any]:
    """Sweep gamma and kappa on the busiest market, as `engine sweep` does; export the choice, forced."""
    from ..results.exporting import export
    from ..sweeps.sweeping import sweep

    task = bar.add_task("sweeping 1,024 cells", total=None)

    def seen(done: int, total: int) -> None:
        bar.update(task, completed=done, total=total)

    made = sweep(_SWEPT, _busiest(store), store, out=folder, progress=seen)
    params = export(folder, folder / "params.toml", force=True)  # a single event never passes; the file says so
    return {
        "cells": made.evidence.cells,
        "best": params.applies[0].parameters,
        "pnl": made.evidence.in_sample_pnl / 1e6,
        "warnings": [notice.name for notice in made.evidence.notices],
        "result_hash": made.result_hash,
    }


def _busiest(store: Store) -> str:
    """The market with an underlying that traded most often: `engine fit` has most to show on it."""
    query = "select ticker from trades where ticker like 'SYNINX-%' group by 1 order by count(*) desc, 1 limit 1"
    return str(store.sql(query).item())


def _tell(document: dict[str, Any], ticker: str) -> None:
    from ...io.ground.units import dollars

    rows, checked, bets, swept = (document[name] for name in ("rows", "checked", "bets", "sweep"))
    best = ", ".join(f"{name} {value:.3g}" for name, value in swept["best"].items())
    pnl = dollars(round(bets["pnl"] * 1_000_000))
    emit_facts(
        "A synthetic day; nothing in it was ever traded",
        {
            "imported": ", ".join(f"{count:,} {table}" for table, count in rows.items()),
            "checked": f"{checked['markets']} markets, {checked['faults']} faults, {checked['notes']} notes",
            "bet": f"{bets['trades']} trades came to {pnl}; made-up prices say nothing about a strategy",
            "swept": f"{swept['cells']:,} cells of avellaneda-stoikov; the robust choice is {best}",
            "it warns of": ", ".join(swept["warnings"]),
        },
    )
    out = Path(document["folder"])
    store = out / "store"
    for line in (
        "",
        "Try next:",
        f"  engine data tables --store {store}",
        f"  engine data check --store {store}",
        f'  engine data sql "select ticker, count(*) n from trades group by 1 order by 2 desc" --store {store}',
        f"  engine fit --store {store} --market {ticker} --underlying SYNSPX",
        f"  engine summary --results-file {out / 'bets'}",
        f"  engine sweep show {out / 'sweep'}",
        f"  engine exchange --replay {store} --speed 20",
    ):
        say(line)
