"""Dated tables: their times, their numbers, and what is wrong with them in one line."""

from __future__ import annotations

from datetime import UTC, date, datetime

import polars as pl
import pytest
from touchline.io.ground.errors import InputError
from touchline.io.ground.times import nanoseconds
from touchline.io.importers.dated import read_dated


def written(folder, text):
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_times_numbers_and_gaps(tmp_path):
    path = written(
        tmp_path,
        "published,series,cpi,surprise\n"
        "2024-02-13T08:30:00-05:00,KXCPI,3.1,\n"
        "2024-01-11T13:30:00Z,KXCPI,3.4,0.2\n"
        "2024-01-11 14:00,KXFED,5.5,-0.1\n",
    )
    found = read_dated(path, "published", key="series")
    times = ["2024-01-11T13:30:00Z", "2024-01-11T14:00:00Z", "2024-02-13T13:30:00Z"]
    assert found["ts"].to_list() == [nanoseconds(text) for text in times]
    assert found.drop("ts").rows() == [("KXCPI", 3.4, 0.2), ("KXFED", 5.5, -0.1), ("KXCPI", 3.1, None)]
    assert read_dated(path, "published", ["cpi"], tz="America/New_York")["ts"][1] == nanoseconds("2024-01-11T19:00Z")


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_a_date_alone_counts_from_its_end(tmp_path, kind):
    path = tmp_path / f"table.{kind}"
    frame = pl.DataFrame({"day": [date(2024, 2, 28), date(2024, 2, 29)], "x": [1.0, 2.0]})
    frame.write_csv(path) if kind == "csv" else frame.write_parquet(path)
    assert read_dated(path, "day")["ts"].to_list() == [nanoseconds("2024-02-29"), nanoseconds("2024-03-01")]
    assert read_dated(path, "day", tz="America/New_York")["ts"][0] == nanoseconds("2024-02-29T05:00Z")


def test_parquet_and_json_lines_give_the_same(tmp_path):
    frame = pl.DataFrame({"at": [datetime(2024, 1, 1, 12, tzinfo=UTC), datetime(2024, 1, 2)], "x": [1, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.jsonl").write_text(
        '{"at": "2024-01-01T12:00:00Z", "x": 1}\n{"at": "2024-01-02T00:00Z", "x": null}\n'
    )
    found = read_dated(tmp_path / "t.parquet", "at")
    assert found.rows() == [(nanoseconds("2024-01-01T12:00Z"), 1.0), (nanoseconds("2024-01-02"), None)]
    assert read_dated(tmp_path / "t.jsonl", "at").equals(found)


@pytest.mark.parametrize(
    ("text", "columns", "message"),
    [
        (
            "published,x\n2024-01-01,1\n2024-13-01,2\n",
            (),
            "line 3: published '2024-13-01' cannot be read; a time",
        ),
        ("published,x\n2024-01-01,1\n,2\n", (), "line 3: published is missing$"),
        ("published,x\n2099-12-31,1\n", (), "line 2: published '2100-01-01' is out of range; a time is .*2099"),
        ("published,x\n1955-02-01,1\n", (), "line 2: published '1955-02-01' cannot be read; a time is .*2000"),
        ("published,x\n2024-01-01,3.1%\n", ("x",), "line 2: x '3.1%' cannot be read$"),
        ("published,x,note\n2024-01-01,3,good\n", (), "line 2: note 'good' cannot be read; name the columns that are"),
        ("published,x\n2024-01-01,3,4\n", (), "line 2: "),
        ("released,x\n2024-01-01,3\n", (), "has no column 'published'; it has released, x$"),
        ("published,x\n2024-01-01,3\n", ("y",), "has no column 'y'; it has published, x$"),
        ("published\n2024-01-01\n", (), "no column beside 'published'"),
        ("published,ts\n2024-01-01,3\n", (), "ts is the name of a bar's time; name the columns"),
        ("published,x\n", (), "has no rows$"),
        ("", (), "the file is empty$"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path, text, columns, message):
    with pytest.raises(InputError, match=message) as caught:
        read_dated(written(tmp_path, text), "published", columns)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_zone(tmp_path):
    with pytest.raises(InputError, match=r"there is no table .*none\.csv"):
        read_dated(tmp_path / "none.csv", "published")
    with pytest.raises(InputError, match="'Mars' is no time zone"):
        read_dated(written(tmp_path, "published,x\n2024-01-01,3\n"), "published", tz="Mars")
