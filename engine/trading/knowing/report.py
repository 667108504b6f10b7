"""The report of a session, a page of HTML: what was made and what was expected, how it quoted, what went wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from ....io.ground.times import iso
from ....io.ground.units import LOTS_PER_CONTRACT, TICKS_PER_CENT
from ....strategies.own_file import Trust
from ...figures.warnings import Notice
from ...reports import page
from ...reports.look import BAD, GOOD
from ...results.results import synthetic
from .course import SessionCourse
from .daily import SettledAs, markouts, pnl_path, quoting, settlements
from .twin import Twin, twin_of

REPORT = "report.html"


def write_session_report(
    session: str | Path, out: str | Path | None = None, *, trust: Trust = (), settled: Iterable[Any] = ()
) -> Path:
    """Write the page; ``settled`` are the exchange's settlements, where they were read."""
    twin, told = twin_of(session, trust=trust), list(settled)
    course = twin.course
    paid = settlements(course, told)
    name = Path(session).name
    begun, ended = (iso(at) for at in (course.runs[0][0], course.runs[-1][1])) if course.runs else ("", "")
    return page.write_page(
        Path(out) if out is not None else Path(session) / REPORT,
        f"{name}: a session in {course.mode}",
        page.heading(
            f"{name}: a session in {course.mode}", f"{begun} to {ended}, UTC; {len(course.markets)} markets",
            synthetic(list(course.markets)),
        ),
        page.warnings_section(_notices(course, twin, paid)),
        page.section("In short", page.tiles(_tiles(course, twin))),
        page.section(
            "P&L, real and of the twin",
            page.chart(_path(twin)),
            page.table(["market", "fills", "contracts held", "P&L", "P&L of the twin", "queue", "latency", "decisions",
                        "fees"], _markets(twin), total=len(twin.markets) > 1),
            about=f"The twin has the same stream and assumed fills ({twin.queue}). Positions count at what they were "
            "paid, or at the last mid. The difference is split without a rest: what resting orders had against what "
            "the queue model expects of them; what their way took; decisions that were not sent, or were made on "
            "another position; fees.",
        ),
        page.section(
            "Fills by place in the queue",
            page.table(["contracts before it", "orders", "expected", "had", "expected and not had",
                        "had and not expected"], _places(twin)),
            about="Contracts. An order's place is what stood before it when it came.",
        ) if course.mode == "production" else "",
        page.section(
            "Markouts",
            page.table(["seconds after the fill", "fills", "cents a contract"], [
                (one.seconds, one.fills, round(one.cents, 3)) for one in markouts(course)
            ]),
            about="The mid some time after a fill less its price, bought counted up and sold down: below zero others "
            "knew better.",
        ),
        page.section("Uptime", page.table(
            ["market", "hours", "both sides", "at least one", "longest reason of not quoting", "s"], _uptime(course),
        )),
        *closing_blocks(course, paid, name),
    )  # fmt: skip


def closing_blocks(course: SessionCourse, paid: list[SettledAs], name: str) -> tuple[str, ...]:
    """What ends the page of every session: refusals, what stopped it, settlements."""
    return (
        page.section("Refused requests", page.table(["reason", "times"], course.refused.most_common())),
        page.section("What stopped it", page.table(["when", "what", "market", "reason"], _stop_rows(course))),
        page.section("Settlements", page.table(
            ["market", "contracts held", "paid, cents", "exchange: contracts", "exchange: cents", "agrees"],
            _settled_rows(paid),
        )),
        page.footer(f"made from the journal of {name}"),
    )  # fmt: skip


def _dollars(micros: int) -> str:
    return f"{'-' if micros < 0 else ''}${abs(micros) / 1e6:,.2f}"


def _contracts(lots: int) -> float:
    return lots / LOTS_PER_CONTRACT


def stopped(course: SessionCourse) -> list[Notice]:
    """The kills and halts of a session as warnings."""
    found = [Notice("killed", f"{iso(ts)}: {told['guard']}: {told['text']}") for ts, told in course.of("kill")]
    halts = course.of("halt")
    if halts:
        found.append(
            Notice("halted", f"{len(halts)} halts; the last: {halts[-1][1]['market']}, {halts[-1][1]['text']}")
        )
    return found


def _notices(course: SessionCourse, twin: Twin, paid: list[SettledAs]) -> list[Notice]:
    found = stopped(course)
    if not any(one.fills for one in twin.markets.values()):
        found.append(Notice("no-fills"))
    return found + [Notice("settlement", one.difference) for one in paid if one.difference]


