"""The files of a result: frames first, ``run.json`` last; and one hash of all of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ...io.ground import atomic
from ...io.ground.checksums import checksum, file_checksum, is_whole, with_checksum
from ...io.ground.errors import DISK_FULL, DamagedError, DiskError, InputError

#: What a finished run's folder holds; a folder without it is not finished.
RECORD = "run.json"
SWEEP_RECORD = "sweep.json"
#: The checksums of a result's files, by name, and its own.
CHECKSUMS = "checksums.json"
#: What is drawn from a result into its folder, by pattern: it goes with the result that it shows.
DRAWN = ("report.html", "heatmap*.html", "heatmap*.svg", "heatmap*.png")
#: What a run was asked for, by the names in its record; two runs that agree in all of it may share a folder.
RUN_QUESTION = (
    "kind", "strategy", "market", "store", "parameters", "start", "end", "price_grid", "underlying", "venue",
    "settings",
)  # fmt: skip
_AGAIN = "bring back a copy of it, or run the command that made it again"


class TakenError(InputError):
    """A folder holds the answer to another question."""


def frames_hash(totals: Mapping[str, Any], frames: Mapping[str, pl.DataFrame]) -> str:
    """Return one hash of what a run produced: of the values alone, whatever library holds them.

    >>> frames_hash({"pnl": 3}, {}) == frames_hash({"pnl": 4}, {})
    False
    """
    made = hashlib.sha256(json.dumps(totals, sort_keys=True, default=plain).encode())
    for frame in frames.values():
        for column in frame.iter_columns():
            kind, parts = _canonical(column)
            made.update(json.dumps([column.name, kind, len(column), column.null_count()]).encode())
            if column.null_count():
                made.update(np.packbits(column.is_null().to_numpy()).tobytes())
            for part in parts:
                made.update(part)
    return made.hexdigest()[:16]


def _canonical(column: pl.Series) -> tuple[str, list[bytes]]:
    """A column's kind and its values as bytes; where one is missing stands zero or an empty text."""
    if column.dtype == pl.Null:
        return "null", []
    if not (column.dtype.is_integer() or column.dtype.is_float() or column.dtype in (pl.String, pl.Boolean)):
        column = column.to_physical()  # only where it changes anything: each such call is a query of its own
    if column.null_count():
        column = column.fill_null("" if column.dtype == pl.String else False if column.dtype == pl.Boolean else 0)
    if column.dtype == pl.String:
        return "text", [column.str.len_bytes().to_numpy().astype("<u4").tobytes(), column.str.join("").item().encode()]
    if column.dtype == pl.Boolean:
        return "bool", [column.cast(pl.UInt8).to_numpy().tobytes()]
    values = column.to_numpy()
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nan, values + 0.0)  # one NaN, one zero
    ordered = values.astype(values.dtype.newbyteorder("<"))
    return ordered.dtype.str, [ordered.tobytes()]


def write_run(
    folder: str | Path, frames: Mapping[str, pl.DataFrame], record: Mapping[str, Any], *, force: bool = False
) -> Path:
    """Write a run's folder; one that holds the answer to another question is left alone unless ``force`` is given."""
    place = Path(folder)
    if (place / SWEEP_RECORD).exists():
        raise TakenError(f"{place} holds a sweep; name another folder with out=")
    if not force and (place / RECORD).is_file():
        refuse_other(place, read_json(place / RECORD), record, RUN_QUESTION)
    return write_files(place, frames, record, RECORD)


def refuse_other(place: Path, held: Mapping[str, Any], record: Mapping[str, Any], question: Sequence[str]) -> None:
    """Raise an error if what a folder holds was asked for otherwise than what would take its place."""
    asked = as_written(record)
    for name in question:
        if held.get(name) != asked.get(name):
            raise TakenError(
                f"{place} holds the answer to another question, which differs in its {name.replace('_', ' ')}: name "
                f"another folder with out=, or replace it with force="
            )


