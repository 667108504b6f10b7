"""Columns as Arrow has them: Parquet, Feather of both versions and Arrow streams, part by part."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl

from ...ground.errors import InputError

#: Container by the first bytes of a file.
CONTAINERS: Mapping[bytes, str] = {
    b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather-1", b"\xff\xff\xff\xff": "arrow-stream",
}  # fmt: skip
#: No recording has more rows than so many a byte.
_ROWS_A_BYTE = 1_000


def field_of(schema: pl.Schema, name: str) -> bool:
    """Whether a name ``a.b`` is a field of a column of records."""
    outer, dot, inner = name.partition(".")
    kind = schema.get(outer)
    return bool(dot) and isinstance(kind, pl.Struct) and any(one.name == inner for one in kind.fields)


def columns(path: Path, container: str) -> list[str]:
    """Read the names of a file's columns."""
    with _readable(path, container) as pa:
        if container == "parquet":
            import pyarrow.parquet as pq

            return _names(pq.read_schema(path))
        if container == "feather-1":
            return _names(_feather_1(path).schema)
        with pa.OSFile(str(path)) as file:
            opened = pa.ipc.open_file(file) if container == "feather" else pa.ipc.open_stream(file)
            return _names(opened.schema)


def parts(path: Path, container: str, rows: int) -> Iterator[Any]:
    """Read a file as record batches of about ``rows`` rows, checked so that text which is not UTF-8 ends no process."""
    with _readable(path, container):
        for part in _parquet(path, rows) if container == "parquet" else _ipc(path, container, rows):
            part.validate(full=True)
            yield part


def _names(schema: Any) -> list[str]:
    """Name the columns, and after them the fields of those that hold records."""
    import pyarrow as pa

    inner = [f"{one.name}.{field.name}" for one in schema if pa.types.is_struct(one.type) for field in one.type]
    return [*schema.names, *inner]


def _parquet(path: Path, rows: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        if file.metadata.num_rows > _ROWS_A_BYTE * path.stat().st_size:
            raise InputError(f"{path}: {file.metadata.num_rows:,} rows in so small a file are no recording")
        yield from file.iter_batches(batch_size=rows)


def _ipc(path: Path, container: str, rows: int) -> Iterator[Any]:
    import pyarrow as pa

    if container == "feather-1":
        yield from _feather_1(path).to_batches(max_chunksize=rows)
        return
    with pa.OSFile(str(path)) as file:
        if container == "feather":
            opened = pa.ipc.open_file(file)
            batches = (opened.get_batch(at) for at in range(opened.num_record_batches))
        else:
            batches = iter(pa.ipc.open_stream(file))
        for batch in batches:
            for first in range(0, batch.num_rows, rows):
                yield batch.slice(first, rows)


def _feather_1(path: Path) -> Any:
    from pyarrow import feather

    with warnings.catch_warnings():  # that its support will end one day; a reader without it says so in a line
        warnings.simplefilter("ignore", DeprecationWarning)
        return feather.read_table(path)


@contextmanager
def _readable(path: Path, container: str) -> Iterator[Any]:
    """Say in a line what Arrow cannot read."""
    import pyarrow as pa

    try:
        yield pa
    except (pa.ArrowException, OSError, ValueError) as error:
        kind = "Parquet" if container == "parquet" else "Arrow"
        raise InputError(f"{path}: not a readable {kind} file: {str(error).splitlines()[0]}") from None
