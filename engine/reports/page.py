"""One HTML file from headings, tables and charts: everything inline, nothing fetched, readable without a network."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...io.ground import atomic
from ..figures.warnings import Notice
from ..figures.words import count, is_figure
from .drawing import browser_library, packed
from .look import BAD, BUY, FRAME, GOOD, GROUND, INK, LINE, MUTED, NEUTRAL, RULE, SELL, SOFT

if TYPE_CHECKING:
    import altair as alt

    from .told.asked import AskedGroup, Setting
    from .told.named import ToldGroup

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline' 'unsafe-eval'; img-src data: blob:"
#: Colours of charts -> what stands for them on a dark ground.
_DARK = {
    LINE: "#c9d4e0", MUTED: "#7d8996", NEUTRAL: "#262d35", GOOD: "#4bb3d1", BAD: "#e8775f", BUY: "#5aa9e6",
    SELL: "#f0808c", INK: "#f2f5f8", SOFT: "#9caab8", RULE: "#333c46", FRAME: "#3b4550", GROUND: "#1a2027",
}  # fmt: skip
#: On a narrow page the cells of a row stand below each other if there are more than these, or a long first one and
#: more than a few.
_NARROW, _FEW, _LONG = 6, 3, 14


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


def tiles(figures: Mapping[str, str | tuple[str, str]]) -> str:
    """A row of the figures that matter most: a text each, or one with a second, smaller one below."""
    inside = ""
    for name, told in figures.items():
        text, more = told if isinstance(told, tuple) else (told, "")
        small = f"<small>{escape(more)}</small>" if more else ""
        inside += f'<div class="tile"><b{_mark(text)}>{escape(text)}</b><span>{escape(name)}</span>{small}</div>'
    return f'<div class="tiles">{inside}</div>'


def groups(told: Iterable[ToldGroup]) -> str:
    """Figures by group, beside each other where there is room; each says what it means when it is pointed at."""
    inside = ""
    for title, facts in told:
        rows = "".join(
            f'<dt title="{escape(one.means)}">{escape(one.name)}</dt><dd{_mark(text)}>{escape(text)}</dd>'
            for one, text in facts
        )
        inside += f"<div><h3>{escape(title)}</h3><dl>{rows}</dl></div>"
    return f'<div class="groups">{inside}</div>' if inside else ""


def table(columns: Sequence[str], rows: Iterable[Sequence[object]], total: bool = False) -> str:
    """A table; columns of numbers stand to the right. With ``total`` the last row is what the others add up to."""
    listed = [list(row) for row in rows]
    if not listed:
        return ""
    right = [all(is_figure(row[place]) for row in listed[: -1 if total else None]) for place in range(len(columns))]
    long = [max(len(str(row[place])) for row in listed) > _LONG for place in range(len(columns))]
    wide = len(columns) > (_FEW if long[0] else _NARROW)
    head = "".join(f"<th{_side(right[place])}>{escape(name)}</th>" for place, name in enumerate(columns))
    names = [f' data-name="{escape(name)}"' if wide else "" for name in columns]
    body = ""
    for number, row in enumerate(listed):
        cells = "".join(
            f"<td{_side(right[place], cell, long[place])}{names[place]}>{escape(cell)}</td>"
            for place, cell in enumerate(row)
        )
        last = total and number == len(listed) - 1
        body += f"<tr{_class('total' if last else '')}>{cells}</tr>"
    shown = f"<thead><tr>{head}</tr></thead>" if any(columns) else ""
    return f'<div class="scroll"><table{_class("wide" if wide else "")}>{shown}<tbody>{body}</tbody></table></div>'


def settings(asked: Iterable[AskedGroup]) -> str:
    """What was asked for, group by group: what was set first, and what is as it would be anyway folded away."""
    inside = ""
    for title, rows in asked:
        own, usual = ([row for row in rows if row.usual == which] for which in (False, True))
        folded = f"{count(len(usual), 'setting')} {'more, ' if own else ''}as by default"
        more = f"<details><summary>{folded}</summary>{_settings(usual)}</details>" if usual else ""
        inside += f'<div class="told"><h3>{escape(title)}</h3>{_settings(own)}{more}</div>'
    return f'<div class="groups asked">{inside}</div>' if inside else ""


def _settings(rows: Sequence[Setting]) -> str:
    body = "".join(
        f"<dt><code>{escape(one.name)}</code> {_spoken(one.means)}</dt><dd>{escape(one.text)}</dd>" for one in rows
    )
    return f"<dl>{body}</dl>" if body else ""


def beside(*parts: str) -> str:
    """Parts beside each other where there is room; one alone stands by itself."""
    kept = [part for part in parts if part]
    return f'<div class="beside">{"".join(kept)}</div>' if len(kept) > 1 else "".join(kept)


def chart(drawing: alt.TopLevelMixin | dict[str, Any] | None) -> str:
    """An interactive chart, given as such or as its Vega-Lite document; nothing if there is none."""
    if drawing is None:
        return ""
    from .pictures import spec

    found = drawing if isinstance(drawing, dict) else spec(drawing)
    document = packed(json.dumps(found, default=str, separators=(",", ":")))
    return f'<div class="chart"><script type="text/plain">{document}</script><div></div></div>'


def footer(text: str) -> str:
    """What stands at the end: where the page comes from."""
    return f"<footer>{escape(text)}</footer>"


def write_page(path: Path, title: str, *blocks: str) -> Path:
    """Write the page. The library that draws its charts is in it, packed, and so are the charts."""
    body = "".join(blocks)
    script = ""
    if 'class="chart"' in body:
        told = "<noscript><p>The charts need scripts, which this browser does not run.</p></noscript>"
        library = f'<script type="text/plain" id="library">{browser_library()}</script>'
        script = f"{told}{library}<script>const DARK = {json.dumps(_DARK)};\n{_beside_this('page.js')}</script>"
    text = (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_beside_this('page.css')}</style></head>"
        f"<body><main>{body}</main>{script}</body></html>\n"
    )
    return atomic.write(path, text)


def _beside_this(name: str) -> str:
    return Path(__file__).with_name(name).read_text(encoding="utf-8")


def escape(value: object) -> str:
    """Write a value as text: grouped thousands, short fractions, a dash for what is not known."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return html.escape(f"{value:,.4g}" if isinstance(value, float) else str(value))


def _spoken(text: str) -> str:
    """A sentence with what stands between backticks as it is typed."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _side(right: bool, cell: object = "", long: bool = False) -> str:
    named = ("n", right), ("bad", right and str(cell).startswith("-$")), ("long", long)
    return _class(" ".join(name for name, holds in named if holds))


def _mark(text: str) -> str:
    return _class("bad" if text.startswith("-$") else "")
