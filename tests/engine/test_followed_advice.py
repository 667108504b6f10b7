"""Advice in errors is followed: what a line says to do makes what it refused work."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from touchline.engine.cli.console import spelled
from touchline.engine.live.live import Live
from touchline.engine.results.exporting import write_choice
from touchline.engine.results.result_files import write_run
from touchline.engine.results.results import read_results
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.prepare import new_block
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.sweeps.folder import claimed
from touchline.engine.sweeps.grid_spec import Axis, axes_of, axis, cells_of, distinct
from touchline.engine.sweeps.sobol import DIMENSIONS, sobol
from touchline.io.ground.errors import TouchlineError
from touchline.io.ground.times import nanoseconds
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.parameters import check
from touchline.strategies.pipeline.pipeline import load_pipeline, pipeline_of

START, SECOND = 1_790_000_000_000_000_000, 1_000_000_000
CLOSE = START + 100 * SECOND
MODEL = """from touchline.strategies import QuotingModel

class Mine(QuotingModel):
    {}
"""
QUOTE = "@staticmethod\n    def quote(known, p):\n        return known.mid - 1, known.mid + 1, 1.0, 1.0"


def rows(columns: str, *given: tuple[Any, ...]) -> pl.DataFrame:
    return pl.DataFrame(list(given), columns.split(), orient="row")


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """QUOTED has a touch without sizes, TRADED trades besides, FINE prices of a tenth of a cent; I is an index."""
    made = Store(tmp_path_factory.mktemp("advice") / "store")
    tickers = ("TRADED", "QUOTED", "FINE")
    tables = {
        "markets": rows("ticker series event open_ts close_ts", *((one, one, one, START, CLOSE) for one in tickers)),
        "trades": rows(
            "ts ticker price size taker_side trade_id",
            *((START + at * SECOND, "TRADED", 5000, 100, 1, f"t{at}") for at in range(1, 4)),
            *((START + at * SECOND, "FINE", 5010, 100, 1, f"f{at}") for at in range(1, 4)),
        ),
        "quotes": rows(
            "ts ticker bid ask",
            *((START + at * SECOND, one, 4900 + at * 100, 5300) for one in tickers[:2] for at in range(1, 4)),
        ),
        "underlying": rows("ts symbol value", *((START + at * SECOND, "I", 100.0 + at) for at in range(1, 4))),
    }
    made.ingest("made up", "advice", [Chunk(tables)])
    return made


def block(store: Store, ticker: str, strategy: str = "fixed-spread", queue: str = "power@3", **source: Any) -> None:
    """Everything of a run but its walk."""
    model, tape = quoting_model(strategy), compile_tape(store, ticker, **source)
    new_block(tape, model, [check(model.parameters, {})], [Assumptions().with_options({"queue": queue})], record=True)


def model_file(folder: Path, body: str | None) -> None:
    text = MODEL.format(body) if body is not None else "Mine = 1\n"
    path = folder / f"model_{abs(hash(text))}.py"
    path.write_text(text)
    quoting_model(f"{path}:Mine")


def axes(*texts: str, fixed: tuple[str, ...] = ()) -> tuple[Axis, ...]:
    model = quoting_model("fixed-spread")
    return distinct([axis(text, model) for text in texts], fixed)


BIG = [Axis(name, tuple(float(one) for one in range(4_000))) for name in ("a", "b")]
ENSEMBLE = {"scorer": {"name": "ensemble", "members": [{"name": "momentum"}]}}
ADVICE: dict[str, tuple[str, Callable[..., Any], Callable[..., Any]]] = {
    "queue without sizes": (
        "pass queue='touch@1'",
        lambda store, folder: block(store, "TRADED"),
        lambda store, folder: block(store, "TRADED", queue="touch@1"),
    ),
    "queue without sizes and trades": (
        "pass queue='touch+cross@1'",
        lambda store, folder: block(store, "QUOTED"),
        lambda store, folder: block(store, "QUOTED", queue="touch+cross@1"),
    ),
    "price grid": (
        "name the market's own grid with price_grid=",
        lambda store, folder: compile_tape(store, "FINE"),
        lambda store, folder: compile_tape(store, "FINE", grid="deci_cent"),
    ),
    "underlying": (
        "name its symbol with underlying=",
        lambda store, folder: block(store, "QUOTED", "cauchy-band", "touch+cross@1"),
        lambda store, folder: compile_tape(store, "QUOTED", underlying="I"),
    ),
    "delay": (
        "write a number of ms",
        lambda store, folder: Assumptions().with_options({"latency_ms": "slow"}),
        lambda store, folder: Assumptions().with_options({"latency_ms": "lognormal:50:0.5"}),
    ),
    "time": (
        "write 2025-06-15 or 2025-06-15T15:06:40Z",
        lambda store, folder: nanoseconds("yesterday"),
        lambda store, folder: (nanoseconds("2025-06-15"), nanoseconds("2025-06-15T15:06:40Z")),
    ),
    "too many axes of a sample": (
        "fix some with params=",
        lambda store, folder: sobol(DIMENSIONS + 1, 0, 4),
        lambda store, folder: sobol(DIMENSIONS, 0, 4),
    ),
    "too many cells": (
        "sample='sobol:4096'",
        lambda store, folder: cells_of(BIG),
        lambda store, folder: cells_of(BIG, "sobol:4096"),
    ),
    "a sample that is none": (
        "as in sample='sobol:4096'",
        lambda store, folder: cells_of(BIG, "4096"),
        lambda store, folder: cells_of(BIG, "sobol:4096"),
    ),
    "no grid left": (
        "name an axis with axes=",
        lambda store, folder: axes_of(quoting_model("fixed-spread"), None, {"half_spread": 1, "skew": 0, "size": 1}),
        lambda store, folder: axes_of(quoting_model("fixed-spread"), {"half_spread": [1, 2]}, {"skew": 0, "size": 1}),
    ),
    "an axis twice": (
        "give each parameter one axis",
        lambda store, folder: axes("half_spread=1,2", "half_spread=3,4"),
        lambda store, folder: axes("half_spread=1,2,3,4"),
    ),
    "an axis that is fixed": (
        "drop one of them",
        lambda store, folder: axes("half_spread=1,2", fixed=("half_spread",)),
        lambda store, folder: axes("half_spread=1,2"),
    ),
    "a folder of something else": (
        "name a new folder with out=",
        lambda store, folder: claim(folder),
        lambda store, folder: claim(folder / "new"),
    ),
    "another run's folder": (
        "name another folder with out=, or replace it with force=",
        lambda store, folder: (write_run(folder, {}, {"kind": "a"}), write_run(folder, {}, {"kind": "b"})),
        lambda store, folder: (
            write_run(folder / "other", {}, {"kind": "b"}),
            write_run(folder, {}, {"kind": "b"}, force=True),
        ),
    ),
    "a live market without a close": (
        "pass a market that has one, or the fixed horizon",
        lambda store, folder: Live(TapeMarket("A"), quoting_model("fixed-spread"), {}, Assumptions(horizon="session")),
        lambda store, folder: (
            Live(TapeMarket("A", close_ts=CLOSE), quoting_model("fixed-spread"), {}, Assumptions(horizon="session")),
            Live(TapeMarket("A"), quoting_model("fixed-spread"), {}, Assumptions(horizon="fixed")),
        ),
    ),
    "a file without a model": (
        "is not a quoting model; write: class Mine(QuotingModel)",
        lambda store, folder: model_file(folder, None),
        lambda store, folder: model_file(folder, QUOTE),
    ),
    "a model without a quote": (
        "write: @staticmethod, then def quote(known, p)",
        lambda store, folder: model_file(folder, "parameters = ()"),
        lambda store, folder: model_file(folder, QUOTE),
    ),
    "no such pipeline": (
        "or name a .toml file",
        lambda store, folder: load_pipeline("mine"),
        lambda store, folder: load_pipeline(saved(folder / "mine.toml", '[scorer]\nname = "momentum"\n')),
    ),
    "a part that is no table": (
        "write [scorer] and below it name = ...",
        lambda store, folder: load_pipeline(saved(folder / "a.toml", 'scorer = "momentum"\n')),
        lambda store, folder: load_pipeline(saved(folder / "b.toml", '[scorer]\nname = "momentum"\n')),
    ),
    "filters that are no list": (
        "write [[filters]] above each",
        lambda store, folder: pipeline_of({"scorer": {"name": "momentum"}, "filters": {"name": "price"}}, "mine"),
        lambda store, folder: pipeline_of({"scorer": {"name": "momentum"}, "filters": []}, "mine"),
    ),
    "no member": (
        "write [[scorer.members]] above each",
        lambda store, folder: pipeline_of({"scorer": {"name": "ensemble", "members": []}}, "mine"),
        lambda store, folder: pipeline_of(ENSEMBLE, "mine"),
    ),
    "two members of one label": (
        "give each a label of its own",
        lambda store, folder: pipeline_of(members("a", "a"), "mine"),
        lambda store, folder: pipeline_of(members("a", "b"), "mine"),
    ),
}  # fmt: skip


def saved(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def claim(folder: Path) -> None:
    (folder.parent / "notes.txt").touch()
    (folder / "notes.txt").touch() if folder.exists() else None
    with claimed(folder):
        pass


def members(*labels: str) -> dict[str, Any]:
    return {"scorer": {"name": "ensemble", "members": [{"name": "momentum", "label": one} for one in labels]}}


@pytest.mark.parametrize("case", ADVICE)
def test_what_a_line_advises_works(case: str, store: Store, tmp_path: Path):
    line, refused, followed = ADVICE[case]
    with pytest.raises(TouchlineError) as error:
        refused(store, tmp_path)
    said = str(error.value)
    assert line in said
    assert "\n" not in said
    assert "=" not in re.sub(r"sobol\S*|touch\S*", "", spelled(line)) or " = ..." in line
    followed(store, tmp_path)


def test_a_pick_that_is_not_known_names_those_that_are(make_sweep: Callable[..., Path], tmp_path: Path):
    sweep = read_results(make_sweep(edge=True))
    with pytest.raises(TouchlineError, match="use robust, overall or by-market"):
        write_choice(sweep, tmp_path / "a.toml", pick="best", force=True)  # type: ignore[arg-type]  # a wrong word
    for pick in ("robust", "overall", "by-market"):
        write_choice(sweep, tmp_path / f"{pick}.toml", pick=pick, force=True)
