"""From the command line into a store: what is said, what is refused, and what a kill costs."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from touchline.engine.cli import main
from touchline.io.ground.errors import InputError, SourceChangedError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.importers.recognise import recognise
from touchline.io.importers.values import lines
from touchline.io.store.chunk import Chunk
from touchline.io.store.ingest import ingest
from touchline.io.store.ingest.ingest import UNFINISHED
from touchline.io.store.store import Store

HEAD = "ticker,created_time,yes_price,no_price,count,taker_side\n"


@dataclass
class Ran:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Runs a command through the entry point, in this process."""

    def run(*arguments: object) -> Ran:
        monkeypatch.setattr(sys, "argv", ["engine", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ran(int(ended.value.code or 0), said.out, said.err)

    return run


def rows(count: int, first: int = 0) -> str:
    return "".join(
        f"KXINX-T{n % 7},{1_750_000_000 + n // 3},{1 + n % 99},{99 - n % 99},{1 + n % 50},{'yes' if n % 2 else 'no'}\n"
        for n in range(first, first + count)
    )


def test_an_import_says_what_it_was_what_came_and_what_did_not(engine: Callable[..., Ran], tmp_path: Path) -> None:
    source = tmp_path / "trades.csv"
    source.write_text(HEAD + rows(50) + "KXINX-T1,x,50,50,1,yes\n")
    first = engine("data", "import", source, "--store", tmp_path / "s", "--json")
    assert first.returncode == 1
    assert first.stderr == f"error: 1 record of {source} not stored: see the quarantine\n"
    (document,) = json.loads(first.stdout)["imports"]
    assert (document["format"], document["rows"], document["quarantined"]) == ("trades", {"trades": 50}, 1)
    assert document["reasons"] == {"created_time 'x' cannot be read": 1}
    bad = [json.loads(line) for line in Path(document["quarantine"]).read_text().splitlines()]
    assert (bad[0]["line"], bad[0]["raw"]) == (52, "KXINX-T1,x,50,50,1,yes")
    again = json.loads(engine("data", "import", source, "--store", tmp_path / "s", "--json").stdout)["imports"][0]
    assert again["new"] is False
    assert Store(tmp_path / "s").trades().collect().height == 50
    table = engine("data", "import", source, "--store", tmp_path / "t")
    assert "trades.csv" in table.stdout
    assert "prices are in cents" in table.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--strict"], "line 3: created_time 'x' cannot be read: A,x,50,50,1,yes"),
        (["--tz", "Mars/Base"], "no time zone"),
        (["--price-unit", "euros"], "it is cents or dollars"),
        (["--size-unit", "kilos"], "it is contracts or lots"),
        (["--map", "ts"], "is not ours=theirs"),
        (["--price-grid", "none"], "no price grid is named"),
        (["--format", "x"], "format 'x' is not known"),
        (["/no/such/file.csv"], "there is no such file or folder"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_2(
    engine: Callable[..., Ran], tmp_path: Path, arguments: list[str], message: str
) -> None:
    source = tmp_path / "trades.csv"
    source.write_text(HEAD + "A,1750000000,50,50,1,yes\nA,x,50,50,1,yes\n")
    result = engine("data", "import", source, "--store", tmp_path / "s", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not list(tmp_path.rglob("*.parquet"))


def test_the_command_spells_options_where_the_library_names_arguments(
    engine: Callable[..., Ran], tmp_path: Path
) -> None:
    path = tmp_path / "t.csv"
    path.write_text("ts,ticker,price,size\n1750000000,A-1,0.1,1\n")
    ran = engine("data", "import", path, "--store", tmp_path / "s")
    assert ran.returncode == 2
    assert ran.stderr.endswith("cents or dollars? Pass --price-unit cents or --price-unit dollars\n")
    with pytest.raises(InputError, match=r"Pass price_unit='cents' or price_unit='dollars'$"):
        plan([path], Options())
    path.write_text("ts,value\n1750000000,4000\n")
    other = path.rename(tmp_path / "spx.csv")
    said = json.loads(engine("data", "import", other, "--store", tmp_path / "s", "--json").stdout)["imports"][0][
        "facts"
    ]
    assert "the underlying is SPX, from the file's name; --underlying says otherwise" in said


def test_a_folder_is_read_file_by_file_and_says_what_it_skipped(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "t.csv").write_text(HEAD + rows(3))
    (tmp_path / "a" / "u.csv").write_text("what,ever\n1,2\n")
    (tmp_path / "a" / "picture.png").write_bytes(b"\x89PNG")
    known, aside = plan([tmp_path / "a"], Options())
    assert [one.path.name for one in known] == ["t.csv"]
    assert [path.name for path, _ in aside] == ["u.csv"]
    assert "no format fits" in aside[0][1]


def test_what_was_not_stored_is_counted_and_ends_in_code_1(engine: Callable[..., Ran], tmp_path: Path) -> None:
    """Rows quarantined, a file cut short and one of which nothing was read: none of them is success."""
    whole, cut, head = tmp_path / "w.csv", tmp_path / "c.csv.gz", tmp_path / "h.csv"
    whole.write_text(HEAD + rows(50))
    cut.write_bytes(gzip.compress((HEAD + rows(9999)).encode())[:-9])
    head.write_text(HEAD)
    assert engine("data", "import", whole, "--store", tmp_path / "s").returncode == 0
    ran = engine("data", "import", cut, "--store", tmp_path / "s")
    assert ran.returncode == 1
    assert ran.stderr.splitlines()[-1] == f"error: 1 record of {cut} not stored: see the quarantine"
    ran = engine("data", "import", head, "--store", tmp_path / "s")
    assert ran.returncode == 1
    assert "h.csv: nothing was read from it" in ran.stderr
    assert ran.stderr.splitlines()[-1] == f"error: nothing was read from {head}"
    again = engine("data", "import", whole, "--store", tmp_path / "s")
    assert again.returncode == 0


def test_reasons_keep_their_digits(engine: Callable[..., Ran], tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    good = "1750000000,A-1,47,3\n"
    source.write_text(
        "timestamp,ticker,price,volume\n" + good + good.replace("47", "147") + good.replace("47", "148") + "1,2\n"
    )
    ran = engine("data", "import", source, "--store", tmp_path / "s")
    assert "t.csv: quarantined 2 such as: price 147 cents is not between 0 and 1 dollar" in ran.stderr
    assert "t.csv: quarantined 1: 2 fields, 4 expected" in ran.stderr
    assert ran.returncode == 1


def test_skipping_chunks_gives_the_rest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 2_000)
    source = tmp_path / "trades.csv"
    source.write_text(HEAD + rows(500))
    importer = recognise(source, Options()).importer
    whole = list(importer.read(source, Options()))
    assert len(whole) > 5
    for skip in (1, 3, len(whole)):
        rest = list(importer.read(source, Options(), skip))
        assert len(rest) == len(whole) - skip
        for one, other in zip(rest, whole[skip:], strict=True):
            assert_frame_equal(one.tables["trades"], other.tables["trades"])


def overwrite(source: Path) -> None:
    source.write_text(source.read_text().replace(",yes", ",no"))


def overwrite_in_place_and_hide_it(source: Path) -> None:
    """The size, the file and the time of change stay as they were."""
    before = source.stat()
    with source.open("r+b") as file:
        file.seek(-len("1,yes\n"), os.SEEK_END)
        file.write(b"2")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))


def append(source: Path) -> None:
    with source.open("a") as file:
        file.write("KXINX-T1,1750000000,50,50,1,yes\n")


@pytest.mark.parametrize("change", [append, overwrite, overwrite_in_place_and_hide_it, Path.unlink])
def test_a_file_that_changes_while_it_is_read_is_refused_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[Path], None]
) -> None:
    monkeypatch.setattr(lines, "BLOCK_BYTES", 2_000)
    monkeypatch.setattr(ingest, "BATCH_ROWS", 1)
    source, changed = tmp_path / "trades.csv", list[Chunk]()
    source.write_text(HEAD + rows(500))
    store, recognised = Store(tmp_path / "s"), recognise(source, Options())

    def change_once(chunk: Chunk) -> None:
        if not changed:
            change(source)
        changed.append(chunk)

    with pytest.raises(SourceChangedError, match="changed while it was read"):
        import_file(store, recognised, Options(), seen=change_once)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (".parquet", ".json")]

    source.write_text(HEAD + rows(500))
    assert import_file(store, recognised, Options()).report.rows == {"trades": 500}


