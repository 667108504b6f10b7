"""Bets: equity, calibration, trades with filters, and a market's price with entry and exit."""

from __future__ import annotations

import shlex
from typing import Any

import polars as pl

from ....io.ground.errors import InputError
from ....io.store.store import Store
from ...reports.told.bet_facts import CANDIDATE_COLUMNS, bet_facts, candidate_rows
from ...results.results import Bets
from ..columns import ROWS, Question, columns, thinned
from ..opening import OpenResults

#: What trades are sorted by.
SORTS = ("entry_ts", "exit_ts", "pnl", "cost", "fees", "score", "ticker", "event", "lots")
TRADE = ("ticker", "event", "series", "category", "side", "entry_ts", "exit_ts", "lots", "entry_price", "exit_price",
         "score", "cost", "fees", "pnl", "exit")  # fmt: skip


def overview(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the figures, the equity while something was at stake, calibration, groups and the candidates' fates."""
    found, place = _bets(opened, asked), opened.folders.get(asked.text("id"))
    about = found.about
    capital = round(about["capital"] * 1e6)
    busy = _at_stake(found.equity)
    curve = thinned(busy, "ts", ["equity", "locked", "positions"])
    start = curve["ts"][0] if curve["ts"] else 0
    idle = found.equity.height - busy.height
    return {
        "name": about["strategy"]["name"],
        "folder": str(place.folder),
        "facts": [list(fact) for fact in bet_facts(about)],
        "origin": str(start),
        "curve": {
            "t": [ts - start for ts in curve["ts"]],
            "equity": [value - capital for value in curve["equity"]],
            "locked": curve["locked"],
            "positions": curve["positions"],
        },
        "idle": idle,
        "calibration": {
            whose: None if told is None else {"bands": told["bands"], "brier": told["brier"], "count": told["count"]}
            for whose, told in about["calibration"].items()
        },
        "groups": about["groups"],
        "candidates": {
            "columns": list(CANDIDATE_COLUMNS),
            "rows": [list(row) for row in candidate_rows(about["candidates"])],
        },
        "exits": sorted(found.trades["exit"].unique().to_list()),
        "copy": {
            "command": shlex.join(["engine", "summary", str(place.folder)]),
            "python": f"engine.open({str(place.folder)!r}).trades",
        },
    }  # fmt: skip


def trades(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the trades that pass a filter, sorted, the first so many, and how many there are."""
    rows = _bets(opened, asked).trades
    if words := asked.text("words", "").lower().split():
        text = pl.concat_str(pl.col("ticker", "event", "series", "category").fill_null(""), separator=" ")
        rows = rows.filter(*(text.str.to_lowercase().str.contains(word, literal=True) for word in words))
    for name in ("side", "exit"):
        if asked.has(name):
            rows = rows.filter(pl.col(name) == asked.text(name))
    by = asked.text("by", "entry_ts")
    if by not in SORTS:
        raise InputError(f"trades are sorted by {', '.join(SORTS)}, not by {by[:20]!r}")
    rows = rows.sort(by, descending=asked.text("down", "0") == "1", nulls_last=True)
    kept = rows.head(ROWS).select(one for one in TRADE if one in rows.columns)
    kept = kept.with_columns(pl.col("entry_ts", "exit_ts").cast(pl.String))
    return {"rows": columns(kept), "of": rows.height, "pnl": int(rows["pnl"].sum())}


def prices(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return a market's traded price over time with the entries and exits of its trades."""
    found, ticker = _bets(opened, asked), asked.text("market")
    own = found.trades.filter(pl.col("ticker") == ticker).sort("entry_ts")
    if own.is_empty():
        raise InputError(f"nothing was bet on {ticker!r}")
    settings = found.about.get("settings") or {}
    store = Store(opened.place(settings.get("store")))
    rows = store.trades(ticker, settings.get("start"), settings.get("end")).select("ts", "price", "size").collect()
    drawn = thinned(rows, "ts", ["price", "size"])
    firsts = [ts for ts in (*drawn["ts"][:1], own["entry_ts"].min()) if isinstance(ts, int)]
    start = min(firsts)
    bets = own.select("entry_ts", "exit_ts", "entry_price", "exit_price", "side", "lots", "score", "pnl", "exit")
    moved = bets.with_columns(pl.col("entry_ts", "exit_ts") - start)
    return {
        "ticker": ticker,
        "origin": str(start),
        "t": [ts - start for ts in drawn["ts"]],
        "price": drawn["price"],
        "of": rows.height,
        "bets": columns(moved),
    }


def _bets(opened: OpenResults, asked: Question) -> Bets:
    found = opened.result(asked.text("id"))
    if not isinstance(found, Bets):
        raise InputError("this result holds no bets")
    return found


def _at_stake(equity: pl.DataFrame) -> pl.DataFrame:
    """The bars from the first position on in which something was held or the equity moved; idle ones say nothing."""
    moves = (pl.col("positions") > 0) | (pl.col("equity").diff().fill_null(0) != 0)
    around = moves | moves.shift(-1, fill_value=False)
    kept = equity.filter(around)
    return kept if kept.height > 1 else equity
