"""Replays of one strategy over several markets as one result: each in a folder of its own, the total above them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from ...io.ground.errors import InputError
from ..figures.metrics import max_drawdown
from ..figures.warnings import Notice, notices
from ..results.result_files import frames_hash, read_record
from ..results.results import Run, Runs, own_folder

KIND = "replays"
#: Of a market's summary, what adds up over markets.
ADDED = (
    "pnl", "spread_capture", "drift", "settlement", "rebates", "fees", "cash", "fills", "volume", "requotes", "refused",
    "rejected",
)  # fmt: skip
#: What each market was asked for, and not all of them.
_OWN = ("kind", "market", "values", "markets", "coverage", "data_hash", "result_hash", "summary", "warnings")
#: What is added beside it where incentive programs are counted.
ADDED_REWARDS = ("pnl_without_rewards", "rewards", "rewards_earned")
#: Markets that a warning names before it counts the rest.
NAMED = 5


def combine(records: Sequence[Mapping[str, Any]], curve: pl.DataFrame) -> dict[str, Any]:
    """Return the record of several replays from their own: a row a market, the total, the best and the worst."""
    rows = [
        {**record["markets"][0], "result_hash": record["result_hash"], "summary": record["summary"]}
        for record in records
    ]
    made = {row["ticker"]: row["summary"]["pnl"] for row in rows}
    total: dict[str, Any] = {name: sum(row["summary"][name] for row in rows) for name in ADDED}
    if all("rewards" in row["summary"] for row in rows):
        total |= {name: sum(row["summary"][name] for row in rows) for name in ADDED_REWARDS}
    total["max_drawdown"] = round(max_drawdown(curve["equity"].to_numpy()).depth) if len(curve) else 0
    total["settled_markets"] = sum(bool(row["summary"]["settled"]) for row in rows)
    queues = [tuple(row["summary"]["by_queue"]) for row in rows]
    if len(set(queues)) == 1:
        total["by_queue"] = {name: sum(row["summary"]["by_queue"][name] for row in rows) for name in queues[0]}
    return {
        "kind": KIND,
        **{name: value for name, value in records[0].items() if name not in _OWN},
        "markets": rows,
        "total": total,
        "best": max(made, key=lambda ticker: made[ticker]),
        "worst": min(made, key=lambda ticker: made[ticker]),
        "result_hash": combined_hash({row["ticker"]: row["result_hash"] for row in rows}),
        "warnings": [notice.as_row() for notice in named_notices(records)],
    }


def together(runs: Sequence[Run]) -> Run | Runs:
    """Return replays of several markets as one result; a single one stays what it is."""
    if len(runs) == 1:
        return runs[0]
    curve = joined_curve([run.equity.select("ts", "equity") for run in runs])
    return Runs(combine([run.about for run in runs], curve), {"equity": curve}, runs=tuple(runs))


def combined_hash(hashes: Mapping[str, str]) -> str:
    """Return one hash of several replays' own, by ticker."""
    return frames_hash(hashes, {})


def named_notices(records: Sequence[Mapping[str, Any]]) -> list[Notice]:
    """Return the warnings of all replays, one a name, each with the markets that it is of."""
    found: dict[str, list[str]] = {}
    for record in records:
        for notice in notices(record["warnings"]):
            text = f"{record['market']}: {notice.detail}" if notice.detail else record["market"]
            found.setdefault(notice.name, []).append(text)
    return [
        Notice(name, "; ".join(texts[:NAMED]) + (f"; and {len(texts) - NAMED:,} more" if len(texts) > NAMED else ""))
        for name, texts in found.items()
    ]


def joined_curve(curves: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Return the equity of all markets together, a row a moment at which one of them was looked at; micros."""
    moves = [
        curve.select("ts", pl.col("equity").diff().fill_null(pl.col("equity").first()).alias("move"))
        for curve in curves
    ]
    rows = pl.concat(moves).group_by("ts").agg(pl.col("move").sum()).sort("ts")
    return rows.select("ts", pl.col("move").cum_sum().alias("equity"))


def own_records(folder: Path, record: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Read the record of each market below a folder."""
    for row in record.get("markets", ()):
        ticker = str(row["ticker"])
        place = own_folder(folder, ticker)
        own = read_record(place)
        if own.get("market") != ticker:
            raise InputError(f"{place} is not the run of {ticker} that {folder} says it is")
        yield ticker, own
