"""A disk that takes no more: one plain line, exit code 1, nothing lost, and the same command goes on."""

from __future__ import annotations

import json
import resource
import signal
import tempfile
from pathlib import Path
from subprocess import CompletedProcess

import polars as pl
import pytest
from touchline.engine.bets.panel import panel
from touchline.engine.exchanges import Exchange
from touchline.io.store.store import Store

from ...program import engine
from ..exchanges.conftest import TICKER, make_history
from ..histories import made_up


def run(command: list[str], limit: int | None = None) -> CompletedProcess[str]:
    """Run a command whose files may grow up to ``limit`` bytes only, which it meets like a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    told = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit or before[0], before[1]))
    try:
        return engine(*command)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, told)


def plain(done: CompletedProcess[str]) -> None:
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stderr.splitlines() if line.startswith("error: cannot write")]
    assert len(lines) == 1 and "Free some space" in lines[0], done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("limit", [300, 9_000])
def test_an_import_goes_on_where_the_disk_was_full(tmp_path: Path, limit: int):
    at = pl.int_range(9_000, eager=True)
    frame = pl.DataFrame({"ts": 1_790_000_000_000_000_000 + at * 7_919_000, "ticker": "T", "price": 40 + at % 50})
    frame = frame.with_columns(size=at * 7919 % 99_991 + 1, trade_id=(at * 7_777_777).cast(pl.String))
    path, store = tmp_path / "trades.csv", tmp_path / "store"
    frame.write_csv(path)
    command = ["data", "import", str(path), "--price-unit", "cents", "--size-unit", "lots", "--store", str(store)]
    plain(run(command, limit))
    assert not [left for left in store.rglob(".*") if left.name.endswith(".tmp")]
    done = run(command)
    assert done.returncode == 0, done.stderr
    assert Store(store).trades().collect().height == 9_000


@pytest.mark.slow
def test_a_download_goes_on_where_the_disk_was_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    trades = [(n * 0.05, 4_600 + 100 * (n % 3), 100 + n % 7, 1) for n in range(1, 15_000)]
    history = make_history(trades=trades, close_ts=1_790_000_900 * 10**9)
    with Exchange(history, speed=0, start="end") as exchange, monkeypatch.context() as set_:
        for name, value in exchange.environment.items():
            set_.setenv(name, value)
        command = ["data", "pull", "--series", "KXTEST", "--start", "2026-09-01", "--end", "2026-10-01"]
        command += ["--trades", "--rate", "1000", "--store", str(tmp_path), "--json"]
        for limit in (3_000, 100_000, 1_000_000):
            plain(run(command, limit))
        done = run(command)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["markets"] == 1
    found = Store(tmp_path).trades(TICKER).collect()
    assert found.height == found["trade_id"].n_unique() == len(trades)


GRID = ["sweep", "--axis", "kelly_fraction=0.1:0.3:3", "--no-pictures"]


def bets(command: list[str], store: Path, out: Path) -> list[str]:
    return [*command, "--strategy", "quant", "--store", str(store), "--set", "max_spread=10", "--out", str(out)]


@pytest.fixture(scope="module")
def markets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store, and kernels that are kept: a full disk keeps none."""
    folder = tmp_path_factory.mktemp("bets")
    made_up(folder / "store", 11, markets=24)
    for command in (["backtest"], GRID):
        done = run(bets(command, folder / "store", folder / command[0]))
        assert done.returncode == 0, done.stderr
    return folder / "store"


@pytest.mark.parametrize(
    ("command", "limit", "rows"),
    [(["backtest"], 3_000, None), (GRID, 2_000, None), (["backtest"], 3_000, 100)],
    ids=["run", "sweep", "panel in files"],
)
def test_bets_leave_nothing_half_written(
    markets: Path, tmp_path: Path, command: list[str], limit: int, rows: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Panels are kept in files from some rows on, as those of many markets are."""
    out, scratch = tmp_path / "out", tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    if rows:
        monkeypatch.setattr(panel, "MAPPED_ROWS", rows)
    done = run(bets(command, markets, out), limit)
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1), done.stderr
    assert done.stderr.startswith("error: cannot write to " + str(scratch if rows else out))
    assert "; free some space" in done.stderr
    assert not list(scratch.iterdir())
    assert not [left for left in out.rglob("*") if left.suffix in (".json", ".tmp")]
    done = run(bets(command, markets, out))
    assert done.returncode == 0, done.stderr
    assert not list(scratch.iterdir())
    assert len(list(out.glob("run.json")) + list(out.glob("sweep.json"))) == 1
