"""The page about a replay, and the page about one strategy on several markets."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ...io.ground.units import cents, contracts
from ..figures.words import count, moment, usd
from ..results.results import Run, Runs, synthetic
from . import page, pictures
from .report_rewards import rewards_section
from .told.asked import run_asked, short
from .told.run_facts import (
    MARKET_COLUMNS,
    data_groups,
    market_rows,
    period_of,
    queue_rows,
    queue_span,
    run_facts,
    run_groups,
    total_facts,
    total_groups,
)

FIRST = 12


def write_run_report(run: Run, path: Path) -> Path:
    """Write the page about a run on one market."""
    tickers, strategy = _tickers(run.about), short(str(run.about.get("strategy", "run")))
    ts = run.equity["ts"]
    lasted = period_of(ts.item(0), ts.item(-1)) if len(ts) else "no equity recorded"
    return page.write_page(
        path,
        f"{strategy}: {', '.join(tickers)}",
        page.heading(f"{strategy} on {', '.join(tickers) or 'one market'}", f"Replay, {lasted}", synthetic(tickers)),
        page.warnings_section(run.notices),
        *(section(run) for section in SECTIONS),
        page.footer(_origin(run.about)),
    )


def write_runs_report(runs: Runs, path: Path) -> Path:
    """Write the page about a run on several markets: the total, each market, the best and the worst of them."""
    about, ts = runs.about, runs.equity["ts"]
    tickers = [row["ticker"] for row in about["markets"]]
    title = f"{short(about['strategy'])} on {count(len(tickers), 'market')}"
    lasted = period_of(ts.item(0), ts.item(-1)) if len(ts) else "nothing recorded"
    return page.write_page(
        path,
        title,
        page.heading(title, f"Replays, {lasted}", synthetic(tickers)),
        page.warnings_section(runs.notices),
        *(section(runs) for section in SECTIONS_OF_SEVERAL),
        page.footer(_origin(about)),
    )


def _short(run: Run) -> str:
    known = dict(run_facts(run.about))
    names = ("P&L", "drawdown", "fills", "position at the end", "fees")
    tiles: dict[str, str | tuple[str, str]] = {name: known[name] for name in names if name in known}
    if "P&L" in known:
        tiles["P&L"] = (known["P&L"], queue_span(run.about["summary"].get("by_queue")))
    if "fills" in known:
        tiles["fills"] = (known["fills"], known.get("traded", ""))
    return page.section("In short", page.tiles(tiles) if tiles else "")


def _figures(run: Run) -> str:
    return page.section("Figures", page.groups(run_groups(run.about)))


def _curves(run: Run) -> str:
    return page.section("The run", page.chart(pictures.run_curves(run)))


def _parts(run: Run) -> str:
    made = run.about.get("summary") or {}
    parts = {name: made[name] / 1e6 for name in pictures.PARTS if isinstance(made.get(name), int)}
    return page.section(
        "Where the P&L came from",
        page.beside(
            page.chart(pictures.decomposition(parts) if parts else None), page.chart(pictures.markouts(run.fills))
        ),
        page.table(["P&L by queue model", ""], queue_rows(made.get("by_queue"))),
        about="Spread capture is earned at the fill, drift while the position is held, settlement at the end.",
    )


def _fills(run: Run) -> str:
    rows = [
        [moment(row["ts"], seconds=True), "bought" if row["side"] > 0 else "sold", f"{cents(row['price'])} c",
         contracts(row["size"]), usd(row["fee"]), contracts(row["position"])]
        for row in run.fills.head(FIRST).iter_rows(named=True)
    ]  # fmt: skip
    columns = ["time, UTC", "side", "price", "contracts", "fee", "position"]
    return page.section(_first(run.fills.height, "fill"), page.table(columns, rows))


def _data(run: Run) -> str:
    return page.section("The data", page.groups(data_groups(run.about)))


def _asked(found: Run | Runs) -> str:
    return page.section("Assumptions", page.settings(run_asked(found.about)))


def _short_of_several(runs: Runs) -> str:
    known = dict(total_facts(runs.about))
    tiles: dict[str, str | tuple[str, str]] = {
        "P&L, all markets": (known["P&L, all markets"], queue_span(runs.about["total"].get("by_queue"))),
        "drawdown, all markets": known["drawdown, all markets"],
        "markets with a profit": known["markets with a profit"],
        "fills": (known["fills"], known["traded"]),
    }
    made = {row["ticker"]: row["summary"]["pnl"] for row in runs.about["markets"]}
    ends = {word: runs.about[word] for word in ("best", "worst") if len(made) > 1}
    tiles |= {f"{word} market": (usd(made[ticker]), ticker) for word, ticker in ends.items()}
    return page.section("In short", page.tiles(tiles))


def _totals(runs: Runs) -> str:
    return page.section("All markets together", page.groups(total_groups(runs.about)))


def _joined(runs: Runs) -> str:
    total = runs.about["total"]
    parts = {name: total[name] / 1e6 for name in pictures.PARTS if name in total}
    return page.section(
        "The run",
        page.chart(pictures.joined_equity(runs)),
        page.beside(
            page.chart(pictures.decomposition(parts)),
            page.table(["P&L of all markets by queue model", ""], queue_rows(total.get("by_queue"))),
        ),
    )


def _markets(runs: Runs) -> str:
    return page.section(
        "Market by market",
        page.chart(pictures.market_curves(runs.each)),
        page.table(MARKET_COLUMNS, market_rows(runs.about), total=True),
        about="Each has a folder of its own here, with its fills, quotes and equity, of which a page can be made.",
    )


def _ends(runs: Runs) -> str:
    """The best and the worst market, each with its curves."""
    by_name = {run.about["market"]: run for run in runs.each}
    asked = {word: by_name.get(runs.about[word]) for word in ("best", "worst")} if len(by_name) > 1 else {}
    return "".join(
        page.section(f"The {word} market: {run.about['market']}", page.chart(pictures.run_curves(run)))
        for word, run in asked.items()
        if run is not None
    )


def _tickers(about: Mapping[str, Any]) -> list[str]:
    named = about.get("markets") or about.get("market") or []
    listed = [named] if isinstance(named, str) else named
    return [str(item.get("ticker", item)) if isinstance(item, dict) else str(item) for item in listed]


def _first(number: int, thing: str) -> str:
    return f"The first {FIRST} of {count(number, thing)}" if number > FIRST else f"The {count(number, thing)}"


def _origin(about: Mapping[str, Any]) -> str:
    told = [("touchline", about.get("engine_version")), ("data", about.get("data_hash"))]
    told.append(("result", about.get("result_hash")))
    return " · ".join(f"{name} {value}" for name, value in told if value)


#: What a page holds, in its order: each gives a section, or nothing.
SECTIONS: tuple[Callable[[Run], str], ...] = (_short, _figures, _curves, _parts, rewards_section, _fills, _data, _asked)
SECTIONS_OF_SEVERAL: tuple[Callable[[Runs], str], ...] = (
    _short_of_several, _totals, _joined, _markets, _ends, _asked,
)  # fmt: skip
