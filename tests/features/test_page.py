"""The table of features on their page: what the features say of themselves, and which tests hold them to it."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
import re
from pathlib import Path

import touchline.features

ROOT = Path(__file__).resolve().parents[2]
#: Public names that are no features.
HELPERS = {"bars.warm", "microprice.Microprice", "microprice.Shape", "windows.parse_window", "windows.source_of"}
SAYS = re.compile(r"Unit: (.+?)\. Warm-up: (.+?)\.(?= |$)")
#: How a test's name ends -> by what road it computes the feature again; else plain Python.
ROADS = {"_sql": "SQL", "_expression": "kernel = expression"}
TABLE = re.compile(r"\b[A-Z]+\[")


def features():
    """Every public function of the features, by module and name."""
    for module in pkgutil.iter_modules(touchline.features.__path__):
        for name, value in vars(importlib.import_module(f"touchline.features.{module.name}")).items():
            own = getattr(value, "__module__", "") == f"touchline.features.{module.name}"
            if own and not name.startswith("_") and f"{module.name}.{name}" not in HELPERS:
                yield module.name, name, inspect.cleandoc(value.__doc__ or "")


def checks():
    """Every test of features and scorers: its name, whether its frames are drawn at random, its text, its file."""
    for folder in ("features", "strategies"):
        for path in (ROOT / "tests" / folder).rglob("test_*.py"):
            if path.name == "test_page.py":
                continue
            whole = path.read_text()
            for name, value in vars(
                importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
            ).items():
                if name.startswith("test_") and inspect.isfunction(value):
                    drawn = hasattr(value, "hypothesis")
                    text = inspect.getsource(value.hypothesis.inner_test if drawn else value)
                    yield name, drawn, whole if TABLE.search(text) else text, whole


def table():
    """The rows of the table: what each feature says, and the road by which random frames are computed again."""
    told = list(checks())
    for module, name, doc in features():
        says = SAYS.search(" ".join(doc.split()))
        assert says, f"{module}.{name} does not say: Unit: …. Warm-up: …."
        imported = re.compile(rf"features\.{module} import|features import .*\b{module}\b")
        called = re.compile(rf"bars\.{name}\(" if module == "bars" else rf"\b{name}\(")
        by = [(test, drawn) for test, drawn, text, whole in told if imported.search(whole) and called.search(text)]
        names = [test for test, drawn in by if drawn]
        roads = sorted({next((r for end, r in ROADS.items() if n.endswith(end)), "plain Python") for n in names})
        assert roads, f"{module}.{name}: no test computes it on random frames by a second road"
        assert ">>>" in doc or not all(drawn for _, drawn in by), f"{module}.{name} has no worked case"
        unit, warm_up = (text.replace("``", "`") for text in says.groups())
        yield f"| `{module}.{name}` | {unit} | {warm_up} | {', '.join(roads)} |"


def test_the_page_says_what_the_features_say():
    expected = "\n".join(["| feature | unit | warm-up | computed again by |", "|---|---|---|---|", *table()])
    assert expected in (ROOT / "docs" / "features.md").read_text(), f"put this table on the page:\n{expected}"
