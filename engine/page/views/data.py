"""What stores hold: a calendar of coverage by series, gaps, and the markets to look into."""

from __future__ import annotations

import shlex
from typing import Any

import polars as pl

from ....io.ground.times import iso
from ....io.store.schema import BookKind
from ....io.store.store import Store
from ..columns import ROWS, Question, columns
from ..opening import OpenResults

DAY_NS = 86_400_000_000_000
#: Cells of the calendar that are sent.
CELLS = 20_000


def overview(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the tables' sizes, and of each series and day its rows and gaps."""
    place = opened.folders.store(asked.text("store"))
    store = Store(place)
    calendar = pl.concat([_days(store, name) for name in ("book", "trades", "quotes")])
    calendar = calendar.group_by("series", "day").agg(pl.col("book", "trades", "quotes", "gaps").sum())
    calendar = calendar.sort("series", "day").head(CELLS)
    sizes = store.tables()
    return {
        "place": place,
        "tables": [
            {"name": one.name, "rows": one.rows, "files": one.files, "size": one.size, "start": _iso(one.start),
             "end": _iso(one.end)}
            for one in sizes
        ],
        "calendar": columns(calendar.with_columns(pl.col("day").map_elements(_day, return_dtype=pl.String()))),
        "copy": {
            "command": shlex.join(["engine", "data", "tables", "--store", place]),
            "python": f"engine.tables({place!r})",
        },
    }  # fmt: skip


def markets(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the markets that pass a filter, with rows, gaps and the span of their history."""
    store = Store(opened.folders.store(asked.text("store")))
    rows = store.coverage(series=asked.text("series") if asked.has("series") else None)
    titles = store.markets().select("ticker", "title", "category").collect()
    rows = rows.join(titles, on="ticker", how="left")
    if words := asked.text("words", "").lower().split():
        text = pl.concat_str(pl.col("ticker", "title", "category").fill_null(""), separator=" ")
        rows = rows.filter(*(text.str.to_lowercase().str.contains(word, literal=True) for word in words))
    rows = rows.sort(pl.col("book") + pl.col("trades"), descending=True)
    kept = rows.head(ROWS).with_columns(pl.col("start", "end").cast(pl.String))
    return {"rows": columns(kept), "of": rows.height}


def programs(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return the incentive programs that pass a filter, those that end last first."""
    rows = Store(opened.folders.store(asked.text("store"))).programs().collect()
    if words := asked.text("words", "").lower().split():
        text = pl.concat_str(pl.col("ticker", "kind", "description").fill_null(""), separator=" ")
        rows = rows.filter(*(text.str.to_lowercase().str.contains(word, literal=True) for word in words))
    kept = rows.sort("start_ts", "ticker", descending=[True, False]).head(ROWS)
    kept = kept.with_columns(pl.col("start_ts", "end_ts").cast(pl.String))
    names = ("ticker", "kind", "start_ts", "end_ts", "reward", "target", "discount", "cap", "paid_out")
    return {"rows": columns(kept.select(names)), "of": rows.height, "reward": rows["reward"].sum()}


def quality(opened: OpenResults, asked: Question) -> dict[str, Any]:
    """Return what is wrong with a store's markets and what it costs, faults first; of one series if one is named."""
    from ....io.doctor.doctor import CHECKS, check

    place = opened.folders.store(asked.text("store"))
    store = Store(place)
    of = store.coverage(series=asked.text("series"))["ticker"].to_list() if asked.has("series") else None
    found = sorted(check(store, of), key=lambda one: (one.severity != "fault", -one.minutes, one.ticker))
    rows = [[one.severity, one.ticker, one.check, one.count, one.minutes, CHECKS[one.check][1]] for one in found[:ROWS]]
    return {
        "rows": rows, "of": len(found), "faults": sum(one.severity == "fault" for one in found),
        "copy": {"command": shlex.join(["engine", "data", "check", "--store", place]),
                 "python": f"engine.check({place!r})"},
    }  # fmt: skip


def _days(store: Store, table: str) -> pl.DataFrame:
    """Rows and gaps of a table by series and day; a market's series is what its ticker begins with."""
    series = pl.col("ticker").str.split("-").list.first().alias("series")
    gaps = (pl.col("kind") == int(BookKind.GAP)).sum() if table == "book" else pl.lit(0).sum()
    counted = (
        store.table(table)
        .group_by(series, (pl.col("ts") // DAY_NS * DAY_NS).alias("day"))
        .agg(pl.len().cast(pl.Int64).alias("rows"), gaps.cast(pl.Int64).alias("gaps"))
        .collect(engine="streaming")
    )
    others = [name for name in ("book", "trades", "quotes") if name != table]
    return counted.select(
        "series", "day", pl.col("rows").alias(table), *(pl.lit(0, pl.Int64).alias(name) for name in others), "gaps"
    ).select("series", "day", "book", "trades", "quotes", "gaps")


def _day(ts: int) -> str:
    return iso(ts)[:10]


def _iso(ts: int | None) -> str | None:
    return None if ts is None else iso(ts).replace("T", " ").removesuffix("Z")
