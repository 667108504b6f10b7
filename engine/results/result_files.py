"""The files of a result: frames first, ``run.json`` last; and one hash of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io import atomic
from ...io.errors import DISK_FULL, DiskError, InputError

#: What a finished run's folder holds; a folder without it is not finished.
RECORD = "run.json"
SWEEP_RECORD = "sweep.json"


def frames_hash(totals: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> str:
    """One hash of what a run produced.

    >>> frames_hash({"pnl": 3}, {}) == frames_hash({"pnl": 4}, {})
    False
    """
    made = hashlib.sha256(json.dumps(totals, sort_keys=True, default=plain).encode())
    for frame in frames.values():
        for column in frame.iter_columns():
            made.update(f"{column.name}:{column.dtype}".encode())
            made.update(column.hash(0).to_numpy().tobytes())
    return made.hexdigest()[:16]


def write_run(folder: str | Path, frames: Mapping[str, pl.DataFrame], record: Mapping[str, Any]) -> Path:
    """Write a run's folder."""
    place = Path(folder)
    if (place / SWEEP_RECORD).exists():
        raise InputError(f"{place} holds a sweep; name another folder with --out")
    return write_files(place, frames, record, RECORD)


def write_files(place: Path, frames: Mapping[str, pl.DataFrame], record: Mapping[str, Any], record_name: str) -> Path:
    """Write frames and their record. An old record goes first and the new one last: no mixture looks finished."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / record_name).unlink(missing_ok=True)
        for name, frame in frames.items():
            with atomic.writing(place / f"{name}.parquet") as beside:
                atomic.write_frame(frame, beside, compression_level=1)
        text = json.dumps(record, indent=1, default=plain)
        return atomic.write(place / record_name, text, durable=True)
    except OSError as error:
        said = f"cannot write to {place}: {error.strerror}"
        if error.errno in DISK_FULL:
            raise DiskError(f"{said}; free some space and run the same command again") from None
        raise InputError(said) from None


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the record of a run: the file, or its folder."""
    file = Path(path)
    file = file / RECORD if file.is_dir() else file
    try:
        record = json.loads(file.read_text())
    except FileNotFoundError:
        raise InputError(f"there is no results file {file}; engine backtest --out writes one") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{file} is not the record of a run: {error}") from None
    if not isinstance(record, dict) or "kind" not in record:
        raise InputError(f"{file} is not the record of a run; engine backtest --out writes one")
    return record


def plain(value: Any) -> Any:
    """What JSON cannot say of numpy's numbers."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value)} cannot be written as JSON")
