"""The folder of a trained model: what is finished of it, what is under way, and how it gets there whole."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import polars as pl

from ...io.ground import atomic
from ...io.ground.checksums import file_checksum
from ...io.ground.errors import DISK_FULL, DamagedError, DiskError, InputError
from ...io.ground.locks import own_folder
from ...io.ground.times import iso
from ...strategies.pipeline.scorers.trained import RECORD, Trained, is_trained
from ..results.params import to_toml

NEWEST = "model.onnx"
FOLDS = "folds.parquet"
SERIES = "series"
UNFINISHED = "unfinished"
REPORT = "report.html"
_OWN = {RECORD, NEWEST, FOLDS, SERIES, UNFINISHED, REPORT}


def _is_own(path: Path) -> bool:
    return path.name in _OWN or (path.is_file() and atomic.is_under_way(path.name))


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Be the only one who trains into a folder; one that holds something else is left alone.

    What a training that was killed had not finished writing is removed.
    """
    if folder.exists() and (not folder.is_dir() or not all(map(_is_own, folder.iterdir()))):
        raise InputError(f"{folder} holds something else than a trained model; name another folder with out=")
    taken = f"another training writes to {folder}; wait for it, or name another with out="
    try:
        with own_folder(folder, taken):
            for left in folder.iterdir():
                if atomic.is_under_way(left.name):
                    left.unlink()
            yield
    except OSError as error:
        if error.errno in DISK_FULL:
            raise DiskError(f"cannot write to {folder}: {error.strerror}; free some space and go on") from None
        raise


def refuse_other(folder: Path, question: str, held: str | None, force: bool) -> None:
    """Leave alone a folder whose model answers another question, unless ``force`` is given."""
    if is_trained(folder) and held != question and not force:
        raise InputError(
            f"{folder} holds a model that was asked for otherwise: name another folder with out=, or replace it with "
            "force="
        )


def part_file(folder: Path, key: str) -> Path:
    """Where a finished fold waits for the others."""
    return folder / UNFINISHED / f"{key}.npz"


def clear_parts(folder: Path) -> None:
    """Remove the folds that waited, when all of them are in the model."""
    shutil.rmtree(folder / UNFINISHED, ignore_errors=True)


def series_file(serves_from: int) -> str:
    """The name of a model's file in the folder, by the moment from which it serves.

    >>> series_file(0)
    'series/19700101T000000Z.onnx'
    """
    return f"{SERIES}/{iso(serves_from).replace('-', '').replace(':', '')}.onnx"


def write_models(folder: Path, models: Sequence[tuple[str, bytes]]) -> list[str]:
    """Write models beside those that are there, the last one once more as the newest; returns their hashes."""
    for name, content in models:
        atomic.write(folder / name, content)
    atomic.write(folder / NEWEST, models[-1][1])
    return [hashlib.sha256(content).hexdigest() for _, content in models]


def write_folds(folder: Path, frame: pl.DataFrame) -> str:
    """Write the predictions out of fold; returns their checksum."""
    with atomic.writing(folder / FOLDS) as beside:
        atomic.write_frame(frame, beside, compression_level=1)
        return file_checksum(beside)


def read_folds(folder: Path, trained: Trained) -> pl.DataFrame:
    """Read the predictions out of fold; a damaged file is an error."""
    place = folder / FOLDS
    if not place.is_file() or file_checksum(place) != trained.made.get("folds_checksum"):
        raise DamagedError(f"{place} is missing or not as engine train wrote it; run engine train again")
    return pl.read_parquet(place)


def write_record(folder: Path, trained: Trained) -> None:
    """Write ``model.toml``, last of all: a folder with it is finished."""
    document = msgspec.to_builtins(trained.signed())
    text = "# Written by engine train; checked by its content hash. See docs/training.md.\n" + to_toml(document)
    atomic.write(folder / RECORD, text, durable=True)
