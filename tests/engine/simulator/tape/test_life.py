"""The life of a market: whatever else the store holds, a run is the same, and takes no longer."""

from __future__ import annotations

# A tuple of columns of several types is read as one type of their mixture.
# pyright: reportArgumentType=false
import shutil
import time
from dataclasses import asdict, replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from touchline.engine.api.runs import sweep
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.live.live import Live
from touchline.engine.runs.replayed import bracket, describe, result_hash
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.prepare import new_block
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.state import Columns
from touchline.engine.simulator.tape.events import BOOK, KIND, STATUS, TRADE, UNDERLYING
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import Tape, open_at_start
from touchline.engine.sweeps.market_choice import MarketChoice, choose_markets
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_file, plan
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread

SECOND = 1_000_000_000
DAY = 86_400 * SECOND
OPEN = 1_790_000_000 * SECOND
CLOSE = OPEN + 900 * SECOND
FIRST, LAST = OPEN + 5 * SECOND, CLOSE - 7 * SECOND  # of the market's own events
DELTA, CLEAR = 0, 2


@cache
def recorded() -> dict[str, list[dict]]:
    """Changes of the book and trades of the market's quarter of an hour."""
    rng = np.random.default_rng(5)
    book: list[dict] = [{"ts": FIRST, "kind": CLEAR, "side": 0, "price": 0, "size": 0}]
    trades: list[dict] = []
    rests: dict[tuple[int, int], int] = {}
    for ts in range(FIRST, LAST + 1, SECOND // 2):
        mid = 50 + int(5 * np.sin((ts - OPEN) / (200 * SECOND)))
        wanted = {(1, mid - k): 3_000 for k in (2, 3)} | {(-1, mid + k): 3_000 for k in (2, 3)}
        for at in sorted(rests.keys() | wanted.keys()):
            change = wanted.get(at, 0) - rests.get(at, 0)
            if change:
                book.append({"ts": ts, "kind": DELTA, "side": at[0], "price": at[1] * 100, "size": change})
        rests = wanted
        if rng.random() < 0.5:
            side = int(rng.choice([-1, 1]))
            trades.append({"ts": ts, "price": (mid + 2 * side) * 100, "size": 4_000, "taker_side": side})
    return {"book": book, "trades": trades}


def frame_of(rows: list[dict]) -> pl.DataFrame:
    return pl.DataFrame(rows, infer_schema_length=None).with_columns(ticker=pl.lit("M"))


@cache
def recorded_frame(name: str) -> pl.DataFrame:
    return frame_of(recorded()[name])


def market_store(
    folder: Path, *, opens: int | None = OPEN, closes: int | None = CLOSE, ticks: tuple[int, int] = (0, 0),
    more: dict[str, list[dict]] | None = None,
) -> Store:  # fmt: skip
    """A market of a quarter of an hour, and its underlying every second for so many days before and after it."""
    at = np.arange(OPEN - 10 * SECOND - ticks[0] * DAY, CLOSE + 10 * SECOND + ticks[1] * DAY, SECOND)
    listed = {"series": "M", "event": "M", "open_ts": opens, "close_ts": closes, "result": "yes", "underlying": "U"}
    given = recorded() | {"markets": [listed]}
    tables = {name: recorded_frame(name) for name in recorded()} | {"markets": frame_of([listed])}
    for name, rows in (more or {}).items():
        tables[name] = frame_of(sorted([*given.get(name, []), *rows], key=lambda row: row.get("ts", 0)))
    tables["underlying"] = pl.DataFrame({"ts": at, "symbol": "U", "value": 100.0 + (at // SECOND % 60)})
    store = Store(folder)
    store.ingest("made", "made", [Chunk(tables)])
    return store


def same_run(one: Tape, two: Tape) -> None:
    """Two tapes of one market give the same, figures included."""
    runs = [replay(tape, AvellanedaStoikov, {"gamma": 0.05}) for tape in (one, two)]
    first, second = (describe(run, {}) for run in runs)
    assert first["result_hash"] == second["result_hash"]
    assert runs[0].totals.fills > 20
    for name in ("coverage", "summary", "warnings", "data_hash"):
        assert first[name] == second[name], name


KNOWN = [(OPEN, CLOSE), (None, CLOSE), (None, None), (OPEN - 3 * DAY, CLOSE), (OPEN, None)]


@pytest.mark.parametrize(("opens", "closes"), KNOWN)
def test_days_of_the_underlying_around_a_market_change_nothing(tmp_path: Path, opens: int | None, closes: int | None):
    alone = market_store(tmp_path / "alone", opens=opens, closes=closes)
    among = market_store(tmp_path / "among", opens=opens, closes=closes, ticks=(3, 2))
    tape = compile_tape(alone, "M")
    same_run(tape, compile_tape(among, "M"))
    same_run(tape, compile_tape(among, "M", OPEN - 3_600 * SECOND, CLOSE + 3_600 * SECOND))
    same_run(tape, compile_tape(among, "M", OPEN, CLOSE))
    assert int(tape.columns.ts[0]) == FIRST
    assert int(tape.columns.ts[-1]) == (LAST if closes is None else CLOSE)
    assert tape.coverage.share == 1.0
    assert tape.notes == (("assumed-close",) if closes is None else ("close-told-late",))


@pytest.mark.slow
def test_sixty_days_of_the_underlying_on_either_side_change_nothing(tmp_path: Path):
    tape = compile_tape(market_store(tmp_path / "alone"), "M")
    among = market_store(tmp_path / "among", ticks=(60, 60))
    assert among.underlying().select(pl.len()).collect().item() > 120 * 86_400
    same_run(tape, compile_tape(among, "M"))
    same_run(tape, compile_tape(among, "M", OPEN, CLOSE))
    same_run(tape, compile_tape(among, "M", OPEN - 60 * DAY, CLOSE + 60 * DAY))


def test_a_sweep_is_the_same_among_days_of_the_underlying(tmp_path: Path, plain_kernels: None):
    found = []
    for name, ticks in (("alone", (0, 0)), ("among", (3, 2))):
        store = market_store(tmp_path / name, ticks=ticks)
        made = sweep(
            AvellanedaStoikov, "M", store, out=tmp_path / f"out-{name}", axes={"gamma": [0.05, 0.1]}, pictures=False
        )
        found.append((made.hash, made.recorded.period_ns, made.periods.height))
    assert found[0] == found[1]


def test_days_without_a_two_sided_book_cost_time_in_step_with_their_number(tmp_path: Path):
    opens = OPEN - 5 * DAY
    bids = [
        {"ts": opens, "kind": CLEAR, "side": 0, "price": 0, "size": 0},
        {"ts": opens, "kind": DELTA, "side": 1, "price": 100, "size": 100},
    ]
    store = market_store(tmp_path / "store", opens=opens, ticks=(5, 0), more={"book": bids})
    tape = compile_tape(store, "M")
    assert len(tape) > 5 * 86_400
    replay(tape.cut(opens + 60 * SECOND), FixedSpread)  # compiles
    begun = time.perf_counter()
    replay(tape, FixedSpread)
    assert time.perf_counter() - begun < 4  # some hundredths of it; walking back at each decision it is 16


@pytest.mark.parametrize("day", ["apr-10", "apr-13"])
def test_a_real_day_is_the_same_beside_another_and_in_a_window(market_data: Path, tmp_path: Path, day: str):
    stores = {}
    for name, days in (("one", [day]), ("two", ["apr-10", "apr-13"])):
        store, options = Store(tmp_path / name), Options()
        paths = [market_data / "inx2023_l2" / f"{one}-combined.csv.gz" for one in days]
        for file in plan(paths, options)[0]:
            import_file(store, file, options)
        stores[name] = store
    ticker = stores["one"].tickers("book")[0]
    date = f"2023-04-{day[-2:]}"
    tapes = [compile_tape(store, ticker, keep=False) for store in stores.values()]
    tapes.append(compile_tape(stores["two"], ticker, f"{date}T00:00:00", f"{date}T23:59:59", keep=False))
    runs = [replay(tape, AvellanedaStoikov) for tape in tapes]
    assert len({result_hash(run) for run in runs}) == 1
    assert len({tape.digest for tape in tapes}) == 1
    assert runs[0].totals.pnl == {"apr-10": -60_030_000, "apr-13": -19_270_000}[day]
    assert runs[0].tape.coverage.share == 1.0
    assert describe(runs[2], {})["summary"]["quoting"]["sharpe_period_s"] == 300


def test_a_window_inside_a_life_has_the_life_of_the_market(tmp_path: Path):
    for opens, begins in ((OPEN, OPEN), (None, FIRST)):
        store = market_store(tmp_path / str(opens), opens=opens)
        whole = compile_tape(store, "M")
        window = compile_tape(store, "M", OPEN + 300 * SECOND, OPEN + 600 * SECOND)
        assert whole.life == window.life == (begins, CLOSE)
        assert window.columns.ts[0] == OPEN + 300 * SECOND
        assert window.columns.ts[-1] < OPEN + 600 * SECOND
        for tape in (whole, window):
            venue = new_block(
                tape, FixedSpread, [{"half_spread": 1, "skew": 0, "size": 1}], [Assumptions()], record=True
            ).venue
            assert (venue.session_start, venue.closes.tolist()) == (begins, [[0], [CLOSE]])


def test_windows_whose_lives_begin_elsewhere_have_other_hashes(tmp_path: Path):
    whole = market_store(tmp_path / "whole", opens=None)
    window = compile_tape(whole, "M", OPEN + 300 * SECOND)
    assert window.begun == FIRST
    again = compile_tape(whole, "M", OPEN + 300 * SECOND)
    assert (again.begun, again.digest) == (FIRST, window.digest)  # as it was kept


def test_what_lies_outside_of_a_life_is_left_out_and_told(tmp_path: Path):
    late = {
        "trades": [{"ts": CLOSE, "price": 9_900, "size": 100, "taker_side": 1}],
        "book": [{"ts": CLOSE + SECOND, "kind": DELTA, "side": 1, "price": 100, "size": 100}],
    }
    early = {"trades": [{"ts": OPEN - SECOND, "price": 9_900, "size": 100, "taker_side": 1}]}
    plain = compile_tape(market_store(tmp_path / "plain"), "M")
    for name, more, count in (("late", late, 2), ("early", early, 1)):
        tape = compile_tape(market_store(tmp_path / name, more=more), "M")
        assert tape.coverage == replace(plain.coverage, outside_life=count)
        assert tape.notes == ("outside-life", "close-told-late")
        runs = [replay(one, FixedSpread) for one in (plain, tape)]
        assert result_hash(runs[0]) == result_hash(runs[1])
        names = [notice["name"] for notice in describe(runs[1], {})["warnings"]]
        assert "outside-life" in names


def test_the_book_before_the_open_stands_at_the_open(tmp_path: Path):
    opens = OPEN + 300 * SECOND
    whole, later = (
        compile_tape(market_store(tmp_path / "a"), "M"),
        compile_tape(market_store(tmp_path / "b", opens=opens), "M"),
    )
    assert int(later.columns.ts[0]) == opens
    assert "outside-life" in later.notes  # trades before the open
    before = int(np.searchsorted(whole.columns.ts, opens, side="right")) - 1
    after = int(np.searchsorted(later.columns.ts, opens, side="right")) - 1
    assert whole.columns.best_bid[before] == later.columns.best_bid[after]
    assert whole.columns.best_ask[before] == later.columns.best_ask[after]


def test_a_life_that_cannot_be_is_one_line(tmp_path: Path):
    with pytest.raises(InputError, match=r"^M opens at 2026.* and closes at 2026.*, which is no life; import"):
        compile_tape(market_store(tmp_path / "a", opens=CLOSE, closes=OPEN), "M")
    with pytest.raises(InputError, match=r"^M: its [\d,]+ events lie before it opens or after it closes; look at"):
        compile_tape(market_store(tmp_path / "b", opens=OPEN - 2 * DAY, closes=OPEN - DAY), "M")


def listed(*turns: tuple[int, str]) -> dict[str, list[dict]]:
    """Rows of markets that say a status from a time on."""
    return {"markets": [{"valid_from": ts, "status": status} for ts, status in turns]}


@pytest.mark.parametrize(
    ("turns", "opens", "is_open", "states"),
    [
        ([], OPEN, True, [(CLOSE, 0)]),
        ([], FIRST, False, [(FIRST, 1), (CLOSE, 0)]),
        ([(FIRST, "inactive")], None, True, [(FIRST, 0)]),
        ([(FIRST, "active")], None, False, [(FIRST, 1), (CLOSE, 0)]),
        ([(OPEN + 60 * SECOND, "active")], OPEN, True, [(CLOSE, 0)]),
        ([(OPEN + SECOND, "inactive")], None, True, [(FIRST, 0)]),
        (
            [(OPEN + SECOND, "inactive"), (OPEN + 60 * SECOND, "active")], None, False,
            [(OPEN + 60 * SECOND, 1), (CLOSE, 0)],
        ),
        ([(CLOSE + DAY, "finalized")], OPEN, True, [(CLOSE, 0)]),
    ],
)  # fmt: skip
def test_turns_of_status(
    tmp_path: Path, turns: list[tuple[int, str]], opens: int | None, is_open: bool, states: list[tuple[int, int]]
):
    """One at the tape's first moment counts; one that stands then does too, and one that says nothing new does not."""
    tape = compile_tape(market_store(tmp_path / "store", opens=opens, more=listed(*turns)), "M")
    columns = tape.columns
    kept = (columns.kind & KIND) == STATUS
    assert list(zip(columns.ts[kept].tolist(), columns.side[kept].tolist(), strict=True)) == states
    assert open_at_start(tape) == is_open


def test_a_kept_tape_is_not_that_of_another_history_of_status(tmp_path: Path):
    store = market_store(tmp_path / "store")
    before = replay(compile_tape(store, "M"), FixedSpread)
    rows = pl.DataFrame({"ticker": ["M"], "valid_from": [OPEN + 100 * SECOND], "status": ["inactive"]})
    store.ingest("pause", "pause", [Chunk({"markets": rows})])
    after = compile_tape(store, "M")
    assert after.columns.ts[(after.columns.kind & KIND) == STATUS].tolist() == [OPEN + 100 * SECOND]
    assert replay(after, FixedSpread).totals.fills < before.totals.fills


@pytest.mark.parametrize("compacted", [False, True])
def test_a_kept_tape_is_not_that_of_a_store_made_anew_with_a_corrected_trade(tmp_path: Path, compacted: bool):
    found = []
    for price in (5_100, 5_200):
        shutil.rmtree(tmp_path / "store", ignore_errors=True)
        store = market_store(tmp_path / "store")
        late = {"ts": [OPEN + 60 * SECOND], "ticker": ["M"], "price": [price], "size": [100], "taker_side": [1]}
        store.ingest("more", "more", [Chunk({"trades": pl.DataFrame(late)})])
        if compacted:
            assert store.compact().rows > 0
        tape = compile_tape(store, "M")
        found.append(np.bincount(tape.columns.level[(tape.columns.kind & KIND) == TRADE], minlength=100))
    assert not np.array_equal(*found)


def test_a_stream_that_begins_before_the_open_decides_as_the_replay_does(tmp_path: Path):
    store = market_store(tmp_path / "store", opens=OPEN + 300 * SECOND)
    tape = compile_tape(store, "M")
    run = replay(tape, AvellanedaStoikov, {"gamma": 0.05})
    whole = compile_tape(market_store(tmp_path / "whole"), "M")
    early = whole.columns.ts < OPEN + 300 * SECOND
    live = Live(tape.market, AvellanedaStoikov, {"gamma": 0.05}, is_open=False)
    live.feed(Columns(*(column[early] for column in whole.columns)), whole.values)
    at = int(np.searchsorted(tape.columns.ts, OPEN + 300 * SECOND, side="right"))
    standing = (tape.columns.kind[:at] & KIND) == BOOK
    keep = np.concatenate([~standing, np.ones(len(tape) - at, np.bool_)])
    rest = Columns(*(column[keep].copy() for column in tape.columns))
    rest.aux[(rest.kind & KIND) == UNDERLYING] += len(whole.values)
    live.feed(rest, tape.values)
    assert live.block is not None
    quotes = [int(live.block.log.quote_ts[k]) for k in range(int(live.block.state.scalars[S.quotes]))]
    assert quotes == run.quotes["ts"].to_list()
    assert live.position == run.totals.position
    assert live.cash == run.totals.cash


def test_a_panel_takes_nothing_from_outside_of_a_life(tmp_path: Path):
    late = {
        "trades": [{"ts": CLOSE + SECOND, "price": 9_900, "size": 100, "taker_side": 1}],
        "book": [{"ts": CLOSE + SECOND, "kind": DELTA, "side": 1, "price": 8_900, "size": 100}],
    }
    end = CLOSE + 600 * SECOND
    panels = [
        build_panel(market_store(tmp_path / name, more=more), OPEN, end, 60 * SECOND)
        for name, more in (("plain", {}), ("late", late))
    ]
    for name, values in panels[0].matrices.items():
        assert np.array_equal(values, panels[1].matrices[name]), name


def test_a_market_that_does_not_live_in_a_window_is_not_chosen(tmp_path: Path):
    store = market_store(tmp_path / "store", more={"trades": [{"ts": CLOSE + SECOND, "price": 5_000, "size": 100}]})
    assert choose_markets(store, MarketChoice(), OPEN, CLOSE) == ["M"]
    with pytest.raises(InputError, match="no market meets these conditions"):
        choose_markets(store, MarketChoice(), CLOSE, CLOSE + DAY)


def test_the_least_favourable_queue_is_asked_on_the_same_life(tmp_path: Path):
    runs = [
        replay(compile_tape(market_store(tmp_path / str(days), ticks=(days, days)), "M"), FixedSpread)
        for days in (0, 2)
    ]
    one, two = ({name: asdict(total) for name, total in bracket(run).items()} for run in runs)
    assert one == two
