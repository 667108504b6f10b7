"""Damage to folders of results: an error of one line that names the file; parts of a sweep are computed again."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from touchline.engine.api.runs import backtest as run
from touchline.engine.api.runs import export, show, sweep, verify
from touchline.engine.results.params import load_params
from touchline.engine.results.result_files import (
    CHECKSUMS,
    RECORD,
    SWEEP_RECORD,
    check_whole,
    checksums,
    frames_hash,
    read_record,
)
from touchline.engine.results.results import read_results
from touchline.engine.runs.result import open_result
from touchline.engine.sweeps.folder import claimed
from touchline.io.ground.checksums import file_checksum, with_checksum
from touchline.io.ground.errors import DamagedError, InputError
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import load_pipeline

from ...conftest import uncompiled
from ...damage import flips
from ..histories import made_up

MARKETS = ["KXA-00-T0", "KXB-00-T1"]
COUNTS = [20, pytest.param(200, marks=pytest.mark.slow)]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made_up(tmp_path_factory.mktemp("damage") / "store", hours=60)


@pytest.fixture(scope="module")
def folders(store: Store) -> dict[str, Path]:
    place = Path(store.path).parent
    with pytest.MonkeyPatch.context() as patched:
        uncompiled(patched)
        run("fixed-spread", MARKETS[0], store.path, out=place / "replay")
        run("quant", store=store, compare_random=20, out=place / "bets")
        sweep("fixed-spread", MARKETS, store, out=place / "sweep", axes={"half_spread": "1:3:3"}, pictures=False)
    return {kind: place / kind for kind in ("replay", "bets", "sweep")}


def finished(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


@pytest.mark.parametrize("kind", ["replay", "bets", "sweep"])
@pytest.mark.parametrize("count", COUNTS)
def test_a_damaged_result_is_named_and_never_shown(folders: dict[str, Path], kind: str, count: int):
    folder = folders[kind]
    read = ("fills", "quotes", "equity", "trades", "cells", "periods")
    named = {*(f"{name}.parquet" for name in read), RECORD, SWEEP_RECORD, CHECKSUMS}
    for path in flips(finished(folder), count):
        with pytest.raises(DamagedError, match=str(path)) as said:
            check_whole(folder)
        assert "\n" not in str(said.value)
        if path.name in named:
            with pytest.raises(DamagedError, match=str(path)):
                read_results(folder)
        if path.name in named and kind == "sweep":
            for use in (show, lambda at: export(at, at / "params.toml", force=True)):
                with pytest.raises(DamagedError, match=str(path)):
                    use(folder)
        elif kind != "sweep":
            with pytest.raises(DamagedError, match=str(path)):
                verify(folder)
    check_whole(folder)
    read_results(folder)


def damaged_parts_are_computed_again(folder: Path, store: Store, count: int) -> None:
    made = read_results(folder).about["result_hash"]
    for _ in flips(sorted(folder.glob("parts/*/*")), count):
        again = sweep("fixed-spread", MARKETS, store, out=folder, axes={"half_spread": "1:3:3"}, pictures=False)
        assert again.recorded.computed > 0 and again.hash == made


def test_damaged_parts_of_a_sweep_are_computed_again(folders: dict[str, Path], store: Store, plain_kernels: None):
    damaged_parts_are_computed_again(folders["sweep"], store, 10)


@pytest.mark.slow
def test_many_damaged_parts_of_a_sweep_are_computed_again(folders: dict[str, Path], store: Store):
    damaged_parts_are_computed_again(folders["sweep"], store, 200)


@pytest.mark.parametrize("kind", ["replay", "bets"])
def test_what_is_whole_and_not_what_its_hash_says_is_damaged(
    folders: dict[str, Path], kind: str, tmp_path: Path, plain_kernels: None
):
    """A folder put together from two results, checksums and all."""
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in finished(folders[kind]):
        (folder / path.name).write_bytes(path.read_bytes())
    frame = pl.read_parquet(folder / "equity.parquet")
    frame.with_columns(pl.col("equity") + 1).write_parquet(folder / "equity.parquet")
    sums = checksums(folder) | {"equity.parquet": file_checksum(folder / "equity.parquet")}
    (folder / CHECKSUMS).write_bytes(with_checksum(json.dumps(sums).encode()))
    with pytest.raises(DamagedError, match="its record says"):
        verify(folder)


@pytest.mark.parametrize("kind", ["replay", "bets"])
def test_a_result_of_before_opens_and_verifies(folders: dict[str, Path], kind: str, tmp_path: Path):
    folder = tmp_path / "old"
    folder.mkdir()
    for path in finished(folders[kind]):
        if path.name not in (CHECKSUMS, RECORD):
            (folder / path.name).write_bytes(path.read_bytes())
    record = read_record(folders[kind]) | {"result_hash": "of another kind"}
    (folder / RECORD).write_text(json.dumps(record))
    read_results(folder)
    assert verify(folder) == open_result(folders[kind]).hash


@pytest.mark.parametrize("kind", ["replay", "bets"])
def test_verify_finds_a_store_that_was_moved(folders: dict[str, Path], kind: str, store: Store, tmp_path: Path):
    hash = verify(folders[kind])
    folder = Path(store.path)
    moved = folder.rename(tmp_path / "moved")
    try:
        with pytest.raises(InputError, match=r"is not there; say where it is now with store="):
            verify(folders[kind])
        assert verify(folders[kind], store=str(moved)) == hash
    finally:
        moved.rename(folder)


def test_the_hash_of_a_result_is_of_its_values_alone():
    """Pinned: it may not depend on a version of Polars, on chunks, nor on what stands behind a missing value."""
    frame = pl.DataFrame(
        {
            "ts": [1, None, 3],
            "name": ["a", "é", None],
            "share": [0.5, float("nan"), None],
            "yes": [True, None, False],
            "small": pl.Series([1, 2, 3], dtype=pl.Int8),
            "nothing": [None, None, None],
        }
    )
    assert frames_hash({"pnl": 3}, {"frame": frame}) == "5c99a88ef51cdba1"
    parts = pl.concat([frame[:1], frame[1:]], rechunk=False)
    assert frames_hash({"pnl": 3}, {"frame": parts}) == frames_hash({"pnl": 3}, {"frame": frame})
    others = [
        frame.with_columns(pl.col("ts").fill_null(0)),
        frame.with_columns(name=pl.Series(["aé", "", None])),
        frame.with_columns(pl.col("share").fill_nan(0.0)),
        frame.rename({"yes": "no"}),
        frame.with_columns(pl.col("small").cast(pl.Int16)),
    ]
    assert len({frames_hash({"pnl": 3}, {"frame": other}) for other in (frame, *others)}) == 1 + len(others)


def test_two_sweeps_do_not_share_a_folder(folders: dict[str, Path], store: Store):
    made = folders["sweep"]
    with claimed(made), pytest.raises(InputError, match="another sweep is writing to"):
        sweep("fixed-spread", MARKETS, store, out=made, axes={"half_spread": "1:3:3"}, pictures=False)
    with claimed(made):
        pass


@pytest.mark.parametrize("content", [b"a = " + b"[" * 100_000, b"a = '\xff'"])
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes):
    path = tmp_path / "some.toml"
    path.write_bytes(content)
    for read in (load_params, load_pipeline):
        with pytest.raises(InputError, match=r"some.toml (cannot be read as|is not) TOML"):
            read(path)


def test_a_record_nested_too_deeply_is_one_line(tmp_path: Path):
    (tmp_path / RECORD).write_text("[" * 100_000)
    with pytest.raises(InputError, match="nested too deeply"):
        read_record(tmp_path)
