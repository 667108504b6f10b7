"""Look-ups and bars through the store, against DuckDB and Polars on sorted files of their own.

Workload: W4. Twenty look-ups of one ticker in a 6-hour window (all columns, as a frame in memory), and 1-minute
bars (open, high, low, close, volume) of all tickers. Yardsticks and store take turns; the files are in the page cache.
Bars: look-ups 1.5 times DuckDB, median and slowest; bars 1.3 times the faster of Polars and DuckDB.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.store import Store

ROUNDS = 5


@pytest.fixture(scope="module")
def store(trades_csv, tmp_path_factory) -> Store:
    opened = Store(tmp_path_factory.mktemp("store"))
    known, _ = plan([trades_csv.csv], Options())
    import_file(opened, known[0], Options())
    return opened


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as opened:
        yield opened


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.perf_counter()
    answer = work()
    return time.perf_counter() - start, answer


def cpu_seconds(work: Callable[[], Any]) -> float:
    """Seconds of all cores: steadier than the clock where other work runs too."""
    start = time.process_time()
    work()
    return time.process_time() - start


@pytest.mark.bench
def test_lookups(benchmark, tell, trades_csv, duckdb_file, connection, store):
    query = f"SELECT * FROM '{duckdb_file}' WHERE ticker = ? AND created_time >= ? AND created_time < ?"
    theirs: list[list[float]] = []
    ours: list[list[float]] = []

    def duckdb_one(*lookup: Any) -> pa.Table:
        return connection.sql(query, params=list(lookup)).to_arrow_table()

    def store_one(*lookup: Any) -> pl.DataFrame:
        return store.trades(*lookup).collect()

    def duckdb_all() -> tuple[tuple[()], dict]:
        took = [timed(partial(duckdb_one, *one)) for one in trades_csv.lookups]
        theirs.append([seconds for seconds, _ in took])
        counts = [sum(answer.column("count").to_pylist()) for _, answer in took]
        answers.append(([answer.num_rows for _, answer in took], counts))
        return (), {}

    def store_all() -> None:
        took = [timed(partial(store_one, *one)) for one in trades_csv.lookups]
        ours.append([seconds for seconds, _ in took])
        answers.append(([answer.height for _, answer in took], [answer["size"].sum() // 100 for _, answer in took]))

    answers: list[tuple[list[int], list[int]]] = []
    duckdb_all()
    store_all()
    theirs.clear()
    ours.clear()
    benchmark.pedantic(store_all, setup=duckdb_all, rounds=ROUNDS)
    assert all(one == answers[0] for one in answers)
    if trades_csv.full:
        assert (sum(answers[0][0]), sum(answers[0][1])) == (28_618, 719_808)
    median = [statistics.median(seconds for one in side for seconds in one) * 1e3 for side in (ours, theirs)]
    slowest = [min(max(one) for one in side) * 1e3 for side in (ours, theirs)]
    ratios = {"lookup_median": median[0] / median[1], "lookup_slowest": slowest[0] / slowest[1]}
    facts = {"store_median_ms": median[0], "duckdb_median_ms": median[1]}
    tell("look-ups", ratios, **facts, store_slowest_ms=slowest[0], duckdb_slowest_ms=slowest[1])


@pytest.mark.bench
def test_bars(benchmark, tell, trades_csv, polars_file, duckdb_file, connection, store):
    sql = f"""
        SELECT ticker, date_trunc('minute', created_time) AS minute, first(yes_price ORDER BY created_time) AS open,
               max(yes_price) AS high, min(yes_price) AS low, last(yes_price ORDER BY created_time) AS close,
               sum(count)::BIGINT AS volume
        FROM '{duckdb_file}' GROUP BY ALL"""

    def bars(rows: pl.LazyFrame, minute: pl.Expr, price: str, size: str) -> pl.DataFrame:
        column = pl.col(price)
        aggregated = rows.group_by("ticker", minute.alias("minute")).agg(
            column.first().alias("open"),
            column.max().alias("high"),
            column.min().alias("low"),
            column.last().alias("close"),
            pl.col(size).sum().alias("volume"),
        )
        return aggregated.collect(engine="streaming")

    def polars_bars() -> pl.DataFrame:
        minute = pl.col("created_time").dt.truncate("1m")
        return bars(pl.scan_parquet(polars_file), minute, "yes_price", "count")

    def store_bars() -> pl.DataFrame:
        return store.bars()

    def check(answer: pl.DataFrame, price: int, size: int) -> tuple[int, ...]:
        sums = answer.select(pl.col("open", "high", "low", "close", "volume").cast(pl.Int64).sum()).row(0)
        opened, high, low, closed = (value // price for value in sums[:4])
        volume = sums[4] // size
        return answer.height, volume, opened + 3 * high + 5 * low + 7 * closed + volume

    yardsticks: dict[str, list[float]] = {"polars": [], "duckdb": []}
    ours: list[float] = []
    answers: set[tuple[int, ...]] = set()

    def others() -> tuple[tuple[()], dict]:
        seconds, answer = timed(polars_bars)
        yardsticks["polars"].append(seconds)
        answers.add(check(answer, 1, 1))
        del answer
        seconds, table = timed(lambda: connection.sql(sql).to_arrow_table())
        yardsticks["duckdb"].append(seconds)
        answers.add(check(pl.DataFrame(table), 1, 1))
        return (), {}

    def own() -> None:
        seconds, answer = timed(store_bars)
        ours.append(seconds)
        answers.add(check(answer, 100, 100))

    benchmark.pedantic(own, setup=others, rounds=ROUNDS)
    assert len(answers) == 1, answers
    if trades_csv.full:
        assert answers == {(11_006_293, 500_937_532, 9_073_059_744)}
    faster = min(min(seconds) for seconds in yardsticks.values())
    facts = {f"{name}_s": min(seconds) for name, seconds in yardsticks.items()}
    cpu = [min(cpu_seconds(work) for _ in range(2)) for work in (store_bars, polars_bars)]
    ratios = {"bars_wall": min(ours) / faster, "bars_cpu": cpu[0] / cpu[1]}
    tell("bars", ratios, rows=trades_csv.rows, store_s=min(ours), store_cpu_s=cpu[0], polars_cpu_s=cpu[1], **facts)
