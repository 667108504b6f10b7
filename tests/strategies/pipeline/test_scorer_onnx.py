"""ONNX models as scorers: an MLP on rows, an LSTM on windows, against their own arithmetic; wrong inputs by name."""

from __future__ import annotations

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from sklearn.neural_network import MLPClassifier
from touchline.io.ground.errors import InputError
from touchline.strategies.pipeline.pipeline import pipeline_of
from touchline.strategies.pipeline.scorers.onnx import feature

from .test_pipeline import some_panel

FEATURES = "mark,change_4,z_12"
RNG = np.random.default_rng(0)


def save(path, nodes, weights, inputs, outputs):
    graph = helper.make_graph(
        nodes, path.stem, inputs, outputs, [numpy_helper.from_array(v, n) for n, v in weights.items()]
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def tensor(name, *shape):
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def rows_of(panel):
    names = FEATURES.split(",")
    made = panel.evaluate({name: feature(name).cast(float) for name in names})
    return np.stack([made[name] for name in names], axis=-1)


def trained_mlp(path, panel, hidden=16):
    """An MLP that learned whether the mark is higher four bars later."""
    rows, mark = rows_of(panel), panel.matrices["mark"].astype(int)
    x, y = rows[20:-4].reshape(-1, 3), (mark[24:] > mark[20:-4]).ravel()
    fit = MLPClassifier((hidden,), max_iter=40, random_state=0, tol=1e-2).fit(x, y)
    weights = {"w1": fit.coefs_[0], "b1": fit.intercepts_[0], "w2": fit.coefs_[1], "b2": fit.intercepts_[1]}
    weights = {name: value.astype(np.float32) for name, value in weights.items()}
    nodes = [
        helper.make_node("Gemm", ["x", "w1", "b1"], ["h"]),
        helper.make_node("Relu", ["h"], ["r"]),
        helper.make_node("Gemm", ["r", "w2", "b2"], ["z"]),
        helper.make_node("Sigmoid", ["z"], ["p"]),
    ]
    save(path, nodes, weights, [tensor("x", None, 3)], [tensor("p", None, 1)])
    return fit


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def lstm_states(windows, weights, hidden):
    """The last hidden state, gate by gate, in ONNX's order: input, output, forget, cell."""
    h = c = np.zeros((len(windows), hidden))
    for t in range(windows.shape[1]):
        gates = windows[:, t] @ weights["w"][0].T + h @ weights["r"][0].T + weights["b"][0].reshape(2, -1).sum(axis=0)
        i, o, f, g = np.split(gates, 4, axis=1)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
    return h


def trained_lstm(path, panel, window=6, hidden=8):
    """An LSTM with drawn gates whose read-out learned the move over four bars."""
    rows, mark = rows_of(panel), panel.matrices["mark"].astype(int)
    weights = {
        "w": RNG.normal(0, 0.5, (1, 4 * hidden, 3)),
        "r": RNG.normal(0, 0.3, (1, 4 * hidden, hidden)),
        "b": RNG.normal(0, 0.1, (1, 8 * hidden)),
    }
    at = np.arange(20, len(rows) - 4)
    seen = np.concatenate([np.stack([rows[t - window + 1 : t + 1, m] for t in at]) for m in range(rows.shape[1])])
    move = np.concatenate([(mark[at + 4, m] - mark[at, m]) / 10_000 for m in range(rows.shape[1])])
    states = lstm_states(seen, weights, hidden)
    read_out = np.linalg.lstsq(states.T @ states + 1e-3 * np.eye(hidden), states.T @ move, rcond=None)[0]
    weights |= {"v": read_out[:, None], "axes": np.array([0])}
    kept = {n: v.astype(np.int64 if n == "axes" else np.float32) for n, v in weights.items()}
    nodes = [
        helper.make_node("Transpose", ["x"], ["steps"], perm=[1, 0, 2]),
        helper.make_node("LSTM", ["steps", "w", "r", "b"], ["", "last"], hidden_size=hidden),
        helper.make_node("Squeeze", ["last", "axes"], ["state"]),
        helper.make_node("MatMul", ["state", "v"], ["edge"]),
    ]
    save(path, nodes, kept, [tensor("x", None, window, 3)], [tensor("edge", None, 1)])
    return weights


def scorer_of(folder, **given):
    return pipeline_of({"scorer": {"name": "onnx", "features": FEATURES, **given}}, "p", folder).scorer


def test_an_mlp_on_rows(tmp_path):
    panel = some_panel()
    fit = trained_mlp(tmp_path / "mlp.onnx", panel)
    scorer = scorer_of(tmp_path, file="mlp.onnx")
    answers = scorer.prepare(panel)
    prepared = {scorer.own("model"): panel.matrix_of(answers[scorer.own("model")])}
    rows = rows_of(panel)
    known = np.isfinite(rows).all(axis=-1)
    np.testing.assert_allclose(prepared[scorer.own("model")][known], fit.predict_proba(rows[known])[:, 1], atol=1e-5)
    assert np.isnan(prepared[scorer.own("model")][~known]).all()
    assert (~known).any()
    edge = panel.with_extras(answers).evaluate({"e": scorer.score()})["e"]
    np.testing.assert_allclose(
        edge[known], prepared[scorer.own("model")][known] - panel.matrices["mark"][known] / 10_000, atol=1e-6
    )


def test_an_lstm_on_windows(tmp_path):
    panel = some_panel()
    weights = trained_lstm(tmp_path / "lstm.onnx", panel)
    scorer = scorer_of(tmp_path, file="lstm.onnx", window=6, gives="edge", weight=0.5)
    prepared = {scorer.own("model"): panel.matrix_of(scorer.prepare(panel)[scorer.own("model")])}
    rows = rows_of(panel)
    for t, m in ((25, 0), (60, 3), (119, 5)):
        state = lstm_states(rows[None, t - 5 : t + 1, m], weights, 8)
        assert prepared[scorer.own("model")][t, m] == pytest.approx(float(state[0] @ weights["v"][:, 0]), abs=1e-5)
    first = 11 + 5  # z_12 is known from bar 11 on, six bars of it from bar 16 on
    assert np.isnan(prepared[scorer.own("model")][:first]).all()
    assert np.isfinite(prepared[scorer.own("model")][first:]).all()


def test_a_model_sees_nothing_of_the_future(tmp_path):
    panel = some_panel()
    trained_lstm(tmp_path / "lstm.onnx", panel)
    scorer = scorer_of(tmp_path, file="lstm.onnx", window=6, gives="edge")
    whole, early = (p.matrix_of(scorer.prepare(p)[scorer.own("model")]) for p in (panel, panel.until(70)))
    np.testing.assert_array_equal(early, whole[:70])


def test_a_classifier_s_maps_from_class_to_probability_are_read(tmp_path):
    """Labels and a ZipMap, which skl2onnx puts behind every classifier unless it is told not to."""
    panel = some_panel()
    trained_mlp(tmp_path / "mlp.onnx", panel)
    model = onnx.load(tmp_path / "mlp.onnx")
    graph = model.graph
    one = numpy_helper.from_array(np.array([1.0], np.float32), "one")
    graph.initializer.append(one)
    graph.node.append(helper.make_node("Sub", ["one", "p"], ["no"]))
    graph.node.append(helper.make_node("Concat", ["no", "p"], ["both"], axis=1))
    graph.node.append(helper.make_node("ArgMax", ["both"], ["label"], axis=1, keepdims=0))
    zipped = helper.make_node("ZipMap", ["both"], ["probabilities"], domain="ai.onnx.ml", classlabels_int64s=[0, 1])
    graph.node.append(zipped)
    del graph.output[:]
    kind = helper.make_sequence_type_proto(
        helper.make_map_type_proto(TensorProto.INT64, helper.make_tensor_type_proto(TensorProto.FLOAT, None))
    )
    graph.output.append(helper.make_tensor_value_info("label", TensorProto.INT64, [None]))
    graph.output.append(helper.make_value_info("probabilities", kind))
    model.opset_import.append(helper.make_opsetid("ai.onnx.ml", 1))
    onnx.save(model, tmp_path / "zipped.onnx")
    plain, maps = (scorer_of(tmp_path, file=f"{name}.onnx") for name in ("mlp", "zipped"))
    expected = plain.prepare(panel)[plain.own("model")]
    np.testing.assert_allclose(maps.prepare(panel)[maps.own("model")], expected, atol=1e-6)


def test_wrong_inputs_are_named(tmp_path):
    trained_mlp(tmp_path / "mlp.onnx", some_panel())
    with pytest.raises(
        InputError, match=r"takes x tensor\(float\) .*3\]; declared is .*'batch', 2\] of mark, change_4"
    ):
        pipeline_of(
            {"scorer": {"name": "onnx", "file": "mlp.onnx", "features": "mark,change_4"}}, "p", tmp_path
        ).scorer.session()
    with pytest.raises(InputError, match=r"takes x .* declared is .*'batch', 6, 3\]"):
        scorer_of(tmp_path, file="mlp.onnx", window=6).session()
    with pytest.raises(InputError, match="no model file"):
        scorer_of(tmp_path, file="none.onnx").session()
    with pytest.raises(InputError, match="no feature 'chang_4', nor a table's column; did you mean"):
        pipeline_of({"scorer": {"name": "onnx", "features": "chang_4"}}, "p", tmp_path).scorer.prepare(some_panel())
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(InputError, match="is not a model"):
        scorer_of(tmp_path, file="text.onnx").session()
    later = onnx.load(tmp_path / "mlp.onnx")
    later.opset_import[0].version = 99
    onnx.save(later, tmp_path / "later.onnx")
    with pytest.raises(InputError, match=r"later\.onnx is written for an ONNX opset that onnxruntime .* does not run"):
        scorer_of(tmp_path, file="later.onnx").session()
