"""The house keeps its order: imports go down and never round, rooms stay small, commands are thin."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import mean

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = ("io", "features", "strategies", "engine")
#: The rooms of each floor, from the ground up: a room may import those that stand before it.
ROOMS = {
    "io": ("ground", "store", "book", "doctor", "importers", "sample", "kalshi"),
    "strategies": ("parameters", "own_file", "quoting", "models", "pipeline", "families"),
    "engine": (
        "version", "figures", "rewards", "simulator", "fitting", "results", "sweeps", "bets", "reports", "runs",
        "training", "live", "trading", "exchanges", "page", "api", "cli",
    ),
}  # fmt: skip
#: What compiles a function; such a one may take the flat arrays it needs, however many.
COMPILERS = {"compiled", "kept", "disjoint", "melted", "guest", "entry"}


def sources() -> list[Path]:
    return [path for floor in FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def dotted(path: Path) -> str:
    """The package of a file."""
    return ".".join(path.parent.relative_to(ROOT).parts)


@cache
def tree() -> dict[str, tuple[str, ast.Module]]:
    """Module -> the package that its relative imports start from, and its syntax."""
    found: dict[str, tuple[str, ast.Module]] = {}
    for path in sources():
        package = dotted(path)
        name = package if path.stem == "__init__" else f"{package}.{path.stem}"
        found[name] = (package, ast.parse(path.read_text()))
    return found


def imports_of(module: str, package: str, parsed: ast.Module) -> Iterator[str]:
    """Give what a module imports, wherever in it that stands: in functions, for types, and by a string."""
    described = {id(text) for text in docstrings(parsed)}
    for node in ast.walk(parsed):
        if isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) + 1 - node.level] if node.level else []
            named = (node.module or "").removeprefix("touchline").lstrip(".") if not node.level else node.module
            if node.level or (node.module or "").split(".")[0] == "touchline":
                base = ".".join([*above, *([named] if named else [])])
                yield from (f"{base}.{one.name}" if f"{base}.{one.name}" in tree() else base for one in node.names)
        elif isinstance(node, ast.Import):
            yield from (one.name.removeprefix("touchline.") for one in node.names if one.name.startswith("touchline."))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in described:
            for name in re.findall(r"\btouchline\.([a-z_]+(?:\.[a-z_]+)+)", node.value):
                yield next((kept for kept in shortened(name) if kept in tree()), module)


def shortened(name: str) -> Iterator[str]:
    parts = name.split(".")
    yield from (".".join(parts[:end]) for end in range(len(parts), 0, -1))


def docstrings(parsed: ast.Module) -> Iterator[ast.expr]:
    for node in ast.walk(parsed):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                yield first.value


@cache
def graph() -> dict[str, set[str]]:
    """Module -> the modules that it imports."""
    return {
        module: {name for name in imports_of(module, package, parsed) if name in tree()} - {module}
        for module, (package, parsed) in tree().items()
    }


def circle(edges: dict[str, set[str]]) -> list[str]:
    """Return names that import each other in a circle, the first once more at the end; none if there is no circle."""
    try:
        TopologicalSorter(edges).prepare()
    except CycleError as found:
        return list(reversed(found.args[1]))
    return []


def within(folder: str) -> dict[str, set[str]]:
    """What lies in a folder, files and folders, and what each of them imports of the others."""
    edges = defaultdict[str, set[str]](set)
    for module, imported in graph().items():
        for other in imported if module.startswith(f"{folder}.") else ():
            mine, theirs = (name.removeprefix(f"{folder}.").split(".")[0] for name in (module, other))
            if other.startswith(f"{folder}.") and mine != theirs:
                edges[mine].add(theirs)
    return edges


def test_no_floor_imports_a_higher_one() -> None:
    upward = [
        f"{module} imports {other}"
        for module, imported in graph().items()
        for other in sorted(imported)
        if FLOORS.index(other.split(".")[0]) > FLOORS.index(module.split(".")[0])
    ]
    assert upward == []


@pytest.mark.parametrize("floor", ROOMS)
def test_no_room_imports_a_higher_one(floor: str) -> None:
    rooms = ROOMS[floor]
    assert {name.split(".")[1] for name in tree() if name.startswith(f"{floor}.")} == set(rooms)
    upward = [
        f"{module} imports {other}"
        for module, imported in graph().items()
        for other in sorted(imported)
        if module.startswith(f"{floor}.") and other.startswith(f"{floor}.")
        if rooms.index(other.split(".")[1]) > rooms.index(module.split(".")[1])
    ]
    assert upward == []


@pytest.mark.parametrize("floor", ROOMS)
def test_the_page_names_the_rooms_in_the_same_order(floor: str) -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    told = re.search(rf"^\| `{floor}` \| (.*) \|$", page, re.MULTILINE)
    assert told is not None
    assert tuple(re.findall(r"`(\w+)`", told[1])) == ROOMS[floor]


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert circle(graph()) == []


@pytest.mark.parametrize("folder", sorted({*map(dotted, sources())}))
def test_no_rooms_of_a_folder_import_each_other_in_a_circle(folder: str) -> None:
    assert circle(within(folder)) == []


def test_what_is_imported_by_a_made_up_name_lies_in_the_own_folder() -> None:
    """A registry may start its own plug-ins, and nothing else: the graph cannot see further."""
    strange: list[str] = []
    for module, (_, parsed) in tree().items():
        for node in ast.walk(parsed):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__")):
                given = [ast.unparse(one) for one in node.args]
                outside = re.fullmatch(r"'(?!touchline\b)\w.*'", given[0])
                own = re.fullmatch(r"f'(\.|\{__package__\}\.)[^.].*'", given[0])
                if outside:
                    continue
                if not own or given[1:] not in ([], ["__package__"], ["__name__"]):
                    strange.append(f"{module}: {ast.unparse(node)}")
    assert strange == []


@pytest.mark.parametrize("floor", FLOORS[:-1])
def test_no_floor_starts_a_higher_one_by_a_string(floor: str) -> None:
    higher = re.compile(rf"\btouchline\.({'|'.join(FLOORS[FLOORS.index(floor) + 1 :])})\b")
    named = [
        f"{module}:{node.lineno}"
        for module, (_, parsed) in tree().items()
        if module.partition(".")[0] == floor
        for node in ast.walk(parsed)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and higher.search(node.value)
    ]
    assert named == []


def test_each_public_class_has_a_name_of_its_own() -> None:
    found = defaultdict[str, list[str]](list)
    for module, (_, parsed) in tree().items():
        for node in parsed.body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                found[node.name].append(module)
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_no_folder_holds_more_than_fifteen_modules_beside_each_other() -> None:
    found = defaultdict[str, int](int)
    for module, (package, _) in tree().items():
        found[package] += module != package
    assert {package: count for package, count in found.items() if count > 15} == {}


def functions(parsed: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (one for one in ast.walk(parsed) if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))


def is_compiled(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    names = {ast.unparse(one).partition("(")[0] for one in function.decorator_list}
    return bool(names & COMPILERS)


def test_no_function_takes_more_than_ten_positional_arguments() -> None:
    many = [
        f"{module}.{one.name}: {count}"
        for module, (_, parsed) in tree().items()
        for one in functions(parsed)
        if (count := len(one.args.posonlyargs) + len(one.args.args)) > 10 and not is_compiled(one)
    ]
    assert many == []


def commands() -> dict[str, int]:
    """Command -> the lines of its body, without its declaration and its docstring."""
    added = set[str]()  # app.command("pull")(data_pull)
    found: dict[str, int] = {}
    parts = [(module, parsed) for module, (_, parsed) in tree().items() if module.startswith("engine.cli")]
    for _, parsed in parts:
        for node in ast.walk(parsed):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Call):
                added |= {ast.unparse(one) for one in node.args if ast.unparse(node.func.func).endswith(".command")}
    for module, parsed in parts:
        for one in functions(parsed):
            marked = any(re.match(r"\w+\.(command|callback)\b", ast.unparse(mark)) for mark in one.decorator_list)
            if marked or one.name in added:
                body = one.body[1:]  # every command has a docstring: its help
                found[f"{module}.{one.name}"] = (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0
    return found


def test_the_body_of_a_command_is_short() -> None:
    lines = commands()
    assert len(lines) > 25
    assert {name: count for name, count in lines.items() if count > 15} == {}
    assert mean(lines.values()) <= 8
