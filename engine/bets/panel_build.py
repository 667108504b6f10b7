"""From a store to a panel, block by block: quotes, trades and books out of core, in bounded memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ...io.errors import InputError
from ...io.jit import kept
from ...io.store import Store
from ...io.times import Moment, window
from ...io.units import TICKS_PER_DOLLAR
from ..simulator.tape_source import compile_tape
from . import panel
from .panel import HOUR_NS, MATRICES, Panel, market_blocks, new_matrix, with_market_columns
from .panel_book import STANDING, best_at
from .panel_markets import listed, with_closes
from .portfolio_types import NO_PRICE, NO_SIZE
from .scratch import Scratch

Progress = Callable[[int, int], None]


def build_panel(
    store: Store,
    start: Moment | None = None,
    end: Moment | None = None,
    step_ns: int = HOUR_NS,
    *,
    where: pl.Expr | None = None,
    progress: Progress | None = None,
) -> Panel:
    """Build the panel of all markets that ``where`` keeps, between two moments, a bar every ``step_ns``.

    Without ``start`` it begins with the first thing that happened, without ``end`` it ends with the last payout.
    """
    markets = listed(store)
    markets = (markets if where is None else markets.filter(where)).sort("ticker")
    markets = with_closes(store, with_market_columns(markets)).with_columns(
        pl.coalesce("event", pl.col("ticker").str.replace(r"-[^-]*$", "")).alias("event"),
        pl.coalesce("series", pl.col("ticker").str.split("-").list.first()).alias("series"),
    )
    tickers = markets["ticker"].to_list()
    if not tickers:
        raise InputError("no market is left to look at; check the series and category that the pipeline asks for")
    charged = _fee_history(store, tickers)
    markets = markets.drop("fee_history").join(charged, on="ticker", how="left", maintain_order="left")
    low, high = window(start, end)
    first, last = _extent(store, markets, low, high)
    begin = first // step_ns * step_ns if low is None else low
    bars = max(-(-((high if high is not None else last + step_ns) - begin) // step_ns), 1)
    times = begin + step_ns * np.arange(1, bars + 1, dtype=np.int64)
    shape = (len(times), len(tickers))
    folder = Scratch("panel-") if shape[0] * shape[1] > panel.MAPPED_CELLS else None
    made = {name: new_matrix(folder, name, shape, kind) for name, kind in MATRICES.items()}
    seen: list[tuple[bool, bool]] = []
    quoted = np.zeros(len(tickers), np.bool_)
    for block in market_blocks(*shape):
        filled, quoted[block], has = _fill(store, markets[block], times, step_ns)
        for name, values in filled.items():
            made[name][:, block] = values.T
        seen.append(has)
        if progress is not None:
            progress(block.stop, len(tickers))
    if not any(sized for sized, _ in seen):
        del made["bid_lots"], made["ask_lots"]
    if not any(traded for _, traded in seen):
        del made["volume"], made["buys"]
    return Panel(times, markets, made, quoted, folder)


def _fee_history(store: Store, tickers: list[str]) -> pl.DataFrame:
    """What each market charged from when on, as a replay's tape has it."""
    told = ("valid_from", "fee_type", "fee_multiplier")
    history = store.markets(history=True, ticker=tickers).filter(pl.any_horizontal(pl.col(told[1:]).is_not_null()))
    by_market = history.group_by("ticker", maintain_order=True)
    return by_market.agg(pl.struct(pl.col(*told)).alias("fee_history")).collect()


def booked(store: Store, markets: pl.DataFrame, end: int) -> list[str]:
    """The markets whose books were recorded; what best quotes say of them is not needed."""
    places = _places(markets)
    rows = store.book(markets["ticker"].to_list(), None, end).join(places, on="ticker")
    return rows.filter(_OPENED & _NOT_CLOSED).select(pl.col("ticker").unique().sort()).collect()["ticker"].to_list()


#: Whether a row joined with its market's place comes from after the open and before the close, where they are known.
_OPENED = pl.col("opens").is_null() | (pl.col("ts") >= pl.col("opens"))
_NOT_CLOSED = pl.col("closes").is_null() | (pl.col("ts") < pl.col("closes"))


def _places(markets: pl.DataFrame) -> pl.LazyFrame:
    """Which column of a matrix a market has, and its life."""
    at = pl.int_range(pl.len(), dtype=pl.Int32)
    return markets.lazy().select("ticker", m=at, opens="open_ts", closes="close_ts")


def _extent(store: Store, markets: pl.DataFrame, low: int | None, high: int | None) -> tuple[int, int]:
    """First and last moment that matter: of quotes, trades, books, and payouts of the markets that have any."""
    if low is not None and high is not None:
        return low, high
    tickers, places = markets["ticker"].to_list(), _places(markets)
    spans = [
        store.table(name, tickers, low, high)
        .group_by("ticker")
        .agg(pl.col("ts").min(), pl.col("ts").max().alias("high"))
        .join(places, on="ticker")
        .filter(_NOT_CLOSED)
        .select(pl.max_horizontal("ts", "opens").min(), pl.min_horizontal("high", "closes").max())
        .collect()
        .row(0)
        for name in ("quotes", "trades", "book")
    ]
    found = [span for span in spans if span[0] is not None]
    if not found:
        raise InputError("there are no quotes, trades or books of these markets in the chosen period")
    paid = markets.select(pl.max_horizontal("settled_ts", "close_ts").max()).item() if high is None else None
    return min(span[0] for span in found), max(*(span[1] for span in found), paid or 0)


