"""Every code block of docs/models.md runs: commands on a made-up store, models loaded and compiled."""

from __future__ import annotations

import math
import re
import shlex
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.simulator import prepare
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.replay import replay
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.registry import QUOTING, quoting_model

from ..engine.simulator.test_replay import noise_tape
from ..program import engine, script
from .models.quotes import TOLD, bits, compiled, row

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "models.md").read_text()
START = 1_767_225_600 * 10**9


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


OWN = [block for block in blocks("python") if "QuotingModel)" in block]
LADDERS = [block for block in OWN if "levels = " in block]
MODELS = [block for block in OWN if block not in LADDERS]
SCRIPTS = [block for block in blocks("python") if "QuotingModel)" not in block]


def test_every_block_is_of_a_kind_that_is_run():
    assert PAGE.count("```") == 2 * (len(blocks("sh")) + len(MODELS) + len(LADDERS) + len(SCRIPTS))
    assert (len(MODELS), len(LADDERS)) == (2, 1)
    assert SCRIPTS


def test_the_page_lists_every_model():
    assert all(f"| `{name}` |" in PAGE for name in QUOTING)


@pytest.mark.parametrize("text", MODELS)
def test_a_model_of_the_page_loads_compiles_and_quotes(tmp_path: Path, text: str):
    path = tmp_path / "my_model.py"
    path.write_text(text)
    found = re.search(r"class (\w+)\(QuotingModel\)", text)
    assert found is not None
    model = quoting_model(f"{path}:{found[1]}")
    fast, p = compiled(model), row(model)
    for held in (-50.0, 0.0, 50.0):
        told = TOLD._replace(position=held)
        quoted = model.quote(told, p)
        assert bits(fast(told, p)) == bits(quoted)
        assert all(math.isfinite(value) for value in quoted) and 0 < quoted[0] < quoted[1] < 100


@pytest.mark.parametrize("text", LADDERS)
def test_a_model_of_several_orders_takes_few_lines_and_quotes(tmp_path: Path, text: str, monkeypatch):
    assert len([line for line in text.splitlines() if line.strip()]) <= 25
    (tmp_path / "my_model.py").write_text(text)
    monkeypatch.setattr(prepare, "kernel", interpreted)
    with np.errstate(divide="ignore", invalid="ignore"):
        run = replay(noise_tape(seconds=20), quoting_model(f"{tmp_path}/my_model.py:Patient"))
    assert run.quotes["bid_2"].drop_nulls().len() > 3
    assert run.totals.fills > 0


@pytest.mark.parametrize("text", SCRIPTS)
def test_a_script_of_the_page_runs(text: str, tmp_path: Path):
    assert script(text, tmp_path).startswith("Student-t(3): scale 1.0")


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path: Path):
    rng, n = np.random.default_rng(1), 4_000
    ts = START + np.arange(n) * 10**9
    bid = 4_500 + 100 * rng.integers(0, 3, n)
    price = bid + 100 + 100 * rng.integers(0, 3, n)
    value = 4_000 * np.exp((1e-4 * rng.normal(size=n)).cumsum())
    tables = {
        "quotes": pl.DataFrame({"ts": ts, "ticker": "MADE", "bid": bid, "ask": bid + 100}),
        "trades": pl.DataFrame({"ts": ts + 1, "ticker": "MADE", "price": price, "size": 100, "taker_side": 1}),
        "underlying": pl.DataFrame({"ts": ts, "symbol": "IDX", "value": value}),
    }
    Store(tmp_path / "data").ingest("made.csv", "d1", [Chunk(tables)])
    for line in "".join(blocks("sh")).splitlines():
        command = shlex.split(line)
        assert command[0] == "engine"
        done = engine(*command[1:], where=tmp_path)
        assert done.returncode == 0, done.stderr
        assert done.stdout
