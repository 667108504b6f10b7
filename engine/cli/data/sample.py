"""`engine data sample`: make the synthetic market day and import it like any other data."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..console import JSON_OPTION, emit, emit_table, say
from ..options import STORE

if TYPE_CHECKING:
    from ...api.data import SampleDay

_OUT = typer.Option(None, "--out", help="Keep the files of the recording in this folder.")


def data_sample(
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same bytes."),
    scale: float = typer.Option(1.0, "--scale", help="How much happens: 1 is over a million frames."),
    store: str = STORE,
    out: Path | None = _OUT,
    no_import: bool = typer.Option(False, "--no-import", help="Only write the files; needs --out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a synthetic market day, in the exchange's own capture format, and import it. None of it was ever traded."""
    from ...api.data import sample

    made = sample(store, seed=seed, scale=scale, out=out, no_import=no_import, progress=not as_json)
    emit(as_json, lambda: _document(made), lambda: _tell(made, out))


def _tell(made: SampleDay, out: Path | None) -> None:
    emit_table("synthetic market day", ("table", "new rows"), made.rows.items())
    where = f"; files in {out}" if out is not None else ""
    took = f"{made.bytes / 1e6:,.1f} MB made in {made.seconds_to_make:.1f} s"
    say(f"seed {made.seed}, scale {made.scale:g}: {took}, imported in {made.seconds_to_import:.1f} s{where}")


def _document(made: SampleDay) -> dict[str, Any]:
    return {
        "synthetic": True,
        "seed": made.seed,
        "scale": made.scale,
        "megabytes": round(made.bytes / 1e6, 1),
        "rows": made.rows,
        "seconds_to_make": round(made.seconds_to_make, 2),
        "seconds_to_import": round(made.seconds_to_import, 2),
        "files": [str(path) for path in made.files],
    }
