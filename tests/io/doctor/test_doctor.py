"""Each check against a planted fault and against the same data without it."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.io import sample
from touchline.io.doctor import book as doctor_book
from touchline.io.doctor.doctor import CHECKS, FAULT, Finding, check
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.ingest.ingest import import_id_of
from touchline.io.store.schema import TABLES, BookKind, Side
from touchline.io.store.store import Store

MINUTE = 60 * 10**9
T0 = 1_790_000_000 * 10**9
DELTA, LEVEL, CLEAR, GAP = BookKind.DELTA, BookKind.LEVEL, BookKind.CLEAR, BookKind.GAP
BID, ASK = Side.BID, Side.ASK

Row = tuple[float, int, int, int, int]  # minute, kind, side, price, size
#: A book that is in order for an hour: a snapshot, then changes every minute.
CLEAN: list[Row] = [
    (0, CLEAR, 0, 0, 0),
    (0, LEVEL, BID, 4_500, 1_000),
    (0, LEVEL, ASK, 4_700, 1_000),
    *((minute, DELTA, BID if minute % 2 else ASK, 4_500 if minute % 2 else 4_700, minute) for minute in range(1, 60)),
]


def frame(table: str, **columns: object) -> pl.DataFrame:
    schema = TABLES[table].columns
    return pl.DataFrame(columns, schema={name: schema[name] for name in columns})


def book(rows: list[Row], seq: list[int] | None = None, ticker: str = "A") -> pl.DataFrame:
    minute, kind, side, price, size = (list(column) for column in zip(*rows, strict=True))
    return frame(
        "book", ts=[T0 + round(m * MINUTE) for m in minute], ticker=[ticker] * len(rows), kind=kind, side=side,
        price=price, size=size, seq=seq or list(range(1, len(rows) + 1)),
    )  # fmt: skip


def trades(count: int, price: int = 4_600, ticker: str = "A", every: float = 1.0, **more: object) -> pl.DataFrame:
    return frame(
        "trades", ts=[T0 + round(i * every * MINUTE) for i in range(count)], ticker=[ticker] * count,
        price=[price] * count, size=[100] * count, taker_side=[1] * count, **more,
    )  # fmt: skip


MARKET = frame(
    "markets", ticker=["A"], valid_from=[0], open_ts=[T0 - MINUTE], close_ts=[T0 + 60 * MINUTE], grid=["linear_cent"]
)


def found(folder: Path, *frames: tuple[str, pl.DataFrame], market: pl.DataFrame | None = MARKET) -> list[Finding]:
    store = Store(folder / "store")
    listed = list(frames) + ([("markets", market)] if market is not None else [])
    for number, (table, rows) in enumerate(listed):
        store.ingest(f"source {number}", f"digest {number}", [Chunk({table: rows})])
    return check(store)


def names(findings: list[Finding]) -> set[str]:
    return {one.check for one in findings}


def with_rows(*more: Row, without: tuple[float, float] = (1, 0)) -> list[Row]:
    kept = [row for row in CLEAN if not without[0] <= row[0] <= without[1]]
    return sorted([*kept, *more], key=lambda row: row[0])


def test_a_clean_book_has_no_findings(tmp_path: Path) -> None:
    assert found(tmp_path, ("book", book(CLEAN)), ("trades", trades(60))) == []


def test_a_gap_costs_the_minutes_to_the_next_snapshot(tmp_path: Path) -> None:
    rows = with_rows(
        (10.5, GAP, 0, 0, 0), (14, CLEAR, 0, 0, 0), (14, LEVEL, BID, 4_500, 50), (14, LEVEL, ASK, 4_700, 50)
    )
    (one,) = found(tmp_path, ("book", book(rows)))
    assert (one.check, one.ticker, one.count, one.minutes, one.severity) == ("sequence gap", "A", 1, 3.5, FAULT)
    assert one.first_ts == T0 + round(10.5 * MINUTE)


def test_a_gap_without_a_snapshot_costs_the_rest_of_the_market(tmp_path: Path) -> None:
    (one,) = found(tmp_path, ("book", book(with_rows((50, GAP, 0, 0, 0)))))
    assert (one.check, one.minutes) == ("sequence gap", 10.0)


def test_a_level_below_zero_makes_the_book_unknown(tmp_path: Path) -> None:
    rows = with_rows((20.5, DELTA, BID, 4_500, -5_000), (22.5, CLEAR, 0, 0, 0), (22.5, LEVEL, BID, 4_500, 90))
    rows = sorted([*rows, (22.5, LEVEL, ASK, 4_700, 90)], key=lambda row: row[0])
    (one,) = found(tmp_path, ("book", book(rows)))
    assert (one.check, one.count, one.minutes) == ("level below zero", 1, 2.0)


@pytest.mark.parametrize(("price", "name"), [(4_700, "locked book"), (4_800, "crossed book")])
def test_a_book_whose_sides_meet(price: int, name: str, tmp_path: Path) -> None:
    rows = with_rows((30.25, DELTA, BID, price, 100), (30.75, DELTA, BID, price, -100))
    (one,) = found(tmp_path, ("book", book(rows)))
    assert (one.check, one.count, one.minutes) == (name, 1, 0.5)


def test_a_book_that_meets_within_one_moment_is_in_order(tmp_path: Path) -> None:
    rows = with_rows((30.25, DELTA, BID, 4_800, 100), (30.25, DELTA, BID, 4_800, -100))
    assert found(tmp_path, ("book", book(rows))) == []


def test_an_empty_side_is_a_note(tmp_path: Path) -> None:
    rows = [row for row in CLEAN if row[2] != ASK or row[0] == 0]
    (one,) = found(tmp_path, ("book", book(sorted([*rows, (40.0, DELTA, ASK, 4_700, -1_000)], key=lambda row: row[0]))))
    assert (one.check, one.severity, one.minutes) == ("one-sided book", "note", 20.0)


def test_a_capture_stored_twice(tmp_path: Path) -> None:
    again = book(CLEAN).filter(pl.col("seq") > 55)
    (one,) = found(tmp_path, ("book", book(CLEAN)), ("book", again))
    assert (one.check, one.count) == ("duplicate rows", 7)


def test_equal_fills_of_one_source_are_no_duplicates(tmp_path: Path) -> None:
    assert found(tmp_path, ("trades", pl.concat([trades(20), trades(20)]))) == []


def test_equal_fills_of_two_sources_are(tmp_path: Path) -> None:
    (one,) = found(tmp_path, ("trades", trades(20)), ("trades", trades(5)))
    again = import_id_of("digest 1")
    assert (one.check, one.count) == ("duplicate rows", 5)
    assert one.detail == f"trades: stored again by import {again} (engine data forget {again} takes all of it back)"


def test_times_that_run_against_the_sequence(tmp_path: Path) -> None:
    seq = list(range(1, len(CLEAN) + 1))
    seq[40], seq[41] = seq[41], seq[40]
    (one,) = found(tmp_path, ("book", book(CLEAN, seq)))
    assert (one.check, one.count) == ("out-of-order rows", 1)


def test_a_new_snapshot_may_begin_the_sequence_anew(tmp_path: Path) -> None:
    later = [(minute + 60, *rest) for minute, *rest in CLEAN]
    rows = book([*CLEAN, *later], [*range(1, 63), *range(1, 63)])
    market = MARKET.with_columns(close_ts=T0 + 120 * MINUTE)
    assert found(tmp_path, ("book", rows), market=market) == []


@pytest.mark.parametrize(("column", "at", "count"), [("open_ts", 10, 10), ("close_ts", 49, 10)])
def test_rows_outside_the_life_of_the_market(column: str, at: int, count: int, tmp_path: Path) -> None:
    market = MARKET.with_columns(pl.lit(T0 + at * MINUTE).alias(column))
    findings = found(tmp_path, ("trades", trades(60)), market=market)
    assert [(one.check, one.count) for one in findings] == [("outside the market's life", count)]


def test_cancels_after_the_close_are_the_exchange_clearing_the_book(tmp_path: Path) -> None:
    rows = [*CLEAN, (60.5, DELTA, BID, 4_500, -1_000)]
    assert found(tmp_path, ("book", book(rows))) == []


def test_prices_off_the_grid(tmp_path: Path) -> None:
    rows = with_rows((5.5, DELTA, BID, 4_450, 10), (6.5, DELTA, BID, 4_450, -10))
    (one,) = found(tmp_path, ("book", book(rows)))
    assert (one.check, one.count, one.detail) == ("off-grid price", 2, "book: 44.5c on linear_cent")


def test_a_finer_grid_allows_them(tmp_path: Path) -> None:
    rows = with_rows((5.5, DELTA, BID, 4_450, 10), (6.5, DELTA, BID, 4_450, -10))
    assert found(tmp_path, ("book", book(rows)), market=MARKET.with_columns(grid=pl.lit("deci_cent"))) == []


def test_an_unknown_grid_is_a_note(tmp_path: Path) -> None:
    market = MARKET.with_columns(grid=pl.lit("banded_centi_cent"))
    (one,) = found(tmp_path, ("book", book(CLEAN)), market=market)
    assert (one.check, one.severity, one.detail) == ("unknown grid", "note", "banded_centi_cent")


def test_a_stale_stretch_is_long_for_its_ticker(tmp_path: Path) -> None:
    busy = [(minute / 10, *rest) for minute, *rest in CLEAN] + [(16.0, DELTA, BID, 4_500, 1)]
    (one,) = found(tmp_path, ("book", book(busy)))
    assert one.check == "stale stretch" and one.minutes == pytest.approx(10.1)
    assert found(tmp_path / "slow", ("book", book([*CLEAN[:3], (40.0, DELTA, BID, 4_500, 1)]))) == []


def test_quotes_are_asked_the_same(tmp_path: Path) -> None:
    bid, ask = [4_500] * 10, [4_700] * 10
    clean = {"ts": [T0 + i * MINUTE for i in range(10)], "ticker": ["A"] * 10}
    assert found(tmp_path, ("quotes", frame("quotes", **clean, bid=bid, ask=ask))) == []
    sick_bid, sick_ask = [*bid[:3], 4_800, 4_700, *bid[5:]], [*ask[:6], None, 4_710, *ask[8:]]
    sick = found(tmp_path / "sick", ("quotes", frame("quotes", **clean, bid=sick_bid, ask=sick_ask)))
    assert {one.check: (one.count, one.minutes) for one in sick} == {
        "crossed book": (1, 1.0), "locked book": (1, 1.0), "one-sided book": (1, 1.0), "off-grid price": (1, 0.0),
    }  # fmt: skip


@pytest.mark.parametrize(("results", "wrong"), [("no", True), ("mixed", False)])
def test_a_series_that_settles_one_way_against_its_prices(results: str, wrong: bool, tmp_path: Path) -> None:
    days, bands = 20, 3
    tickers = [f"S-DAY{day}-B{band}" for day in range(days) for band in range(bands)]
    result = ["yes" if results == "mixed" and i % bands == 0 else "no" for i in range(len(tickers))]
    close = [T0 + 60 * MINUTE] * len(tickers)
    market = frame("markets", ticker=tickers, valid_from=[0] * len(tickers), result=result, close_ts=close)
    rows = pl.concat([trades(5, 3_300, ticker) for ticker in tickers])
    findings = found(tmp_path, ("trades", rows), market=market)
    assert names(findings) == ({"one-sided settlement"} if wrong else set())
    if wrong:
        assert (findings[0].ticker, findings[0].count) == ("S", 60)
        assert "all 60 markets of 20 events settled NO at a mean price of 33.0c" in findings[0].detail


def test_one_event_proves_nothing(tmp_path: Path) -> None:
    """Thirty thresholds of one event may all settle NO together."""
    tickers = [f"S-DAY-T{i}" for i in range(30)]
    close = [T0 + 60 * MINUTE] * 30
    market = frame("markets", ticker=tickers, valid_from=[0] * 30, result=["no"] * 30, close_ts=close)
    assert found(tmp_path, ("trades", pl.concat([trades(5, 3_300, t) for t in tickers])), market=market) == []


def test_only_the_named_tickers_are_checked(tmp_path: Path) -> None:
    store = Store(tmp_path)
    crossed = with_rows((30.25, DELTA, BID, 4_800, 100), (30.75, DELTA, BID, 4_800, -100))
    store.ingest("one", "1", [Chunk({"markets": MARKET, "book": pl.concat([book(CLEAN), book(crossed, ticker="B")])})])
    assert check(store, ["A"]) == []
    assert {one.ticker for one in check(store)} == {"B"}
    with pytest.raises(InputError, match="no ticker C"):
        check(store, ["A", "C"])


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    store, heard = Store(tmp_path), list[tuple[int, int]]()
    store.ingest("one", "1", [Chunk({"book": book(CLEAN)})])
    check(store, step=lambda done, of: heard.append((done, of)))
    assert heard[-1] == (len(CLEAN), len(CLEAN))


def plain_replay(rows: list[tuple[int, int, int, int, int, int]], until: list[int]) -> dict[tuple[int, int], list[int]]:
    """The replay with dictionaries: {(ticker, ailment): [times, nanoseconds]}."""
    found: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0])
    for who in {row[0] for row in rows}:
        mine = [row for row in rows if row[0] == who]
        book: dict[tuple[int, int], int] = {}
        unknown, state = None, None
        for i, (_, ts, kind, side, price, size) in enumerate(mine):
            was = unknown
            if kind == CLEAR:
                book, unknown = {}, None
            elif kind == GAP:
                unknown = doctor_book.GAP
            elif unknown is None and 0 < price < 10_000 and side:
                new = size + (book.get((side, price), 0) if kind == DELTA else 0)
                if new < 0:
                    unknown = doctor_book.NEGATIVE
                else:
                    book[side, price] = new
            if unknown is not None and unknown != was:
                found[who, unknown][0] += 1
            end = mine[i + 1][1] if i + 1 < len(mine) else max(ts, until[who])
            if end == ts:
                continue
            bids = [p for (s, p), q in book.items() if s > 0 and q > 0]
            asks = [p for (s, p), q in book.items() if s < 0 and q > 0]
            now = unknown
            if unknown is None:
                if not bids or not asks:
                    now = doctor_book.ONE_SIDED
                elif max(bids) >= min(asks):
                    now = doctor_book.CROSSED if max(bids) > min(asks) else doctor_book.LOCKED
            if now is not None:
                if now != state and unknown is None:
                    found[who, now][0] += 1
                found[who, now][1] += end - ts
            state = now
    return found


_row = st.tuples(
    st.sampled_from([0, 0, 0, 1, 2]),
    st.sampled_from([DELTA] * 8 + [LEVEL, LEVEL, CLEAR, GAP]).map(int),
    st.sampled_from([1, 1, -1, -1, 0]),
    st.sampled_from([0, 1, 4_900, 5_000, 5_100, 9_999, 10_000]),
    st.integers(-3, 4),
)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.lists(_row, min_size=1, max_size=40), min_size=1, max_size=4), st.integers(0, 5))
def test_the_kernel_equals_the_plain_replay(books: list[list[tuple[int, ...]]], extra: int) -> None:
    rows: list[tuple[int, int, int, int, int, int]] = []
    until = []
    for who, steps in enumerate(books):
        ts = 0
        for wait, kind, side, price, size in steps:
            ts += wait
            rows.append((who, ts, kind, side, price, size))
        until.append(ts + extra)
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    types = (np.int64, np.int64, np.int8, np.int8, np.int32, np.int64)
    typed = [column.astype(kind) for column, kind in zip(columns, types, strict=True)]
    got = doctor_book.replay(*typed, np.array(until))
    expected = plain_replay(rows, until)
    for who in range(len(books)):
        for what in range(5):
            times, nanoseconds = expected[who, what]
            assert (int(got.times[who, what]), int(got.nanoseconds[who, what])) == (times, nanoseconds)


@pytest.fixture(scope="module")
def sample_store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    folder = tmp_path_factory.mktemp("day")
    store = Store(folder / "store")
    sample.load(store, sample.make(7, 0.02, folder / "files"))
    return store


def test_the_sample_day_has_one_sided_books_and_programs_longer_than_it_and_nothing_else(sample_store: Store) -> None:
    assert names(check(sample_store)) == {"one-sided book", "unknown in a program"}


def program(name: str, start: float, end: float) -> tuple[str, pl.DataFrame]:
    columns = {"id": [name], "ticker": ["A"], "start_ts": [T0 + round(start * MINUTE)]}
    return "programs", frame("programs", **columns, end_ts=[T0 + round(end * MINUTE)], reward=[1_000_000])


def test_a_book_unknown_in_a_program_is_a_note_with_its_minutes(tmp_path: Path) -> None:
    rows = with_rows((20, GAP, 0, 0, 0), (30, CLEAR, 0, 0, 0), (30, LEVEL, BID, 4_500, 1), without=(20, 30))
    touched, missed = program("in", 25, 50), program("out", 40, 50)
    (one,) = [one for one in found(tmp_path, ("book", book(rows)), touched, missed) if "program" in one.check]
    assert (one.ticker, one.count, one.minutes, one.detail) == ("A", 1, 5.0, "in")


def test_a_program_that_begins_before_the_recording_is_told_of(tmp_path: Path) -> None:
    made = found(tmp_path, ("book", book(CLEAN)), program("early", -10, 20), program("late", 50, 90))
    (one,) = [one for one in made if "program" in one.check]
    assert (one.count, one.minutes, one.detail) == (
        2,
        2.0,
        "early, late",
    )  # the market lives a minute before, one after


def listed(**columns: object) -> pl.DataFrame:
    return frame("markets", ticker=[f"S-{n}" for n in range(3)], **columns)


def test_a_close_before_the_open_is_a_fault(tmp_path: Path) -> None:
    market = listed(open_ts=[T0, T0, T0], close_ts=[T0 - MINUTE, T0 + MINUTE, None], settled_ts=[None, T0 + MINUTE, T0])
    made = found(tmp_path, market=market)
    assert [(one.check, one.severity, one.ticker, one.detail) for one in made] == [
        ("close before open", "fault", "S-0", "opens 2026-09-21 14:13:20, closes 2026-09-21 14:12:20"),
        ("close before open", "fault", "S-2", "opens 2026-09-21 14:13:20, settles 2026-09-21 14:13:20"),
    ]


def test_a_result_that_is_not_what_was_paid_is_a_fault(tmp_path: Path) -> None:
    made = found(tmp_path, market=listed(result=["no", "yes", "scalar"], settlement=[10_000, 10_000, 3_700]))
    assert [(one.check, one.severity, one.ticker, one.detail) for one in made] == [
        ("contradictory result", "fault", "S-0", "result no, but one YES paid 100c")
    ]


def test_results_without_a_close_and_tickers_without_a_market_are_noted_by_series(tmp_path: Path) -> None:
    rows = [("trades", trades(3, ticker=f"S-{n}")) for n in range(9)]
    made = found(tmp_path, *rows, market=listed(result=["no", "yes", None], grid=["linear_cent"] * 3))
    notes = [(one.check, one.severity, one.ticker, one.count, one.detail) for one in made]
    assert notes == [
        ("unlisted market", "note", "S", 6, "S-3, S-4, S-5, S-6, S-7 and 1 more"),
        ("no closing time", "note", "S", 2, "S-0, S-1"),
    ]


def test_the_look_ahead_trap_of_a_real_data_set(market_data: Path, tmp_path: Path) -> None:
    from touchline.io.importers.base import Options
    from touchline.io.importers.importing import import_file, plan

    store = Store(tmp_path)
    for recognised in plan([market_data / "kxinx2026"], Options())[0]:
        import_file(store, recognised, Options())
    trapped = [one for one in check(store) if one.check == "one-sided settlement"]
    assert [one.ticker for one in trapped] == ["KXINX"]


def test_every_check_says_what_it_means() -> None:
    assert all(meaning for _, meaning in CHECKS.values())
