"""What a model declares of its quote: mistakes are one line, before anything runs."""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline.io.ground.errors import InputError
from touchline.strategies.models.registry import quoting_model
from touchline.strategies.quoting.fingerprint import fingerprint

MODEL = """
from touchline.features.signals.flow import signed_flow
from touchline.strategies.quoting import QuotingModel

class Mine(QuotingModel):
    {declared}

    @staticmethod
    def quote({given}):
        return {returned}
"""


def made(folder: Path, declared: str, returned: str, given: str = "known, p"):
    path = folder / "mine.py"
    path.write_text(MODEL.format(declared=declared, given=given, returned=returned))
    return quoting_model(f"{path}:Mine")


GOOD = [
    ("levels = 2", "(1.0, 2), (3.0, 4.0), (1.0, 1.0), (1, 1)", "known, p"),
    ('state = {"belief": 0.5}', "1.0, 2.0, 1.0, 1.0, (state.belief,)", "known, p, state"),
    ("takes = True", "1.0, 2.0, 1.0, 1.0, (50.0, 3)", "known, p"),
    (
        'levels, takes, state = 1, True, {"a": 0, "b": 1}',
        "1, 2, 1, 1, (5.0, 0.0), (state.b, state.a)",
        "known, p, state",
    ),
]


@pytest.mark.parametrize(("declared", "returned", "given"), GOOD)
def test_what_keeps_to_the_contract_is_a_model(tmp_path, declared, returned, given):
    assert made(tmp_path, declared, returned, given).name == "Mine"


BAD = [
    ("levels = 6", "1, 2, 1, 1", "known, p", "levels is 6, not a whole number from 1 to 5"),
    ("levels = 2", "1, 2, 1, 1", "known, p", "quote returned 1 as bid, not a tuple of 2 numbers, as levels says"),
    ("levels = 2", "(1, 2), (3, 4), (1, 1, 1), (1, 1)", "known, p", "as bid size, not a tuple of 2 numbers"),
    (
        'state = {"a": 0.0}',
        "1, 2, 1, 1",
        "known, p, state",
        "returned 4 values, not 5: bid, ask, bid size, ask size, state",
    ),
    (
        'state = {"a": 0.0, "b": 0.0}',
        "1, 2, 1, 1, (1.0,)",
        "known, p, state",
        "as its new state, not a tuple of 2: a, b",
    ),
    ('state = {"a": 0.0}', "1, 2, 1, 1, 3.0", "known, p, state", "quote returned 3.0 as its new state"),
    ('state = {"a b": 0.0}', "1, 2, 1, 1, (0.0,)", "known, p, state", "state 'a b' is not a plain Python name"),
    ('state = {"a": None}', "1, 2, 1, 1, (0.0,)", "known, p, state", "state 'a' starts at None, not at a number"),
    ("takes = True", "1, 2, 1, 1, 5.0", "known, p", "quote returned 5.0 to take, not (price, size)"),
]


@pytest.mark.parametrize(("declared", "returned", "given", "told"), BAD)
def test_a_mistake_is_one_line(tmp_path, declared, returned, given, told):
    with pytest.raises(InputError) as raised:
        made(tmp_path, declared, returned, given)
    assert told in str(raised.value)
    assert "\n" not in str(raised.value)


WHOLE_LINES = {
    "a state that is not returned": (
        'state = {"mean": 50.0}', "1, 2, 1, 1", "known, p, state",
        "quote returned 4 values, not 5: bid, ask, bid size, ask size, state",
    ),
    "a signal that does not exist": (
        'signals = {"flow": signed_flow(10)}', "known.signals.flo, 2, 1, 1", "known, p",
        "quote reads known.signals.flo, which signals does not declare; did you mean 'flow'?",
    ),
    "a signal where none is declared": (
        "levels = 1", "known.signals.flow, 2, 1, 1", "known, p",
        "quote reads known.signals.flow, which signals does not declare; it declares none",
    ),
    "a size of the wrong length": (
        "levels = 2", "(1, 2), (3, 4), (1, 1), (1,)", "known, p",
        "quote returned (1,) as ask size, not a tuple of 2 numbers, as levels says",
    ),
}  # fmt: skip


@pytest.mark.parametrize("mistake", WHOLE_LINES)
def test_the_whole_line_of_a_mistake(tmp_path, mistake):
    *given, told = WHOLE_LINES[mistake]
    with pytest.raises(InputError) as raised:
        made(tmp_path, *given)
    assert str(raised.value) == f"{tmp_path / 'mine.py'}:Mine: {told}"


def test_where_a_state_starts_makes_another_model(tmp_path):
    one, two = (
        made(tmp_path, f'state = {{"a": {start}}}', "1, 2, 1, 1, (0.0,)", "known, p, state") for start in (0, 1)
    )
    assert fingerprint(one) != fingerprint(two)
