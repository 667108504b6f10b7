"""The house keeps its order: no floor starts a higher one, and each public class has a name of its own."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("io", "features", "strategies", "engine")


def modules(floor: str) -> list[tuple[Path, ast.Module]]:
    return [(path, ast.parse(path.read_text())) for path in sorted((ROOT / floor).rglob("*.py"))]


@pytest.mark.parametrize("floor", FLOORS[:-1])
def test_no_floor_starts_a_higher_one_by_a_string(floor: str) -> None:
    higher = re.compile(rf"\btouchline\.({'|'.join(FLOORS[FLOORS.index(floor) + 1 :])})\b")
    named = [
        f"{path}:{node.lineno}"
        for path, tree in modules(floor)
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and higher.search(node.value)
    ]
    assert named == []


def test_each_public_class_has_a_name_of_its_own() -> None:
    found = defaultdict[str, list[str]](list)
    for floor in FLOORS:
        for path, tree in modules(floor):
            for node in tree.body:
                if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                    found[node.name].append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in found.items() if len(places) > 1} == {}
