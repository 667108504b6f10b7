"""`engine export`: from a sweep to a parameter file."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from .console import JSON_OPTION, emit, emit_facts, say
from .options import BY, FOLDER, RankBy

if TYPE_CHECKING:
    from ..results.params import Params

app = typer.Typer(help="Write a sweep's best parameters to a file for the live runner.")


class Choice(StrEnum):
    """Which cells to export."""

    ROBUST = "robust"
    OVERALL = "overall"
    BY_MARKET = "by-market"


_PICK = typer.Option(
    Choice.ROBUST,
    "--pick",
    help="robust: best neighbourhood; overall: highest average P&L; by-market: each market its own.",
)
_OUT = typer.Option(..., "--out", help="The file to write, such as params.toml.")


@app.command()
def export(
    folder: Path = FOLDER,
    out: Path = _OUT,
    pick: Choice = _PICK,
    by: RankBy = BY,
    force: bool = typer.Option(False, "--force", help="Export although the checks refuse it; the file says so."),
    valid_days: float | None = typer.Option(
        None, "--valid-days", min=0.0, help="Days after the data's end for which the file holds; as long as the data."
    ),
    as_json: bool = JSON_OPTION,
) -> None:
    """Write the chosen parameters with their limits, assumptions and evidence.

    Refuses when the probability of overfitting is above .5, when the out-of-sample P&L is negative, when one of them is
    not known, or on the evidence of fewer than five independent events.
    """
    from ..api.runs import export as run

    params = run(folder, out, pick=pick.value, by=by.value, force=force, valid_days=valid_days)
    emit(as_json, lambda: _document(params, out), lambda: _tell(params, out))


def _tell(params: Params, out: Path) -> None:
    emit_facts(f"wrote {out}", _facts(params))
    for notice in params.notices:
        say(f"warning: {notice}")


def _document(params: Params, to: Path) -> dict[str, Any]:
    import msgspec

    return {"file": str(to), **msgspec.to_builtins(params)}


def _facts(params: Params) -> dict[str, object]:
    from ..figures.words import count, usd

    told = params.provenance
    outside = told.out_of_sample_pnl_micros
    pbo, deflated = told.overfitting_probability, told.deflated_sharpe
    return {
        "strategy": params.strategy,
        "parameters": _listed(params),
        "tried": f"{told.cells:,} cells ({told.trials:,} independent) on {count(told.markets, 'market')}",
        "events": told.events,
        "in-sample P&L, all markets": usd(told.in_sample_pnl_micros),
        "out-of-sample P&L, all markets": "not known" if outside is None else usd(outside),
        "probability of overfitting": "not known" if pbo is None else f"{pbo:.2f}",
        "deflated Sharpe ratio": "not known" if deflated is None else f"{deflated:.2f}",
        "valid until": params.validity.valid_until,
        "content hash": params.content_hash,
    }


def _listed(params: Params) -> str:
    if len(params.applies) > 1 and len({str(rule.parameters) for rule in params.applies}) > 1:
        return f"{len(params.applies):,} sets, one a market"
    return ", ".join(f"{name} = {value}" for name, value in params.applies[0].parameters.items())