def write_files(place: Path, frames: Mapping[str, pl.DataFrame], record: Mapping[str, Any], record_name: str) -> Path:
    """Write frames and their record. An old record goes first and the new one last: no mixture looks finished."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        text = json.dumps(record, indent=1, default=plain).encode()
        there = place / record_name
        is_another = there.is_file() and there.read_bytes() != text
        for old in (record_name, CHECKSUMS, *(drawn(place) if is_another else ())):
            (place / old).unlink(missing_ok=True)
        sums = {record_name: checksum(text)}
        for name, frame in frames.items():
            with atomic.writing(place / f"{name}.parquet") as beside:
                atomic.write_frame(frame, beside, compression_level=1)
                sums[f"{name}.parquet"] = file_checksum(beside)
        _write_sums(place, sums)
        return atomic.write(place / record_name, text, durable=True)
    except OSError as error:
        said = f"cannot write to {place}: {error.strerror}"
        if error.errno in DISK_FULL:
            raise DiskError(f"{said}; free some space and run the same command again") from None
        raise InputError(said) from None


def drawn(place: Path) -> list[str]:
    """Return the names of what was drawn from the result in a folder."""
    return sorted(file.name for pattern in DRAWN for file in place.glob(pattern))


def write_copy(held: Path, place: Path, *, force: bool = False) -> None:
    """Copy a finished sweep's files; another sweep in that folder is left alone unless ``force`` is given."""
    if place.resolve() == held.resolve():
        return
    there = (place / SWEEP_RECORD).is_file()
    if not there and place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise TakenError(f"{place} holds something else than a sweep; name another folder")
    if there and not force and read_json(place / SWEEP_RECORD) != read_json(held / SWEEP_RECORD):
        raise TakenError(f"{place} holds another sweep: name another folder, or replace it with force=")
    old = [*checksums(place), SWEEP_RECORD, CHECKSUMS, *drawn(place)] if there else []
    for name in sorted(old, key=lambda name: name != SWEEP_RECORD):  # its record first: no mixture looks finished
        (place / name).unlink(missing_ok=True)
    place.mkdir(parents=True, exist_ok=True)
    names = sorted(checksums(held), key=lambda name: name == SWEEP_RECORD)
    for name in (CHECKSUMS, *names):
        atomic.write(place / name, (held / name).read_bytes())


def write_document(path: Path, content: bytes) -> None:
    """Write a file that follows from a finished result into its folder, and its checksum."""
    atomic.write(path, content)
    _write_sums(path.parent, checksums(path.parent) | {path.name: checksum(content)})


def _write_sums(place: Path, sums: Mapping[str, str]) -> None:
    atomic.write(place / CHECKSUMS, with_checksum(json.dumps(sums, indent=1).encode()))


def checksums(place: Path) -> dict[str, str]:
    """Return the checksums of a result's files by name; none for a result of before 0.2.0."""
    try:
        document = (place / CHECKSUMS).read_bytes()
    except FileNotFoundError:
        return {}
    if not is_whole(document):
        raise DamagedError(f"{place / CHECKSUMS} is damaged; {_AGAIN}")
    sums = {name: found for name, found in json.loads(document).items() if name != "checksum"}
    if any(Path(name).name != name for name in sums):
        raise DamagedError(f"{place / CHECKSUMS} names files outside of the folder; {_AGAIN}")
    return sums


def read_whole(path: Path) -> bytes:
    """Read a file of a result, and see that it is as it was written; FileNotFoundError if there is none."""
    content, wanted = path.read_bytes(), checksums(path.parent).get(path.name)
    if wanted is not None and checksum(content) != wanted:
        raise DamagedError(f"{path} is not as it was written: damaged or edited; {_AGAIN}")
    return content


def check_whole(place: Path) -> None:
    """See that every file of a result is as it was written."""
    for name in checksums(place):
        try:
            read_whole(place / name)
        except FileNotFoundError:
            raise DamagedError(f"{place / name} is missing; {_AGAIN}") from None


def check_hash(place: Path, record: Mapping[str, Any], held: str) -> None:
    """See that what a folder holds has the hash that its record states; records of before 0.2.0 state another kind."""
    stated, name = record.get("result_hash"), SWEEP_RECORD if record.get("kind") == "sweep" else RECORD
    if stated != held and name in checksums(place):
        raise DamagedError(f"{place} holds a result of hash {held}, and its record says {stated}; {_AGAIN}")


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON object of a result."""
    try:
        found = json.loads(read_whole(path))
    except RecursionError:
        raise InputError(f"{path} is not JSON: it is nested too deeply") from None
    except ValueError as error:
        raise InputError(f"{path} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{path} should hold one JSON object")
    return found


def read_record(path: str | Path) -> dict[str, Any]:
    """Read the record of a run: the file, or its folder."""
    file = Path(path)
    file = file / RECORD if file.is_dir() else file
    try:
        record = read_json(file)
    except FileNotFoundError:
        raise InputError(f"there is no results file {file}; a backtest with out= writes one") from None
    except OSError as error:
        raise InputError(f"{file} is not the record of a run: {error}") from None
    if "kind" not in record:
        raise InputError(f"{file} is not the record of a run; a backtest with out= writes one")
    return record


def settled(store: str) -> str:
    """Return a store's place so that it is found from any folder."""
    return store if "://" in store else str(Path(store).expanduser().absolute())


def as_written(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record as it will be when it is read back: with JSON's own types."""
    return json.loads(json.dumps(record, default=plain))


def plain(value: Any) -> Any:
    """What JSON cannot say of numpy's numbers."""
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value)} cannot be written as JSON")
