"""One HTML file from headings, tables and charts: everything inline, nothing fetched, readable without a network."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground import atomic
from ..figures.warnings import Notice
from ..figures.words import is_figure
from .drawing import browser_library

if TYPE_CHECKING:
    import altair as alt

_STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #f5f6f8; color: #1d2733; font: 15px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; }
main { max-width: 1040px; margin: 0 auto; padding: 28px 20px 60px; }
h1 { font-size: 26px; margin: 0 0 2px; } h2 { font-size: 18px; margin: 0 0 10px; }
p { margin: 0 0 10px; } .sub { color: #5b6774; }
section { background: #fff; border: 1px solid #e1e5ea; border-radius: 8px; padding: 18px 20px; margin: 16px 0;
  overflow-x: auto; }
.warnings { background: #fff8ec; border-color: #f0d9ac; } .warnings li { margin: 3px 0; }
.label { display: inline-block; background: #7a4b00; color: #fff; border-radius: 4px; padding: 1px 8px;
  font-size: 13px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: 12px; }
.tile { background: #f7f8fa; border-radius: 6px; padding: 10px 12px; } .tile b { display: block; font-size: 19px; }
.tile span { color: #5b6774; font-size: 13px; }
table { border-collapse: collapse; font-size: 14px; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 14px 4px 0; text-align: left; vertical-align: top; border-bottom: 1px solid #eceff2; }
th { color: #5b6774; font-weight: 600; } .n { text-align: right; }
code { font: 13px ui-monospace, monospace; overflow-wrap: anywhere; }
@media print { body { background: #fff; } section { break-inside: avoid; } }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data: blob:"
_DRAW = """
for (const holder of document.querySelectorAll(".chart")) {
  const spec = JSON.parse(holder.querySelector("script").textContent);
  const actions = {export: true, source: false, compiled: false, editor: false};
  vegaEmbed(holder.querySelector("div"), spec, {renderer: "svg", actions, mode: "vega-lite"})
    .catch(error => { holder.querySelector("div").textContent = "This chart could not be drawn: " + error; });
}
"""


def heading(title: str, sub: str, synthetic: bool = False) -> str:
    """The page's title, with a label when the data is made up."""
    label = ' <span class="label">synthetic data</span>' if synthetic else ""
    return f'<h1>{escape(title)}{label}</h1><p class="sub">{escape(sub)}</p>'


def section(title: str, *parts: str, about: str = "", kind: str = "") -> str:
    """A titled block; empty parts are left out, and a block without parts is no block."""
    inside = "".join(part for part in parts if part)
    if not inside:
        return ""
    told = f'<p class="sub">{escape(about)}</p>' if about else ""
    return f'<section class="{kind}"><h2>{escape(title)}</h2>{told}{inside}</section>'


def warnings_section(notices: Sequence[Notice]) -> str:
    """The warnings, each with its name and sentence."""
    items = "".join(f"<li><b>{escape(notice.name)}</b>: {escape(notice.text)}</li>" for notice in notices)
    return section("Warnings", f"<ul>{items}</ul>" if items else "", kind="warnings")


def tiles(figures: Mapping[str, str]) -> str:
    """A row of the figures that matter most."""
    inside = "".join(
        f'<div class="tile"><b>{escape(value)}</b><span>{escape(name)}</span></div>' for name, value in figures.items()
    )
    return f'<div class="tiles">{inside}</div>'


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """A table; columns of numbers stand to the right."""
    listed = [list(row) for row in rows]
    if not listed:
        return ""
    right = [all(is_figure(row[place]) for row in listed) for place in range(len(columns))]
    head = "".join(f"<th{_side(right[place])}>{escape(name)}</th>" for place, name in enumerate(columns))
    body = "".join(
        "<tr>" + "".join(f"<td{_side(right[place])}>{escape(cell)}</td>" for place, cell in enumerate(row)) + "</tr>"
        for row in listed
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def facts(values: Mapping[str, Any], prefix: str = "") -> list[tuple[str, object]]:
    """Flatten nested values into rows of name and value.

    >>> facts({"venue": {"queue": "power@3"}, "cells": [1, 2]})
    [('venue.queue', 'power@3'), ('cells', '1, 2')]
    """
    rows: list[tuple[str, object]] = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            rows += facts(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            shown = [str(item) for item in value[:12]]
            rows.append((f"{prefix}{name}", ", ".join(shown) + (f" … {len(value)} in all" if len(value) > 12 else "")))
        else:
            rows.append((f"{prefix}{name}", value))
    return rows


def chart(drawing: alt.TopLevelMixin | dict[str, Any] | None) -> str:
    """An interactive chart, given as such or as its Vega-Lite document; nothing if there is none."""
    if drawing is None:
        return ""
    from .pictures import spec

    found = drawing if isinstance(drawing, dict) else spec(drawing)
    document = json.dumps(found, default=str).replace("<", "\\u003c")  # in a script, "<!--" counts as well as "</"
    return f'<div class="chart"><script type="application/json">{document}</script><div></div></div>'


def write_page(path: Path, title: str, *blocks: str) -> Path:
    """Write the page."""
    body = "".join(blocks)
    script = ""
    if 'class="chart"' in body:
        script = f"<script>{browser_library()}</script><script>{_DRAW}</script>"
    text = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>'
        f"<body><main>{body}</main>{script}</body></html>\n"
    )
    return atomic.write(path, text)


def escape(value: object) -> str:
    """Write a value as text: grouped thousands, short fractions, a dash for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return html.escape(f"{value:,.4g}" if isinstance(value, float) else str(value))


def _side(right: bool) -> str:
    return ' class="n"' if right else ""
