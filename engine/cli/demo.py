"""`engine demo`: a synthetic day, imported, checked, bet on and swept, in a folder of its own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from .console import JSON_OPTION, emit, emit_facts, say

if TYPE_CHECKING:
    from ..api.demo import Demo

app = typer.Typer(add_completion=False)
_OUT = typer.Option(Path("results/demo"), "--out", help="The demo's folder; an earlier demo in it is replaced.")


@app.command()
def demo(
    out: Path = _OUT,
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same day."),
    scale: float = typer.Option(0.05, "--scale", help="How much happens: 1 is over a million messages."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a synthetic market day, import it, check it, bet on it and sweep it. Nothing in it was ever traded."""
    from ...io.ground.errors import CheckError
    from ..api.demo import demo as run

    made = run(out, seed=seed, scale=scale, progress=not as_json)
    emit(as_json, lambda: made.document, lambda: _tell(made))
    if made.checked.faults:
        where = made.folder / "store"
        raise CheckError(f"{len(made.checked.faults)} faults in the day; engine data check --store {where} lists them")


def _tell(made: Demo) -> None:
    from ..figures.words import count as count_of
    from ..figures.words import usd

    told = made.document
    checked, bets, swept = told["checked"], told["bets"], told["sweep"]
    best = ", ".join(f"{name} {value:.3g}" for name, value in swept["best"].items())
    pnl = usd(bets["pnl"] * 1e6)
    emit_facts(
        "A synthetic day; nothing in it was ever traded",
        {
            "imported": "rows of " + ", ".join(f"{table} {count:,}" for table, count in made.rows.items()),
            "checked": ", ".join(count_of(checked[f"{one}s"], one) for one in ("market", "fault", "note")),
            "bet": f"{bets['trades']} trades came to {pnl}; made-up prices say nothing about a strategy",
            "swept": f"{swept['cells']:,} cells of avellaneda-stoikov; the robust choice is {best}",
            "it warns of": ", ".join(swept["warnings"]),
        },
    )
    store = made.folder / "store"
    for line in (
        "",
        "Try next:",
        f"  engine data tables --store {store}",
        f"  engine data check --store {store}",
        f'  engine data sql "select ticker, count(*) n from trades group by 1 order by 2 desc" --store {store}',
        f"  engine fit --store {store} --market {made.busiest} --underlying SYNSPX",
        f"  engine summary {made.folder / 'bets'}",
        f"  engine report {made.folder / 'bets'}",
        f"  engine sweep show {made.folder / 'sweep'}",
        f"  engine exchange --store {store} --speed 20",
        f"  engine ui {made.folder}",
    ):
        say(line)
