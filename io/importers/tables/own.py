"""Own fills, orders and settlements: the exchange's portfolio answers and bots' logs, never the market's history."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from ...ground.errors import InputError
from ...ground.units import TICKS_PER_DOLLAR
from ...store.schema import Side
from ..base import Sample
from ..values import price_unit
from ..values.convert import NULL, SourceRows
from .layout import Layout

TIME = (
    "created_time", "fill_time", "filled_at", "executed_at", "timestamp", "ts", "ts_ms", "time", "trade_time",
    "datetime", "entry_time", "entry_ts", "placed_at", "created_at", "created_ts_ms", "last_update_time",
)  # fmt: skip
TICKER = ("ticker", "market_ticker", "market", "symbol")
#: YES prices, whatever side the fill is on.
YES = ("yes_price_dollars", "yes_price")
NO = ("no_price_dollars", "no_price")
#: Prices of which a log does not say whether they are of YES or of the contract it bought.
PAID = (
    "price_dollars",
    "fill_price",
    "avg_fill_price",
    "average_fill_price",
    "avg_price",
    "entry_price",
    "price",
    "px",
)
SIZE = (
    "count_fp",
    "initial_count_fp",
    "initial_count",
    "count",
    "filled",
    "quantity",
    "size",
    "qty",
    "contracts",
    "amount",
)
FILLED = ("fill_count_fp", "fill_count", "filled")
OUTCOME = ("outcome_side", "contract_side", "side", "outcome")
WAY = ("action", "side", "direction")
FEES = ("fee_cost", "fee", "fees", "commission")
ADDED_FEES = ("taker_fees_dollars", "maker_fees_dollars")
PNL = ("realized_pnl_dollars", "realized_pnl", "realised_pnl", "net_pnl", "pnl", "profit")
FILL_ID = ("fill_id", "trade_id", "id")
#: A column that only somebody's own record has.
MARKS = (
    "fill_id", "order_id", "client_order_id", "is_taker", "is_maker", "won", "bet_won", "is_win", "win", "stake",
    "wager", "bankroll", "entry_price", "exit_price", *PNL,
)  # fmt: skip
_OF_ORDERS = ("remaining_count_fp", "remaining_count", "initial_count_fp", "initial_count")
#: Columns of public records that carry some of the above.
_PUBLIC = ("proxyWallet", "asset_id", "asset", "conditionId", "maker_address", "taker_address", "transaction_hash")
_YES_NO = {"yes": 1, "up": 1, "y": 1, "no": -1, "down": -1, "n": -1}
_BUY_SELL = {"buy": 1, "bid": 1, "b": 1, "sell": -1, "ask": -1, "s": -1, "a": -1}
_NAMED = _YES_NO | {"buy_yes": 1, "sell_yes": 1, "buy_no": -1, "sell_no": -1}
_DONE = _BUY_SELL | {"buy_yes": 1, "buy_no": 1, "sell_yes": -1, "sell_no": -1}
#: When an order was last changed: what tells a state of it from the others. Without, its status and what was filled do.
_UPDATED = ("last_update_time", "last_updated_ts_ms")
_ENDED = ("won", "bet_won", "is_win", "win", "result")
_TAKER = {"true": 1, "1": 1, "taker": 1, "t": 1, "false": 0, "0": 0, "maker": 0, "m": 0, "": 2, "unknown": 2}


def marks(columns: tuple[str, ...]) -> list[str]:
    """Return the columns that show a file to be somebody's own record: of fills, orders or bets."""
    if any(name in columns for name in _PUBLIC):
        return []
    found = [name for name in MARKS if name in columns]
    sized = any(name in columns for name in SIZE) and any(name in columns for name in (*YES, *PAID))
    if not found and sized and "side" in columns:
        found = [name for name in ("outcome", "result") if name in columns]  # a price, a side and how it ended: a bet
    return found


@dataclass(frozen=True)
class OwnLog(Layout):
    """Somebody's own fills or orders, one a row."""

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is somebody's own record, or None; one that cannot be read as such is refused."""
        found = marks(sample.columns)
        if not found:
            return None
        lacking = self.lacks(sample)
        if lacking:
            raise InputError(
                f"{sample.path}: an own record of fills or bets ({', '.join(found)}), not the market's history; "
                f"own_fills needs {', '.join(sorted(lacking))} too: name it with map=, or the format with format="
            )
        return f"own record: {', '.join(found)}"