def _tiles(course: SessionCourse, twin: Twin) -> dict[str, str | tuple[str, str]]:
    facts = twin.facts
    shares = [one for one in quoting(course).values() if one.seconds]
    both = sum(one.both for one in shares) / max(sum(one.seconds for one in shares), 1e-9)
    return {
        "P&L": (_dollars(facts["P&L"]), "after fees"),
        "P&L of the twin": (_dollars(facts["P&L of the twin"]), twin.queue),
        "fills": (f"{facts['fills']:,}", f"{facts['fills of the twin']:,} of the twin"),
        "fees": _dollars(sum(told["fee"] for _, told in course.of("fill"))),
        "both sides quoted": f"{both:.0%}",
        "rewards expected": _dollars(twin.rewards),
        "requests refused": f"{sum(course.refused.values()):,}",
    }


def _markets(twin: Twin) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = [
        (one.ticker, one.fills, _contracts(one.position), _dollars(one.pnl), _dollars(one.twin_pnl),
         *(_dollars(one.parts[name]) for name in one.parts))
        for one in twin.markets.values()
    ]  # fmt: skip
    if len(rows) > 1:
        facts = twin.facts
        rows.append(
            ("all", facts["fills"], "", _dollars(facts["P&L"]), _dollars(facts["P&L of the twin"]),
             *(_dollars(amount) for amount in twin.parts.values()))
        )  # fmt: skip
    return rows


def _places(twin: Twin) -> list[tuple[object, ...]]:
    return [
        (name, one.orders, *(_contracts(lots) for lots in (one.expected, one.had, one.missed, one.unexpected)))
        for name, one in twin.places.items()
    ]


def _uptime(course: SessionCourse) -> list[tuple[object, ...]]:
    rows: list[tuple[object, ...]] = []
    for ticker, one in quoting(course).items():
        why, seconds = max(one.reasons.items(), key=lambda reason: reason[1], default=("", 0.0))
        whole = max(one.seconds, 1e-9)
        rows.append((ticker, round(one.seconds / 3600, 3), f"{one.both / whole:.0%}", f"{one.some / whole:.0%}", why,
                     round(seconds)))  # fmt: skip
    return rows


def _stop_rows(course: SessionCourse) -> list[tuple[object, ...]]:
    """What stopped a session and let it go on, as rows of a table."""
    rows: list[tuple[object, ...]] = []
    for kind, ts, told in course.told:
        if kind in ("halt", "kill", "wait", "lift"):
            why = f"{told['guard']}: {told['text']}" if "guard" in told else told.get("reason", "")
            rows.append((iso(ts), kind, told.get("market") or "", why))
    return rows[-200:]


def _settled_rows(paid: list[SettledAs]) -> list[tuple[object, ...]]:
    """What markets paid by our account and by the exchange's, as rows of a table."""
    return [
        (one.ticker, _contracts(one.position), None if one.value is None else one.value / TICKS_PER_CENT,
         None if one.told_position is None else _contracts(one.told_position),
         None if one.told is None else one.told / TICKS_PER_CENT, "–" if one.agrees is None else one.agrees)
        for one in paid
    ]  # fmt: skip


def _path(twin: Twin) -> dict[str, Any] | None:
    """P&L over time, real and of the twin, each fill at what its market was worth in the end."""
    marks = {ticker: one.mark for ticker, one in twin.markets.items()}
    real = pnl_path([{**told, "ts": ts} for ts, told in twin.course.of("fill")], marks)
    assumed = pnl_path(twin.assumed, marks)
    rows = [
        {"at": ts // 1_000_000, "dollars": round(dollars, 4), "whose": whose}
        for whose, path in (("real", real), ("twin", assumed)) for ts, dollars in _thinned(path)
    ]  # fmt: skip
    if not rows:
        return None
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
        "data": {"values": rows}, "width": "container", "height": 220,
        "mark": {"type": "line", "interpolate": "step-after"},
        "encoding": {
            "x": {"field": "at", "type": "temporal", "scale": {"type": "utc"}, "title": "time, UTC"},
            "y": {"field": "dollars", "type": "quantitative", "title": "P&L, dollars"},
            "color": {"field": "whose", "type": "nominal", "title": None,
                      "scale": {"domain": ["real", "twin"], "range": [GOOD, BAD]}},
        },
    }  # fmt: skip


def _thinned(path: list[tuple[int, float]], most: int = 2000) -> list[tuple[int, float]]:
    step = max(-(-len(path) // most), 1)
    return [*path[::step], *path[-1:]]