def test_a_file_that_is_only_touched_while_it_is_read_is_imported(tmp_path: Path) -> None:
    source = tmp_path / "trades.csv"
    source.write_text(HEAD + rows(500))
    done = import_file(
        Store(tmp_path / "s"), recognise(source, Options()), Options(), seen=lambda chunk: source.touch()
    )
    assert done.report.rows == {"trades": 500}


@pytest.mark.slow
def test_a_killed_import_goes_on_where_it_was(tmp_path: Path) -> None:
    source = tmp_path / "trades.csv"
    with source.open("w") as file:
        file.write(HEAD)
        for part in range(60):
            file.write(rows(50_000, part * 50_000))
    code = "import sys; from touchline.engine.cli import main; sys.argv[0] = 'engine'; main()"
    words = [sys.executable, "-c", code, "data", "import", str(source), "--store", str(tmp_path / "killed"), "--json"]
    child = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    while child.poll() is None and not list((tmp_path / "killed").glob(f"{UNFINISHED}/*/*.json")):
        time.sleep(0.01)
    child.kill()  # a first part is durable, and the next is under way
    child.communicate()
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["imports"][0]["resumed"] > 0
    import_file(Store(tmp_path / "whole"), recognise(source, Options()), Options())
    frames = [Store(tmp_path / name).trades().drop("import_id").collect() for name in ("killed", "whole")]
    assert_frame_equal(*frames)
    assert frames[0].select(pl.len()).item() == 3_000_000


def test_help_of_the_command(engine: Callable[..., Ran]) -> None:
    shown = engine("data", "import", "--help")
    assert shown.returncode == 0
    assert "--price-unit" in shown.stdout
