"""The report of a session that bets: what was made, each bet beside its result, what was not entered and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import polars as pl

from ....io.ground.times import iso
from ....io.ground.units import LOTS_PER_CONTRACT, MICROS_PER_DOLLAR, cents, contracts
from ....strategies.own_file import Trust, trusting
from ....strategies.pipeline.pipeline import recorded_pipeline
from ...bets.portfolio.portfolio import rules
from ...bets.types import ACCOUNT
from ...figures.warnings import Notice
from ...figures.words import moment, usd
from ...reports import page, pictures_bets
from ...reports.told.bet_facts import CANDIDATE_COLUMNS, candidate_rows
from ...results.results import synthetic
from ..bets.account import BetHeader, folded
from ..bets.audit import audit_bets
from ..bets.bar import bar_in_short
from ..bets.machine import BetMachine
from ..folder import SessionFolder
from ..journal import read, segments
from .course import MarketCourse, OrderStints, SessionCourse, no_columns
from .daily import settlements
from .report import REPORT, closing_blocks, stopped

SHOWN = 200
_COLUMNS = (
    "market", "side", "entered, UTC", "probability", "at", "contracts", "left, UTC", "why", "fees", "P&L", "result",
)  # fmt: skip


@dataclass
class BetsCourse:
    """A session of bets from its journal: what every session tells, and its bars."""

    course: SessionCourse
    bars: list[dict[str, int]] = field(default_factory=list)
    wanted: int = 0  #: lots of all entries that bars decided on


def bets_course_of(folder: SessionFolder) -> BetsCourse:
    """Read a session's journal."""
    made = BetsCourse(SessionCourse(folder.path, folder.settings().mode))
    course, orders, begun, last = made.course, OrderStints(made.course), 0, 0
    for line in read(segments(folder.journal)):
        if line.kind == "run":
            course.runs += [(begun, last)] if begun else []
            begun = line.ts
            for one in msgspec.json.decode(line.payload, type=BetHeader).markets:
                course.markets.setdefault(one.market.ticker, _unseen(one.market.ticker))
        elif line.kind == "join":
            ticker = msgspec.json.decode(line.payload)["market"]
            course.markets.setdefault(ticker, _unseen(ticker))
        elif line.kind == "bar":
            told = msgspec.json.decode(line.payload)
            account = np.array([tuple(told["account"])], ACCOUNT)[0]
            made.bars.append({"ts": line.ts, "positions": len(told["held"])} | {
                name: int(account[name]) for name in ("equity", "locked", "fees")
            })  # fmt: skip
            made.wanted += sum(one["lots"] for one in told["wants"])
        last = max(last, line.ts)
        orders.take(line)
    course.runs += [(begun, last)] if begun else []
    return made


def _unseen(ticker: str) -> MarketCourse:
    return MarketCourse(ticker, *no_columns())


