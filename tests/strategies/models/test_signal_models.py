"""The models that read signals: their formulas, and a run of each from its signals to its quotes."""

from __future__ import annotations

import math

import numpy as np
import pytest
from touchline.engine.runs.explain import explain
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.prepare import signals_of
from touchline.engine.simulator.replay import replay
from touchline.features.signals import onnx
from touchline.io.ground.errors import InputError
from touchline.strategies.families import is_pipeline
from touchline.strategies.models.flow_skew import FlowSkew
from touchline.strategies.models.microprice_maker import MicropriceMaker
from touchline.strategies.models.onnx_fair_value import INPUTS, OnnxFairValue
from touchline.strategies.models.registry import quoting_model

from ...engine.simulator.signals.test_elsewhere import tiny
from ...engine.simulator.test_replay import noise_tape
from .quotes import TOLD, row, told


def reads(model, **signals):
    return TOLD._replace(signals=told(model).signals._replace(**signals))


def test_flow_as_large_as_both_queues_leans_by_lean():
    p = row(FlowSkew, lean=0.5, most=2.0, skew=0.0)
    for flow, shift in [(180.0, 0.5), (-90.0, -0.25), (1800.0, 2.0), (-1e9, -2.0), (0.0, 0.0)]:
        bid, ask, *_ = FlowSkew.quote(reads(FlowSkew, flow=flow), p)
        assert (bid, ask) == pytest.approx((49.0 + shift, 51.0 + shift))


def test_the_microprice_maker_is_wider_in_motion_and_stays_at_the_mid_at_weight_0():
    p = row(MicropriceMaker, wider=2.0, half_spread=1.0, skew=0.0)
    assert MicropriceMaker.quote(reads(MicropriceMaker, fair=50.4, sigma=0.5), p)[:2] == pytest.approx((48.4, 52.4))
    still = reads(MicropriceMaker, fair=50.4, sigma=math.nan)
    assert MicropriceMaker.quote(still, p)[:2] == pytest.approx((49.4, 51.4))
    assert MicropriceMaker.quote(still, p._replace(weight=0.0))[:2] == pytest.approx((49.0, 51.0))


def test_a_model_that_says_nothing_is_not_quoted():
    p = row(OnnxFairValue, most=3.0, skew=0.0)
    assert OnnxFairValue.quote(reads(OnnxFairValue, fair=2.0), p)[:2] == pytest.approx((51.0, 53.0))
    assert OnnxFairValue.quote(reads(OnnxFairValue, fair=-9.0), p)[:2] == pytest.approx((46.0, 48.0))
    assert all(math.isnan(price) for price in OnnxFairValue.quote(reads(OnnxFairValue, fair=math.nan), p)[:2])


def test_a_trained_model_is_read_only_where_it_is_named(tmp_path, monkeypatch, plain_kernels):
    monkeypatch.chdir(tmp_path)
    tiny(tmp_path / "fair.onnx", len(INPUTS))
    with pytest.raises(InputError, match="name its file with it, as onnx-fair-value:"):
        signals_of(noise_tape(seconds=20), quoting_model("onnx-fair-value"))
    model = quoting_model("onnx-fair-value:fair.onnx")
    assert model is quoting_model("onnx-fair-value:fair.onnx") and not is_pipeline("onnx-fair-value:sub/fair.onnx")
    assert np.isfinite(signals_of(noise_tape(seconds=120), model)[-1, -1])
    with pytest.raises(InputError, match=r"there is no file gone\.onnx"):
        signals_of(noise_tape(seconds=20), quoting_model("onnx-fair-value:gone.onnx"))


def test_a_trained_model_is_quoted_and_explained(tmp_path, plain_kernels):
    tiny(tmp_path / "mine.onnx", len(INPUTS))
    model = type("Mine", (OnnxFairValue,), {
        "name": "mine", "signals": {**OnnxFairValue.signals, "fair": onnx(tmp_path / "mine.onnx", INPUTS)},
    })  # fmt: skip
    tape = noise_tape(seconds=120)
    run = replay(tape, model, {"size": 5})
    assert run.signals is not None
    assert run.signals.columns == ["ts", "imbalance", "flow", "micro", "moved", "stands_1", "stands_2", "sigma", "fair"]
    assert run.signals["ts"].to_list() == run.quotes["ts"].to_list()
    quoted = run.quotes.with_columns(fair=run.signals["fair"]).drop_nulls("bid")
    assert quoted.height > 10
    assert not quoted["fair"].is_null().any()
    found = explain(tape, model, {"size": 5}, Assumptions(), int(tape.columns.ts[-1]) - 10**9)
    whole = (tape.columns.kind & 16) > 0
    at = int(np.flatnonzero(whole & (tape.columns.ts <= found.decided_ts))[-1])
    assert list(found.signals.values()) == pytest.approx(signals_of(tape, model)[at].tolist(), abs=0, nan_ok=True)
    assert found.inside["shift by the model, cents"] == pytest.approx(min(max(found.signals["fair"], -5), 5))
