"""What is stored is listed by ticker, from Python and on the command line, in whatever width there is."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from touchline.engine.cli.data.app import app
from touchline.engine.cli.data.markets import narrowed
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from typer.testing import CliRunner


@pytest.fixture
def store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "store")
    trades = {"ts": [5, 9, 7], "ticker": ["KXA-T1", "KXA-T1", "KXB-T2"], "price": [40, 41, 42], "size": [1, 1, 1]}
    book = {"ts": [3, 20, 30], "ticker": ["KXA-T1"] * 3, "kind": [2, 3, 3]} | dict.fromkeys(
        ("side", "price", "size"), [0] * 3
    )
    quotes = {"ts": [8], "ticker": ["KXC-T3"], "bid": [40]}
    markets = {"ticker": ["KXA-T1", "KXD-T4"], "series": ["KXA", "KXA"], "result": ["yes", None]}
    frames = {"trades": trades, "book": book, "quotes": quotes, "markets": markets}
    store.ingest("a", "a", [Chunk({name: pl.DataFrame(rows) for name, rows in frames.items()})])
    return store


def test_every_ticker_has_a_line_with_its_rows_span_and_gaps(store: Store) -> None:
    columns = ("ticker", "listed", "start", "end", "trades", "book", "quotes", "gaps")
    assert store.coverage().select(columns).rows() == [
        ("KXA-T1", True, 3, 30, 2, 3, 0, 2),
        ("KXB-T2", False, 7, 7, 1, 0, 0, 0),
        ("KXC-T3", False, 8, 8, 0, 0, 1, 0),
        ("KXD-T4", True, None, None, 0, 0, 0, 0),
    ]


@pytest.mark.parametrize(
    ("chosen", "tickers"),
    [
        ({"series": "KXA"}, ["KXA-T1", "KXD-T4"]),
        ({"series": "KXB"}, ["KXB-T2"]),
        ({"like": "KX_-T2"}, ["KXB-T2"]),
        ({"like": "KX%"}, ["KXA-T1", "KXB-T2", "KXC-T3", "KXD-T4"]),
        ({"like": "KX"}, []),
        ({"like": "KX.-T2"}, []),
        ({"series": "KXA", "like": "%T4"}, ["KXD-T4"]),
    ],
)
def test_markets_are_chosen_by_series_and_pattern(store: Store, chosen: dict[str, str], tickers: list[str]) -> None:
    assert store.coverage(**chosen)["ticker"].to_list() == tickers


def test_the_command_lists_and_says_what_it_leaves_out(store: Store) -> None:
    done = CliRunner().invoke(app, ["markets", "--store", store.path, "--limit", "3"], catch_exceptions=False)
    assert "KXC-T3" in done.stdout
    assert "KXD-T4" not in done.stdout
    assert "1 more markets" in done.stderr
    assert "2 of 4 have no row in markets" in done.stderr
    told = CliRunner().invoke(
        app, ["markets", "--store", store.path, "--like", "%T1", "--json"], catch_exceptions=False
    )
    assert [one["ticker"] for one in json.loads(told.stdout)["markets"]] == ["KXA-T1"]


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_a_table_that_is_too_wide_loses_what_matters_least(width: int) -> None:
    names = ("ticker", "from (UTC)", "to (UTC)", "trades", "book", "quotes", "gaps", "result", "status", "series")
    row = (
        "KXHIGHNY-25JUN15-B80.5",
        "2025-06-15 04:00",
        "2025-06-16 04:00",
        12_345,
        1_234_567,
        123_456,
        0,
        "no",
        "finalized",
        "KXHIGHNY",
    )
    columns, rows = narrowed(names, [row], width)
    assert sum(max(len(name), len(f"{value:,}" if isinstance(value, int) else str(value))) + 3
               for name, value in zip(columns, rows[0], strict=True)) - 3 <= width  # fmt: skip
    assert columns[0] == "ticker"
    assert "trades" in columns
    assert (len(columns) == len(names)) == (width == 200)
