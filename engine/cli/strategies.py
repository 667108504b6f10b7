"""`engine strategies`: everything that can be run, with its parameters."""

from __future__ import annotations

from typing import Any

import typer

from .console import JSON_OPTION, emit_json, emit_table

app = typer.Typer(help="List strategies and the parts of pipelines with their parameters.")

_NAME = typer.Argument(None, metavar="[NAME]", help="Only this one.")


@app.command()
def strategies(name: str | None = _NAME, as_json: bool = JSON_OPTION) -> None:
    """List quoting models, pipelines and the parts that pipelines are made of."""
    listed = listing()
    if name is not None:
        listed = [entry for entry in listed if entry["name"] == name]
        if not listed:
            from ...io.ground.errors import InputError
            from ...strategies.parameters import nearest

            raise InputError(f"there is no strategy {name!r}; {nearest(name, {e['name'] for e in listing()})}")
    if as_json:
        emit_json(listed)
        return
    emit_table("strategies", ("kind", "name", ""), ([e["kind"], e["name"], e["doc"]] for e in listed))
    for entry in listed:
        if name is not None and entry["kind"] == "pipeline":
            rows = _held(name)
            typer.echo()
            emit_table(f"pipeline {name}", ("part", "name", "parameter", "value"), rows)
        if entry["parameters"]:
            rows = ([p["name"], str(p["default"]), p["bounds"], p["doc"]] for p in entry["parameters"])
            typer.echo()
            emit_table(f"{entry['kind']} {entry['name']}", ("parameter", "default", "allowed", ""), rows)


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


def listing() -> list[dict[str, Any]]:
    """Every strategy and part: kind, name, one line, and its parameters."""
    from ...strategies.pipeline.pipeline import load_pipeline, parts, shipped
    from ...strategies.quoting.registry import quoting_models

    found = [
        _entry("quoting model", name, _first_line(model), model.parameters) for name, model in quoting_models().items()
    ]
    found += [_entry("pipeline", name, load_pipeline(name).description, ()) for name in shipped()]
    found += [_entry(kind, name, part.doc(), part.PARAMETERS) for kind, name, part in parts()]
    return found


def _entry(kind: str, name: str, doc: str, parameters: Any) -> dict[str, Any]:
    told = [
        {"name": p.name, "default": p.default, "bounds": p.bounds, "kind": p.kind, "doc": p.doc} for p in parameters
    ]
    return {"kind": kind, "name": name, "doc": doc, "parameters": told}


def _first_line(model: type) -> str:
    return (model.__doc__ or "").strip().split("\n")[0]
