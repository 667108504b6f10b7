"""A file that has grown since it was imported brings its new rows alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline.io.ground.errors import InputError
from touchline.io.importers import growth
from touchline.io.importers.base import Options
from touchline.io.importers.importing import Imported, import_file, import_files, plan
from touchline.io.importers.recognise import recognise
from touchline.io.importers.values import lines
from touchline.io.store.ingest import ingest
from touchline.io.store.store import Store

HEAD = "ts,ticker,price,count\n"


def rows(first: int, last: int) -> str:
    return "".join(f"{1_750_000_000 + n // 3},A-{n % 2},{1 + n % 99},{1 + n % 5}\n" for n in range(first, last))


def put(store: Store, path: Path, text: str, options: Options | None = None) -> Imported:
    path.write_text(text)
    return import_file(store, recognise(path, options or Options()), options or Options())


def held(store: Store) -> list[tuple[object, ...]]:
    return sorted(store.trades().select("ts", "ticker", "price", "size").collect().rows())


@pytest.fixture
def whole(tmp_path: Path) -> list[tuple[object, ...]]:
    store = Store(tmp_path / "whole")
    put(store, tmp_path / "whole.csv", HEAD + rows(0, 2000))
    return held(store)


@pytest.mark.parametrize("block", [32 << 20, 700])
def test_a_log_that_grows_is_stored_once(
    tmp_path: Path, whole: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    """1,000 rows, then 1,500, then 2,000 under another name: 2,000 in all, whatever the blocks they are read in."""
    monkeypatch.setattr(lines, "BLOCK_BYTES", block)
    store = Store(tmp_path / "store")
    first = put(store, tmp_path / "log.csv", HEAD + rows(0, 1000))
    second = put(store, tmp_path / "log.csv", HEAD + rows(0, 1500))
    third = put(store, tmp_path / "log (1).csv", HEAD + rows(0, 2000))
    assert [one.report.rows for one in (first, second, third)] == [{"trades": 1000}, {"trades": 500}, {"trades": 500}]
    assert [one.report.duplicates.get("trades", 0) for one in (first, second, third)] == [0, 1000, 1500]
    assert [one.report.grown_from for one in (second, third)] == [first.report.import_id, second.report.import_id]
    assert held(store) == whole
    assert f"its beginning is what import {first.report.import_id} brought; only what follows is new" in second.facts
    assert store.forget(first.report.import_id, dry_run=True).lacking[0].import_id == second.report.import_id
    again = put(store, tmp_path / "log.csv", HEAD + rows(0, 2000))
    assert not again.report.new


def test_small_files_of_a_folder_grow_together(tmp_path: Path) -> None:
    store, folder = Store(tmp_path / "store"), tmp_path / "in"
    folder.mkdir()
    for count in (10, 25):
        for name in ("a", "b"):
            (folder / f"{name}.csv").write_text(HEAD + rows(0, count).replace("A-", f"{name.upper()}-"))
        done = list(import_files(store, plan([folder], Options())[0], Options()))
    assert [one.report.rows for one in done] == [{"trades": 15}] * 2
    assert [one.report.duplicates for one in done] == [{"trades": 10}] * 2
    assert store.trades().collect().height == 50


def test_a_killed_import_of_a_grown_file_goes_on(
    tmp_path: Path, whole: list[tuple[object, ...]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 700)
    monkeypatch.setattr(ingest, "BATCH_ROWS", 100)
    store, path = Store(tmp_path / "store"), tmp_path / "log.csv"
    put(store, path, HEAD + rows(0, 1000))
    path.write_text(HEAD + rows(0, 2000))
    stop = iter(range(50))

    def seen(_: object) -> None:
        if next(stop, None) is None:
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError, match="killed"):
        import_file(store, recognise(path, Options()), Options(), seen=seen)
    done = import_file(store, recognise(path, Options()), Options())
    assert done.report.resumed > 0
    assert done.report.rows == {"trades": 1000}
    assert held(store) == whole


def test_what_cannot_be_continued_is_refused_with_what_to_do(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "log.csv"
    bad = put(store, path, HEAD + rows(0, 10) + "x,A-1,50,1\n")
    with pytest.raises(
        InputError, match=rf"1 records of it quarantined; .* engine data forget {bad.report.import_id} --yes"
    ):
        put(store, path, HEAD + rows(0, 10) + "x,A-1,50,1\n" + rows(10, 20))
    store.forget(bad.report.import_id, dry_run=False)
    cut = put(store, path, (HEAD + rows(0, 10)).rstrip("\n")[:-1] + "1")
    with pytest.raises(InputError, match="which ended in the middle of a line"):
        put(store, path, (HEAD + rows(0, 10)).rstrip("\n")[:-1] + "15\n" + rows(10, 20))
    store.forget(cut.report.import_id, dry_run=False)
    assert put(store, path, HEAD + rows(0, 20)).report.rows == {"trades": 20}


def test_files_that_only_look_alike_are_imported_whole(tmp_path: Path) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "log.csv"
    put(store, path, HEAD + rows(0, 100))
    changed = put(store, path, HEAD + rows(0, 100).replace("A-1,4", "A-1,5", 1) + rows(100, 150))
    assert changed.report.grown_from is None and changed.report.rows == {"trades": 150}
    other = put(store, path, HEAD + rows(0, 160), Options(price_unit="cents"))
    assert other.report.grown_from is None


def test_an_import_that_was_taken_back_meanwhile_stops_the_one_that_builds_on_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = Store(tmp_path / "store"), tmp_path / "log.csv"
    first = put(store, path, HEAD + rows(0, 100))
    found = growth.beginning

    def then_forget(*given: object) -> object:
        begun = found(*given)  # pyright: ignore[reportArgumentType] - passed on as they are
        store.forget(first.report.import_id, dry_run=False)
        return begun

    monkeypatch.setattr("touchline.io.importers.importing.beginning", then_forget)
    with pytest.raises(InputError, match=f"import {first.report.import_id} was taken back meanwhile"):
        put(store, path, HEAD + rows(0, 150))
