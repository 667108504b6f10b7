"""The list of everything that was found, a result in short, and several beside each other."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Any

from ....io.ground.errors import InputError
from ...results.results import Bets, Recorded, Run, Runs, Sweep
from ..columns import Question, thinned
from ..folders import Found, name_of
from ..opening import OpenResults

#: Results beside each other.
TOGETHER = 6


def listed(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return a row a result, store and session, the newest first."""
    del asked
    rows = [_row(one) for one in opened.folders.list()]
    known = {row["id"] for row in rows}
    named = [
        {"id": name, "kind": "store", "folder": place, "data": place, "changed": 0}
        for name, place in opened.folders.stores.items()
        if name not in known
    ]
    return {"rows": rows + named, "roots": [str(root) for root in opened.folders.roots]}


def in_short(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return a result's figures in words, its warnings, and its equity."""
    return _shown(opened, asked.text("id"))


def compared(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return several results: which settings differ, their figures beside each other, their equity."""
    names = asked.text("ids").split(",")
    if len(names) > TOGETHER:
        raise InputError(f"at most {TOGETHER} results are compared, not {len(names)}")
    shown = [_shown(opened, name) for name in names]
    settings = [_settings(opened.result(name).about) for name in names]
    keys = list(dict.fromkeys(key for one in settings for key in one))
    differ = [key for key in keys if len({repr(one.get(key)) for one in settings}) > 1]
    figures = list(dict.fromkeys(name for one in shown for name, _ in one["facts"] if name))
    told = [dict(one["facts"]) for one in shown]
    return {
        "results": shown,
        "settings": [[key, *(_text(one.get(key)) for one in settings)] for key in differ],
        "same": [[key, _text(settings[0].get(key))] for key in keys if key not in differ],
        "figures": [[name, *(one.get(name, "–") for one in told)] for name in figures],
    }


def _shown(opened: OpenResults, name: str) -> dict[str, Any]:
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
        "copy": _copied(place),
    }


def _market(place: Found, row: Mapping[str, Any]) -> dict[str, Any]:
    from ...runs.several import own_folder

    made = row["summary"]
    return {
        "id": name_of(own_folder(place.folder, row["ticker"])),
        "market": row["ticker"],
        **{name: made.get(name) for name in ("pnl", "fees", "fills", "volume", "position")},
    }


def _copied(place: Found) -> dict[str, str]:
    return {
        "command": shlex.join(["engine", "summary", str(place.folder)]),
        "python": f"engine.open({str(place.folder)!r})",
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
    markets = about.get("markets")
    count = len(markets) if isinstance(markets, list) else markets
    return {
        "id": one.id,
        "kind": one.kind,
        "folder": str(one.folder),
        "name": one.folder.name,
        "strategy": str(name),
        "market": str(about.get("market") or ""),
        "markets": count if isinstance(count, int) else None,
        "data": str((settings or {}).get("store") or (one.folder if one.kind == "store" else "")),
        "pnl": summary.get("pnl") if pnl is None else round(pnl * 1e6),
        "fills": summary.get("fills"),
        "warnings": [str(row.get("name")) for row in about.get("warnings", ()) if isinstance(row, Mapping)],
        "changed": one.changed,
        "problem": one.problem,
    }


def _settings(about: Mapping[str, Any]) -> dict[str, Any]:
    """Everything that was asked for, flat."""
    left_out = {"summary", "total", "warnings", "coverage", "figures", "groups", "calibration", "candidates", "random"}
    asked = ("kind", "strategy", "market", "store", "start", "end", "price_grid", "underlying", "parameters", "values",
             "venue", "limits", "fixed", "settings", "sample", "engine_version", "data_hash")  # fmt: skip
    flat: dict[str, Any] = {}
    for name in asked:
        value = about.get(name)
        if name in left_out or value is None:
            continue
        if isinstance(value, Mapping):
            flat |= {str(key): inner for key, inner in value.items()}
        else:
            flat[name.replace("_", " ")] = value
    return flat


def _text(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