def _decide(rows: SourceRows) -> Mapping[str, str]:
    yes, no = rows.first(YES), rows.first(NO)
    if yes is not None:
        return price_unit.decide(rows, (yes,), (yes, no) if no else None)
    price = rows.first((*NO, *PAID))
    assert price is not None
    return price_unit.decide(rows, (price,))


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    time, size = rows.first(TIME), rows.first(SIZE)
    assert time and size
    order = rows.first(_OF_ORDERS) is not None
    side, outcome = _sides(rows)
    filled = rows.first(FILLED) if order else None
    rows.emit(
        "own_fills",
        {
            "ts": rows.time(time),
            "ticker": rows.ticker(*TICKER),
            "kind": "order" if order else "fill",
            "side": side,
            "outcome": _named(outcome),
            "price": _price(rows, outcome, decided, null=order),
            "size": rows.size(size, positive=not order),
            "filled": rows.size(filled, null=True) if filled else None,
            "is_taker": _taker(rows),
            "fee": _money(rows, FEES, ADDED_FEES),
            "pnl": _money(rows, PNL),
            "status": rows.text("status") if rows.has("status") else None,
            "fill_id": _id(rows, order=order),
            "order_id": rows.text("order_id") if rows.has("order_id") else None,
        },
    )
    for name in _ENDED:
        if rows.has(name):
            rows.say(f"{name} is how the bet ended, not the market's result; it is not stored")


def _words(rows: SourceRows, names: tuple[str, ...], meaning: Mapping[str, int]) -> NDArray[np.int64]:
    """Return what the first column to say so says of each row: 1, -1, or 0 if none does."""
    found = np.zeros(rows.frame.height, np.int64)
    for name in names:
        if rows.has(name):
            words = rows.frame[name].cast(pl.String).str.strip_chars().str.to_lowercase()
            given = words.replace_strict(meaning, default=0, return_dtype=pl.Int64).to_numpy()
            found = np.where(found != 0, found, given)
    return found


def _sides(rows: SourceRows) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return which side of the YES book each row was on, and which contract it names: 1, -1, or 0 if unsaid."""
    outcome, way = _words(rows, OUTCOME, _NAMED), _words(rows, WAY, _DONE)
    if rows.has("outcome"):
        if _words(rows, OUTCOME[:-1], _NAMED).all() or not outcome.any():
            rows.say("outcome is how the bet ended, not the market's result; it is not stored")
        else:
            rows.say("outcome is taken as the contract that was bought or sold")
    told = np.where(outcome == 0, way, np.where(way == 0, outcome, outcome * way))
    book = _words(rows, ("book_side",), _BUY_SELL)
    side = np.where(book != 0, book, told)
    if (side == 0).any():
        rows.say("some rows do not say which side they are on")
    elif not way.any() and not book.any():
        rows.say("side is taken as the contract that was bought; a column action says otherwise")
    return side, outcome


def _price(
    rows: SourceRows, outcome: NDArray[np.int64], decided: Mapping[str, str], *, null: bool
) -> NDArray[np.int64]:
    """Return YES prices: a log's own price is that of the contract it names, unless the user says otherwise."""
    name = rows.first((*YES, *NO, *PAID))
    assert name is not None
    price = rows.price(name, price_unit.unit_of(rows, name, decided), null=null)
    if name in YES or rows.has("book_side"):  # where there is a book's side, every price is one of YES
        return price
    flipped = np.full(price.size, True) if name in NO else outcome == -1
    if name in PAID and flipped.any():
        if rows.options.use_yes_price is None:
            rows.say(f"{name} is taken as the price of the contract that was named: a NO at 30 is a YES at 70; "
                     "use_yes_price=True says otherwise")  # fmt: skip
        flipped &= not rows.options.use_yes_price
    return np.where(flipped & (price != NULL), TICKS_PER_DOLLAR - price, price)


def _named(outcome: NDArray[np.int64]) -> pl.Series:
    return pl.Series(["no", None, "yes"], dtype=pl.String)[outcome + 1]


