"""Sweeps that are killed, and sweeps spread over worker processes: the same hash in the end."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from touchline.engine.api.runs import sweep
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.sweeps.cluster import Task, work
from touchline.io.ground.errors import InputError
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.parameters import check
from touchline.strategies.quoting.fingerprint import fingerprint

from ..made_books import made_books

KILLS, CELLS = 30, 200
#: Sweeps once a line on stdin, each time in a fork of its own, in small blocks; tells the fork and each part. The
#: parent only imports and compiles, and so has no threads that a fork would lose. A line is one write: where Python
#: does not buffer, `print` writes the end of the line by itself, and a kill between the two would join two lines.
CHILD = """
import os, sys
from touchline.engine.api.runs import sweep
from touchline.engine.bets.panel import history
from touchline.engine.reports import conclusions
from touchline.engine.runs import result
from touchline.engine.simulator import replay
from touchline.engine.simulator.tape import source as tape_source
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.sweeps import parts, sweeping
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread
sweeping.BLOCK = 3
def tell(line):
    os.write(1, f"{line}\\n".encode())
def told(write):
    def wrapped(self, group, part):
        tell("part")
        write(self, group, part)
    return wrapped
parts.Parts.write = told(parts.Parts.write)
for _ in sys.stdin:
    fork = os.fork()
    if fork:
        tell(fork)
        os.waitpid(fork, 0)
        tell("gone")
        continue
    made = sweep("fixed-spread", ["MADE-00", "MADE-01"], sys.argv[1], out=sys.argv[2], threads=1,
                          axes={"half_spread": "0.5:3:21", "skew": [0, 0.1, 0.2]}, pictures=False)
    tell(made.hash)
    os._exit(0)
"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made_books(tmp_path_factory.mktemp("books") / "data", markets=3, seconds=300, seed=5)


