"""What is asked of the face by a slip is answered in a line, before anything is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.bets.sweep import bet_axes
from touchline.strategies.pipeline.pipeline import load_pipeline

from ..histories import made_up

FILE = Path(__file__)
SLIPS: dict[str, tuple[Callable[[str, Path], Any], str]] = {
    "fewer portfolios than none": (
        lambda store, out: engine.backtest("quant", store=store, compare_random=-3),
        "compare_random= is a number of portfolios, not -3",
    ),
    "an axis of bets without values": (
        lambda store, out: engine.sweep("quant", None, store, axes={"take_profit": None}, out=out),
        "axis 'take_profit' names no value",
    ),
    "an axis without values": (
        lambda store, out: engine.sweep("fixed-spread", "KXA-00-T0", store, axes={"half_spread": []}, out=out),
        "axis 'half_spread' names no value",
    ),
    "a sample as a number": (
        lambda store, out: engine.sweep("fixed-spread", "KXA-00-T0", store, axes="half_spread=1,2", sample=5, out=out),
        "sample=5: expected sobol:COUNT, as in sample='sobol:4096'",
    ),
    "no files": (lambda store, out: engine.import_files([], store), "nothing to import: name files or folders"),
    "a demo where nothing can be made": (
        lambda store, out: engine.demo(FILE / "demo"), f"cannot write to {FILE / 'demo'}: Not a directory"
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    return made_up(tmp_path_factory.mktemp("slips") / "store", 1, markets=3, hours=60).path


@pytest.mark.parametrize("slip", SLIPS)
def test_a_slip_is_told_in_a_line(store: str, slip: str, tmp_path: Path):
    call, told = SLIPS[slip]
    with pytest.raises(engine.InputError) as error:
        call(store, tmp_path / "out")
    assert str(error.value) == told
    assert not (tmp_path / "out").exists()


def test_one_value_is_an_axis_of_bets_as_of_quotes(store: str, tmp_path: Path):
    found = engine.sweep("quant", None, store, axes={"take_profit": 0.2}, out=tmp_path / "out", pictures=False)
    assert [(one.name, one.values) for one in bet_axes(load_pipeline("quant"), {"take_profit": 0.2}, {})] == [
        ("take_profit", (0.2,))
    ]
    assert found.cells["take_profit"].unique().to_list() == [0.2]
