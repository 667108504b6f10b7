"""The panel: every cell from its definition, blocks and files do not matter, nothing later is in an earlier bar."""

from __future__ import annotations

import resource
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from touchline.engine.bets.backtest import backtest, score_panel
from touchline.engine.bets.panel import build as panel_build
from touchline.engine.bets.panel import panel as panel_module
from touchline.engine.bets.panel.book import book_quotes
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.bets.panel.lives import lives_of
from touchline.engine.bets.panel.panel import panel_of
from touchline.engine.bets.panel.scratch import Scratch
from touchline.engine.bets.portfolio.columns import columns_of, fee_rows, market_rows
from touchline.engine.bets.portfolio.portfolio import run
from touchline.engine.bets.portfolio.random import compare_random
from touchline.engine.bets.results import BetsResult
from touchline.engine.simulator.tape.source import compile_tape
from touchline.io.ground.errors import DiskError, InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.schema import BookKind
from touchline.io.store.store import Store
from touchline.strategies.pipeline.pipeline import pipeline_of

from ..histories import HOUR, made_up


def test_every_cell_follows_its_definition(tmp_path):
    store = made_up(tmp_path / "store", 1)
    panel = build_panel(store, step_ns=HOUR)
    quotes, trades = store.quotes().collect(), store.trades().collect()
    rng = np.random.default_rng(0)
    tickers = panel.markets["ticker"].to_list()
    for _ in range(300):
        t, m = int(rng.integers(0, panel.shape[0])), int(rng.integers(0, panel.shape[1]))
        end, begin = int(panel.times[t]), int(panel.times[t]) - HOUR
        own = quotes.filter((pl.col("ticker") == tickers[m]) & (pl.col("ts") <= end))
        done = trades.filter((pl.col("ticker") == tickers[m]) & (pl.col("ts") <= end) & (pl.col("ts") > begin))
        cell = {name: int(values[t, m]) for name, values in panel.matrices.items()}
        assert cell["volume"] == done["size"].sum()
        assert cell["buys"] == done.filter(pl.col("taker_side") == 1)["size"].sum()
        if own.is_empty():
            assert (cell["bid"], cell["ask"], cell["mark"], cell["age"]) == (-1, -1, -1, -1)
            continue
        last = own.row(-1, named=True)
        bid, ask = last["bid"] if last["bid"] is not None else -1, last["ask"]
        assert (cell["bid"], cell["ask"]) == (bid, ask)
        assert cell["bid_lots"] == last["bid_size"]
        assert cell["mark"] == (max(bid, 0) + ask) // 2
        heard = max(last["ts"], done["ts"].max() or 0)
        assert cell["age"] == -(-(end - heard) // HOUR) - 1 + ((end - heard) % HOUR == 0)


def test_trades_alone_make_a_panel(tmp_path):
    store = made_up(tmp_path / "store", 2)

    told = {"markets": store.markets().collect(), "trades": store.trades().collect()}
    bare = Store(tmp_path / "bare")
    bare.ingest("made up", "bare", [Chunk({name: frame.drop("source", "import_id") for name, frame in told.items()})])
    panel = build_panel(bare, step_ns=HOUR)
    assert not panel.quoted.any()
    assert (panel.matrices["bid"] == panel.matrices["mark"]).all()
    assert "bid_lots" not in panel.matrices
    assert market_rows(panel)["unquoted"].all()


def test_a_recorded_book_gives_best_prices_and_their_depth(tmp_path):
    """Changes at random times with a gap: each bar's end against levels kept in a dictionary."""
    rng = np.random.default_rng(3)
    rows, levels, known = [], {}, True
    ts, wanted = 1_000_000_000, {}
    for n in range(3_000):
        now = ts + n * HOUR // 60
        wanted[now] = dict(levels) if known else {}
        if n == 1_500:
            rows.append((now, BookKind.GAP, 0, 0, 0))
            levels, known = {}, False
        elif n == 1_700:
            rows.append((now, BookKind.CLEAR, 0, 0, 0))
            rows += [(now, BookKind.LEVEL, 1, 4_000, 700), (now, BookKind.LEVEL, -1, 4_300, 900)]
            levels, known = {(1, 4_000): 700, (-1, 4_300): 900}, True
        else:
            side = int(rng.choice([1, -1]))
            price = int(rng.integers(20, 45) if side > 0 else rng.integers(46, 80)) * 100
            if not known:
                continue
            change = 500 if rng.random() < 0.5 else -levels.get((side, price), 0)
            if change:
                rows.append((now, BookKind.DELTA, side, price, change))
                levels[side, price] = levels.get((side, price), 0) + change
    names = ("ts", "kind", "side", "price", "size")
    book = pl.DataFrame(rows, schema=names, orient="row").with_columns(ticker=pl.lit("A"), seq=pl.int_range(pl.len()))
    opening = pl.DataFrame([(ts - 1, BookKind.CLEAR, 0, 0, 0, "A", -1)], schema=[*names, "ticker", "seq"], orient="row")
    markets = pl.DataFrame({"ticker": ["A"], "open_ts": [0], "close_ts": [ts + 3_000 * HOUR // 60]})
    tables = {"markets": markets, "book": pl.concat([opening, book], how="vertical_relaxed")}
    store = Store(tmp_path / "store")
    store.ingest("made up", "book", [Chunk(tables)])
    panel = build_panel(store, ts, ts + 50 * HOUR, HOUR // 4)
    assert panel.quoted.all()
    for t, end in enumerate(panel.times.tolist()):
        state = next((s for at, s in wanted.items() if at > end), None)
        if state is None:
            continue
        bids = {p: n for (side, p), n in state.items() if side > 0 and n > 0}
        asks = {p: n for (side, p), n in state.items() if side < 0 and n > 0}
        expected = (max(bids, default=-1), min(asks, default=-1))
        sizes = (bids.get(expected[0], -1), asks.get(expected[1], -1))
        cell = {name: int(values[t, 0]) for name, values in panel.matrices.items()}
        assert (cell["bid"], cell["ask"]) == expected
        assert (cell["bid_lots"], cell["ask_lots"]) == sizes
    changes = book_quotes(compile_tape(store, "A"))
    assert changes["ts"].is_unique().all()
    wanted_at = {"bid": "bid", "ask": "ask", "bid_size": "bid_lots", "ask_size": "ask_lots"}
    bars = pl.DataFrame({"ts": panel.times, **{n: panel.matrices[m][:, 0] for n, m in wanted_at.items()}})
    stood = bars.select("ts").join_asof(changes.drop("ticker"), on="ts").fill_null(-1)
    assert (stood == bars.cast(pl.Int64)).to_numpy().all()


def test_blocks_and_files_change_nothing(tmp_path, monkeypatch):
    store = made_up(tmp_path / "store", 3)
    whole = build_panel(store, step_ns=HOUR)
    monkeypatch.setattr(panel_module, "BLOCK_ROWS", 500)
    monkeypatch.setattr(panel_module, "MAPPED_ROWS", 1)
    monkeypatch.setattr(panel_build, "NARROWEST", 1)
    parts = build_panel(store, step_ns=HOUR)
    assert isinstance(parts.rows["mark"], np.memmap)
    for name, values in whole.matrices.items():
        np.testing.assert_array_equal(values, parts.matrices[name], err_msg=name)
    score = pl.col("change_4").fill_null(0.0)
    np.testing.assert_array_equal(whole.evaluate({"s": score})["s"], parts.evaluate({"s": score})["s"])


def test_rows_grow_with_what_lived_and_give_the_same_bets(tmp_path):
    """The same markets in every bar, without scores outside their lives: every trade, bar and fate is the same."""
    store = made_up(tmp_path / "store", 7, markets=24, hours=300)
    panel = build_panel(store, step_ns=HOUR)
    assert panel.lives.total < 0.7 * panel.shape[0] * panel.shape[1]
    matrices = dict(panel.matrices)
    dense = panel_of(matrices.pop("mark"), panel.times, panel.markets, **matrices)
    dense = replace(dense, quoted=panel.quoted)
    members = [
        {"name": name} for name in ("momentum", "bollinger", "order-flow", "volume", "time-decay", "correlation")
    ]
    filters = [{"name": "liquidity", "min_volume": 200}, {"name": "spread", "max_spread": 10}, {"name": "fresh"}]
    pipeline = pipeline_of(
        {
            "scorer": {"name": "ensemble", "members": members},
            "filters": filters,
            "selector": {"name": "diversified", "k": 5, "min_score": 0.005},
            "executor": {"max_positions": 20, "score_reversal": 0.01},
        },
        "p",
    )
    found = backtest(panel, pipeline, random_portfolios=20)
    scored = score_panel(dense, pipeline)
    lived = panel.lives.matrix(np.ones(panel.lives.total, np.bool_)).ravel()
    inside = panel.matrix_of(found.scored.score), panel.matrix_of(found.scored.passed)
    np.testing.assert_array_equal(np.where(lived, scored.score, 0), inside[0].ravel())
    np.testing.assert_array_equal(np.where(lived, scored.passed, 0), inside[1].ravel())
    columns = columns_of(dense, np.where(lived, scored.score, 0).astype(np.int16))
    made = run(columns, found.rule, scored.passed)
    random = compare_random(columns, found.rule, made, 20, 0)
    other = replace(found, panel=dense, columns=columns, scored=scored, run=made, random=random)
    assert len(made.trades) > 30
    assert BetsResult(other).result_hash == BetsResult(found).result_hash


def test_what_happens_later_is_in_no_earlier_bar(tmp_path):
    store = made_up(tmp_path / "store", 4)
    whole = build_panel(store, 0, 150 * HOUR)
    early = build_panel(store, 0, 90 * HOUR)
    for name, values in early.matrices.items():
        np.testing.assert_array_equal(values, whole.matrices[name][:90], err_msg=name)


def test_trading_stops_before_the_payout_is_known(tmp_path):
    panel = build_panel(made_up(tmp_path / "store", 5), step_ns=HOUR)
    rows = market_rows(panel)
    known = rows["payout"] >= 0
    assert (rows["closes"] < rows["settles"])[known].all()
    assert (rows["payout"] == -1).tolist() == panel.markets["result"].is_null().to_list()
    assert (~known).sum() == 1
    close = panel.markets["close_ts"].to_numpy()
    assert (panel.times[np.maximum(rows["closes"], 0)] < close).all()


def test_derived_columns_say_what_is_left(tmp_path):
    panel = build_panel(made_up(tmp_path / "store", 6), step_ns=HOUR)
    frame = panel.frame(
        slice(0, 2), ("ticker", "ts", "hours_left", "life_left", "previous_rate", "spread", "bid", "ask")
    )
    joined = frame.join(panel.markets.select("ticker", "close_ts", "open_ts"), on="ticker", maintain_order="left")
    left = ((pl.col("close_ts") - pl.col("ts")) / HOUR).clip(0)
    share = ((pl.col("close_ts") - pl.col("ts")) / (pl.col("close_ts") - pl.col("open_ts"))).clip(0, 1)
    wrong = joined.select(
        ((left - pl.col("hours_left")).abs() > 1e-3).any().alias("h"),
        ((share - pl.col("life_left")).abs() > 1e-5).any().alias("l"),
        (pl.col("ask") - pl.col("bid")).ne_missing(pl.col("spread")).any().alias("s"),
    )
    assert wrong.row(0) == (False, False, False)
    settled = panel.markets.filter(pl.col("series") == "KXA").sort("settled_ts")["settled_ts"].drop_nulls()
    first = frame.filter(pl.col("ticker").str.starts_with("KXA") & pl.col("previous_rate").is_not_null())["ts"].min()
    assert first is None or first >= settled[0]


def test_fees_follow_the_series_and_the_day():
    day = 86_400_000_000_000
    start = 20_620 * day  # 2026-06-16
    markets = pl.DataFrame({"ticker": ["KXINX-1", "KXHIGHNY-1"], "series": ["KXINX", "KXHIGHNY"]})
    panel = panel_of(np.full((40, 2), 5000), start + day * np.arange(1, 41), markets)
    fees, ((first, end), (other, _)) = fee_rows(panel)
    assert fees["taker"][first:end].tolist() == [350_000, 700_000]
    assert fees["taker"][other:].tolist() == [700_000]
    change = fees["from_bar"][first + 1]
    assert panel.times[change - 1] < 20_637 * day + 17 * HOUR <= panel.times[change]


def test_blocks_hold_as_many_rows_as_they_may_and_one_market_at_least():
    lives = lives_of(50, np.zeros(6, np.int64), np.array([10, 10, 5, 40, 0, 3]))
    found = [(block.start, block.stop) for block in lives.blocks(20)]
    assert found == [(0, 2), (2, 3), (3, 4), (4, 6)]
    assert [(block.start, block.stop) for block in lives.blocks(1_000)] == [(0, 6)]


@pytest.mark.parametrize("table", ["quotes", "trades"])
def test_a_panel_begins_with_the_first_thing_that_happened(tmp_path, table):
    """Whether that was a quote or a trade."""
    store = made_up(tmp_path / "store", 1)
    told = {name: store.table(name).collect().drop("source", "import_id") for name in ("quotes", "trades")}
    told["markets"] = store.markets().collect().drop("source", "import_id", strict=False)
    first = told[table]["ts"].min()
    told[table] = told[table].filter(pl.col("ts") > first + 30 * HOUR)
    late = Store(tmp_path / "late")
    late.ingest("made up", "late", [Chunk(told)])
    assert build_panel(late, step_ns=HOUR).times[0] == first // HOUR * HOUR + HOUR


def test_what_is_missing_is_null_and_what_nobody_recorded_too():
    panel = panel_of([[-1, 4500], [4600, -1], [4700, -1]], [1, 2, 3], bid=np.array([[-1, 1], [2, -1], [3, -1]]))
    frame = panel.frame(slice(0, 2), ("mark", "bid", "volume", "volume_2", "ask"))
    assert frame["mark"].to_list() == [None, 4600, 4700, 4500, None, None]
    assert frame["bid"].to_list() == [None, 2, 3, 1, None, None]
    assert all(frame[name].null_count() == 6 for name in ("volume", "volume_2", "ask"))
    assert panel.last("mark").tolist() == [4700, -1]


def test_an_unknown_column_is_named():
    panel = panel_of([[4500], [4600]], [1, 2])
    with pytest.raises(InputError, match="no column 'momentum'"):
        panel.evaluate({"s": pl.col("momentum")})
    with pytest.raises(InputError, match="no matrix 'bids'"):
        panel_of([[4500]], [1], bids=np.array([[1]]))


def test_a_column_in_a_file_has_its_room_from_the_start():
    """A file that is mapped and meets a full disk later ends the process."""
    kept, limit = Scratch("test-"), resource.getrlimit(resource.RLIMIT_FSIZE)
    made = kept.column("first", np.int32, 1_000)
    assert made.tolist() == [0] * 1_000
    assert (kept.path / "first").stat().st_blocks * 512 >= 4_000
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, limit[1]))
    try:
        with pytest.raises(DiskError, match=f"cannot write to {kept.path}: .*; free some space, or set TMPDIR"):
            kept.column("second", np.int32, 1_000)
        with pytest.raises(DiskError, match="free some space"):
            kept.append("third", np.zeros(1_000, np.int32))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert kept.column("none", np.int32, 0).shape == (0,)
