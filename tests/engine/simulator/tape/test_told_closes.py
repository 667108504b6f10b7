"""What a quoting model is told of its market's close: what was known at the moment, never what was told later."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.live.live import Live
from touchline.engine.runs.replayed import notices_of
from touchline.engine.simulator.assumptions.venue import Assumptions, close_steps
from touchline.engine.simulator.kernel.decide import close_nb
from touchline.engine.simulator.lookahead import cut_off, prove
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.store.chunk import Chunk
from touchline.io.store.closes import told_closes
from touchline.io.store.store import Store
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread

SECOND = 1_000_000_000
OPEN = 1_790_000_000 * SECOND
EARLY, PLANNED = OPEN + 600 * SECOND, OPEN + 3_600 * SECOND
TOLD = OPEN + 300 * SECOND  # the early close
MODEL = {"gamma": 0.05}
HORIZONS = [Assumptions(horizon="session"), Assumptions(horizon="to-close", variance=0.001, volatility="constant")]
LISTED = {"valid_from": OPEN - 60 * SECOND, "close_ts": PLANNED}
MOVED = {"valid_from": TOLD, "close_ts": EARLY}


def store_of(folder: Path, *markets: dict[str, int | str | None], until: int = EARLY) -> Store:
    """A market with a book that moves and trades every second, and these rows of markets."""
    book = [{"ts": OPEN + SECOND, "kind": 2, "side": 0, "price": 0, "size": 0}]
    trades, rests = [], {}
    for ts in range(OPEN + SECOND, min(EARLY, until), SECOND):
        mid = 50 + int(5 * np.sin((ts - OPEN) / (90 * SECOND)))
        wanted = {(1, mid - 2): 3_000, (1, mid - 3): 3_000, (-1, mid + 2): 3_000, (-1, mid + 3): 3_000}
        for side, level in sorted(rests.keys() | wanted.keys()):
            change = wanted.get((side, level), 0) - rests.get((side, level), 0)
            if change:
                book.append({"ts": ts, "kind": 0, "side": side, "price": level * 100, "size": change})
        rests = wanted
        side = 1 if ts // SECOND % 3 else -1
        trades.append({"ts": ts, "price": (mid + 2 * side) * 100, "size": 4_000, "taker_side": side})
    rows = [{"series": "M", "event": "M", "open_ts": OPEN, **row} for row in markets]
    given = {"book": book, "trades": trades, "markets": rows}
    tables = {name: pl.DataFrame(rows).with_columns(ticker=pl.lit("M")) for name, rows in given.items()}
    store = Store(folder)
    store.ingest("made", "made", [Chunk(tables)])
    return store


@pytest.mark.parametrize("assumed", HORIZONS, ids=lambda one: one.horizon)
@pytest.mark.parametrize("delay", [0.0, 150.0])
def test_an_early_close_changes_no_quote_before_it_is_told(
    tmp_path: Path, assumed: Assumptions, delay: float, plain_kernels: None
):
    assumed = replace(assumed, feed_ms=delay, entry_ms=delay)
    whole = compile_tape(store_of(tmp_path / "whole", LISTED, MOVED), "M")
    unmoved = compile_tape(store_of(tmp_path / "unmoved", LISTED), "M")
    runs = [replay(tape, AvellanedaStoikov, MODEL, assumed) for tape in (whole, unmoved)]
    before = [run.quotes.filter(pl.col("ts") < TOLD) for run in runs]
    assert before[0].equals(before[1])
    assert len(before[0]) > 20
    after = [run.quotes.filter(pl.col("ts") >= TOLD) for run in runs]
    assert not after[0].equals(after[1])
    assert int(whole.columns.ts[-1]) == EARLY  # what is replayed ends at the true close
    assert whole.closes == ((0, PLANNED), (TOLD, EARLY))
    assert cut_off(whole, TOLD).closes == ((0, PLANNED),)


@pytest.mark.parametrize("assumed", HORIZONS, ids=lambda one: one.horizon)
@pytest.mark.parametrize(
    ("delay", "compiled"), [(0.0, False), *(pytest.param(ms, True, marks=pytest.mark.slow) for ms in (0.0, 150.0))]
)
def test_an_early_close_is_no_look_ahead(
    tmp_path: Path, assumed: Assumptions, delay: float, compiled: bool, request: pytest.FixtureRequest
):
    if not compiled:
        request.getfixturevalue("plain_kernels")
    whole = compile_tape(store_of(tmp_path / "whole", LISTED, MOVED), "M")
    assumed = replace(assumed, feed_ms=delay, entry_ms=delay)
    assert not prove(whole, AvellanedaStoikov, [MODEL], [assumed], cuts=8)


@pytest.mark.parametrize("assumed", HORIZONS, ids=lambda one: one.horizon)
def test_a_stream_that_is_told_of_an_early_close_quotes_as_the_replay(
    tmp_path: Path, assumed: Assumptions, plain_kernels: None
):
    tape = compile_tape(store_of(tmp_path / "whole", LISTED, MOVED), "M")
    run = replay(tape, AvellanedaStoikov, MODEL, assumed)
    listed = replace(tape.market, close_ts=PLANNED, closes=())
    live, told = Live(listed, AvellanedaStoikov, MODEL, assumed), False
    quotes = []
    for at in range(len(tape)):
        ts = int(tape.columns.ts[at])
        if ts >= TOLD and not told:
            live.close_moved(TOLD, EARLY)
            told = True
        quote = live.feed(Columns(*(column[at : at + 1] for column in tape.columns)))
        if not quotes or quotes[-1][1:] != (quote.bid, quote.bid_size, quote.ask, quote.ask_size):
            quotes.append((quote.ts, quote.bid, quote.bid_size, quote.ask, quote.ask_size))
    kept = run.quotes.select("ts", "bid", "bid_size", "ask", "ask_size").rows()
    assert [row for row in quotes if row[0] >= kept[0][0]] == kept
    assert live.position == run.totals.position
    assert live.market.close_ts == EARLY


@pytest.mark.parametrize(
    ("rows", "closes", "is_late"),
    [
        pytest.param([LISTED], (), False, id="never moved"),
        pytest.param([{**LISTED, "valid_from": TOLD}], (), False, id="told once, later"),
        pytest.param([{**LISTED, "valid_from": 0}], (), True, id="after the fact"),
        pytest.param(
            [{"valid_from": 0, "close_ts": EARLY, "expiration_ts": OPEN}], (), True, id="expiration is no later"
        ),
        pytest.param(
            [{"valid_from": 0, "close_ts": EARLY, "expiration_ts": PLANNED}], ((0, PLANNED),), True,
            id="the later of close and expiration",
        ),
        pytest.param(
            [{**MOVED, "expiration_ts": PLANNED}], ((0, PLANNED), (TOLD, EARLY)), True,
            id="told first when it moved",
        ),
        pytest.param(
            [{"valid_from": 0, "close_ts": EARLY, "expiration_ts": PLANNED}, LISTED, MOVED],
            ((0, PLANNED), (TOLD, EARLY)), False, id="a download beside a recording",
        ),
        pytest.param(
            [{"valid_from": 0, "close_ts": EARLY, "expiration_ts": PLANNED}, {**MOVED, "valid_from": OPEN + SECOND}],
            (), False, id="told just when the tape begins",
        ),
        pytest.param(
            [LISTED, {**MOVED, "valid_from": EARLY + SECOND}], ((0, PLANNED),), False, id="told after it had closed"
        ),
    ],
)  # fmt: skip
def test_the_close_is_what_was_known_then(tmp_path: Path, rows: list[dict], closes: tuple, is_late: bool):
    tape = compile_tape(store_of(tmp_path / "store", *rows), "M")
    assert tape.market.closes == closes
    assert ("close-told-late" in tape.notes) is is_late
    again = compile_tape(Store(tmp_path / "store"), "M")
    assert (again.digest, again.market) == (tape.digest, tape.market)


@pytest.mark.parametrize(("told_at", "late"), [(OPEN, []), (OPEN + 1, ["M"])])
def test_a_close_told_at_the_open_was_told_in_time(tmp_path: Path, told_at: int, late: list[str]):
    rows = [{"valid_from": 0, "close_ts": EARLY}, {"valid_from": told_at, "close_ts": PLANNED}]
    asked = pl.DataFrame({"ticker": ["M"], "open_ts": [OPEN], "close_ts": [EARLY]})
    assert told_closes(store_of(tmp_path, *rows, until=OPEN + 3 * SECOND), asked)[1] == late


def test_a_window_after_the_news_knows_it_from_its_begin(tmp_path: Path):
    store = store_of(tmp_path / "store", LISTED, MOVED)
    assert compile_tape(store, "M", TOLD + SECOND).market.closes == ()
    assert compile_tape(store, "M", None, TOLD - SECOND).market.closes == ((0, PLANNED),)


@pytest.mark.parametrize(
    ("model", "horizon", "warns"),
    [(AvellanedaStoikov, "session", True), (AvellanedaStoikov, "fixed", False), (FixedSpread, "session", False)],
)
def test_only_a_run_that_counts_to_the_close_warns_of_one_told_late(
    tmp_path: Path, model, horizon: str, warns: bool, plain_kernels: None
):
    tape = compile_tape(store_of(tmp_path / "store", {"valid_from": 0, "close_ts": EARLY}), "M")
    run = replay(tape, model, {}, Assumptions(horizon=horizon))
    assert ("close-told-late" in {one.name for one in notices_of(run, {})}) is warns


def test_a_close_is_known_from_the_moment_at_which_it_is_told():
    steps = close_steps([(5, 90), (10, 70), (20, 80)])
    assert [close_nb.py_func(steps, now) for now in (0, 5, 9, 10, 19, 20, 99)] == [90, 90, 90, 70, 70, 80, 80]
