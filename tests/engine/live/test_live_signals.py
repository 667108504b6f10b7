"""Signals on a stream: the same compiled walk as along a tape, slice by slice, in memory that does not grow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from touchline.engine.live import live as lives
from touchline.engine.live import memory
from touchline.engine.live.live import Live
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel.rows import S
from touchline.engine.simulator.prepare import signals_of
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.signals import elsewhere, matrix
from touchline.features.signals.flow import order_flow_imbalance, signed_flow, vpin
from touchline.features.signals.outside import other, table
from touchline.features.signals.price import bollinger, momentum
from touchline.io.ground.errors import InputError
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.fixed_spread import FixedSpread

from ..simulator.test_replay import noise_tape
from .test_live import slices


class Reader(FixedSpread):
    """Reads flow, bands, and what another market says."""

    name = "reader"
    signals = {  # noqa: RUF012  # as a user writes it
        "flow": signed_flow(20), "ofi": order_flow_imbalance(10, levels=2), "toxic": vpin(5, 4),
        "theirs": other("B").mid, "bands": bollinger(30), "moved": momentum(10),
    }  # fmt: skip

    @staticmethod
    def quote(known, p):
        s = known.signals
        tilt = 0.002 * (s.flow + s.ofi[0] - s.ofi[1]) + (s.bands[1] if s.bands[1] == s.bands[1] else 0.0)
        tilt += 0.1 * (s.theirs - known.mid) if s.theirs == s.theirs else 0.0
        tilt -= s.moved if s.moved == s.moved else 0.0
        return known.mid + tilt - p.half_spread, known.mid + tilt + p.half_spread, p.size, p.size


@pytest.fixture(scope="module")
def tapes():
    one, two = noise_tape(seconds=90), noise_tape(seconds=90, seed=5)
    return tuple(replace(t, market=replace(t.market, close_ts=int(t.columns.ts[-1]) + 60 * 10**9)) for t in (one, two))


@pytest.fixture(autouse=True)
def _apart(tapes, tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(matrix, "_open", {})
    monkeypatch.setattr(elsewhere, "_other_tape", lambda market, tape: tapes[1])


def told(tape):
    """When another market's mid was another one, and which."""
    whole = (tape.columns.kind & 16) > 0
    c, ticks, top = tape.columns, tape.grid.ticks, int(tape.grid.top)
    low, high = ticks[c.best_bid] * 0.01, ticks[c.best_ask] * 0.01
    mid = np.where((c.best_bid > 0) & (c.best_ask < top), (low + high) * 0.5, np.nan)
    return list(zip(c.ts[whole].tolist(), mid[whole].tolist(), strict=True))


def streamed(live, tape, sizes, news=()):
    """Feed a tape and the other market's news in the order of their time; the signals' rows as they were."""
    news, rows = list(news), []
    for events in slices(tape, sizes):
        if sizes == [1]:
            while news and news[0][0] < int(events.ts[0]):
                live.heard("theirs", *news.pop(0))
        elif news:
            for one in news:
                live.heard("theirs", *one)
            news = []
        live.feed(events)
        rows.append(live.block.signals[live.count - len(events.ts) : live.count].copy())
    return np.vstack(rows)


@pytest.mark.parametrize("feed_ms", [0.0, pytest.param(120.0, marks=pytest.mark.slow)])
@pytest.mark.parametrize("sizes", [[1], [700, 3, 1]])
def test_a_stream_quotes_as_the_replay_does_signals_included(tapes, sizes, feed_ms, plain_kernels):
    tape = tapes[0]
    assumed = Assumptions(feed_ms=feed_ms, entry_ms=feed_ms / 2)
    given = {"half_spread": 1.0, "size": 5}
    run = replay(tape, Reader, given, assumed)
    live = Live(tape.market, Reader, given, assumed)
    rows = streamed(live, tape, sizes, told(tapes[1]))
    assert np.array_equal(rows.view(np.int64), signals_of(tape, Reader).view(np.int64))
    assert np.isfinite(rows).any(axis=0).all()
    log, count = live.block.log, run.quotes.height
    assert count > 20
    assert log.quote_ts[:count].tolist() == run.quotes["ts"].to_list()
    assert log.quotes[:count, 2].tolist() == run.quotes["bid_size"].to_list()
    assert int(live.block.state.scalars[S.fills]) == run.totals.fills
    assert live.position == run.totals.position


