"""`engine strategies`: everything that can be run, with its parameters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from .console import JSON_OPTION, emit, emit_table, say

if TYPE_CHECKING:
    from ..api.models import Entry

app = typer.Typer(add_completion=False, help="List strategies and the parts of pipelines with their parameters.")

_NAME = typer.Argument(None, help="Only this one.")


@app.command()
def strategies(name: str | None = _NAME, as_json: bool = JSON_OPTION) -> None:
    """List quoting models, pipelines and the parts that pipelines are made of."""
    from ..api.models import strategies as run

    listed = run(name)
    emit(as_json, lambda: [_document(entry) for entry in listed], lambda: _tell_all(listed, held=name is not None))


def _tell_all(listed: list[Entry], held: bool) -> None:
    emit_table("strategies", ("kind", "name", ""), ([one.kind, one.name, one.doc.replace("``", "")] for one in listed))
    if not held:
        say("engine strategies NAME shows the parameters of one, --json those of all")
        return
    for entry in listed:
        _tell(entry)


def _document(entry: Entry) -> dict[str, Any]:
    told = [
        {"name": p.name, "default": p.default, "bounds": p.bounds, "kind": p.kind, "doc": p.doc}
        for p in entry.parameters
    ]
    return {"kind": entry.kind, "name": entry.name, "doc": entry.doc, "parameters": told}


def _tell(entry: Entry) -> None:
    """Print the parameters of an entry, and what a pipeline holds."""
    if entry.kind == "pipeline":
        typer.echo()
        emit_table(f"pipeline {entry.name}", ("part", "name", "parameter", "value"), _held(entry.name))
    if entry.parameters:
        rows = ([p.name, str(p.default), p.bounds, p.doc] for p in entry.parameters)
        typer.echo()
        emit_table(f"{entry.kind} {entry.name}", ("parameter", "default", "allowed", ""), rows)


def _held(name: str) -> list[list[str]]:
    """Every parameter of a pipeline's parts with its value, as settings and axes call it."""
    from ...strategies.pipeline.pipeline import load_pipeline

    rows: list[list[str]] = []
    for kind, part in load_pipeline(name).as_dict().items():
        for one in part if isinstance(part, list) else [part]:
            if isinstance(one, dict):
                rows += _values(kind.removesuffix("s"), one)
    return rows


def _values(kind: str, part: dict[str, Any]) -> list[list[str]]:
    rows, owner = [], str(part.get("label", part.get("name", kind)))
    for key, value in part.items():
        inner = value if isinstance(value, list) else [value] if isinstance(value, dict) else None
        if inner is not None:
            rows += [row for one in inner for row in _values(key.removesuffix("s"), one)]
        elif key not in ("name", "label"):
            rows.append([kind, owner, key, f"{value:g}" if isinstance(value, float) else str(value)])
    return rows
