"""Polymarket as its interfaces send it: trades, and the stream of books. A token is one side of a market."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl

from ...ground.units import TICKS_PER_DOLLAR
from ...store.schema import Side
from ..books.state import SET
from ..recordings.level_files import LevelFile, LevelPart
from ..tables.layout import Layout
from ..values.convert import NULL, PRICE_PLACES, SIZE_PLACES, TAKER, SourceRows, scaled
from ..values.scan import decode, text_of
from ..values.text import OK

TOKEN = ("asset", "asset_id", "token_id", "tokenId", "clobTokenId")
TIME = ("timestamp", "match_time", "ts", "time")
CONDITION = ("conditionId", "condition_id")
INDEX = ("outcomeIndex", "outcome_index")
_FIRST = {"0": 1, "1": 0}


def _trades(rows: SourceRows, decided: Mapping[str, str]) -> None:
    """Read trades: with the place of the outcome the second token is the NO side, else each token stands alone."""
    time, token = rows.first(TIME), rows.first(TOKEN)
    condition, index = rows.first(CONDITION), rows.first(INDEX)
    assert time and token
    price = rows.price("price", "dollars")
    side = rows.words("side", TAKER, what="BUY or SELL").astype(np.int64)
    if condition and index:
        ticker = rows.label(condition)
        first = rows.words(index, _FIRST, what="0 or 1") == 1
        price, side = np.where(first, price, TICKS_PER_DOLLAR - price), np.where(first, side, -side)
        rows.used.add(token)
        rows.say(f"the market is its {condition}; outcome 0 is YES, and trades of outcome 1 are turned into YES prices")
    else:
        ticker = rows.label(token)
        rows.say(f"the market is the token ({token}), as the rows do not say which outcome of which market it is")
    name = rows.first(("id", "trade_id"))
    columns = {"ts": rows.time(time), "ticker": ticker, "price": price, "size": rows.size("size", positive=True)}
    rows.emit("trades", {**columns, "taker_side": side, "trade_id": rows.text(name) if name else None})


def _books(part: LevelPart) -> None:
    """Read whole books and the changes between them; every token has a book of its own."""
    rows = part.rows
    ts = rows.time("timestamp")
    kind = rows.text("event_type").fill_null("book") if rows.has("event_type") else pl.Series(["book"] * ts.size)
    whole, change, trade = ((kind == name).to_numpy() for name in ("book", "price_change", "last_trade_price"))
    market = part.books.code_of(rows.text("asset_id").fill_null(""))
    rows.fail((whole | trade) & rows.text("asset_id").is_null().to_numpy(), lambda row: "asset_id is missing")
    none = np.full(ts.size, NULL)
    sides = []
    for side, name in ((Side.BID, "bids"), (Side.ASK, "asks")):
        listed = [_levels(text) if taken else [] for text, taken in zip(rows.text(name), whole, strict=True)]
        prices, sizes = (
            pl.Series([[one[at] for one in levels] for levels in listed], dtype=pl.List(pl.String)) for at in (0, 1)
        )
        sides.append((side, *part.levels(name, prices, sizes, "dollars")))
    part.snapshot(whole, sides, market=market, ts=ts, seq=none)
    _changed(part, np.flatnonzero(change & ~rows.bad), ts)
    if trade.any():
        _traded(part, trade, ts)
    other = ~whole & ~change & ~trade
    for name in kind.filter(pl.Series(other)).unique():
        part.notes[f"messages of type {name[:40]} not used"] += int((kind == name).sum())
    rows.used |= {"event_type", "price_changes", "changes"}


def _traded(part: LevelPart, where: np.ndarray, ts: np.ndarray) -> None:
    """Take trades: of the market that the token is, on the side of the one who took."""
    rows = part.rows
    nothing = pl.Series([None] * ts.size, dtype=pl.String)
    price, size, side = (rows.text(name) if rows.has(name) else nothing for name in ("price", "size", "side"))
    ticks, bad_price = scaled(price, PRICE_PLACES["dollars"])
    lots, bad_size = scaled(size, SIZE_PLACES[rows.options.size_unit])
    wrong = (bad_price != OK) | (bad_size != OK) | (ticks < 0) | (ticks > TICKS_PER_DOLLAR) | (lots < 1)
    rows.fail(where & wrong, lambda row: f"a trade of {size[row]} at {price[row]} is off tick, off lot or out of range")
    taker = side.str.to_lowercase().replace_strict(TAKER, default=int(Side.UNKNOWN), return_dtype=pl.Int8)
    rows.emit(
        "trades",
        {"ts": ts, "ticker": rows.text("asset_id"), "price": ticks, "size": lots, "taker_side": taker},
        where,
    )
    rows.used |= {"price", "size", "side"}


def _changed(part: LevelPart, taken: np.ndarray, ts: np.ndarray) -> None:
    """Add what stands at a level after each change."""
    rows, owners, markets, sides = part.rows, list[int](), list[int](), list[int]()
    prices, sizes = list[str | None](), list[str | None]()
    named = rows.first(("price_changes", "changes"))
    lists = rows.text(named) if named else pl.Series(dtype=pl.String)
    for row in taken if named else ():
        for one in _objects(lists[int(row)]):
            token = one.get("asset_id") or rows.frame["asset_id"][int(row)]
            owners.append(int(row))
            markets.append(part.books.code(str(token)))
            sides.append(TAKER.get(str(one.get("side", "")).lower(), 0))
            prices.append(text_of(one.get("price")))
            sizes.append(text_of(one.get("size")))
    if not owners:
        return
    price, bad_price = scaled(pl.Series(prices, dtype=pl.String), PRICE_PLACES["dollars"])
    size, bad_size = scaled(pl.Series(sizes, dtype=pl.String), SIZE_PLACES[rows.options.size_unit])
    owner, side = np.array(owners), np.array(sides)
    wrong = (bad_price != OK) | (bad_size != OK) | (side == 0) | (price < 0) | (price > TICKS_PER_DOLLAR) | (size < 0)
    faulty = np.zeros(ts.size, np.bool_)
    faulty[owner[wrong]] = True
    rows.fail(faulty, lambda row: "a change is off tick, off lot or out of range")
    good = ~faulty[owner]
    part.added.add(
        frame=owner[good], kind=SET, market=np.array(markets)[good], side=side[good], price=price[good],
        size=size[good], sid=0, ts=ts[owner[good]], seq=NULL,
    )  # fmt: skip


def _levels(text: str | None) -> list[tuple[str | None, str | None]]:
    return [(text_of(one.get("price")), text_of(one.get("size"))) for one in _objects(text)]


def _objects(text: str | None) -> list[dict[str, Any]]:
    """Decode a JSON list of objects; anything else has none."""
    listed = decode(b'{"listed":' + (text or "[]").encode("utf-8") + b"}")[0].get("listed")
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []


POLYMARKET_TRADES = Layout(
    "polymarket-trades",
    "Polymarket trades, one of a token a row (CSV or JSON)",
    needs=(TOKEN, TIME, ("price",), ("size",), ("side",)),
    convert=_trades,
)
POLYMARKET_STREAM = LevelFile(
    "polymarket-stream",
    "Polymarket books of tokens and their changes (JSON)",
    ("asset_id", "timestamp", "bids", "asks"),
    _books,
)
