"""From a sweep's folder to a parameter file for the live runner, unless the evidence forbids it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from ...io.ground.errors import CheckError, InputError
from ...io.ground.times import iso
from ...io.ground.units import NS_PER_SECOND
from ..figures.warnings import Notice
from ..figures.words import usd
from .evidence import Evidence, judge
from .params import (
    FORMAT,
    VERSION,
    Applies,
    Params,
    PickName,
    Provenance,
    Validity,
    Value,
    Warned,
    load_params,
    write_params,
)
from .result_files import check_hash, frames_hash
from .results import Sweep
from .selection import Pick, Ranking, best_by_market, best_overall, best_plateau

DAY_NS = 86_400 * NS_PER_SECOND
#: An export on the evidence of fewer independent events must be forced.
LEAST_EVENTS = 5


def write_choice(
    sweep: Sweep, out: str | Path, *, pick: PickName = "robust", by: Ranking = "pnl", force: bool = False,
    valid_days: float | None = None,
) -> Params:  # fmt: skip
    """Write a sweep's choice as a parameter file for the live runner.

    Refuses when the best cells of one half of the data mostly failed in the other (PBO above .5), when cells chosen on
    earlier data lost money later, when either cannot be told, or on fewer than five events; ``force`` exports all the
    same and says so in the file. A sweep in which nothing was made or lost has no choice to export. ``by`` is what
    the picks overall and by-market rank by: P&L, or cash, which leaves the worth of positions out.
    """
    if sweep.folder is not None:
        check_hash(sweep.folder, sweep.about, frames_hash({}, {"cells": sweep.cells, "periods": sweep.periods}))
    if sweep.made_nothing:
        raise CheckError("not exported: no cell made or lost anything, so there is nothing to choose")
    chosen = _picks(sweep, pick, by)
    evidence = judge(sweep, chosen[0] if pick != "by-market" else None)
    refusals = refusal_reasons(evidence)
    if refusals and not force:
        raise CheckError(f"not exported: {'; '.join(refusals)}; force= exports all the same and says so in the file")
    write_params(Path(out), _assemble(sweep, pick, chosen, evidence, refusals, valid_days))
    return load_params(out)


def refusal_reasons(evidence: Evidence) -> list[str]:
    """Say why the evidence forbids an export; empty if it does not."""
    reasons = []
    pbo, outside = evidence.overfitting_probability, evidence.out_of_sample_pnl
    if evidence.events < LEAST_EVENTS:
        reasons.append(f"the evidence is {_counted(evidence.events)}, and fewer than {LEAST_EVENTS} show nothing")
    if pbo is None:
        reasons.append("the probability of overfitting cannot be told from so little data")
    elif pbo > 0.5:
        reasons.append(f"the probability of overfitting is {pbo:.2f}, above .5")
    if outside is None:
        reasons.append("there is no out-of-sample P&L in so little data")
    elif outside < 0:
        reasons.append(f"the out-of-sample P&L is {usd(outside)}")
    return reasons


def _counted(events: int) -> str:
    return "a single event" if events == 1 else f"{events} independent events"


def _picks(sweep: Sweep, pick: PickName, by: Ranking) -> list[Pick]:
    if pick == "robust":
        return [best_plateau(sweep)]
    if pick == "overall":
        return [best_overall(sweep, by)]
    if pick == "by-market":
        return list(best_by_market(sweep, by).values())
    raise InputError(f"pick {pick!r} is not known; use robust, overall or by-market")


def _assemble(
    sweep: Sweep, pick: PickName, chosen: list[Pick], evidence: Evidence, refusals: list[str], valid_days: float | None
) -> Params:
    if pick == "by-market":
        applies = [Applies(_model(sweep, one), market=one.market) for one in chosen]
    else:
        series = sorted({market.series for market in sweep.markets})
        applies = [Applies(_model(sweep, chosen[0]), series=name) for name in series]
    starts = sweep.period_pnl[0]
    begin, end = int(starts[0]), int(starts[-1]) + sweep.period_ns
    length = round(valid_days * DAY_NS) if valid_days is not None else max(end - begin, DAY_NS)
    warned = [*evidence.notices, *([Notice("forced-export", "; ".join(refusals))] if refusals else [])]
    if "rewards" in sweep.cells.columns and (rewards := _in_sample(sweep, chosen, "rewards")):
        warned.append(Notice("rewards-in-pnl", f"{usd(rewards)} of {usd(_in_sample(sweep, chosen))}"))
    outside = evidence.out_of_sample_pnl
    return Params(
        format=FORMAT,
        version=VERSION,
        strategy=sweep.strategy,
        strategy_hash=sweep.about.get("strategy_hash"),
        applies=applies,
        limits=_present(sweep.about.get("limits")) | _chosen("limits", sweep, chosen),
        venue=_present(sweep.about.get("venue")) | _chosen("venue", sweep, chosen),
        validity=Validity(iso(begin), iso(end), iso(end + length)),
        provenance=Provenance(
            pick=pick,
            engine_version=str(sweep.about.get("engine_version", "")),
            data_hash=str(sweep.about.get("data_hash", "")),
            cells=evidence.cells,
            trials=evidence.trials,
            markets=sweep.counted["market"].n_unique(),
            events=evidence.events,
            in_sample_pnl_micros=_in_sample(sweep, chosen),
            out_of_sample_pnl_micros=None if outside is None else round(outside),
            overfitting_probability=evidence.overfitting_probability,
            deflated_sharpe=evidence.deflated_sharpe,
            forced=True if refusals else None,
            refused_because=refusals or None,
        ),
        warnings=[Warned(**notice.as_row()) for notice in warned],
    )


def _in_sample(sweep: Sweep, chosen: list[Pick], name: str = "pnl") -> int:
    """Return the P&L, or another column, that the chosen cells made where they apply."""
    total = 0
    for one in chosen:
        rows = sweep.cells.filter(sweep.cells["cell"] == one.cell)
        total += int(rows.filter(rows["market"] == one.market)[name].sum() if one.market else rows[name].sum())
    return total


def _model(sweep: Sweep, pick: Pick) -> dict[str, Value]:
    """Return the model's parameters: those that were fixed, and those that the pick chose."""
    try:
        fixed = msgspec.convert(_present(sweep.about.get("fixed")), dict[str, Value])
    except msgspec.ValidationError as error:
        raise InputError(f"sweep.json: fixed parameters must be plain values: {error}") from None
    return fixed | _chosen("model", sweep, [pick])


def _chosen(part: str, sweep: Sweep, picks: list[Pick]) -> dict[str, Value]:
    """Return what the pick chose of the model, the venue or the limits; several picks agree on nothing."""
    if len(picks) != 1:
        return {}
    return {axis.name: axis.setting(picks[0].parameters[axis.name]) for axis in sweep.axes if axis.part == part}


def _present(table: object) -> dict[str, Any]:
    """Return a table without what is null, which TOML cannot write."""
    if not isinstance(table, dict):
        return {}
    return {
        str(key): _present(value) if isinstance(value, dict) else value
        for key, value in table.items()
        if value is not None
    }
