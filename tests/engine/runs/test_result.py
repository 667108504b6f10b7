"""One result for every kind: the same from memory and from its folder, printed, drawn, verified, written."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path

import polars as pl
import pytest
from touchline import engine
from touchline.engine.results.result_files import CHECKSUMS, TakenError
from touchline.engine.runs.result import Result
from touchline.io.ground.checksums import with_checksum
from touchline.io.ground.errors import CheckError, DamagedError, InputError
from touchline.strategies import Parameter, QuotingModel

from ..histories import made_up
from ..made_books import made_books

KINDS = ("replay", "replays", "bets", "sweep")
FRAMES = {
    "replay": ["fills", "quotes", "equity"],
    "replays": ["equity"],
    "bets": ["trades", "equity", "candidates"],
    "sweep": ["cells", "periods"],
}


class Narrow(QuotingModel):
    """A constant distance from the mid."""

    name = "narrow"
    parameters = (Parameter("half_spread", 1.0, low=0.1, doc="cents"),)

    @staticmethod
    def quote(known, p):
        return known.mid - p.half_spread, known.mid + p.half_spread, 1.0, 1.0


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("results")
    made_books(folder / "books", markets=2, seconds=300)
    made_up(folder / "history")
    return folder


@pytest.fixture(scope="module")
def found(place) -> dict[str, Result]:
    """A result of each kind, as its call gave it; a sweep is in its folder from the start."""
    books, settings = place / "books", {"half_spread": 1.0}
    return {
        "replay": engine.backtest("fixed-spread", "MADE-00", books, params=settings),
        "replays": engine.backtest("fixed-spread", ["MADE-00", "MADE-01"], books, params=settings),
        "bets": engine.backtest("bollinger", store=place / "history"),
        "sweep": engine.sweep("fixed-spread", ["MADE-00", "MADE-01"], books, axes={"half_spread": [1, 1.5, 2]},
                              out=place / "swept", pictures=False),
    }  # fmt: skip


def drawn(one: Result) -> str:
    """What a notebook shows; clips are numbered through a process, so that two pictures of a page do not share them."""
    return re.sub(r"\bclip\d+", "clip", one._repr_html_())


@pytest.mark.parametrize("kind", KINDS)
def test_memory_and_folder_hold_the_same(found, kind, tmp_path):
    held = found[kind]
    read = engine.open(held.write(tmp_path / "copy"))
    assert read.kind == held.kind == kind
    assert read.hash == held.hash != ""
    assert read.summary == held.summary
    assert read.warnings == held.warnings
    assert list(read.frames) == list(held.frames)
    assert set(FRAMES[kind]) <= set(held.frames)
    for name, frame in held.frames.items():
        assert read.frames[name].equals(frame), name
        assert getattr(read, name).equals(frame)
    assert [run.hash for run in read.runs] == [run.hash for run in held.runs]
    assert len(held.runs) == (2 if kind == "replays" else 1)
    assert str(read) == str(held)
    assert drawn(read) == drawn(held)


@pytest.mark.parametrize("kind", KINDS)
def test_both_are_verified(found, kind, tmp_path):
    held = found[kind]
    assert held.verify() == held.hash
    assert engine.open(held.write(tmp_path / "copy")).verify() == held.hash


@pytest.mark.parametrize("kind", KINDS)
def test_printing_is_a_few_lines_that_end_with_the_warnings(found, kind):
    lines = str(found[kind]).splitlines()
    facts = len(lines) - len(found[kind].warnings) - 1
    assert 3 <= facts <= 8
    assert lines[0] == repr(found[kind])[len("<Result: ") : -len(f", hash {found[kind].hash}>")]
    assert all(line.startswith("  ") and not line.startswith("  :") for line in lines[1:])
    assert all(line.startswith("  warning: ") for line in lines[1 + facts :])


@pytest.mark.parametrize("kind", KINDS)
def test_a_notebook_shows_figures_warnings_and_a_picture_without_a_network(found, kind):
    page = found[kind]._repr_html_()
    assert page.count("<svg") == 1 and page.count("<table") == 1 and "<script" not in page
    assert all(f"<b>{notice.name}</b>" in page for notice in found[kind].warnings)


@pytest.mark.usefixtures("plain_kernels")
def test_a_class_of_ones_own_is_verified_from_memory_alone(place, tmp_path):
    own = engine.backtest(Narrow, "MADE-00", place / "books")
    assert own.verify() == own.hash
    assert own.runs == [own] and own.strategy is Narrow
    with pytest.raises(InputError, match="narrow"):
        engine.open(own.write(tmp_path / "own")).verify()


@pytest.mark.parametrize("kind", KINDS)
def test_a_sweep_alone_exports(found, kind, tmp_path):
    held = found[kind]
    for number, one in enumerate((held, engine.open(held.write(tmp_path / "copy")))):
        out = tmp_path / f"params-{number}.toml"
        if kind == "sweep":
            made = one.export(out, force=True)
            assert tomllib.loads(out.read_text())["content_hash"] == made.content_hash
            assert engine.load_params(out) == made
        else:
            with pytest.raises(InputError, match=f"^a result of kind {kind} has no parameters to export; a sweep has$"):
                one.export(out)
            with pytest.raises(InputError, match=f"^a result of kind {kind} has no evidence; a sweep has$"):
                _ = one.evidence


@pytest.mark.parametrize("kind", KINDS)
def test_a_frame_of_another_kind_is_one_line(found, kind):
    name = "cells" if kind != "sweep" else "fills"
    has = ", ".join(found[kind].frames)
    with pytest.raises(InputError, match=f"^a result of kind {kind} has no frame '{name}'; it has {has}$"):
        getattr(found[kind], name)


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_chart_names_those_there_are(found, kind):
    with pytest.raises(InputError, match=r"^there is no chart 'pnls' of this result; .*\w"):
        found[kind].chart("pnls")
    assert found[kind].chart().to_dict()["$schema"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_another_question_is_left_alone(found, place, kind, tmp_path):
    held = found[kind]
    other = found["sweep"] if kind != "sweep" else found["replay"]
    before = engine.open(other.write(tmp_path / "taken"))
    with pytest.raises(InputError):
        held.write(tmp_path / "taken")
    assert engine.open(tmp_path / "taken").hash == before.hash
    assert engine.open(held.write(tmp_path / "own")).hash == held.hash
    assert engine.open(held.write(tmp_path / "own")).hash == held.hash  # the same question again


def test_force_replaces_a_run(found, place, tmp_path):
    other = engine.backtest("fixed-spread", "MADE-00", place / "books", params={"half_spread": 2.0})
    found["replay"].write(tmp_path / "run")
    with pytest.raises(TakenError, match="another question, which differs in its parameters: name another folder"):
        other.write(tmp_path / "run")
    assert engine.open(tmp_path / "run").hash == found["replay"].hash
    assert engine.open(other.write(tmp_path / "run", force=True)).hash == other.hash
    assert engine.open(tmp_path / "run").verify() == other.hash


def test_force_replaces_a_sweep_whole(found, place, tmp_path):
    other = engine.sweep("fixed-spread", "MADE-00", place / "books", axes="half_spread=1,2", out=place / "other",
                         pictures=False)  # fmt: skip
    assert len(other.cells) == 2
    copy = other.write(tmp_path / "copy")
    with pytest.raises(TakenError, match=r"holds another sweep: name another folder, or replace it with force=$"):
        found["sweep"].write(copy)
    assert engine.open(copy).hash == other.hash
    assert engine.open(found["sweep"].write(copy, force=True)).verify() == found["sweep"].hash
    assert other.write(place / "other") == place / "other" and engine.open(place / "other").hash == other.hash
    assert other.write_new(tmp_path) == tmp_path / "fixed-spread"
    assert found["sweep"].write_new(tmp_path) == tmp_path / "fixed-spread-2"


def test_new_folders_are_numbered(found, place, tmp_path):
    other = engine.backtest("fixed-spread", "MADE-01", place / "books", params={"half_spread": 2.0})
    assert found["replay"].write_new(tmp_path) == tmp_path / "fixed-spread"
    assert other.write_new(tmp_path) == tmp_path / "fixed-spread-2"
    assert found["replay"].write_new(tmp_path) == tmp_path / "fixed-spread"  # the same question again
    assert found["bets"].write_new(tmp_path) == tmp_path / "bollinger"
    assert found["bets"].written(tmp_path / "b").folder == tmp_path / "b"


def test_a_report_needs_a_place(found, tmp_path):
    with pytest.raises(InputError, match=r"^this result has no folder: write\(\) it first, or say .* with out=$"):
        found["replay"].report()
    assert found["replay"].report(tmp_path / "page.html").read_text().startswith("<!")
    assert found["replay"].written(tmp_path / "run").report() == tmp_path / "run/report.html"


def test_verify_says_what_differs(found, tmp_path):
    folder = found["replay"].write(tmp_path / "run")
    fills = pl.read_parquet(folder / "fills.parquet")
    fills.with_columns(pl.col("price") + 100).write_parquet(folder / "fills.parquet")
    with pytest.raises((CheckError, InputError), match=str(folder)):
        engine.verify(folder)


@pytest.mark.parametrize("kind", ["replay", "sweep"])
def test_what_was_drawn_from_a_result_goes_with_it_and_the_users_own_files_stay(found, kind, place, tmp_path):
    folder = found[kind].write(tmp_path / "out")
    names = ("report.html", "heatmap.html", "heatmap.svg", "heatmap_markets.png", "heatmap_quoting.svg")
    for name in (*names, "mine.png"):
        (folder / name).write_text("drawn from the old one")
    found[kind].write(folder)  # the same once more
    assert (folder / "report.html").exists() is (kind == "replay")  # a sweep's folder is copied whole
    other = {
        "replay": lambda: engine.backtest("fixed-spread", "MADE-01", place / "books"),
        "sweep": lambda: engine.sweep(
            "fixed-spread", "MADE-00", place / "books", axes={"half_spread": [1, 3]}, out=tmp_path / "swept",
            pictures=False,
        ),
    }[kind]()  # fmt: skip
    other.write(folder, force=True)
    assert not any((folder / name).exists() for name in names)
    assert (folder / "mine.png").exists()
    assert engine.open(folder).hash == other.hash


def test_a_list_of_checksums_names_no_file_outside_of_its_folder(found, tmp_path):
    folder = found["sweep"].write(tmp_path / "out")
    (tmp_path / "victim").write_text("mine")
    sums = json.loads((folder / CHECKSUMS).read_text())
    del sums["checksum"]
    (folder / CHECKSUMS).write_bytes(with_checksum(json.dumps(sums | {"../victim": "0"}, indent=1).encode()))
    with pytest.raises(DamagedError, match=r"names files outside of the folder"):
        found["sweep"].write(folder, force=True)
    assert (tmp_path / "victim").exists()
