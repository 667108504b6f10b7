"""Signals of other markets and of trained models: as they were strictly before, and the prover finds it if not."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from onnx import TensorProto, helper, numpy_helper
from touchline.engine.simulator.lookahead import signal_leaks
from touchline.engine.simulator.signals import matrix
from touchline.engine.simulator.signals.asof import AsOf
from touchline.engine.simulator.signals.course import Course
from touchline.engine.simulator.signals.elsewhere import known_elsewhere
from touchline.engine.simulator.tape.source import compile_tape
from touchline.features.signals.flow import order_flow_imbalance, signed_flow
from touchline.features.signals.outside import onnx, other, sibling, table
from touchline.features.signals.price import microprice, touch
from touchline.io.ground.errors import InputError
from touchline.io.store.chunk import Chunk
from touchline.io.store.store import Store

START, SECOND = 1_790_000_000 * 10**9, 10**9


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Three strikes of one event, whose books move at the same seconds now and then; the middle one by its cap."""
    dice = np.random.default_rng(3)
    book, trades = [], []
    strikes = [("E-T70", 70.0, None), ("E-B72", 72.0, 74.0), ("E-T74", 74.0, None)]
    for ticker, *_ in strikes:
        book.append((START, ticker, 2, 0, 0, 0))
        mid = 50
        for side, price in ((1, 48), (-1, 52)):
            book.append((START, ticker, 0, side, price * 100, 1_000))
        for k in range(1, 150):
            ts = START + k * SECOND + int(dice.integers(0, 3)) * SECOND // 4
            new = int(np.clip(mid + dice.integers(-1, 2), 20, 80))
            if new != mid:
                for side, by in ((1, -2), (-1, 2)):
                    book.append((ts, ticker, 0, side, (mid + by) * 100, -1_000))
                    book.append((ts, ticker, 0, side, (new + by) * 100, 1_000))
            mid = new
            if dice.random() < 0.3:
                trades.append((ts, ticker, (mid + 2) * 100, int(dice.integers(1, 9)) * 100, 1))
    listed = [
        {"ticker": ticker, "series": "E", "event": "E", "open_ts": START, "close_ts": START + 200 * SECOND}
        | {"floor": floor, "cap": cap}
        for ticker, floor, cap in strikes
    ]
    names = ("ts", "ticker", "kind", "side", "price", "size")
    made = Store(tmp_path_factory.mktemp("strikes") / "data")
    tables = {
        "markets": pl.DataFrame(listed),
        "book": pl.DataFrame(book, schema=names, orient="row"),
        "trades": pl.DataFrame(trades, schema=("ts", "ticker", "price", "size", "taker_side"), orient="row"),
    }
    made.ingest("made up", "strikes", [Chunk(tables)])
    return made


@pytest.fixture(autouse=True)
def _own_cache(tmp_path, monkeypatch):
    monkeypatch.setattr(matrix, "cache_dir", lambda: tmp_path)
    monkeypatch.setattr(matrix, "_open", {})


@pytest.fixture(scope="module")
def strikes(store):
    return [compile_tape(store, ticker) for ticker in ("E-T70", "E-B72", "E-T74")]


def own(tape, signal):
    out = np.empty((len(tape), signal.columns))
    Course({"it": signal}, tape.grid, {}).take(tape.columns, np.zeros(1), out, 0, len(tape))
    return out


def test_another_market_s_values_are_those_from_strictly_before(strikes):
    low, middle, high = strikes
    flow = signed_flow(20)
    signals = {"up": sibling(1).mid, "down": sibling(-1).signal(flow), "named": other("E-T74").bid_size}
    got = matrix.signal_matrix(middle, signals)
    same = 0
    for ts, row in zip(middle.columns.ts.tolist(), got.tolist(), strict=True):
        for tape, values, value in [(high, own(high, touch())[:, 0], row[0]), (low, own(low, flow)[:, 0], row[1]),
                                    (high, own(high, touch())[:, 3], row[2])]:  # fmt: skip
            before = np.flatnonzero((tape.columns.ts < ts) & ((tape.columns.kind & 16) > 0))
            wanted = float(values[before[-1]]) if len(before) else math.nan
            assert (value == wanted) or (math.isnan(value) and math.isnan(wanted))
            same += int((tape.columns.ts == ts).any())
    assert same > 20  # moments that both share
    assert np.isfinite(got[-1]).all()


