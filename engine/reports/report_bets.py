"""The page about a betting backtest: warnings first, figures, charts, every group, what became of the candidates."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...io.ground.units import cents, contracts
from ..figures.words import moment, usd
from ..results.results import Bets, synthetic
from . import page, pictures_bets
from .bet_facts import CANDIDATE_COLUMNS, GROUP_COLUMNS, bet_facts, candidate_rows, group_rows

FIRST = 12
#: What stands first on the page, and how many of the parts of its text.
_TILES = {"return": 2, "maximum drawdown": 2, "trades": 1, "win rate": 1}


def write_bets_report(bets: Bets, path: Path) -> Path:
    """Write the page about a betting backtest."""
    about = bets.about
    facts = bet_facts(about)
    known, name = dict(facts), about["strategy"]["name"]
    made_up = synthetic(bets.trades["ticker"].unique().to_list())
    groups = about["groups"]
    asked = {"settings": about["settings"], "pipeline": about["strategy"], "engine": about["engine_version"]}
    return page.write_page(
        path,
        f"{name}: bets",
        page.heading(f"{name}: betting across markets", known["history"], made_up),
        page.warnings_section(bets.notices),
        page.section(
            "In short", page.tiles({name: ", ".join(known[name].split(", ")[:n]) for name, n in _TILES.items()})
        ),
        page.section("Figures", page.table(["", ""], facts)),
        page.section("The run", page.chart(pictures_bets.equity_curves(bets.equity, about["capital"]))),
        page.section(
            "Is it luck?",
            page.chart(pictures_bets.random_portfolios(about["random"])),
            about="Each bet replaced by one on a random market and side, same bar, same money, left in the same bar.",
        ),
        page.section("Calibration", page.chart(pictures_bets.reliability(about["calibration"]))),
        page.section(
            "Where the P&L came from",
            *(page.chart(pictures_bets.group_bars(by, groups[by])) for by in ("category", "exit", "price band")),
            *(page.table([f"by {by}", *GROUP_COLUMNS], group_rows(by, rows)) for by, rows in groups.items()),
        ),
        page.section(
            "What became of the candidates",
            page.table(CANDIDATE_COLUMNS, candidate_rows(about["candidates"])),
            about="Rejected ones are settled too: a filter whose rejects earn more than what was entered costs money.",
        ),
        page.section(f"The first {FIRST} of {bets.trades.height:,} trades", _trades(bets.trades)),
        page.section("Assumptions", page.table(["", ""], page.facts(asked))),
    )


def _trades(trades: pl.DataFrame) -> str:
    rows = [
        [row["ticker"], row["side"], moment(row["entry_ts"]), f"{cents(row['entry_price'])}c", contracts(row["lots"]),
         moment(row["exit_ts"]), row["exit"], usd(row["fees"]), usd(row["pnl"])]
        for row in trades.sort("entry_ts", "ticker").head(FIRST).iter_rows(named=True)
    ]  # fmt: skip
    return page.table(["market", "", "entered, UTC", "at", "contracts", "left", "why", "fees", "P&L"], rows)
