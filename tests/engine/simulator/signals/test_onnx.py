"""A trained model says the same to the bit in a batch of a tape and for a single event of a stream."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from touchline.engine.simulator.signals.onnx import BATCH, OnnxWalk, opened
from touchline.engine.simulator.tape.events import MOMENT
from touchline.features.signals.outside import onnx
from touchline.features.signals.signal import Signal

ROWS, INPUTS = 10_000, 7
NODES = {
    "wide": [("Gemm", "x w1 b1", "h"), ("Tanh", "h", "t"), ("MatMul", "t w2", "y")],
    "odd": [
        *(("Gemm", "x w1 b1", "h"), ("Sigmoid", "h", "s"), ("Exp", "s", "e")),
        *(("Softmax", "e", "m"), ("MatMul", "m w2", "y")),
    ],
    "mixes": [
        ("ReduceMean", "x axes", "all"), ("Sub", "x all", "rest"), ("Gemm", "rest w1 b1", "h"), ("MatMul", "h w2", "y"),
    ],
}  # fmt: skip
WIDTHS = {"wide": 64, "odd": 13, "mixes": 8}


def network(path, kind):
    dice, width = np.random.default_rng(2), WIDTHS[kind]
    shapes = {"w1": (INPUTS, width), "b1": width, "w2": (width, 1)}
    weights = {name: dice.normal(size=shape) for name, shape in shapes.items()}
    fixed = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    fixed.append(numpy_helper.from_array(np.array([0], np.int64), "axes"))
    nodes = [helper.make_node(op, given.split(), [made]) for op, given, made in NODES[kind]]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", INPUTS])
    y = helper.make_tensor_value_info("y", TensorProto.FLOAT, ["batch", 1])
    graph = helper.make_graph(nodes, kind, [x], [y], fixed)
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    path.write_bytes(made.SerializeToString())
    return onnx(path, [f"s{at}" for at in range(INPUTS)])


@pytest.mark.parametrize(("kind", "batch"), [("wide", BATCH), ("odd", BATCH), ("mixes", 1)])
def test_ten_thousand_rows_are_the_same_in_batches_and_one_by_one(tmp_path, kind, batch):
    signal = network(tmp_path / "m.onnx", kind)
    before = {name: Signal(None) for name in signal.inputs}
    assert opened(signal, str(signal.file), "m.onnx").batch == batch
    rng = np.random.default_rng(3)
    rows = rng.normal(size=(ROWS, INPUTS)) * rng.choice([1e-3, 1.0, 100.0], (ROWS, 1))
    rows[rng.random(ROWS) < 0.05, 3] = np.nan  # an input that is not known yet
    again = np.flatnonzero(rng.random(ROWS - 1) < 0.1)
    rows[again + 1] = rows[again]
    kinds, ts = np.where(rng.random(ROWS) < 0.9, MOMENT, 0).astype(np.uint8), np.arange(ROWS)
    whole, single = np.empty(ROWS), np.empty(ROWS)
    OnnxWalk(signal, before).take(kinds, ts, rows, whole)
    stream = OnnxWalk(signal, before)
    for at in range(ROWS):
        stream.take(kinds[at : at + 1], ts[at : at + 1], rows[at : at + 1], single[at : at + 1])
    assert np.array_equal(whole.view(np.int64), single.view(np.int64))
    assert 0.5 < np.isfinite(whole).mean() < 1.0
    assert len(np.unique(whole)) > (ROWS / 2 if batch > 1 else 1)
