"""The recipes of docs/architecture.md, followed once."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from touchline.engine.simulator import prepare
from touchline.engine.simulator.assumptions import queue
from touchline.engine.simulator.assumptions.flags import Flags
from touchline.engine.simulator.assumptions.queue import LOG, POWER, QueueModel
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.kernel import build, head
from touchline.engine.simulator.kernel.build import interpreted
from touchline.engine.simulator.replay import replay
from touchline.engine.simulator.tape.source import compile_tape
from touchline.engine.simulator.tape.tape import Tape
from touchline.strategies.models.registry import quoting_model

from ..made_books import made_books

MODEL = quoting_model("fixed-spread")


@pytest.fixture(scope="module")
def tape(tmp_path_factory: pytest.TempPathFactory) -> Tape:
    store = made_books(tmp_path_factory.mktemp("books") / "data", markets=1, seed=5)
    return compile_tape(store, "MADE-00")


def fills(tape: Tape, name: str):
    return replay(tape, MODEL, {}, Assumptions(queue=name, fees="none")).fills


def test_a_queue_model_of_a_known_rule_is_one_line(tape: Tape, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(vars(queue)["_FIXED"], "square-root@1", QueueModel("square-root@1", POWER, 0.5))
    assert len(fills(tape, "square-root@1"))
    assert fills(tape, "square-root@1").equals(fills(tape, "power@0.5"))


def test_a_queue_model_of_a_new_probability_is_a_branch_of_one_function(tape: Tape, monkeypatch: pytest.MonkeyPatch):
    """Whoever leaves stood behind: that is what the pessimist says."""
    monkeypatch.setitem(vars(queue)["_FIXED"], "last@1", QueueModel("last@1", LOG))
    monkeypatch.setattr(queue, "cancelled_behind_nb", lambda _front, _back, _rule, _exponent: 1.0)
    expected = fills(tape, "pessimistic@1")
    monkeypatch.setattr(prepare, "kernel", interpreted)
    assert fills(tape, "last@1").equals(expected)


@pytest.mark.parametrize("switch", [field.name for field in fields(Flags) if field.name != "float_queue"])
def test_a_switch_stands_in_its_places(switch: str):
    name = switch.upper()
    assert name in head.__all__
    assert isinstance(getattr(head, name), bool)
    folder = Path(build.__file__).parent
    assert any(re.search(rf"\b{name}\b", (folder / f"{part}.py").read_text()) for part in build.COPIED)
    assert re.search(rf"\b{switch}=", (folder.parent / "assumptions" / "venue.py").read_text())
