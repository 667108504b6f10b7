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

app = typer.Typer(add_completion=False, help="Write a sweep's best parameters to a file for the live runner.")


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
    from ..figures.words import count
    from ..reports.told.sweep_facts import evidence_facts

    told = params.provenance
    evidence = {
        "in_sample_pnl": told.in_sample_pnl_micros,
        "out_of_sample_pnl": told.out_of_sample_pnl_micros,
        "events": told.events,
        "trials": told.trials,
        "overfitting_probability": told.overfitting_probability,
        "deflated_sharpe": told.deflated_sharpe,
    }
    return {
        "strategy": params.strategy,
        "parameters": _listed(params),
        "tried": f"{count(told.cells, 'cell')} on {count(told.markets, 'market')}",
        **dict(evidence_facts(evidence)),
        "valid until": params.validity.valid_until,
        "content hash": params.content_hash,
    }


def _listed(params: Params) -> str:
    if len(params.applies) > 1 and len({str(rule.parameters) for rule in params.applies}) > 1:
        return f"{len(params.applies):,} sets, one a market"
    return ", ".join(f"{name} = {value}" for name, value in params.applies[0].parameters.items())
