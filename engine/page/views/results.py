"""The list of everything that was found, a result in short, and several beside each other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec
import polars as pl

from ....io.ground.errors import InputError, TouchlineError
from ....strategies.pipeline.scorers.trained import Trained
from ...figures.words import usd
from ...results.params import load_params
from ...results.result_files import read_json
from ...results.results import Bets, Recorded, Run, Runs, Sweep
from ...trading.folder import SessionFolder
from ..asked_again import opened_again
from ..columns import Question, thinned
from ..folders import Found, name_of
from ..opening import OpenResults

#: Results beside each other.
TOGETHER = 6
MODES = {"paper": "on paper", "shadow": "in shadow", "production": "in production"}
#: The file of a sweep that names its recommended cell.
BEST = "best_robust.json"


def listed(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return a row a result, store and session, the newest first."""
    del asked
    found = opened.folders.list()
    rows = [_row(one) for one in found]
    known = {row["id"] for row in rows}
    named = [
        {"id": name, "kind": "store", "folder": place, "data": place, "changed": 0}
        for name, place in opened.folders.stores.items()
        if name not in known
    ]
    roots = [str(root) for root in opened.folders.roots]
    copy = {"command": shlex.join(["engine", "ui", *roots]), "python": f"engine.ui({roots!r})"}
    return {"rows": rows + named, "roots": roots, "copy": copy}