@pytest.mark.slow
def test_a_sweep_survives_thirty_kills(store: Store, tmp_path: Path):
    """Each child is killed at a random moment after some part; only a sweep that was not may finish."""
    grid = {"half_spread": "0.5:3:21", "skew": [0, 0.1, 0.2]}
    whole = sweep("fixed-spread", ["MADE-00", "MADE-01"], store, out=tmp_path / "whole", axes=grid, pictures=False)
    rng, place = np.random.default_rng(11), tmp_path / "killed"
    kills, hashes = 0, []
    command = [sys.executable, "-c", CHILD, store.path, str(place)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        while kills < KILLS or not hashes:
            parent.stdin.write("go\n")
            lines = [parent.stdout.readline().strip()]
            pid, parts = int(lines[0]), int(rng.integers(1, 4)) if kills < KILLS else 10_000
            while lines[-1] != "gone" and lines.count("part") < parts:
                lines.append(parent.stdout.readline().strip())
            if lines.count("part") == parts:
                time.sleep(float(rng.uniform(0, 0.01)))
                with suppress(ProcessLookupError):  # it came to its end in this very moment
                    os.kill(pid, signal.SIGKILL)
                kills += 1
            while lines[-1] != "gone":
                lines.append(parent.stdout.readline().strip())
            found = [line for line in lines[1:] if line not in ("part", "gone")]
            hashes += found if kills == KILLS else []
            if found and kills < KILLS:  # it came to its end: the next one begins again
                assert found == [whole.hash]
                shutil.rmtree(place)
        parent.stdin.close()
    assert kills == KILLS
    assert set(hashes) == {whole.hash}


@pytest.mark.slow
def test_ctrl_c_leaves_a_sweep_that_goes_on(store: Store, tmp_path: Path):
    engine = str(Path(sys.executable).with_name("engine"))
    asked = ["--strategy", "fixed-spread", "--series", "MADE", "--store", store.path, "--no-pictures", "--json"]
    asked += ["--axis", "half-spread=0.5:3:100", "--axis", "skew=0:0.5:60"]
    command, parts = [engine, "sweep", *asked, "--out", str(tmp_path / "stopped")], tmp_path / "stopped/parts"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as sweep:
        wait_for(lambda: sweep.poll() is not None or len(list(parts.glob("*/*.part"))) >= 2)
        sweep.send_signal(signal.SIGINT)
        said = sweep.communicate()[1]
    assert sweep.returncode == 130, said
    assert "the same command goes on from there" in said
    kept = {path: path.stat().st_mtime_ns for path in parts.glob("*/*.part")}
    assert 2 <= len(kept) < 36
    subprocess.run(command, capture_output=True, check=True)
    subprocess.run([engine, "sweep", *asked, "--out", tmp_path / "whole"], capture_output=True, check=True)
    records = [json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("stopped", "whole")]
    assert records[0]["result_hash"] == records[1]["result_hash"]
    assert all(path.stat().st_mtime_ns == written for path, written in kept.items())


@contextmanager
def cluster(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """A scheduler and workers as processes of their own, on this machine's loopback."""
    about, started = folder / "scheduler.json", []
    run = [sys.executable, "-m", "distributed.cli"]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": folder}
    settings = ["--scheduler-file", str(about), "--no-dashboard"]
    try:
        scheduler = [run[0], "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", *settings]
        started.append(subprocess.Popen(scheduler, **quiet))
        wait_for(about.exists)
        worker = [run[0], "-m", "distributed.cli.dask_worker", "--no-nanny", "--nthreads", "1", "--host", "127.0.0.1"]
        started += [subprocess.Popen([*worker, *settings], **quiet) for _ in range(workers)]
        yield json.loads(about.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def wait_for(happened, seconds: float = 120.0) -> None:
    until = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < until
        time.sleep(0.05)


def test_a_worker_with_another_model_under_the_same_name_refuses(store: Store, plain_kernels: None):
    ticker = store.sql("select min(ticker) from book").item()
    source = {"store": store.path, "ticker": ticker, "start": None, "end": None, "grid": None, "underlying": None}
    tape = compile_tape(store, ticker)
    own = fingerprint(quoting_model("fixed-spread"))
    values = [check(quoting_model("fixed-spread").parameters, {})] * 2
    task = Task("fixed-spread", own, source, tape.digest, values, [Assumptions()] * 2, False)
    assert len(work(task).keys) == 2
    with pytest.raises(InputError, match="a worker has another fixed-spread than the caller"):
        work(replace(task, code=own[:-1]))


@pytest.mark.slow
def test_workers_give_the_same_hash_though_one_is_killed(store: Store, tmp_path: Path):
    asked = ["--strategy", "fixed-spread", "--series", "MADE", "--store", store.path, "--no-pictures", "--json"]
    asked += ["--axis", "half-spread=0.5:3:40", "--axis", "skew=0:0.5:40"]
    engine = str(Path(sys.executable).with_name("engine"))
    local = subprocess.run([engine, "sweep", *asked, "--out", tmp_path / "local"], capture_output=True, check=False)
    assert local.returncode == 0, local.stderr
    with cluster(tmp_path, workers=2) as (address, workers):
        wait_for(lambda: joined(address) == 2)
        command = [engine, "sweep", *asked, "--scheduler", address, "--out", str(tmp_path / "spread")]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as sweep:
            parts = tmp_path / "spread/parts"
            wait_for(lambda: sweep.poll() is not None or len(list(parts.glob("*/*.part"))) >= 2)
            os.kill(workers[0].pid, signal.SIGKILL)
            assert sweep.stderr is not None
            said = sweep.stderr.read()
        assert sweep.returncode == 0, said
    records = [json.loads((tmp_path / name / "sweep.json").read_text()) for name in ("local", "spread")]
    assert records[0]["result_hash"] == records[1]["result_hash"]


def joined(address: str) -> int:
    """How many workers a scheduler has, asked from a process of its own."""
    code = f"from distributed import Client; print(len(Client({address!r}, timeout=10).nthreads()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    with suppress(ValueError):
        return int(done.stdout)
    return 0


@pytest.mark.slow
def test_random_cells_of_random_sweeps_are_replays(store: Store, tmp_path: Path):
    """Models, limits and venues at random: 200 rows against 200 replays, every figure."""
    rng, checked = np.random.default_rng(2), 0
    sweeps = (
        {"latency_ms": [20.0, 300.0], "queue": ["power@1", "power@3", "log"], "response_ms": [5.0, 50.0]},
        {"requote_ms": [200.0, 1500.0], "queue": ["power@2", "log"], "amend": ["keep", "replace"]},
    )
    for number, venue in enumerate(sweeps):
        grid = venue | {
            "half_spread": sorted(float(one) for one in rng.uniform(0.3, 3, 5)),
            "skew": [0.0, float(rng.uniform(0.05, 0.5))],
            "halt": [2.0, float(rng.integers(3, 8))],
            "daily_loss": [0.5, float(rng.uniform(1, 5))],
            "position_limit": [float(one) for one in rng.choice(np.arange(3, 20), 2, replace=False)],
        }
        made = sweep(
            FixedSpread,
            ["MADE-00", "MADE-02"],
            store,
            out=tmp_path / str(number),
            axes=grid,
            params={"size": 2},
            pictures=False,
        )
        labels = {axis.name: axis for axis in made.recorded.axes}
        for row in made.cells.sample(CELLS // len(sweeps), seed=number).iter_rows(named=True):
            setting = {name: axis.setting(row[name]) for name, axis in labels.items()}
            model = {name: setting.pop(name) for name in ("half_spread", "skew")}
            tape = compile_tape(store, row["market"])
            total = replay(tape, FixedSpread, model | {"size": 2}, Assumptions().with_options(setting)).totals
            assert {name: row[name] for name in total.record()} == total.record(), setting
            checked += 1
        worst = made.cells.row(int(rng.integers(made.cells.height)), named=True)
        setting = {name: axis.setting(worst[name]) for name, axis in labels.items()} | {"queue": "pessimistic@1"}
        model = {name: setting.pop(name) for name in ("half_spread", "skew")}
        tape = compile_tape(store, worst["market"])
        least = replay(tape, FixedSpread, model | {"size": 2}, Assumptions().with_options(setting)).totals
        assert worst["pnl_worst"] == least.pnl
    assert checked == CELLS
