"""The page about a replay, and the page about one strategy on several markets."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from ...io.ground.units import cents, contracts
from ..figures.words import count, moment, usd
from ..results.results import Run, Runs, synthetic
from . import page, pictures
from .run_facts import (
    MARKET_COLUMNS,
    asked_facts,
    data_facts,
    market_rows,
    period_of,
    queue_rows,
    run_facts,
    total_facts,
)

FIRST = 12


def write_run_report(run: Run, path: Path) -> Path:
    """Write the page about a run on one market."""
    about = run.about
    named = about.get("markets") or about.get("market") or []
    listed = [named] if isinstance(named, str) else named
    tickers = [str(item.get("ticker", item)) if isinstance(item, dict) else str(item) for item in listed]
    ts = run.equity["ts"]
    lasted = period_of(ts.item(0), ts.item(-1)) if len(ts) else "no equity recorded"
    made = about.get("summary") or {}
    parts = {name: made[name] / 1e6 for name in pictures.PARTS if isinstance(made.get(name), int)}
    title = f"{about.get('strategy', 'Run')} on {', '.join(tickers) or 'one market'}"
    return page.write_page(
        path,
        f"{about.get('strategy', 'run')}: {', '.join(tickers)}",
        page.heading(title, lasted, synthetic(tickers)),
        page.warnings_section(run.notices),
        page.section("Summary", page.table(["", ""], run_facts(about))),
        page.section("P&L by queue model", page.table(["queue", "P&L"], queue_rows(made.get("by_queue")))),
        page.section("The run", page.chart(pictures.run_curves(run))),
        page.section("Where the P&L came from", page.chart(pictures.decomposition(parts) if parts else None)),
        page.section("After the fills", page.chart(pictures.markouts(run.fills))),
        page.section(f"The first {FIRST} of {run.fills.height:,} fills", _fills(run.fills)),
        page.section("The data", page.table(["", ""], data_facts(about))),
        page.section("Assumptions", page.table(["", ""], asked_facts(about))),
    )


def write_runs_report(runs: Runs, path: Path) -> Path:
    """Write the page about a run on several markets: the total, the best and the worst market, a row each."""
    about = runs.about
    ts, total = runs.equity["ts"], about["total"]
    tickers = [row["ticker"] for row in about["markets"]]
    facts = total_facts(about)
    known = dict(facts)
    parts = {name: total[name] / 1e6 for name in pictures.PARTS}
    title = f"{about['strategy']} on {count(len(tickers), 'market')}"
    return page.write_page(
        path,
        f"{about['strategy']}: {count(len(tickers), 'market')}",
        page.heading(title, period_of(ts.item(0), ts.item(-1)) if len(ts) else "nothing recorded", synthetic(tickers)),
        page.warnings_section(runs.notices),
        page.section(
            "In short",
            page.tiles({name: known[name] for name in ("P&L, all markets", "best market", "worst market")}),
        ),
        page.section("All markets together", page.table(["", ""], facts)),
        page.section(
            "P&L of all markets by queue model", page.table(["queue", "P&L"], queue_rows(total.get("by_queue")))
        ),
        page.section("Equity", page.chart(pictures.joined_equity(runs.equity))),
        page.section("Where the P&L came from", page.chart(pictures.decomposition(parts))),
        page.section(
            "Market by market",
            page.table(MARKET_COLUMNS, market_rows(about)),
            about="Each has a folder of its own here, with its fills, quotes and equity, of which a page can be made.",
        ),
        page.section("Assumptions", page.table(["", ""], asked_facts(about))),
    )


def _fills(fills: pl.DataFrame) -> str:
    rows = [
        [moment(row["ts"], seconds=True), "bought" if row["side"] > 0 else "sold", f"{cents(row['price'])}c",
         contracts(row["size"]), usd(row["fee"]), contracts(row["position"])]
        for row in fills.head(FIRST).iter_rows(named=True)
    ]  # fmt: skip
    return page.table(["time, UTC", "", "price", "contracts", "fee", "position"], rows)
