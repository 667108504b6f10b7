"""CSV of trades into the store, against Polars alone writing one sorted Parquet file of the same rows.

Workload: W4. The importer reads, checks and converts every row and writes sorted files with a manifest; the yardstick
is `scan_csv(...).sort("ticker", "created_time").sink_parquet(...)` with zstd and row groups of 131,072, which leaves
times as text. Each runs in a process of its own, by turns; the peak memory is that of the process.
Bars: 1.5 times the yardstick's time; 3 GB at 20 M and at 60 M rows (TOUCHLINE_W4_REPEAT=3 reads the file three times).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS = 2

MEASURE = """
import json, resource, sys, time
def report(start, **more):
    used = resource.getrusage(resource.RUSAGE_SELF)
    print(json.dumps({"seconds": time.perf_counter() - start, "cpu": used.ru_utime + used.ru_stime,
                      "peak_gb": used.ru_maxrss / 1e6, **more}))
"""

STORE = """
from pathlib import Path
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.store import Store
start = time.perf_counter()
known, _ = plan([Path(sys.argv[1])], Options())
done = import_file(Store(sys.argv[2]), known[0], Options()).report
report(start, rows=done.rows["trades"], quarantined=done.quarantined, tickers=done.tickers)
"""

POLARS = """
import polars as pl
start = time.perf_counter()
pl.scan_csv(sys.argv[1]).sort("ticker", "created_time").sink_parquet(
    sys.argv[2], compression="zstd", row_group_size=131072)
report(start)
"""


def measured(code: str, *arguments: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE + code, *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.bench
def test_csv_to_store(benchmark, trades_csv, tmp_path, tell):
    repeat = int(os.environ.get("TOUCHLINE_W4_REPEAT", "1"))
    csv = trades_csv.csv
    if repeat > 1:
        csv = tmp_path / "repeated.csv"
        with trades_csv.csv.open("rb") as one, csv.open("wb") as many:
            header = one.readline()
            many.write(header)
            for _ in range(repeat):
                one.seek(len(header))
                while block := one.read(1 << 24):
                    many.write(block)

    yardstick: list[dict[str, float]] = []
    ours: list[dict[str, float]] = []

    def by_turns() -> tuple[tuple[Path], dict]:
        target = tmp_path / "polars.parquet"
        if repeat == 1:
            yardstick.append(measured(POLARS, csv, target))
            target.unlink()
        return (tmp_path / f"store{len(ours)}",), {}

    def ingest(store: Path) -> None:
        ours.append(measured(STORE, csv, store))

    benchmark.pedantic(ingest, setup=by_turns, rounds=ROUNDS if repeat == 1 else 1)
    for one in ours:
        assert (one["rows"], one["quarantined"]) == (trades_csv.rows * repeat, 0)
        assert one["peak_gb"] < 3
    best = min(ours, key=lambda one: one["seconds"])
    ratios = {"ingest_gb": max(one["peak_gb"] for one in ours)}
    facts = {"rows": best["rows"], "store_s": best["seconds"], "store_cpu_s": min(one["cpu"] for one in ours)}
    if yardstick:
        polars = min(yardstick, key=lambda one: one["seconds"])
        facts |= {"polars_s": polars["seconds"], "polars_cpu_s": min(one["cpu"] for one in yardstick)}
        facts["polars_gb"] = polars["peak_gb"]
        ratios["ingest_wall"] = best["seconds"] / polars["seconds"]
        ratios["ingest_cpu"] = facts["store_cpu_s"] / facts["polars_cpu_s"]
    tell("ingest", ratios, **facts)
