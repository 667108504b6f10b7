"""The recipes of docs/architecture.md for a figure of a replay and for a section of its page, followed once."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any

import pytest
from touchline import engine
from touchline.engine.reports import page, report_run
from touchline.engine.reports.told import run_facts
from touchline.engine.reports.told.named import COUNT, Figure, FigureGroup
from touchline.engine.reports.told.run_facts import RUN
from touchline.engine.runs import replayed
from touchline.engine.simulator import quote_figures

from ..made_books import made_books


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


def test_a_figure_is_computed_in_one_place_and_named_in_a_table_and_a_section_is_a_function_in_a_list(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, plain_kernels: None
) -> None:
    computed = replayed.quote_figures

    def more(tape: Any, fills: Any, *rest: Any) -> dict[str, Any]:
        return {**computed(tape, fills, *rest), "bought": int((fills["side"] > 0).sum())}

    def section(run: Any) -> str:
        return page.section("Sides", page.tiles({"fills that bought": str(run.about["summary"]["quoting"]["bought"])}))

    bought = FigureGroup("Sides", (Figure("quoting.bought", "bought", COUNT, "fills that bought YES"),))
    monkeypatch.setattr(replayed, "quote_figures", more)
    monkeypatch.setattr(run_facts, "RUN", (*RUN, bought))
    monkeypatch.setattr(report_run, "SECTIONS", (*report_run.SECTIONS, section))
    made = engine.backtest("fixed-spread", "MADE-00", made_books(tmp_path / "books", markets=1, seconds=60))
    count = made.fills.filter(made.fills["side"] > 0).height
    assert made.summary["quoting"]["bought"] == count > 0
    assert dict(run_facts.run_facts(made.record))["bought"] == str(count)
    text = made.report(tmp_path / "page.html").read_text()
    assert "<h2>Sides</h2>" in text and "fills that bought" in text and ">bought<" in text