def write_bets_session_report(
    session: str | Path, out: str | Path | None = None, *, trust: Trust = (), settled: Iterable[Any] = ()
) -> Path:
    """Write the page; ``settled`` are the exchange's settlements, where they were read."""
    folder = SessionFolder.existing(session)
    with trusting(trust, folder.path):
        pipeline = recorded_pipeline(folder.pipeline())
    limits, done = pipeline.limits(), audit_bets(session, trust=trust)
    short = bar_in_short(folded(folder, rules(limits), BetMachine.keeps(pipeline)), [])
    found, name = bets_course_of(folder), Path(session).name
    course = found.course
    bets = [] if done.bets is None else sorted(done.bets["bets"], key=lambda one: (-one["entered"], one["market"]))
    judged = {} if done.bets is None else {whose: done.bets[whose] for whose in ("market", "strategy")}
    paid = settlements(course, settled)
    begun, ended = (iso(at) for at in (course.runs[0][0], course.runs[-1][1])) if course.runs else ("", "")
    notices = [*stopped(course), *(Notice("settlement", one.difference) for one in paid if one.difference)]
    frame = pl.DataFrame(found.bars, schema=dict.fromkeys(("ts", "positions", "equity", "locked", "fees"), pl.Int64))
    return page.write_page(
        Path(out) if out is not None else Path(session) / REPORT,
        f"{name}: a session of bets in {course.mode}",
        page.heading(
            f"{name}: a session of bets in {course.mode}", f"{begun} to {ended}, UTC; {len(course.markets)} markets",
            synthetic(list(course.markets)),
        ),
        page.warnings_section(notices if bets else [*notices, Notice("no-fills")]),
        page.section("In short", page.tiles(_tiles(found, bets, float(limits["capital"]), done.difference))),
        page.section("The run", page.chart(pictures_bets.equity_curves(frame, float(limits["capital"]))))
        if bets else "",
        page.section("Bets", page.table(_COLUMNS, [_row(one) for one in bets[:SHOWN]]), about=_about(len(bets))),
        page.section(
            "Calibration", page.chart(pictures_bets.reliability(judged)),
            page.table(["whose", "bets", "Brier score", "log loss", "calibration error"], _judged(judged)),
            about="Of bets whose market has paid: the strategy's probabilities, and the prices they were made at. "
            "Points on the line: what was given 30 % came true 30 times in 100.",
        ),
        page.section(
            "What became of the candidates", page.table(CANDIDATE_COLUMNS, candidate_rows(short["candidates"])),
            about="Rejected ones are settled too: a filter whose rejects earn more than what was entered costs money.",
        ),
        *closing_blocks(course, paid, name),
    )  # fmt: skip


def _about(count: int) -> str:
    return f"The newest {SHOWN} of {count:,}." if count > SHOWN else ""


def _tiles(
    found: BetsCourse, bets: list[dict[str, Any]], capital: float, difference: str | None
) -> dict[str, str | tuple[str, str]]:
    last = found.bars[-1] if found.bars else {"equity": round(capital * MICROS_PER_DOLLAR), "fees": 0}
    over = [one for one in bets if one["pnl"] is not None]
    had = sum(one["lots"] for one in bets) / LOTS_PER_CONTRACT
    tiles: dict[str, str | tuple[str, str]] = {
        "P&L": (usd(last["equity"] - capital * MICROS_PER_DOLLAR), "after fees, at the last bar"),
        "made": (usd(sum(one["pnl"] for one in over)), f"by {len(over):,} bets that are over"),
        "held": (f"{len(bets) - len(over):,}", "bets"),
        "win rate": f"{sum(one['pnl'] > 0 for one in over) / len(over):.0%}" if over else "–",
        "contracts": (f"{had:,.2f}", "bought"),
        "fees": usd(last["fees"]),
        "requests refused": f"{sum(found.course.refused.values()):,}",
        "replays": "yes" if difference is None else ("no", difference),
    }
    if found.course.mode != "paper" and found.wanted:
        tiles["contracts"] = f"{had:,.2f}", f"bought, of {found.wanted / LOTS_PER_CONTRACT:,.2f} that bars wanted"
    return tiles


def _row(one: dict[str, Any]) -> tuple[object, ...]:
    return (
        one["market"], one["side"], moment(one["entered"]), f"{one['probability']:.1%}", f"{cents(one['price'])} c",
        contracts(one["lots"]), "" if one["left_at"] is None else moment(one["left_at"]), one["exit"] or "held",
        usd(one["fees"]), "" if one["pnl"] is None else usd(one["pnl"]),
        "" if one["result"] is None else f"{one['result']:g}",
    )  # fmt: skip


def _judged(judged: dict[str, Any]) -> list[tuple[object, ...]]:
    return [
        (whose, one["count"], *(f"{one[key]:.4f}" for key in ("brier", "log_loss", "calibration_error")))
        for whose, one in judged.items() if one is not None
    ]  # fmt: skip
