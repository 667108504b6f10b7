"""Sweeps: a row is the replay of its cell, however the work was spread, stopped and resumed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.runs import export, sweep
from touchline.engine.runs.replayed import notices_of, run_settings, settings_of
from touchline.engine.runs.result import Result
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.replay import Totals, replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.sweeps import sweeping
from touchline.engine.sweeps.folder import TapeFacts, period_length
from touchline.engine.sweeps.parts import Parts
from touchline.io.ground.errors import CheckError, InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.fixed_spread import FixedSpread

from ...program import engine
from ..made_books import HOUR, SECOND, START, made_books

GRID = {"half_spread": [0.5, 1.0, 1.5, 2.5], "skew": [0.0, 0.2], "position_limit": [5, 20]}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made_books(tmp_path_factory.mktemp("books") / "data", markets=3)


@pytest.fixture(scope="module")
def swept(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Result:
    out = tmp_path_factory.mktemp("swept")
    return sweep(FixedSpread, ["MADE-00", "MADE-01"], store, out=out, axes=GRID, threads=1, pictures=False)


def replayed(store: Store, row: dict, names: list[str], base: Assumptions, queue: str | None = None) -> Totals:
    """The replay of the cell of a row of a sweep."""
    model = {name: row[name] for name in names if name in {"half_spread", "skew", "size"}}
    options = {name: row[name] for name in names if name not in model} | ({"queue": queue} if queue else {})
    return replay(compile_tape(store, row["market"]), FixedSpread, model, base.with_options(options)).totals


def test_every_row_is_the_replay_of_its_cell(store: Store, swept: Result):
    assert swept.cells.height == 2 * 16
    for row in swept.cells.iter_rows(named=True):
        total = replayed(store, row, list(GRID), Assumptions())
        assert {name: row[name] for name in total.record()} == total.record()
    assert swept.cells["fills"].max() > 100


def test_periods_add_up_and_lie_on_the_clock(swept: Result):
    length = swept.recorded.period_ns
    assert length == 10 * SECOND  # a 64th of the twenty minutes of both, not of the hour that they lie apart
    assert (swept.periods["period"] % length == 0).all()
    summed = swept.periods.group_by("market", "cell").agg(pl.col("pnl").sum()).sort("market", "cell")
    assert summed["pnl"].to_list() == swept.cells.sort("market", "cell")["pnl"].to_list()
    assert swept.periods["period"].min() == START // length * length
    assert swept.periods.filter(pl.col("market") == "MADE-00")["period"].max() < START + 601 * SECOND


def test_the_record_says_how_to_repeat_it(swept: Result, store: Store):
    about = json.loads((swept.folder / "sweep.json").read_text())
    assert about["strategy"] == "fixed-spread"
    assert [axis["name"] for axis in about["axes"]] == list(GRID)
    assert "position_limit" not in about["limits"]
    assert about["venue"]["queue"] == "power@3"
    assert [market["ticker"] for market in about["markets"]] == ["MADE-00", "MADE-01"]
    assert about["result_hash"] == swept.hash
    assert about["store"] == store.path
    assert (swept.folder / "best_robust.json").is_file()


def test_the_hash_is_the_same_for_threads_and_blocks(store: Store, swept: Result, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sweeping, "BLOCK", 5)
    again = sweep(FixedSpread, ["MADE-01", "MADE-00"], store, out=tmp_path, axes=GRID, threads=2, pictures=False)
    assert again.hash == swept.hash
    assert len(list(tmp_path.glob("parts/*/*.part"))) == 2 * 4


def test_a_stopped_sweep_goes_on_where_it_was(store: Store, swept: Result, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(sweeping, "BLOCK", 4)
    monkeypatch.setattr(sweeping.Runner, "LOOK_UP_S", 0.0)
    told = []

    def stop(done: int, planned: int) -> None:
        told.append(done)
        if len(told) == 9:
            raise KeyboardInterrupt

    given = {"store": store, "out": tmp_path, "axes": GRID, "threads": 1, "pictures": False}
    with pytest.raises(KeyboardInterrupt):
        sweep(FixedSpread, ["MADE-00", "MADE-01"], progress=stop, **given)
    kept = len(list(tmp_path.glob("parts/*/*.part")))
    assert 0 < kept < 8
    assert not (tmp_path / "sweep.json").exists()
    broken = next(iter(tmp_path.glob("parts/*/*.part")))
    broken.write_bytes(broken.read_bytes()[:1000])
    again = sweep(FixedSpread, ["MADE-00", "MADE-01"], **given)
    assert again.hash == swept.hash
    assert 0 < again.recorded.computed < swept.recorded.computed


def test_more_cells_or_markets_compute_only_what_is_new(store: Store, swept: Result):
    a_cell = swept.recorded.computed // 32
    given = {"store": store, "out": swept.folder, "pictures": False}
    same = sweep(FixedSpread, ["MADE-00", "MADE-01"], axes=GRID, **given)
    assert (same.recorded.computed, same.hash) == (0, swept.hash)
    wider = {**GRID, "half_spread": [0.5, 0.75, 1.0, 1.5, 2.5]}
    more = sweep(FixedSpread, ["MADE-00", "MADE-01"], axes=wider, **given)
    assert 7 * a_cell < more.recorded.computed < 9 * a_cell
    third = sweep(FixedSpread, ["MADE-00", "MADE-01", "MADE-02"], axes=GRID, **given)
    assert 14 * a_cell < third.recorded.computed < 17 * a_cell
    assert third.cells.filter(pl.col("market") != "MADE-02").equals(swept.cells)


def test_a_single_cell_is_a_sweep_too(store: Store, swept: Result, tmp_path: Path):
    one = sweep(FixedSpread, "MADE-00", store, out=tmp_path, axes={"half_spread": [1.0]}, params={"skew": 0.0},
                         assume=Assumptions(position_limit=20), pictures=False)  # fmt: skip
    row = swept.cells.filter(market="MADE-00", half_spread=1.0, skew=0.0, position_limit=20)
    assert one.cells["pnl"].to_list() == row["pnl"].to_list()


def test_the_period_fits_all_tapes():
    def tape(first: int, last: int, period: int) -> TapeFacts:
        return TapeFacts("A", "A", "A", None, None, None, "", 1, first, last, period, (), 0)

    assert period_length([tape(0, HOUR, 30 * SECOND)]) == 30 * SECOND
    for apart in (24, 24 * 365 * 3):  # neither a night nor years between markets make periods longer
        two = [tape(apart * HOUR, (apart + 1) * HOUR, 30 * SECOND), tape(0, HOUR, 30 * SECOND)]
        assert period_length(two) == period_length([tape(0, 2 * HOUR, 30 * SECOND)]) == 60 * SECOND
    over = [tape(0, 2 * HOUR, 30 * SECOND), tape(HOUR, 2 * HOUR, 30 * SECOND)]
    assert period_length(over) == 60 * SECOND  # what two of them cover counts once
    assert period_length([tape(0, HOUR, 60 * SECOND)]) == 60 * SECOND


def test_a_market_without_trades_is_no_evidence(tmp_path: Path, plain_kernels: None):
    """Orders that only rest fill by trades alone; a quote that takes, or one that a crossing book fills, needs none."""
    store = made_books(tmp_path / "data", markets=2, seconds=120)
    quiet = store.table("book").filter(pl.col("ticker") == "MADE-00").with_columns(ticker=pl.lit("QUIET-00")).collect()
    columns = [name for name in ("ts", "ticker", "kind", "side", "price", "size") if name in quiet.columns]
    listed = {"ticker": ["QUIET-00"], "series": ["QUIET"], "event": ["QUIET-00"], "open_ts": [START]}
    store.ingest("made up", "quiet", [Chunk({"book": quiet.select(columns), "markets": pl.DataFrame(listed)})])
    given = {"store": store, "axes": {"half_spread": [0.5, 1.0]}, "pictures": False, "threads": 1}
    both = sweep(FixedSpread, ["MADE-00", "QUIET-00"], out=tmp_path / "both", **given)
    alone = sweep(FixedSpread, ["MADE-00"], out=tmp_path / "alone", **given)
    assert [market.can_fill for market in both.recorded.markets] == [True, False]
    warned = {notice.name: notice.detail for notice in both.evidence.notices}
    assert warned["cannot-fill"] == "1 of 2 markets, left out of all averages: QUIET-00"
    assert both.recorded.grid["pnl"].to_list() == alone.recorded.grid["pnl"].to_list()
    assert both.evidence.events == alone.evidence.events == 1
    taking = sweep(FixedSpread, ["MADE-00", "QUIET-00"], out=tmp_path / "taking", **given,
                            assume={"queue": "touch+cross@1"})  # fmt: skip
    assert [market.can_fill for market in taking.recorded.markets] == [True, True]
    run = run_settings(settings_of("fixed-spread", "QUIET-00", store.path, {}, Assumptions()))
    assert "cannot-fill" in {notice.name for notice in notices_of(run, {})}


def test_a_folder_of_something_else_is_left_alone(store: Store, tmp_path: Path):
    (tmp_path / "letter").write_text("keep me")
    with pytest.raises(InputError, match="holds something else than a sweep"):
        sweep(FixedSpread, "MADE-00", store, out=tmp_path, axes=GRID)
    assert [path.name for path in tmp_path.iterdir()] == ["letter"]


def test_a_planted_edge_is_found_outside_the_sample_and_exported(tmp_path: Path):
    store = made_books(tmp_path / "data", markets=8, seconds=400, seed=1)
    found = sweep(FixedSpread, store.tickers("book"), store, out=tmp_path / "out", pictures=False,
                           axes={"half_spread": [0.5, 1.0, 1.5, 3.0], "skew": [0.0, 0.1, 0.2]},
                  params={"size": 1})  # fmt: skip
    assert found.evidence.out_of_sample_pnl is not None
    assert found.evidence.out_of_sample_pnl > 0
    assert found.evidence.deflated_sharpe is not None
    assert found.evidence.deflated_sharpe > 0.95
    assert found.evidence.overfitting_probability is not None
    assert found.evidence.overfitting_probability < 0.5
    params = export(tmp_path / "out", tmp_path / "params.toml")
    assert params.for_market("MADE-00", "MADE")["half_spread"] in (1.0, 1.5)


def test_no_edge_is_called_so_and_not_exported(tmp_path: Path):
    store = made_books(tmp_path / "data", markets=8, seconds=400, adverse=True, seed=2)
    found = sweep(FixedSpread, store.tickers("book"), store, out=tmp_path / "out", pictures=False,
                           axes={"half_spread": [0.5, 1.0, 1.5, 3.0], "skew": [0.0, 0.1, 0.2]},
                  params={"size": 1})  # fmt: skip
    names = {notice.name for notice in found.evidence.notices}
    assert "no-edge" in names
    assert names & {"overfit", "out-of-sample-loss"}
    with pytest.raises(CheckError, match="not exported"):
        export(tmp_path / "out", tmp_path / "params.toml")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a strategy: --strategy avellaneda-stoikov"),
        (("-s", "fixed-spred", "-m", "MADE-00"), "did you mean 'fixed-spread'?"),
        (("-s", "fixed-spread"), "needs markets"),
        (("-s", "fixed-spread", "-m", "MADE-07"), "market 'MADE-07' has no events in the window asked for"),
        (("-s", "fixed-spread", "--series", "MAD"), "did you mean 'MADE'?"),
        (
            ("-s", "fixed-spread", "-m", "MADE-00", "--start", "2026-09-22", "--end", "2026-09-21"),
            "is not before its end",
        ),
        (("-s", "fixed-spread", "--score", "3"), "say where it begins with --start"),
        (("-s", "fixed-spread", "-m", "MADE-00", "--axis", "half-spred=1,2"), "did you mean 'half_spread'?"),
        (("-s", "fixed-spread", "-m", "MADE-00", "--sample", "10"), "expected sobol:COUNT"),
        (("-s", "fixed-spread", "-m", "MADE-00", "--set", "half_spread=1", "--axis", "half-spread=1,2"), "is both"),
        (("-s", "fixed-spread", "-m", "MADE-00", "--set", "out=3"), "there is no parameter 'out'"),
        (("show", "nowhere"), "sweep.json is missing; engine sweep writes it"),
    ],
)
def test_bad_input_is_one_line(arguments, message, store: Store, tmp_path: Path):
    where = () if arguments[:1] == ("show",) else ("--store", store.path, "--out", str(tmp_path / "out"))
    done = engine("sweep", *arguments, *where)
    assert done.returncode == 2
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert message in done.stderr


def test_the_command_leaves_a_folder_and_shows_it_again(store: Store, swept: Result, tmp_path: Path):
    out = str(tmp_path / "out")
    grid = ["half-spread=0.5,1.0,1.5,2.5", "skew=0,0.2", "position-limit=5,20"]
    asked = [text for axis in grid for text in ("--axis", axis)]
    done = engine("sweep", "-s", "fixed-spread", "--series", "MADE", "--where", "ticker <> 'MADE-02'", *asked,
                  "--store", store.path, "--out", out, "--no-pictures", "--json")  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "out/sweep.json").read_text())["result_hash"] == swept.hash
    assert json.loads(done.stdout)["top"][0]["cell"] == json.loads(done.stdout)["overall"]["cell"]
    shown = engine("sweep", "show", out, "--top", "3")
    assert shown.returncode == 0
    assert "Highest P&L, averages over 2 markets" in shown.stdout


def test_a_sample_of_words_and_numbers_is_shown_with_its_words(store: Store, tmp_path: Path):
    made = sweep(FixedSpread, "MADE-00", store, out=tmp_path, pictures=False,
                          axes={"half_spread": "0.5:2:8", "queue": ["power@1", "power@3", "log"]},
                          sample="sobol:12")  # fmt: skip
    assert made.cells.height == 12
    assert sorted(made.cells["queue"].unique()) == [0, 1, 2]
    done = engine("sweep", "show", str(tmp_path))
    assert "power@1" in done.stdout


def test_parts_hold_each_cell_once(swept: Result):
    for group in (swept.folder / "parts").iterdir():
        keys = np.concatenate([part.keys for part in Parts(swept.folder / "parts").load(group.name)])
        assert len(keys) == len({row.tobytes() for row in keys})
