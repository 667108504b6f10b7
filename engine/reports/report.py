"""`engine report`: a result of any kind on one HTML page, warnings first."""

from __future__ import annotations

from pathlib import Path

from ..results.evidence import judge
from ..results.results import Bets, Recorded, Run, Runs, Sweep


def write_report(found: Recorded, path: Path) -> Path:
    """Write one self-contained page about a result of any kind; returns its path."""
    if isinstance(found, Sweep):
        from ..results.selection import best_overall, best_plateau
        from .pictures import grid_documents
        from .report_sweep import write_sweep_report

        pick = best_plateau(found)
        grid = grid_documents(found, pick, best_overall(found))
        return write_sweep_report(found, pick, judge(found, pick), grid, path)
    if isinstance(found, Bets):
        from .report_bets import write_bets_report

        return write_bets_report(found, path)
    from .report_run import write_run_report, write_runs_report

    if isinstance(found, Runs):
        return write_runs_report(found, path)
    assert isinstance(found, Run)
    return write_run_report(found, path)
