"""The recipe of docs/architecture.md for a figure of a replay: computed in one place, in words in another."""

from __future__ import annotations

import ast
import inspect

from touchline.engine.reports.told.run_facts import RUN
from touchline.engine.simulator import quote_figures


def test_each_figure_of_quoting_is_shown() -> None:
    tree = ast.parse(inspect.getsource(quote_figures))
    function = next(one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "quote_figures")
    last = function.body[-1]
    assert isinstance(last, ast.Return) and isinstance(last.value, ast.Dict)
    named = {key.value for key in last.value.keys if isinstance(key, ast.Constant)}
    keys = " ".join(one.keys for group in RUN for one in group.figures)
    words = {name for name in named if f"quoting.{name}" in keys}
    assert "fill_ratio" in named
    assert named - words == {"posted"}  # it stands in fill_ratio
