"""Models by name and from users' files: what loads, and the one line that says why something does not."""

from __future__ import annotations

import inspect
import sys
from pathlib import Path

import pytest
from touchline.io.ground.errors import InputError
from touchline.strategies.models.avellaneda_stoikov import AvellanedaStoikov
from touchline.strategies.models.registry import QUOTING, quoting_model, quoting_models
from touchline.strategies.quoting.model import QuotingModel

from ..models.quotes import TOLD, bits, compiled, row

HEAD = """
import math
from touchline.strategies.parameters import Parameter
from touchline.strategies.quoting import QuotingModel
"""
GOOD = (
    HEAD
    + """
class Mine(QuotingModel):
    parameters = (Parameter("half", 1.0, 0.1, 9.0, "cents"),)

    @staticmethod
    def quote(known, p):
        return known.mid - p.half, known.mid + p.half, 1.0, 1.0
"""
)


def write(folder: Path, text: str, name: str = "mine.py") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def derived(values: str) -> str:
    """The model with one derived value, which derive computes as given."""
    text = f"    derived = ('w',)\n\n    @staticmethod\n    def derive(p):\n        return ({values})\n\n"
    return GOOD.replace("    @staticmethod", text + "    @staticmethod")


def refused(spec: str) -> str:
    with pytest.raises(InputError) as caught:
        quoting_model(spec)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_every_registered_model_is_found_under_its_name():
    assert quoting_models().keys() == QUOTING.keys()
    assert quoting_model("avellaneda-stoikov") is AvellanedaStoikov


def test_a_misspelt_name_gets_the_nearest():
    assert "did you mean 'glft'?" in refused("gltf")
    assert "known: avellaneda-stoikov" in refused("zzz")
    assert "file.py:ClassName" in refused("zzz")


def test_a_file_of_the_user_s_own(tmp_path: Path):
    path = write(tmp_path, GOOD)
    model = quoting_model(f"{path}:Mine")
    assert issubclass(model, QuotingModel) and model.name == "Mine"
    assert bits(compiled(model)(TOLD, row(model, half=2))) == bits((48.0, 52.0, 1.0, 1.0))
    assert inspect.getsource(sys.modules[model.__module__]) == GOOD
    assert quoting_model(f"{path}:Mine") is model


def test_an_edited_file_is_loaded_anew_and_equal_names_do_not_meet(tmp_path: Path):
    path = write(tmp_path, GOOD)
    first = quoting_model(f"{path}:Mine")
    write(tmp_path, GOOD.replace("1.0, 1.0\n", "2.0, 2.0\n"))
    second = quoting_model(f"{path}:Mine")
    (tmp_path / "b").mkdir()
    third = quoting_model(f"{write(tmp_path / 'b', GOOD)}:Mine")
    assert len({first, second, third}) == 3
    assert [model.quote(TOLD, row(model))[2] for model in (first, second, third)] == [1, 2, 1]


def test_a_file_may_be_called_like_a_module(tmp_path: Path):
    import json

    path = write(tmp_path, GOOD, "json.py")
    assert quoting_model(f"{path}:Mine").__name__ == "Mine"
    assert sys.modules["json"] is json


def test_a_model_may_call_a_compiled_function_of_its_file(tmp_path: Path):
    helper = "import numba\n\n@numba.njit\ndef twice(x):\n    return 2.0 * math.sqrt(x)\n\n"
    text = GOOD.replace("class Mine", helper + "class Mine").replace("known.mid - p.half", "known.mid - twice(p.half)")
    model = quoting_model(f"{write(tmp_path, text)}:Mine")
    assert bits(compiled(model)(TOLD, row(model, half=4))) == bits((46.0, 54.0, 1.0, 1.0))


def test_a_model_may_extend_a_shipped_one(tmp_path: Path):
    text = "from touchline.strategies.models.glft import Glft\n\nclass Wide(Glft):\n    grid = {'A': (1.0, 2.0, 3)}\n"
    model = quoting_model(f"{write(tmp_path, text)}:Wide")
    assert (model.name, model.columns()) == ("Wide", quoting_model("glft").columns())


