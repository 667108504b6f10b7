"""The data that several benchmarks share: a day-ordered file of trades, and the yardsticks' own sorted copies of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest

from .tapes import SHORT, data

START = datetime.fromtimestamp(1_750_000_000, UTC)
DAYS, TICKERS, ROW_GROUP = 30, 5_000, 131_072
#: Popularity of the tickers that are looked up, one 6-hour window each.
RANKS = [1, 2, 3, 5, 8, 13, 21, 34, 55, 89, 144, 233, 377, 610, 987, 1500, 2000, 3000, 4000, 4900]
WINDOW = timedelta(hours=6)


@dataclass(frozen=True)
class Trades:
    """A CSV of trades in time order: ticker, created_time, yes_price, no_price, count, taker_side."""

    csv: Path
    rows: int
    full: bool  # the 20,000,000 rows whose answers are known

    @property
    def lookups(self) -> list[tuple[str, datetime, datetime]]:
        """The ticker and the window of each look-up."""
        starts = [START + timedelta(hours=31 * number % 700) for number in range(len(RANKS))]
        return [(ticker(rank), start, start + WINDOW) for rank, start in zip(RANKS, starts, strict=True)]


def ticker(rank: int) -> str:
    series = ("HIGHNY", "BTCD", "NBAGAME", "INXD", "FEDRATE")[rank % 5]
    return f"KX{series}-25JUN{rank % 30 + 1:02d}-T{rank:05d}"


@pytest.fixture(scope="session")
def trades_csv(tmp_path_factory: pytest.TempPathFactory) -> Trades:
    """``w4_trades.csv`` of the common work; without it 2,000,000 rows of the same kind, fewer in short runs."""
    given = data("w4_trades.csv")
    if given:
        rows = pl.scan_csv(given).select(pl.len()).collect().item()
        return Trades(given, rows, rows == 20_000_000)
    rows = 200_000 if SHORT else 2_000_000
    path = tmp_path_factory.mktemp("w4") / "trades.csv"
    write_trades(path, rows)
    return Trades(path, rows, False)


def write_trades(path: Path, rows: int) -> None:
    """Write trades of 5,000 tickers, the k-th most popular traded 1/k as often as the first, over 30 days."""
    dice = np.random.default_rng(7)
    weights = 1 / np.arange(1, TICKERS + 1)
    names = pl.Series([ticker(rank) for rank in range(TICKERS)])
    chosen = dice.choice(TICKERS, rows, p=weights / weights.sum())
    price = np.clip(dice.uniform(5, 95, TICKERS)[chosen] + dice.normal(0, 2, rows), 1, 99).astype(np.int16)
    seconds = np.sort(dice.integers(0, DAYS * 86_400 * 1_000_000, rows))
    pl.DataFrame(
        {
            "ticker": names.gather(chosen),
            "created_time": pl.Series(seconds + 1_750_000_000_000_000).cast(pl.Datetime("us", "UTC")),
            "yes_price": price,
            "no_price": 100 - price,
            "count": np.clip(dice.lognormal(2.5, 1.2, rows), 1, 50_000).astype(np.int32),
            "taker_side": pl.Series(["no", "yes"]).gather(dice.integers(0, 2, rows)),
        }
    ).write_csv(path, datetime_format="%Y-%m-%dT%H:%M:%S%.6fZ")


@pytest.fixture(scope="session")
def polars_file(trades_csv: Trades, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What Polars writes: one file, sorted."""
    path = tmp_path_factory.mktemp("polars") / "trades.parquet"
    read = pl.scan_csv(trades_csv.csv, try_parse_dates=True).sort("ticker", "created_time")
    read.sink_parquet(path, compression="zstd", row_group_size=ROW_GROUP)
    yield path
    path.unlink()


@pytest.fixture(scope="session")
def duckdb_file(trades_csv: Trades, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """What DuckDB writes: one file, sorted."""
    path = tmp_path_factory.mktemp("duckdb") / "trades.parquet"
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * FROM read_csv('{trades_csv.csv}') ORDER BY ticker, created_time) "
            f"TO '{path}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROW_GROUP})"
        )
    yield path
    path.unlink()


@pytest.fixture
def tell(benchmark: Any, capsys: pytest.CaptureFixture[str]) -> Callable[..., None]:
    """Keep a bench's ratios, which ``gates.toml`` judges, and its figures, and print both."""

    def told(what: str, ratios: Mapping[str, float], **figures: object) -> None:
        ratios = {name: float(ratio) for name, ratio in ratios.items()}
        benchmark.extra_info.update(ratios=ratios, **figures)
        shown = {**ratios, **figures}.items()
        with capsys.disabled():
            print(f"\n{what}:", ", ".join(f"{k} {v:,.3g}" if isinstance(v, float) else f"{k} {v}" for k, v in shown))

    return told
