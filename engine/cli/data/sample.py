"""`engine data sample`: make the synthetic market day and import it like any other data."""

from __future__ import annotations

import tempfile
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import typer

from ..console import JSON_OPTION, emit_json, emit_table, progress, say

_OUT = typer.Option(None, "--out", help="Keep the files of the recording in this folder.")


def data_sample(
    seed: int = typer.Option(7, "--seed", help="The same seed gives the same bytes."),
    scale: float = typer.Option(1.0, "--scale", help="How much happens: 1 is over a million frames."),
    store: str = typer.Option("data", "--store", "--data-dir", help="The store to import into."),
    out: Path | None = _OUT,
    no_import: bool = typer.Option(False, "--no-import", help="Only write the files; needs --out."),
    as_json: bool = JSON_OPTION,
) -> None:
    """Make a synthetic market day, in the exchange's own capture format, and import it. None of it was ever traded."""
    from ....io import sample
    from ....io.ground.errors import InputError
    from ....io.store.store import Store

    if no_import and out is None:
        raise InputError("--no-import keeps nothing; say where the files go with --out FOLDER")
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() if out is None else nullcontext(out) as place, progress(quiet=as_json) as bar:
        making = bar.add_task("making the synthetic day", total=sample.RECORDINGS)
        written = sample.make(seed, scale, place, lambda done: bar.advance(making))
        made = time.perf_counter()
        size = sum(path.stat().st_size for path in written)
        rows: dict[str, int] = {}
        if not no_import:
            importing = bar.add_task("importing it", total=len(written))
            rows = sample.load(Store(store), written, lambda done: bar.advance(importing))
    took = time.perf_counter() - made
    facts: dict[str, Any] = {
        "synthetic": True,
        "seed": seed,
        "scale": scale,
        "megabytes": round(size / 1e6, 1),
        "rows": rows,
        "seconds_to_make": round(made - began, 2),
        "seconds_to_import": round(took, 2),
        "files": [str(path) for path in written] if out is not None else [],
    }
    if as_json:
        emit_json(facts)
        return
    emit_table("synthetic market day", ("table", "new rows"), rows.items())
    where = f"; files in {out}" if out is not None else ""
    took_to_make = f"{size / 1e6:,.1f} MB made in {made - began:.1f} s"
    say(f"seed {seed}, scale {scale:g}: {took_to_make}, imported in {took:.1f} s{where}")
