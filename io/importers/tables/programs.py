"""Incentive programs, one a row: the exchange's own records, and anybody's list of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from ..values.convert import SourceRows
from .layout import Layout
from .trades import FLAGS

TICKER = ("market_ticker", "ticker")
START = ("start_date", "start_ts", "start_time")
END = ("end_date", "end_ts", "end_time")
#: In 1/10,000 dollar, and in dollars.
EXCHANGE_REWARD, REWARD = "period_reward", "reward_dollars"
TARGET = ("target_size_fp", "target_size", "target")
DISCOUNT = ("discount_factor_bps", "discount_bps")
KIND = ("incentive_type", "kind")
TEXT = ("incentive_description", "description")
_FLAGS = {word: int(value) for word, value in FLAGS.items()}


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    start, end = rows.first(START), rows.first(END)
    assert start is not None and end is not None
    columns: dict[str, object] = {
        "ticker": rows.ticker(*TICKER), "start_ts": rows.time(start), "end_ts": rows.time(end, null=True),
    }  # fmt: skip
    columns["reward"] = (
        rows.numbers(EXCHANGE_REWARD, 2, null=True) if rows.has(EXCHANGE_REWARD) else rows.numbers(REWARD, 6, null=True)
    )
    for name, given in (("kind", KIND), ("description", TEXT)):
        found = rows.first(given)
        columns[name] = rows.text(found) if found is not None else "liquidity" if name == "kind" else None
    if (target := rows.first(TARGET)) is not None:
        columns["target"] = rows.size(target, null=True)
    if (discount := rows.first(DISCOUNT)) is not None:
        columns["discount"] = rows.numbers(discount, 0, null=True)
    if rows.has("max_reward_per_account"):
        columns["cap"] = rows.numbers("max_reward_per_account", 2, null=True)
    if rows.has("paid_out"):
        columns["paid_out"] = rows.words("paid_out", _FLAGS, what="true or false") == 1
    for name in ("first_seen", "last_seen"):
        if rows.has(name):
            columns[name] = rows.time(name, null=True)
    columns["id"] = rows.label("id") if rows.has("id") else _named(rows, columns)
    rows.emit("programs", columns)


def _named(rows: SourceRows, columns: Mapping[str, object]) -> pl.Series:
    """Name programs that a list does not name by market, kind and period."""
    rows.say("programs without an id are named by market, kind and period")
    parts = [pl.Series(np.asarray(columns[name])).cast(pl.String) for name in ("ticker", "start_ts", "end_ts")]
    kind = columns["kind"]
    names = pl.DataFrame({"a": parts[0], "b": parts[1], "c": parts[2]})
    shown = kind if isinstance(kind, pl.Series) else pl.Series([kind]).new_from_index(0, rows.frame.height)
    return (
        names.with_columns(k=shown.fill_null("")).select(pl.concat_str("a", "k", "b", "c", separator=":")).to_series()
    )


PROGRAMS = Layout(
    "programs",
    "incentive programs, one a row (CSV, JSON lines or Parquet)",
    needs=(TICKER, START, END, (EXCHANGE_REWARD, REWARD)),
    convert=_convert,
)
