"""Incentive programs from the exchange into a store: all of them, or what is active and upcoming."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec
import polars as pl

from ..ground.errors import InputError
from ..store.chunk import Chunk
from ..store.programs import news
from ..store.schema import PROGRAMS, SCHEDULES
from ..store.store import Store
from .client import Client
from .rest.incentives import IncentiveProgram, IncentiveSchedule

#: The exchange writes rewards in 1/10,000 dollar.
_MICROS = 100
ALL, CURRENT = ("all",), ("active", "upcoming")


def program_frame(programs: Iterable[IncentiveProgram], seen: int) -> pl.DataFrame:
    """Rows of ``programs``, told at ``seen``; what has no beginning is left out."""
    rows = [
        (
            one.id, one.market_ticker, one.incentive_type, one.incentive_description, int(one.start_date),
            int(one.end_date) if one.end_date else None,
            None if one.period_reward is None else one.period_reward * _MICROS,
            None if one.target_size is None else int(one.target_size), one.discount_factor_bps,
            None if one.max_reward_per_account is None else one.max_reward_per_account * _MICROS, one.paid_out,
            seen, seen,
        )
        for one in programs
        if one.start_date
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=PROGRAMS.columns, orient="row")


def fetch_programs(client: Client, statuses: Iterable[str] = ALL, series: Iterable[str] = ()) -> pl.DataFrame:
    """Fetch programs of some states, of all markets or of those of some series."""
    prefixes = tuple(f"{name}-" for name in series)
    found: dict[str, IncentiveProgram] = {}
    for status in statuses:
        for page in client.market_data.incentive_programs(status=status):
            found |= {one.id: one for one in page if not prefixes or one.market_ticker.startswith(prefixes)}
    return program_frame(found.values(), client.now())


def fetch_schedules(client: Client, series: Iterable[str] = ()) -> pl.DataFrame:
    """Fetch what windows of series can expect, of all or of some. Each record is kept whole, as it came."""
    filters = [{"series_ticker": name} for name in series] or [{}]
    pages = (page for one in filters for page in client.market_data.incentive_schedules(**one))
    texts = {msgspec.json.encode(one, order="sorted").decode(): one for page in pages for one in page}
    now = client.now()
    rows = [
        (hashlib.sha256(text.encode()).hexdigest()[:16], _word(one, "series_ticker"), _word(one, "event_ticker"),
         one["all_markets"] if isinstance(one.get("all_markets"), bool) else None, text, now)
        for text, one in texts.items()
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=SCHEDULES.columns, orient="row")


def _word(record: IncentiveSchedule, name: str) -> str | None:
    value = record.get(name)
    return value if isinstance(value, str) else None


def store_schedules(store: Store, told: pl.DataFrame) -> int:
    """Store the schedules that no row tells yet, and return how many those are."""
    if not told.height:
        return 0
    digest = hashlib.sha256("".join(told["id"]).encode()).hexdigest()
    report = store.ingest("kalshi: incentive schedules", digest, [Chunk({"schedules": told})], label="pull")
    return report.rows.get("schedules", 0) if report.new else 0


def store_programs(store: Store, told: pl.DataFrame) -> int:
    """Store what is new of some programs, and return how many rows that are."""
    try:
        known = store.programs().collect()
    except InputError:  # there is no store yet
        known = pl.DataFrame(schema=PROGRAMS.columns)
    fresh = news(told, known)
    if not fresh.height:
        return 0
    digest = hashlib.sha256(fresh.write_json().encode()).hexdigest()
    report = store.ingest("kalshi: incentive programs", digest, [Chunk({"programs": fresh})], label="pull")
    return report.rows.get("programs", 0) if report.new else 0