def _taker(rows: SourceRows) -> pl.Series | None:
    for name in ("is_taker", "liquidity", "role", "is_maker"):
        if rows.has(name):
            codes = rows.words(name, _TAKER, what="true or false, taker or maker").astype(np.int64)
            maker_first = [False, True, None] if name != "is_maker" else [True, False, None]
            return pl.Series(maker_first, dtype=pl.Boolean)[codes]
    return None


def _money(rows: SourceRows, names: tuple[str, ...], added: tuple[str, ...] = ()) -> pl.Series | None:
    """Return the first column of dollars in micros, or, if there is none, the sum of those to be added."""
    name = rows.first(names)
    given = [name] if name is not None else [one for one in added if rows.has(one)]
    if not given:
        return None
    if name is not None and not name.endswith(("_dollars", "_cost")):
        rows.say(f"{name} is taken to be in dollars")
    total = pl.select(pl.sum_horizontal([rows.real(one) for one in given], ignore_nulls=len(given) > 1)).to_series()
    return (total * 1e6).round().cast(pl.Int64)


def _id(rows: SourceRows, *, order: bool) -> pl.Series | None:
    """Return what tells a row from others of its market: an order's state at a time is a row of its own."""
    if not order:
        name = rows.first(FILL_ID)
        return rows.text(name) if name else None
    if not rows.has("order_id"):
        return None
    updated, others = (
        [rows.text(name) for name in names if rows.has(name)] for names in (_UPDATED, ("status", *FILLED))
    )
    state = pl.select(pl.coalesce(*updated, pl.concat_str(others, separator=" ", ignore_nulls=True), pl.lit("")))
    return rows.text("order_id") + "@" + state.to_series()


def _settled(rows: SourceRows, decided: Mapping[str, str]) -> None:
    """Read what settled markets paid: the net position as size, the result as status."""
    held = _held(rows, ("yes_count_fp", "yes_count")) - _held(rows, ("no_count_fp", "no_count"))
    ticker, result, fee = rows.ticker(*TICKER), rows.text("market_result"), _money(rows, ("fee_cost",))
    worth = rows.price("value", "cents", null=True, grid=False) if rows.has("value") else np.full(held.size, NULL)
    word = result.replace_strict({"yes": TICKS_PER_DOLLAR, "no": 0}, default=NULL, return_dtype=pl.Int64).to_numpy()
    rows.emit(
        "own_fills",
        {
            "ts": rows.time("settled_time"), "ticker": ticker, "kind": "settlement", "side": int(Side.UNKNOWN),
            "outcome": _named(np.sign(held)), "price": np.where(worth != NULL, worth, word), "size": np.abs(held),
            "fee": fee, "pnl": _gained(rows, fee), "status": result, "fill_id": ticker,
        },
    )  # fmt: skip


def _held(rows: SourceRows, names: tuple[str, ...]) -> NDArray[np.int64]:
    name = rows.first(names)
    sizes = rows.size(name, null=True) if name else np.zeros(rows.frame.height, np.int64)
    return np.where(sizes == NULL, 0, sizes)


def _gained(rows: SourceRows, fee: pl.Series | None) -> pl.Series | None:
    """Return what a settled market brought in all: what it paid, less what was paid for it and the fees."""
    costs = ("yes_total_cost_dollars", "no_total_cost_dollars")
    if not all(rows.has(name) for name in ("revenue", *costs)):
        return None
    paid = rows.real("revenue") / 100 - rows.real(costs[0]) - rows.real(costs[1])
    return (paid * 1e6).round().cast(pl.Int64) - (0 if fee is None else fee.fill_null(0))


OWN = OwnLog(
    "own-fills",
    "own fills, orders or bets, one a row (CSV, JSON lines or Parquet)",
    needs=(TIME, (*PAID, *YES, *NO), SIZE),
    convert=_convert,
    decide=_decide,
    facts=("own fills and orders go to own_fills; they are no part of the market's history",),
)
SETTLED = Layout(
    "own-settlements",
    "own settlements, one a row",
    needs=(TICKER, ("market_result",), ("settled_time",), ("yes_count_fp", "yes_count", "no_count_fp", "no_count")),
    convert=_settled,
    facts=OWN.facts,
)