def in_short(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return a result's figures in words, its warnings, and its equity."""
    return _shown(opened, asked.text("id"))


def compared(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return several results: which settings differ, their figures beside each other, their equity."""
    names = asked.text("ids").split(",")
    if len(names) > TOGETHER:
        raise InputError(f"at most {TOGETHER} results are compared, not {len(names)}")
    shown = [_shown(opened, name) for name in names]
    settings = [_settings(_about(opened, name)) for name in names]
    keys = list(dict.fromkeys(key for one in settings for key in one))
    words = {key: _in_words(key) for key in keys}
    differ = [key for key in keys if len({repr(one.get(key)) for one in settings}) > 1]
    figures = list(dict.fromkeys(name for one in shown for name, _ in one["facts"] if name))
    told = [dict(one["facts"]) for one in shown]
    return {
        "results": shown,
        "settings": [[words[key][0], *(_text(one.get(key), words[key][1]) for one in settings)] for key in differ],
        "same": [[words[key][0], _text(settings[0].get(key), words[key][1])] for key in keys if key not in differ],
        "figures": [[name, *(one.get(name, "–") for one in told)] for name in figures],
        "copy": opened_again([one["folder"] for one in shown]),
    }


def _about(opened: OpenResults, name: str) -> Mapping[str, Any]:
    """What was asked for of whatever was found."""
    found = opened.folders.get(name)
    if found.kind == "session":
        return SessionFolder(found.folder).document()
    return found.record if found.kind == "model" else opened.result(name).about


def _shown(opened: OpenResults, name: str) -> dict[str, Any]:
    found = opened.folders.get(name)
    if found.kind == "model":
        return _model(found)
    return _session(found) if found.kind == "session" else _result(opened, name)


def _model(place: Found) -> dict[str, Any]:
    """A trained model: its skill, what it leans on, how it learned."""
    from ...training.judging.report import lead_rows, notices
    from ...training.judging.words import in_short as told

    trained = msgspec.convert(place.record, Trained)
    facts = told(trained, place.folder)
    return _plain(place, f"{trained.kind} of {trained.target}") | {
        "facts": [[name, text] for name, text in facts.items() if name != "folder"],
        "warnings": [{"name": one.name, "text": one.text} for one in notices(trained)],
        "tables": [
            {"name": "skill", "title": f"Skill against {trained.skill['reference']} by time to close",
             "columns": ["hours to the close", "rows", "events", "skill"],
             "rows": [list(row) for row in lead_rows(trained.skill["leads"])]},
            {"name": "leans-on", "title": "What it leans on",
             "columns": ["feature", "what it is", "squared error it takes away"],
             "rows": [[one["feature"], trained.definitions[one["feature"]], f"{one['error']:.6f}"]
                      for one in trained.skill["importance"]]},
        ],
        "copy": {"command": shlex.join(["engine", "audit", str(place.folder)]),
                 "python": f"engine.audit_model({str(place.folder)!r})"},
    }  # fmt: skip


def _session(place: Found) -> dict[str, Any]:
    """A session beside others: how it stands."""
    folder = SessionFolder(place.folder)
    status = folder.status()
    markets = status.get("markets", {})
    facts = {
        "mode": str(status.get("mode", folder.document()["settings"].get("mode"))),
        "P&L": usd(status.get("pnl", 0)),
        "fees": usd(sum(one.get("fees", 0) for one in markets.values())),
        "fills": f"{sum(one.get('fills', 0) for one in markets.values()):,}",
        "markets": f"{len(markets):,}",
        "state": "running" if status["running"] else "not running",
    }
    return _plain(place, f"session {place.folder.name}") | {
        "facts": [list(fact) for fact in facts.items()],
        "warnings": [{"name": "killed", "text": status["killed"]}] if status.get("killed") else [],
        "copy": {"command": shlex.join(["engine", "status", str(place.folder)]),
                 "python": f"engine.status({str(place.folder)!r})"},
    }  # fmt: skip


def _plain(place: Found, title: str) -> dict[str, Any]:
    return {
        "id": place.id, "kind": place.kind, "title": title, "name": place.folder.name, "folder": str(place.folder),
        "equity": {"origin": "0", "t": [], "equity": []},
    }  # fmt: skip


def _result(opened: OpenResults, name: str) -> dict[str, Any]:
    from ...reports.told.bet_facts import bet_facts
    from ...reports.told.in_short import in_short as first
    from ...reports.told.in_short import title_of
    from ...reports.told.run_facts import data_facts, queue_rows, run_facts, total_facts

    found, place = opened.result(name), opened.folders.get(name)
    about = found.about
    shown: dict[str, Any] = {
        "id": name,
        "kind": place.kind,
        "title": title_of(found),
        "name": place.folder.name,
        "folder": str(place.folder),
    }
    if isinstance(found, Run):
        facts = run_facts(about)
        shown |= {"data": data_facts(about), "queues": queue_rows((about.get("summary") or {}).get("by_queue"))}
    elif isinstance(found, Runs):
        facts = total_facts(about)
        shown["markets"] = [_market(place, row) for row in about["markets"]]
    elif isinstance(found, Bets):
        facts = bet_facts(about)
    else:
        facts = first(found, opened.evidence(name))
    equity = {"ts": [], "equity": []} if isinstance(found, Sweep) else thinned(found.equity, "ts", ["equity"])
    start = equity["ts"][0] if equity["ts"] else 0
    offset = 0 if not isinstance(found, Bets) else round(about["capital"] * 1e6)
    return shown | {
        "facts": [list(fact) for fact in facts],
        "warnings": _warnings(opened, name, found),
        "equity": {
            "origin": str(start),
            "t": [ts - start for ts in equity["ts"]],
            "equity": [value - offset for value in equity["equity"]],
        },
        "copy": opened_again([str(place.folder)]),
    }


def _market(place: Found, row: Mapping[str, Any]) -> dict[str, Any]:
    from ...runs.several import own_folder

    made = row["summary"]
    return {
        "id": name_of(own_folder(place.folder, row["ticker"])),
        "market": row["ticker"],
        **{name: made.get(name) for name in ("pnl", "fees", "fills", "volume", "position")},
    }


def _warnings(opened: OpenResults, name: str, found: Recorded) -> list[dict[str, str]]:
    told = opened.evidence(name).notices if isinstance(found, Sweep) else found.notices
    return [{"name": one.name, "text": one.text} for one in told]


def _row(one: Found) -> dict[str, Any]:
    about = one.record
    summary: Mapping[str, Any] = about.get("total" if one.kind == "replays" else "summary") or {}
    strategy = about.get("strategy", "")
    name = strategy.get("name", "") if isinstance(strategy, Mapping) else strategy
    settings = about.get("settings") if isinstance(about.get("settings"), Mapping) else about
    figures = about.get("figures") or {}
    pnl = figures.get("pnl")
    if one.kind == "model":
        name = f"{about['kind']} of {about['target']}"
        about = {**about["asked"], "warnings": [] if about["has_skill"] else [{"name": "no-skill"}]}
        settings = about
    if one.kind == "session":
        status = SessionFolder(one.folder).status()
        by, pnl, markets = _strategy_of(one.folder), status.get("pnl"), status.get("markets", {})
        name = " ".join(word for word in (by, MODES.get(str(status.get("mode")), "")) if word)
        return _listed(one, name, "", "", len(markets) or None, pnl, ["killed"] if status.get("killed") else [])
    markets = about.get("markets")
    count = len(markets) if isinstance(markets, list) else markets
    if one.kind == "sweep":
        pnl = _recommended(one.folder)
    return _listed(
        one,
        str(name),
        str(about.get("market") or ""),
        str((settings or {}).get("store") or (one.folder if one.kind == "store" else "")),
        count if isinstance(count, int) else None,
        summary.get("pnl") if pnl is None else round(pnl * 1e6),
        [str(row.get("name")) for row in about.get("warnings", ()) if isinstance(row, Mapping)],
    )


def _strategy_of(folder: Path) -> str:
    """What a session trades by; empty where its files do not say so."""
    session = SessionFolder(folder)
    try:
        if session.is_of_bets:
            return str(read_json(session.params).get("name", "bets"))
        return load_params(session.params).strategy
    except (TouchlineError, OSError):
        return ""


def _recommended(folder: Path) -> float | None:
    """What the recommended cell of a sweep made, dollars; None while the sweep is not over."""
    try:
        return _made_by(folder, (folder / BEST).stat().st_mtime_ns)
    except (TouchlineError, OSError, pl.exceptions.PolarsError):
        return None


@lru_cache(maxsize=1_000)
def _made_by(folder: Path, written: int) -> float | None:
    """The same, read once for each time that it was written."""
    del written
    cell = read_json(folder / BEST).get("cell")
    if cell is None:
        return None
    own = pl.scan_parquet(folder / "cells.parquet").filter(pl.col("cell") == cell)
    return own.select(pl.col("pnl").sum()).collect().item() / 1e6


def _listed(
    one: Found, strategy: str, market: str, data: str, markets: int | None, pnl: int | None, warnings: list[str]
) -> dict[str, Any]:
    return {
        "id": one.id, "kind": one.kind, "folder": str(one.folder), "name": one.folder.name, "strategy": strategy,
        "market": market, "markets": markets, "data": data, "pnl": pnl, "warnings": warnings, "changed": one.changed,
        "problem": one.problem,
    }  # fmt: skip


def _settings(about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was asked for, flat."""
    left_out = {"summary", "total", "warnings", "coverage", "figures", "groups", "calibration", "candidates", "random"}
    asked = ("kind", "strategy", "market", "store", "start", "end", "price_grid", "underlying", "parameters", "values",
             "venue", "limits", "fixed", "settings", "sample", "asked", "target", "features",
             "seed", "window", "engine_version", "data_hash")  # fmt: skip
    flat: dict[str, Any] = {}
    for name in asked:
        value = about.get(name)
        if name in left_out or value is None:
            continue
        if isinstance(value, Mapping):
            flat |= {str(key): inner for key, inner in value.items()}
        else:
            flat[name] = value
    return flat


def _in_words(name: str) -> tuple[str, str]:
    """A setting's name as words, and its unit, which the name need not say again."""
    from ...reports.told.asked import ASSUMED

    unit = ASSUMED.get(name, ("", ""))[0]
    return name.removesuffix(f"_{unit}").replace("_", " "), unit


def _text(value: object, unit: str = "") -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:{',' if isinstance(value, int) else ',g'}} {unit}".rstrip()
    return str(value)