@pytest.mark.parametrize("volatility", ["levels", "increments", "decaying", "constant"])
@pytest.mark.parametrize("feed_ms", [0.0, pytest.param(120.0, marks=pytest.mark.slow)])
def test_what_is_forgotten_changes_nothing(tapes, monkeypatch, volatility, feed_ms):
    tape = tapes[0]
    assumed = Assumptions(volatility=volatility, window_s=5, feed_ms=feed_ms, queue="power@3")
    quotes = []
    for kept in (memory.KEPT, 16):
        for module in (memory, lives):
            monkeypatch.setattr(module, "KEPT", kept)
        live = Live(tape.market, AvellanedaStoikov, {"gamma": 0.05, "size": 5}, assumed)
        shown = [(live.feed(events), live.told()) for events in slices(tape, [1, 5])]
        quotes.append([*shown, live.position, live.cash])
    assert quotes[0] == quotes[1]
    assert len({(one.bid, one.ask) for one, _ in quotes[0][:-2]}) > 10
    assert live.count < 200 < len(tape)
    assert live.observer.count < 200
    assert int(live.block.state.scalars[S.fills]) < 200


def test_prices_of_the_underlying_are_forgotten_as_well(monkeypatch, plain_kernels):
    for module in (memory, lives):
        monkeypatch.setattr(module, "KEPT", 8)
    tape = ticking()
    shown = type("Shown", (FixedSpread,), {"name": "shown-underlying", "signals": {}, "quote": staticmethod(near)})
    run = replay(tape, shown, {})
    live = Live(tape.market, shown)
    fed, last = 0, None
    for events in slices(tape, [1]):
        ticks = int(((events.kind & 7) == 2).sum())
        last = live.feed(events, tape.values[fed : fed + ticks])
        fed += ticks
    assert live.priced < 40 < fed
    assert last.bid == run.quotes["bid"][-1]
    assert len(set(run.quotes["bid"].to_list())) > 5


def near(known, p):
    return known.underlying - 1.0, known.underlying + 1.0, p.size, p.size


def ticking():
    """A tape with a price of the underlying a second, which its quotes follow."""
    from touchline.engine.simulator.tape.tape import TapeMarket, TapeRows, build

    start, second = 1_750_000_000 * 10**9, 10**9
    rows = [(start, 0, 1, 3000, 500), (start, 0, -1, 7000, 500)]
    for k in range(1, 200):
        rows += [(start + k * second, 5, 0, 0, 0), (start + k * second + 1, 0, 1, 3000, 1)]
    ts, what, side, price, size = (np.array(one) for one in zip(*rows, strict=True))
    table_ = TapeRows(ts.astype(np.int64), what.astype(np.uint8), side.astype(np.int8), price.astype(np.int32),
                      size.astype(np.int64))  # fmt: skip
    market = TapeMarket("U", close_ts=start + 300 * second)
    return build(market, table_, 45.0 + np.arange(199) % 11, empty_start=True)


def test_a_table_is_read_at_the_start_and_again_on_request(tapes, tmp_path, plain_kernels):
    tape = tapes[0]
    file = tmp_path / "t.csv"
    file.write_text(f"published,cpi\n{int(tape.columns.ts[3])},1.5\n")
    model = type("Reads", (FixedSpread,), {"name": "reads", "signals": {"cpi": table(file, value="cpi")}})
    live = Live(tape.market, model)
    first, second, third = slices(tape, [100, 100, len(tape)])
    live.feed(first)
    assert live.block.signals[99, 0] == 1.5
    file.write_text(file.read_text() + f"{int(tape.columns.ts[150])},2.5\n")
    live.feed(second)
    assert live.block.signals[199, 0] == 1.5
    live.reread()
    live.feed(third)
    assert live.block.signals[live.count - 1, 0] == 2.5


def test_news_for_a_signal_that_is_not_there_is_refused(tapes):
    live = Live(tapes[0].market, Reader)
    with pytest.raises(InputError, match="reader has no signal of another market that is called 'flow'"):
        live.heard("flow", 0, 1.0)
    with pytest.raises(InputError, match="theirs has 1 values, not 2"):
        live.heard("theirs", 0, 1.0, 2.0)
    assert live.follows == ("theirs",)
