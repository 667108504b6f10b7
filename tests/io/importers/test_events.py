"""The day of inserts and cancels: its book is the authors' own, and its trades are what crossed."""

from __future__ import annotations

import datetime as dt
import gzip
from pathlib import Path

import polars as pl
import pytest
from touchline.io.importers.base import Options
from touchline.io.importers.recognise import recognise

from .plain import replay
from .reading import read

DAYS = [("apr-10", 27_478, "no", 17), ("apr-13", 26_663, "yes", 1)]


@pytest.mark.parametrize(("day", "values", "result", "cut"), DAYS)
def test_the_book_gives_the_recorded_mid_exactly(
    market_data: Path, day: str, values: int, result: str, cut: int
) -> None:
    imported = read(market_data / "inx2023_l2" / f"{day}-combined.csv.gz")
    book = imported.tables["book"]
    states = replay(book.select("kind", "side", "price", "size").rows())
    ticks = imported.tables["underlying"]["ts"].to_list()
    mids = {}
    events = sorted(
        [(ts, 0, state) for ts, state in zip(book["ts"], states, strict=True)] + [(ts, 1, None) for ts in ticks],
        key=lambda one: one[:2],
    )
    known = None
    for ts, _, state in events:
        known = state or known
        if known and known[0] and known[1]:
            mids[ts] = (max(known[0]) + min(known[1])) / 200
    with gzip.open(market_data / "inx2023_l2" / f"{day}-probability.csv.gz") as file:
        recorded = pl.read_csv(file.read()).filter(pl.col("Mid").is_not_null())
    compared = 0
    for time, mid in recorded.select("Time", "Mid").rows():
        at = dt.datetime.fromisoformat(time)
        ts = (at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC)) // dt.timedelta(microseconds=1) * 1000
        if ts in mids:
            assert mids[ts] == mid, (time, mids[ts], mid)
            compared += 1
    assert compared == values
    market = imported.tables["markets"].row(0, named=True)
    assert (market["result"], market["settlement"]) == (result, 10_000 if result == "yes" else 0)
    counted = imported.notes["cancels larger than their level, cut to it"] + len(imported.bad)
    assert counted == cut


@pytest.mark.parametrize("day", ["apr-10", "apr-13"])
def test_trades_take_from_the_book_what_they_say(market_data: Path, day: str) -> None:
    imported = read(market_data / "inx2023_l2" / f"{day}-combined.csv.gz")
    taken = imported.tables["trades"].group_by("seq", "price").agg(pl.col("size").sum())
    removed = imported.tables["book"].filter(pl.col("kind") == 0, pl.col("size") < 0)
    both = taken.join(
        removed.group_by("seq", "price").agg(pl.col("size").sum().alias("removed")), on=["seq", "price"], how="left"
    )
    assert (both["size"] + both["removed"] == 0).all()


def write(folder: Path, rows: list[str]) -> Path:
    head = "Time,Competitor,Operation,OrderId,Instrument,Side,Volume,Price,Lifespan,Fee"
    path = folder / "day.csv"
    path.write_text("\n".join([head, *rows]) + "\n")
    return path


def test_dirt_is_cut_counted_or_quarantined_and_never_silent(tmp_path: Path) -> None:
    def event(second: int, operation: str, side: str, volume: str, price: str) -> str:
        return f"2023-04-10 13:31:{second:02d}+00:00,,{operation},1,1,{side},{volume},{price},G,0"

    rows = [
        "2023-04-10 13:31:00+00:00,,,,0,,,4079.39,,",
        event(1, "Insert", "A", "5", "5700.0"),
        event(2, "Cancel", "A", "9", "5700.0"),
        event(3, "Cancel", "A", "9", "5700.0"),
        event(4, "Insert", "A", "5", "5700.0"),
        event(5, "Insert", "B", "8", "5800.0"),
        event(6, "Insert", "B", "x", "5800.0"),
        event(7, "Insert", "Q", "1", "5800.0"),
        event(6, "Insert", "B", "1", "5600.0"),
    ]
    imported = read(write(tmp_path, rows))
    assert [(bad.line, bad.reason) for bad in imported.bad] == [
        (5, "a cancel at 57 cents, where nothing stands"),
        (8, "Volume 'x' cannot be read"),
        (9, "Side 'Q' is not B or A"),
        (10, "the time goes back"),
    ]
    assert imported.notes == {
        "cancels larger than their level, cut to it": 1,
        "crossing inserts whose remainder rests": 1,
    }
    trades = imported.tables["trades"].select("price", "size", "taker_side").rows()
    assert trades == [(5700, 500, 1)]
    assert replay(imported.tables["book"].select("kind", "side", "price", "size").rows())[-1] == ({5800: 300}, {})


def test_the_market_can_be_named(tmp_path: Path) -> None:
    path = write(
        tmp_path, ["2023-04-10 13:31:00+00:00,,,,0,,,4079.39,,", "2023-04-10 13:31:01+00:00,,Insert,1,1,A,5,5700.0,G,0"]
    )
    assert read(path).tables["book"]["ticker"].unique().to_list() == ["INX-23APR10-B4075"]
    assert read(path, Options(ticker="MINE")).tables["markets"]["ticker"].to_list() == ["MINE"]
    assert recognise(path, Options()).importer.name == "events"
