"""`engine data sql|tables|imports|forget|compact` as a user sees them."""

from __future__ import annotations

import json

import polars as pl
import pytest
from touchline.engine.cli.data.app import app
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from typer.testing import CliRunner


@pytest.fixture
def folder(tmp_path):
    store = Store(tmp_path / "store")
    for number in range(3):
        rows = {"ts": [number * 10**9], "ticker": [f"T{number}"], "price": [5600], "size": [100 + number]}
        store.ingest(f"file{number}.csv", f"d{number}", [Chunk({"trades": pl.DataFrame(rows)})])
    return store.path


def run(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_sql_as_table_csv_and_json(folder):
    query = "select ticker, size from trades order by ticker"
    assert run("sql", query, "--store", folder, "--csv") == "ticker,size\nT0,100\nT1,101\nT2,102\n"
    shown = json.loads(run("sql", query, "--store", folder, "--json"))
    assert shown == {"columns": ["ticker", "size"], "rows": [["T0", 100], ["T1", 101], ["T2", 102]]}
    table = run("sql", query, "--store", folder, "--limit", "2")
    assert "T1" in table
    assert "T2" not in table


def test_tables_imports_and_compaction(folder):
    before = json.loads(run("tables", "--store", folder, "--json"))["tables"]
    assert {table["name"]: (table["rows"], table["files"]) for table in before}["trades"] == (3, 3)
    assert [one["source"] for one in json.loads(run("imports", "--store", folder, "--json"))["imports"]] == [
        "file0.csv",
        "file1.csv",
        "file2.csv",
    ]
    done = json.loads(run("compact", "--store", folder, "--json"))
    assert (done["before"], done["after"], done["rows"]) == ({"trades": 3}, {"trades": 1}, 3)
    assert "1970-01-01 00:00:02" in run("tables", "--store", folder)
    assert "file2.csv" in run("imports", "--store", folder)
    assert run("sql", "select sum(size) s from trades", "--store", folder, "--csv") == "s\n303\n"


def test_an_import_is_shown_and_taken_back_only_when_asked_to(folder):
    first = json.loads(run("imports", "--store", folder, "--json"))["imports"][0]["import_id"]
    assert "1 trades" in run("imports", "--store", folder)
    assert "T0" in run("imports", first, "--store", folder)
    told = CliRunner().invoke(app, ["forget", first, "--store", folder])
    assert f"nothing was changed; engine data forget {first} --yes takes it back" in told.stderr
    assert "T0" in run("sql", "select ticker from trades", "--store", folder)
    done = json.loads(run("forget", first, "--yes", "--store", folder, "--json"))
    assert (done["rows"], done["done"]) == ({"trades": 1}, True)
    assert run("sql", "select ticker from trades order by 1", "--store", folder, "--csv") == "ticker\nT1\nT2\n"


@pytest.mark.parametrize("command", [["sql", "select 1"], ["tables"], ["imports"], ["compact"], ["forget", "abc"]])
def test_an_absent_store_is_bad_input(tmp_path, command):
    with pytest.raises(InputError, match="there is no store at"):
        run(*command, "--store", str(tmp_path / "nothing"))
    assert not (tmp_path / "nothing").exists()
