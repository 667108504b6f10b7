"""The store's tables: every column, its unit and its meaning, in one place.

Prices are YES ticks whatever side they are on: a NO bid at 48 cents is an ask at 5,200 ticks.
Rows of one ticker are kept in the order of ``sort``; rows that tie keep the order of their source.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from .kinds import BookKind, Side

__all__ = [
    "BOOK",
    "MARKETS",
    "OWN_FILLS",
    "PROVENANCE",
    "QUOTES",
    "TABLES",
    "TRADES",
    "UNDERLYING",
    "BookKind",
    "Side",
    "StoredTable",
]


@dataclass(frozen=True)
class StoredTable:
    """One table: its columns, what orders it, what makes a row unique, and which column splits it by day."""

    name: str
    columns: dict[str, pl.DataType]
    required: tuple[str, ...]
    sort: tuple[str, ...]
    key: tuple[str, ...]
    day: str | None

    @property
    def schema(self) -> pl.Schema:
        """The Polars schema of a stored row, provenance included."""
        return pl.Schema({**self.columns, **PROVENANCE})


#: Written by the store on every row.
PROVENANCE: dict[str, pl.DataType] = {"source": pl.String(), "import_id": pl.String()}

_ORDER: dict[str, pl.DataType] = {
    "ts": pl.Int64(),  # ns UTC, the exchange's clock
    "ticker": pl.String(),
}
_ARRIVAL: dict[str, pl.DataType] = {
    "seq": pl.Int64(),  # the source's sequence number, null if it has none
    "recv_ts": pl.Int64(),  # ns UTC on the recorder's clock, null if unknown
}

TRADES = StoredTable(
    "trades",
    {
        **_ORDER,
        "price": pl.Int32(),  # YES ticks
        "size": pl.Int64(),  # lots
        "taker_side": pl.Int8(),  # Side
        "is_block": pl.Boolean(),  # a block trade never touched the book
        "trade_id": pl.String(),  # null if the source has none
        **_ARRIVAL,
    },
    required=("ts", "ticker", "price", "size"),
    sort=("ticker", "ts", "seq"),
    key=("ticker", "trade_id"),
    day="ts",
)

BOOK = StoredTable(
    "book",
    {
        **_ORDER,
        "kind": pl.Int8(),  # BookKind
        "side": pl.Int8(),  # Side
        "price": pl.Int32(),  # YES ticks
        "size": pl.Int64(),  # lots; signed for DELTA
        **_ARRIVAL,
    },
    required=("ts", "ticker", "kind", "side", "price", "size"),
    sort=("ticker", "ts", "seq"),
    key=(),
    day="ts",
)

QUOTES = StoredTable(
    "quotes",
    {
        **_ORDER,
        "bid": pl.Int32(),  # YES ticks, null if there is no bid
        "ask": pl.Int32(),  # YES ticks, null if there is no ask
        "bid_size": pl.Int64(),  # lots, null if the source has none
        "ask_size": pl.Int64(),
        **_ARRIVAL,
    },
    required=("ts", "ticker"),
    sort=("ticker", "ts", "seq"),
    key=(),
    day="ts",
)

UNDERLYING = StoredTable(
    "underlying",
    {
        "ts": pl.Int64(),
        "symbol": pl.String(),  # "SPX", "BTC", …
        "value": pl.Float64(),  # in the symbol's own unit
        "recv_ts": pl.Int64(),
    },
    required=("ts", "symbol", "value"),
    sort=("symbol", "ts"),
    key=(),
    day="ts",
)

OWN_FILLS = StoredTable(
    "own_fills",
    {
        **_ORDER,
        "kind": pl.String(),  # "fill", "order" or "settlement": sums go over one kind
        "side": pl.Int8(),  # Side of the YES book it was on: BID bought YES or sold NO
        "outcome": pl.String(),  # the contract it names, "yes" or "no", null if it names none
        "price": pl.Int32(),  # YES ticks; an order's limit; what a settlement paid for one YES
        "size": pl.Int64(),  # lots; of an order, what it asked for; of a settlement, the net position
        "filled": pl.Int64(),  # lots of an order that were filled; null for other kinds
        "is_taker": pl.Boolean(),
        "fee": pl.Int64(),  # micros
        "pnl": pl.Int64(),  # micros, as the source says
        "status": pl.String(),  # an order's state; a settlement's result
        "fill_id": pl.String(),  # null if the source has none
        "order_id": pl.String(),
    },
    required=("ts", "ticker", "kind", "side"),
    sort=("ticker", "ts"),
    key=("ticker", "kind", "fill_id"),
    day="ts",
)

MARKETS = StoredTable(
    "markets",
    {
        "ticker": pl.String(),
        "valid_from": pl.Int64(),  # ns UTC from which this row holds; 0: always
        "series": pl.String(),
        "event": pl.String(),
        "title": pl.String(),
        "category": pl.String(),
        "open_ts": pl.Int64(),
        "close_ts": pl.Int64(),
        "expiration_ts": pl.Int64(),
        "settled_ts": pl.Int64(),
        "status": pl.String(),  # the exchange's word: initialized, active, inactive, closed, …, finalized
        "result": pl.String(),  # "yes", "no", "scalar", null while open
        "settlement": pl.Int32(),  # what one YES paid, ticks; null while open
        "strike_type": pl.String(),
        "floor": pl.Float64(),  # strikes are in the underlying's unit
        "cap": pl.Float64(),
        "underlying": pl.String(),  # symbol in table underlying, null if none
        "grid": pl.String(),  # price_level_structure: linear_cent, deci_cent, …
        "fee_type": pl.String(),
        "fee_multiplier": pl.Float64(),
        "yes_bid": pl.Int32(),
        "yes_ask": pl.Int32(),
        "volume": pl.Int64(),  # lots
        "open_interest": pl.Int64(),  # lots
    },
    required=("ticker",),
    sort=("ticker", "valid_from"),
    key=("ticker", "valid_from"),
    day=None,
)

PROGRAMS = StoredTable(
    "programs",
    {
        "id": pl.String(),
        "ticker": pl.String(),
        "kind": pl.String(),  # the exchange's word: liquidity, volume, …
        "description": pl.String(),
        "start_ts": pl.Int64(),
        "end_ts": pl.Int64(),
        "reward": pl.Int64(),  # micros for the whole period
        "target": pl.Int64(),  # lots that must stand on a side
        "discount": pl.Int64(),  # what a step below the reference leaves of a score, 1/10,000
        "cap": pl.Int64(),  # most that an account gets, micros; null for no cap
        "paid_out": pl.Boolean(),
        "first_seen": pl.Int64(),  # ns UTC between which the exchange told of it, null if the source does not say
        "last_seen": pl.Int64(),
    },
    required=("id", "ticker", "start_ts"),
    sort=("ticker", "start_ts"),
    key=(),
    day=None,
)

SCHEDULES = StoredTable(
    "schedules",
    {
        "id": pl.String(),  # digest of the text
        "series": pl.String(),  # where the exchange names one
        "event": pl.String(),
        "all_markets": pl.Boolean(),  # promised; otherwise anticipated
        "text": pl.String(),  # the record as the exchange wrote it, JSON
        "seen": pl.Int64(),  # ns UTC of when it was first told
    },
    required=("id", "text"),
    sort=("id", "seen"),
    key=("id",),
    day=None,
)

TABLES: dict[str, StoredTable] = {
    table.name: table for table in (MARKETS, TRADES, BOOK, QUOTES, UNDERLYING, OWN_FILLS, PROGRAMS, SCHEDULES)
}
