"""The page about a betting backtest: warnings first, figures, charts, every group, what became of the candidates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ...io.ground.units import cents, contracts
from ..figures.words import count, moment, usd
from ..results.results import Bets, synthetic
from . import page, pictures_bets
from .told.asked import bets_asked
from .told.bet_facts import CANDIDATE_COLUMNS, GROUP_COLUMNS, bet_facts, bet_groups, candidate_rows, group_rows

FIRST = 12


def write_bets_report(bets: Bets, path: Path) -> Path:
    """Write the page about a betting backtest."""
    about = bets.about
    name, known = about["strategy"]["name"], dict(bet_facts(about))
    sub = f"Bets, {known['history']} UTC, {count(about['markets'], 'market')}"
    return page.write_page(
        path,
        f"{name}: bets",
        page.heading(f"{name}: betting across markets", sub, synthetic(bets.trades["ticker"].unique().to_list())),
        page.warnings_section(bets.notices),
        *(section(bets) for section in SECTIONS),
        page.footer(f"touchline {about['engine_version']} · result {about['result_hash']}"),
    )


def _short(bets: Bets) -> str:
    known = dict(bet_facts(bets.about))
    tiles: dict[str, str | tuple[str, str]] = {
        "P&L": (known["P&L"], f"{known['return']} of the capital"),
        "maximum drawdown": (known["maximum drawdown"], f"{known['maximum drawdown, share']} of the peak"),
        "trades": (known["trades"], f"{known.get('trades a day at stake', '–')} a day at stake"),
        "win rate": known.get("win rate", "–"),
    }
    if "random portfolios" in known:
        tiles["random portfolios"] = (percent_of(known["random portfolios"]), known["random portfolios"])
    return page.section("In short", page.tiles(tiles))


def percent_of(text: str) -> str:
    """Return the share in a text such as ``better than 62.0 % of 200``."""
    return text.removeprefix("better than ").split(" of ")[0]


def _figures(bets: Bets) -> str:
    about = f"Ratios are over {bets.about['figures']['assumptions']}."
    return page.section("Figures", page.groups(bet_groups(bets.about, notes=False)), about=about)


def _run(bets: Bets) -> str:
    return page.section("The run", page.chart(pictures_bets.equity_curves(bets.equity, bets.about["capital"])))


def _luck(bets: Bets) -> str:
    drawn = page.chart(pictures_bets.random_portfolios(bets.about["random"]))
    right = page.chart(pictures_bets.reliability(bets.about["calibration"]))
    random = "Each bet replaced by one on a random market and side: same bar, same money, left in the same bar."
    points = "Points on the line: what was given 30 % came true 30 times in 100."
    told = [text for text, shown in ((random, drawn), (points, right)) if shown]
    return page.section("Is it luck?" if drawn else "Calibration", page.beside(drawn, right), about=" ".join(told))


def _groups(bets: Bets) -> str:
    groups = bets.about["groups"]
    charts = (page.chart(pictures_bets.group_bars(by, groups[by])) for by in ("category", "exit", "price band"))
    return page.section(
        "Where the P&L came from",
        page.beside(*charts),
        page.beside(*(page.table([f"by {by}", *GROUP_COLUMNS], group_rows(by, rows)) for by, rows in groups.items())),
    )


def _candidates(bets: Bets) -> str:
    return page.section(
        "What became of the candidates",
        page.table(CANDIDATE_COLUMNS, candidate_rows(bets.about["candidates"])),
        about="Rejected ones are settled too: a filter whose rejects earn more than what was entered costs money.",
    )


def _trades(bets: Bets) -> str:
    rows = [
        [row["ticker"], row["side"], moment(row["entry_ts"]), f"{cents(row['entry_price'])} c",
         contracts(row["lots"]), moment(row["exit_ts"]), row["exit"], usd(row["fees"]), usd(row["pnl"])]
        for row in bets.trades.sort("entry_ts", "ticker").head(FIRST).iter_rows(named=True)
    ]  # fmt: skip
    number = bets.trades.height
    title = f"The first {FIRST} of {count(number, 'trade')}" if number > FIRST else f"The {count(number, 'trade')}"
    columns = ["market", "side", "entered, UTC", "at", "contracts", "left, UTC", "why", "fees", "P&L"]
    return page.section(title, page.table(columns, rows))


def _asked(bets: Bets) -> str:
    return page.section("Assumptions", page.settings(bets_asked(bets.about)))


#: What the page holds, in its order: each gives a section, or nothing.
SECTIONS: tuple[Callable[[Bets], str], ...] = (
    _short, _figures, _run, _luck, _groups, _candidates, _trades, _asked,
)  # fmt: skip
