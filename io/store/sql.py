"""SQL over the store's tables, by DuckDB: a query reads the tables and touches nothing else."""

from __future__ import annotations

from collections.abc import Mapping

import duckdb
import polars as pl

from ..ground.cache import cache_dir
from ..ground.errors import InputError
from .files.intact import whole
from .files.manifest import StoreState
from .files.place import Place
from .schema import TABLES, StoredTable


def run_sql(query: str, place: Place, state: StoreState, frames: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Run one SELECT over views of every table; ``frames`` are tables already in memory."""
    connection = duckdb.connect(config={"temp_directory": str(cache_dir() / "sql")})
    try:
        files = {name: whole(place, state.files.get(name, ())) for name in TABLES}
        if place.filesystem is not None:
            connection.register_filesystem(place.filesystem)
        _shut(connection, [path for paths in files.values() for path in paths])
        for name, table in TABLES.items():
            if name not in frames:
                connection.execute(_view(table, files[name]))
        for name, frame in frames.items():
            connection.register(name, frame)
        statements = connection.extract_statements(query)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise InputError("a query is one SELECT (or DESCRIBE, SUMMARIZE, SHOW TABLES); only imports change a store")
        answer = pl.DataFrame(connection.sql(statements[0]).to_arrow_table())
        return answer.with_columns(_whole(column) for column in answer if column.dtype == _HUGEINT)
    except duckdb.Error as error:
        what, *more = str(error).strip().splitlines()
        near = [line for line in more if line.startswith(("Did you mean", "Candidate bindings"))]
        raise InputError(f"the query cannot be run: {' '.join([what, *near])}") from None
    finally:
        connection.close()


def _shut(connection: duckdb.DuckDBPyConnection, paths: list[str]) -> None:
    """Let queries read the store's files, and neither other files, nor extensions, nor settings."""
    connection.execute("SET allowed_paths = $paths", {"paths": paths})
    connection.execute("SET python_enable_replacements = false")
    connection.execute("SET enable_external_access = false")
    connection.execute("SET autoinstall_known_extensions = false")
    connection.execute("SET autoload_known_extensions = false")
    connection.execute("SET lock_configuration = true")


def _whole(column: pl.Series) -> pl.Series:
    """Sums of whole numbers as whole numbers: DuckDB's are 128 bits wide and arrive as decimals."""
    wide = column.cast(pl.Int128)
    return wide.cast(pl.Int64, strict=False) if wide.is_between(-(2**63), 2**63 - 1).all() else wide


def _view(table: StoredTable, paths: list[str]) -> str:
    if paths:
        listed = ", ".join("'" + path.replace("'", "''") + "'" for path in paths)
        return f"CREATE VIEW {table.name} AS SELECT * FROM read_parquet([{listed}])"
    columns = ", ".join(f"NULL::{_TYPES[type(dtype)]} AS {name}" for name, dtype in _typed(table).items())
    return f"CREATE VIEW {table.name} AS SELECT {columns} WHERE false"


def _typed(table: StoredTable) -> dict[str, pl.DataType]:
    return {name: dtype() if isinstance(dtype, type) else dtype for name, dtype in table.schema.items()}


_HUGEINT = pl.Decimal(38, 0)
_TYPES: dict[type[pl.DataType], str] = {
    pl.Int64: "BIGINT",
    pl.Int32: "INTEGER",
    pl.Int8: "TINYINT",
    pl.Float64: "DOUBLE",
    pl.Boolean: "BOOLEAN",
    pl.String: "VARCHAR",
}
