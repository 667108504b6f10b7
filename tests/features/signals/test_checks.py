"""What is wrong with a model's signals is said in a line, before anything is compiled."""

from __future__ import annotations

import pytest
from touchline.features.signals.checks import check_signals
from touchline.features.signals.flow import signed_flow
from touchline.features.signals.outside import onnx
from touchline.features.signals.signal import Signal
from touchline.io.ground.errors import InputError


def counts(event, state):
    return state.n + 1.0, state.n + 1


def reads(name):
    def update(event):
        return getattr(event.signals, name)

    return Signal(update)


WRONG = {
    "names": ({"my flow": signed_flow(1)}, "signal 'my flow' is not a plain Python name"),
    "kind": ({"a": 3}, "signal 'a' is 3, not a Signal"),
    "late": ({"a": reads("b"), "b": signed_flow(1)}, "signal 'a' reads event.signals.b, which is declared after it"),
    "circle": (
        {"a": reads("b"), "b": reads("a")},
        "signal 'a' reads event.signals.b, which is declared after it or is",
    ),
    "itself": ({"a": reads("a")}, "signal 'a' reads event.signals.a, which is declared after it or is itself"),
    "unknown": ({"a": reads("c")}, "signal 'a' reads event.signals.c, which is not declared"),
    "inputs": ({"m": onnx("m.onnx", ["flow"]), "flow": signed_flow(1)}, "reads 'flow', which is declared after it"),
    "input": ({"flow": signed_flow(1), "m": onnx("m.onnx", ["flw"])}, "reads 'flw', which is none of flow"),
    "few": ({"a": Signal(counts, {"n": 0, "more": 1.0})}, "not 3 numbers: value, n, more"),
    "floats": ({"a": Signal(lambda event, state: (0.0, 0.5), {"n": 0})}, "state 'n' of signal 'a' starts whole and"),
    "raises": ({"a": Signal(lambda event: event.nothing)}, "fails on an example with AttributeError"),
    "text": ({"a": Signal(lambda event: "x")}, "signal 'a' returned 'x', not 1 numbers"),
}


@pytest.mark.parametrize("what", WRONG)
def test_it_is_one_line(what):
    signals, told = WRONG[what]
    with pytest.raises(InputError) as caught:
        check_signals(signals, "m.py:M")
    assert told in str(caught.value)
    assert str(caught.value).startswith("m.py:M: ")
    assert "\n" not in str(caught.value)


def test_what_is_right_passes():
    check_signals({"flow": signed_flow(1), "n": Signal(counts, {"n": 0}), "again": reads("flow")}, "m.py:M")