def test_the_ladder_ends(strikes):
    with pytest.raises(InputError, match=r"E-T74 has no sibling\(\+1\): its event E has 3 markets in the store"):
        matrix.signal_matrix(strikes[2], {"up": sibling(1).mid})
    with pytest.raises(InputError, match=r"other\('E-T70'\) is the market itself"):
        matrix.signal_matrix(strikes[0], {"self": other("E-T70").mid})
    with pytest.raises(InputError, match="is a function of its events; name tables and others directly"):
        other("E-T70").signal(other("E-T74").mid)
    with pytest.raises(AttributeError, match="another market has no 'last'; it has mid, bid"):
        _ = other("E-T70").last


ALL = {
    "flow": signed_flow(20), "imbalance": order_flow_imbalance(10, levels=2), "micro": microprice(),
    "up": sibling(1).mid, "down": sibling(-1).signal(signed_flow(20)),
}  # fmt: skip


def test_no_signal_knows_what_comes_after_a_cut(strikes, tmp_path):
    file = tmp_path / "t.csv"
    rows = "\n".join(f"{START + k * SECOND},{k}" for k in range(0, 150, 7))
    file.write_text(f"published,x\n{rows}\n")
    assert signal_leaks(strikes[1], ALL | {"x": table(file, value="x")}, cuts=8) == []


def test_a_join_that_takes_the_next_row_is_caught(strikes, monkeypatch):
    honest = AsOf.fill

    def ahead(self, ts, out):
        honest(AsOf(self.values.shape[1], np.append(-1, self.ts[:-1]), self.values), ts, out)

    monkeypatch.setattr(AsOf, "fill", ahead)
    leaks = signal_leaks(strikes[1], ALL, cuts=8)
    assert {leak.what for leak in leaks} == {"signal up", "signal down"} or {leak.what for leak in leaks} == {
        "signal up"
    }
    assert "the signal up is" in str(leaks[0])


def tiny(path, inputs, fixed=False):
    """A network with a hidden layer wide enough that a runtime may well add up a batch in another order."""
    dice = np.random.default_rng(1)
    weights = {"w1": dice.normal(size=(inputs, 64)), "b1": dice.normal(size=64), "w2": dice.normal(size=(64, 1))}
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]), helper.make_node("Tanh", ["h"], ["t"]),
        helper.make_node("MatMul", ["t", "w2"], ["y"]),
    ]  # fmt: skip
    given = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", inputs])]
    graph = helper.make_graph(
        nodes, "tiny", given, [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()],
    )  # fmt: skip
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return weights


def test_a_trained_model_says_the_same_to_a_tape_and_to_a_stream(strikes, tmp_path):
    weights = tiny(tmp_path / "m.onnx", 3)
    signals = {
        "flow": signed_flow(20), "imbalance": order_flow_imbalance(10, levels=2),
        "fair": onnx(tmp_path / "m.onnx", ["imbalance_2", "flow", "imbalance_1"]),
    }  # fmt: skip
    tape = strikes[0]
    got = matrix.signal_matrix(tape, signals)
    for sizes in ([1], [7, 50]):
        course, rows, at, turn = Course(signals, tape.grid, known_elsewhere(tape, signals)), np.empty_like(got), 0, 0
        while at < len(tape):
            stop = min(at + sizes[turn % len(sizes)], len(tape))
            course.take(tape.columns, np.zeros(1), rows[at:stop], at, stop)
            at, turn = stop, turn + 1
        assert np.array_equal(rows.view(np.int64), got.view(np.int64))
    whole = (tape.columns.kind & 16) > 0
    x = got[:, [2, 0, 1]]
    plain = np.tanh(x @ weights["w1"] + weights["b1"]) @ weights["w2"]
    assert got[whole, 3] == pytest.approx(plain[whole, 0], abs=1e-4)
    assert len({*got[whole, 3].tolist()}) > 20


def test_a_model_file_that_does_not_fit_is_one_line(strikes, tmp_path):
    tiny(tmp_path / "m.onnx", 3)
    with pytest.raises(InputError, match=r"m\.onnx takes x tensor\(float\).*; declared is a row of flow$"):
        matrix.signal_matrix(strikes[0], {"flow": signed_flow(20), "fair": onnx(tmp_path / "m.onnx", ["flow"])})
    (tmp_path / "bad.onnx").write_text("no model")
    with pytest.raises(InputError, match=r"bad\.onnx is not a model"):
        matrix.signal_matrix(strikes[0], {"flow": signed_flow(20), "fair": onnx(tmp_path / "bad.onnx", ["flow"])})
    with pytest.raises(InputError, match=r"there is no file .*gone\.onnx"):
        matrix.signal_matrix(strikes[0], {"flow": signed_flow(20), "fair": onnx(tmp_path / "gone.onnx", ["flow"])})