def _bars(frame: pl.LazyFrame, places: pl.LazyFrame, times: npt.NDArray[np.int64], step: int) -> pl.LazyFrame:
    """Rows with their bar and their market's place, but for those from after its close."""
    bar = ((pl.col("ts") - (int(times[0]) - step) - 1) // step).clip(lower_bound=0).cast(pl.Int32).alias("bar")
    return frame.with_columns(bar).join(places, on="ticker", maintain_order="left").filter(_NOT_CLOSED)


def _fill(
    store: Store, markets: pl.DataFrame, times: npt.NDArray[np.int64], step: int
) -> tuple[dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_], tuple[bool, bool]]:
    """The matrices of some markets (markets x bars), which have quotes, and whether sizes and trades are known."""
    tickers = markets["ticker"].to_list()
    end, start = int(times[-1]) + 1, int(times[0]) - step
    shape = (len(tickers), len(times))
    last = [pl.col(c).last().fill_null(NO_PRICE) for c in ("bid", "ask", "bid_size", "ask_size")]
    places = _places(markets)
    quotes = _bars(store.quotes(tickers, None, end), places, times, step).group_by("m", "bar").agg(last).collect()
    traded = store.trades(tickers, None, end)
    if "is_block" in traded.collect_schema().names():
        traded = traded.filter(~pl.col("is_block").fill_null(value=False))
    inside = pl.col("ts") > start
    size = pl.col("size").filter(inside).sum()
    trades = (
        _bars(traded, places, times, step)
        .filter(_OPENED)
        .group_by("m", "bar")
        .agg(
            pl.col("price").last(),
            size.alias("volume"),
            pl.col("size").filter(inside & (pl.col("taker_side") == 1)).sum().alias("buys"),
        )
        .collect()
    )

    def spread_out(frame: pl.DataFrame, column: str, kind: Any, default: int) -> npt.NDArray[Any]:
        made = np.full(shape, default, kind)
        made[frame["m"].to_numpy(), frame["bar"].to_numpy()] = frame[column].to_numpy()
        return made

    price = {c: spread_out(quotes, c, np.int16, STANDING) for c in ("bid", "ask")}
    sizes = {c: spread_out(quotes, c, np.int32, STANDING) for c in ("bid_size", "ask_size")}
    trade = spread_out(trades, "price", np.int16, STANDING)
    volume, buys = spread_out(trades, "volume", np.int32, 0), spread_out(trades, "buys", np.int32, 0)
    quoted = np.zeros(len(tickers), np.bool_)
    quoted[quotes["m"].unique().to_numpy()] = True
    for ticker in booked(store, markets, end):
        m = tickers.index(ticker)
        tape = compile_tape(store, ticker, None, end)
        price["bid"][m], price["ask"][m], sizes["bid_size"][m], sizes["ask_size"][m] = best_at(tape, times)
        quoted[m] = True
    mark, age = np.empty(shape, np.int16), np.empty(shape, np.int32)
    _carry_nb(price["bid"], price["ask"], sizes["bid_size"], sizes["ask_size"], trade, mark, age)
    for c in ("bid", "ask"):  # where only trades are known, the last one is what can be had
        price[c][~quoted] = mark[~quoted]
    filled = {"mark": mark, "age": age, **price, "volume": volume, "buys": buys}
    filled |= {"bid_lots": sizes["bid_size"], "ask_lots": sizes["ask_size"]}
    return filled, quoted, (bool((sizes["bid_size"] >= 0).any()), trades.height > 0)


@kept()
def _carry_nb(bid: Any, ask: Any, bid_size: Any, ask_size: Any, trade: Any, mark: Any, age: Any) -> None:
    """Carry what stands from bar to bar, and mark: mid of a book, a bound of half a book, else the last trade."""
    for m in range(bid.shape[0]):
        quoted = False
        last_bid = last_ask = last_mark = NO_PRICE
        last_bid_size = last_ask_size = NO_SIZE
        since = -1
        for t in range(bid.shape[1]):
            if bid[m, t] != STANDING:
                quoted = True
                last_bid, last_ask = bid[m, t], ask[m, t]
                last_bid_size, last_ask_size = bid_size[m, t], ask_size[m, t]
                since = 0
            if trade[m, t] != STANDING:
                since = 0
                if not quoted:
                    last_mark = trade[m, t]
            if quoted and (last_bid != NO_PRICE or last_ask != NO_PRICE):
                low = last_bid if last_bid != NO_PRICE else 0
                high = last_ask if last_ask != NO_PRICE else TICKS_PER_DOLLAR
                last_mark = (low + high) // 2
            bid[m, t], ask[m, t], mark[m, t] = last_bid, last_ask, last_mark
            bid_size[m, t], ask_size[m, t] = last_bid_size, last_ask_size
            age[m, t] = since
            if since >= 0:
                since += 1