@pytest.mark.parametrize(
    ("text", "name", "message"),
    [
        (GOOD, "Mien", "has no class 'Mien'; did you mean {path}:Mine?"),
        (GOOD, "", "is a file, not a model; did you mean {path}:Mine?"),
        (GOOD + "\nother = 3\n", "other", "other is not a quoting model; write: class other(QuotingModel)"),
        ("class Mine:\n    pass\n", "Mine", "Mine is not a quoting model"),
        ("x = 1\n", "Mine", "has no quoting model; write one as: class MyModel(QuotingModel)"),
        ("def f(:\n", "Mine", "line 1: invalid syntax"),
        ("x = 1\n\nx = 1 / 0\n", "Mine", "line 3: loading it failed with ZeroDivisionError: division by zero"),
        ("import sys\nsys.exit(3)\n", "Mine", "line 2: loading it failed with SystemExit: 3"),
        ("import no_such_thing\n", "Mine", "ModuleNotFoundError: No module named 'no_such_thing'"),
        ("x = '\0'\n", "Mine", "null bytes"),
        (GOOD.replace("9.0, ", "9.0, doc=").replace("1.0, 0.1", "99.0, 0.1"), "Mine", "half is 0.1 to 9, not 99.0"),
        (GOOD.replace("half", "class"), "Mine", "invalid syntax"),
        (GOOD.replace('"half"', '"lambda"'), "Mine", "parameter 'lambda' is not a plain Python name"),
        (GOOD.replace('"half"', '"_half"'), "Mine", "parameter '_half' is not a plain Python name"),
        (GOOD.replace("p.half", "p.haf"), "Mine", "quote fails on an example with AttributeError"),
        (GOOD.replace("known.mid -", "known.middle -"), "Mine", "has no attribute 'middle'"),
        (GOOD.replace(", 1.0, 1.0\n", "\n"), "Mine", "quote returned (45.0, 47.0), not bid, ask, bid size, ask size"),
        (GOOD.replace(", 1.0, 1.0\n", ", None, 1.0\n"), "Mine", "not bid, ask, bid size, ask size as numbers"),
        (GOOD.replace("    @staticmethod\n", ""), "Mine", "quote must be a @staticmethod of two arguments"),
        (GOOD.replace("def quote(", "def quotes("), "Mine", "has no quote; write: @staticmethod"),
        (GOOD.replace("quote(known, p)", "quote(known)"), "Mine", "quote fails on an example with TypeError"),
        (GOOD.replace("cents\"),", "cents\"), Parameter('half', 2.0)"), "Mine", "'half' is declared twice"),
        (GOOD.replace("    @static", "    derived = ('half',)\n    @static"), "Mine", "'half' is declared twice"),
        (derived(""), "Mine", "returns 0 values and derived has 1 names"),
        (GOOD.replace("    @static", "    grid = {'haf': (1, 2, 3)}\n    @static"), "Mine", "grid names 'haf'"),
        (GOOD.replace("    @static", "    from_market = ('floor',)\n    @static"), "Mine", "from_market names 'floor'"),
        (
            GOOD.replace("cents\"),", "cents\"), Parameter('rule', 'a', kind='choice', choices=('a',)),"),
            "Mine",
            "parameter 'rule' is a choice; a quoting model's are numbers",
        ),
        (derived("p.x,"), "Mine", "fails for half=1 with AttributeError"),
        (derived("math.nan,"), "Mine", "'w' is nan for the default parameters, not a number"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_user_s_file_is_said_in_one_line(tmp_path: Path, text: str, name: str, message: str):
    path = write(tmp_path, text)
    said = refused(f"{path}:{name}" if name else str(path))
    assert message.format(path=path) in said
    assert str(path) in said


def test_a_file_that_is_not_there(tmp_path: Path):
    assert "cannot read the file" in refused(f"{tmp_path}/none.py:Mine")
    assert "No such file" in refused(f"{tmp_path}/none.py:Mine")


def test_a_failed_load_leaves_nothing_behind(tmp_path: Path):
    path = write(tmp_path, "x = 1 / 0\n")
    before = set(sys.modules)
    refused(f"{path}:Mine")
    assert set(sys.modules) == before


SIGNAL = GOOD.replace(
    "class Mine(QuotingModel):",
    "from touchline.features.signals.signal import Signal\n\nclass Mine(QuotingModel):\n    signals = {SIGNALS}",
)


def test_a_signal_that_is_not_declared_is_named_with_the_nearest(tmp_path: Path):
    reads = SIGNAL.replace("known.mid - p.half", "known.signals.flw")
    with_one = reads.replace("SIGNALS", "'flow': Signal(None)")
    assert "quote reads known.signals.flw, which signals does not declare; did you mean 'flow'?" in refused(
        f"{write(tmp_path, with_one)}:Mine"
    )
    none = reads.replace("SIGNALS", "")
    assert "which signals does not declare; it declares none" in refused(f"{write(tmp_path, none)}:Mine")


def test_what_is_declared_as_a_signal_is_one(tmp_path: Path):
    three = SIGNAL.replace("SIGNALS", "'flow': 3")
    assert "signal 'flow' is 3, not a Signal" in refused(f"{write(tmp_path, three)}:Mine")
    bad = SIGNAL.replace("SIGNALS", "'my flow': Signal(None)")
    assert "signal 'my flow' is not a plain Python name" in refused(f"{write(tmp_path, bad)}:Mine")
