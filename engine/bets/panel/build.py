"""From a store to a panel, block by block: quotes, trades and books out of core, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.errors import InputError
from ....io.ground.jit import kept
from ....io.ground.progress import Progress
from ....io.ground.times import Moment, window
from ....io.ground.units import TICKS_PER_DOLLAR
from ....io.store.store import Store
from ...simulator.tape.source import compile_tape
from ..types import NO_PRICE, NO_SIZE
from . import panel
from .book import STANDING, best_at
from .closes import with_known_closes
from .lives import Lives, lives_of
from .markets import listed, with_closes
from .panel import COLUMNS, HOUR_NS, Panel, with_market_columns
from .scratch import Scratch

#: Markets that are read together, whatever their lives.
NARROWEST, WIDEST = 16, 1_024


def build_panel(
    store: Store,
    start: Moment | None = None,
    end: Moment | None = None,
    step_ns: int = HOUR_NS,
    *,
    where: pl.Expr | None = None,
    recorded: bool = False,
    progress: Progress | None = None,
) -> Panel:
    """Build the panel of all markets that ``where`` keeps, between two moments, a bar every ``step_ns``.

    Without ``start`` it begins with the first thing that happened, without ``end`` it ends with the last payout. Sizes
    and trades of which there are none were not recorded, unless ``recorded`` says that they were listened to.
    """
    markets, late = markets_of(store, where)
    tickers = markets["ticker"].to_list()
    low, high = window(start, end)
    first, last = _extent(store, markets, low, high)
    begin = first // step_ns * step_ns if low is None else low
    bars = max(-(-((high if high is not None else last + step_ns) - begin) // step_ns), 1)
    times = begin + step_ns * np.arange(1, bars + 1, dtype=np.int64)
    over = over_at(times, markets)
    growing, seen = _Growing(), []
    quoted = np.zeros(len(tickers), np.bool_)
    first, counts = np.zeros((2, len(tickers)), np.int64)
    for block in _blocks(times, markets, over):
        lives, filled, quoted[block], has = _fill(store, markets[block], over[block], times, step_ns)
        first[block], counts[block] = lives.first, lives.counts
        seen.append(has)
        growing.add(filled)
        if progress is not None:
            progress(block.stop, len(tickers))
    made = growing.whole()
    if not recorded and not any(sized for sized, _ in seen):
        del made["bid_lots"], made["ask_lots"]
    if not recorded and not any(traded for _, traded in seen):
        del made["volume"], made["buys"]
    closed = markets.filter(pl.col("ticker").is_in(late), pl.col("close_ts") <= int(times[-1]))["ticker"]
    lives = lives_of(bars, first, counts)
    return Panel(times, markets, lives, made, quoted, growing.folder, late=tuple(closed))


def markets_of(store: Store, where: pl.Expr | None) -> tuple[pl.DataFrame, list[str]]:
    """The markets of a panel, and the names of those of which only the end is recorded."""
    markets = listed(store)
    markets = (markets if where is None else markets.filter(where)).sort("ticker")
    markets = with_closes(store, with_market_columns(markets)).with_columns(
        pl.coalesce("event", pl.col("ticker").str.replace(r"-[^-]*$", "")).alias("event"),
        pl.coalesce("series", pl.col("ticker").str.split("-").list.first()).alias("series"),
    )
    tickers = markets["ticker"].to_list()
    if not tickers:
        raise InputError("no market is left to look at; check the series and category that the pipeline asks for")
    markets, late = with_known_closes(store, markets)
    charged = _fee_history(store, tickers)
    return markets.drop("fee_history").join(charged, on="ticker", how="left", maintain_order="left"), late


def over_at(times: npt.NDArray[np.int64], markets: pl.DataFrame) -> npt.NDArray[np.int64]:
    """The bar in which each market is over, by its close or its payout; the last one where neither is known."""
    ended = ends_of(markets)
    at = np.searchsorted(times, ended.fill_null(0).to_numpy(), side="left")
    return np.minimum(np.where(ended.is_null().to_numpy(), len(times), at), len(times) - 1)


def ends_of(markets: pl.DataFrame) -> pl.Series:
    """When each market is over, by its close or its payout, ns; null where neither is known."""
    paid = pl.col("settlement").is_not_null() | pl.col("result").is_in(["yes", "no"]).fill_null(value=False)
    settled = pl.when(paid).then(pl.coalesce("settled_ts", "close_ts", "expiration_ts"))
    return markets.select(pl.min_horizontal("close_ts", settled))["close_ts"]


def _blocks(times: npt.NDArray[np.int64], markets: pl.DataFrame, over: npt.NDArray[np.int64]) -> Iterator[slice]:
    """The markets, some at a time: so many that their rows, as far as their opens and closes tell, fit a block."""
    opens = np.searchsorted(times, markets["open_ts"].fill_null(0).to_numpy(), side="left")
    within = np.minimum(lives_of(len(times), opens, np.maximum(over - opens, 0) + 1).start, 1 << 62)
    begin = 0
    while begin < len(over):
        stop = int(np.searchsorted(within, within[begin] + panel.BLOCK_ROWS, side="right")) - 1
        stop = min(max(stop, begin + NARROWEST), begin + WIDEST, len(over))
        yield slice(begin, stop)
        begin = stop


class _Growing:
    """Columns that grow block by block: in memory, and from a size on in files."""

    def __init__(self) -> None:
        self.parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in COLUMNS}
        self.folder: Scratch | None = None
        self.total = 0

    def add(self, filled: dict[str, npt.NDArray[Any]]) -> None:
        """Add the rows of some markets."""
        self.total += len(filled["mark"])
        for name, values in filled.items():
            self.parts[name].append(values)
        if self.folder is None and self.total > panel.MAPPED_ROWS:
            self.folder = Scratch("panel-")
        if self.folder is not None:
            for name, parts in self.parts.items():
                for values in parts:
                    self.folder.append(name, values)
                parts.clear()

    def whole(self) -> dict[str, npt.NDArray[Any]]:
        """Every column, one after the other so that none stands twice for long."""
        if self.folder is None or not self.total:
            return {name: np.concatenate(self.parts.pop(name)) for name in COLUMNS}
        return {name: self.folder.mapped(name, kind) for name, kind in COLUMNS.items()}


def _fee_history(store: Store, tickers: list[str]) -> pl.DataFrame:
    """What each market charged from when on, as a replay's tape has it."""
    told = ("valid_from", "fee_type", "fee_multiplier")
    history = store.markets(history=True, ticker=tickers).filter(pl.any_horizontal(pl.col(told[1:]).is_not_null()))
    by_market = history.group_by("ticker", maintain_order=True)
    return by_market.agg(pl.struct(pl.col(*told)).alias("fee_history")).collect()


def booked(store: Store, markets: pl.DataFrame, end: int) -> pl.DataFrame:
    """The markets whose books were recorded, from when to when; what best quotes say of them is not needed."""
    rows = store.book(markets["ticker"].to_list(), None, end).join(_places(markets), on="ticker").filter(_NOT_CLOSED)
    spans = rows.group_by("ticker").agg(
        pl.max_horizontal(pl.col("ts").min(), pl.col("opens").first()),
        pl.col("ts").max().alias("high"),
        _OPENED.any().alias("lives"),
    )
    return spans.filter("lives").sort("ticker").collect()


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


def _fill(
    store: Store, markets: pl.DataFrame, over: npt.NDArray[np.int64], times: npt.NDArray[np.int64], step: int
) -> tuple[Lives, dict[str, npt.NDArray[Any]], npt.NDArray[np.bool_], tuple[bool, bool]]:
    """When some markets live, their rows, which of them have quotes, and whether sizes and trades are known."""
    tickers = markets["ticker"].to_list()
    end, start = int(times[-1]) + 1, int(times[0]) - step
    place = {ticker: m for m, ticker in enumerate(tickers)}
    places = _places(markets)
    bar = ((pl.col("ts") - start - 1) // step).clip(lower_bound=0)

    def bars(frame: pl.LazyFrame, *within: pl.Expr) -> Any:
        barred = frame.with_columns(bar.cast(pl.Int32).alias("bar")).join(places, on="ticker", maintain_order="left")
        return barred.filter(*within).group_by("m", "bar")

    last = [pl.col(c).last().fill_null(NO_PRICE) for c in ("bid", "ask", "bid_size", "ask_size")]
    quotes = bars(store.quotes(tickers, None, end), _NOT_CLOSED).agg(last).collect()
    traded = store.trades(tickers, None, end)
    if "is_block" in traded.collect_schema().names():
        traded = traded.filter(~pl.col("is_block").fill_null(value=False))
    inside = pl.col("ts") > start
    size = pl.col("size").filter(inside).sum()
    bought = pl.col("size").filter(inside & (pl.col("taker_side") == 1)).sum()
    trades = (
        bars(traded, _OPENED, _NOT_CLOSED)
        .agg(pl.col("price").last(), size.alias("volume"), bought.alias("buys"))
        .collect()
    )
    books = booked(store, markets, end).with_columns(
        m=pl.col("ticker").replace_strict(place, return_dtype=pl.Int32),
        bar=bar,
        until=(pl.col("high") - start - 1) // step,
    )

    first = np.full(len(tickers), len(times), np.int64)
    final = np.zeros(len(tickers), np.int64)
    for m, begin, until in ((quotes["m"], quotes["bar"], quotes["bar"]), (trades["m"], trades["bar"], trades["bar"]),
                            (books["m"], books["bar"], books["until"])):  # fmt: skip
        np.minimum.at(first, m.to_numpy(), begin.to_numpy())
        np.maximum.at(final, m.to_numpy(), until.to_numpy())
    lived = first < len(times)
    lives = lives_of(len(times), np.where(lived, first, 0), np.where(lived, np.maximum(final, over) - first + 1, 0))

    def rows(frame: pl.DataFrame, column: str, kind: Any, default: int) -> npt.NDArray[Any]:
        made = np.full(lives.total, default, kind)
        m = frame["m"].to_numpy()
        made[lives.start[m] + frame["bar"].to_numpy() - lives.first[m]] = frame[column].to_numpy()
        return made

    made = {c: rows(quotes, c, np.int16, STANDING) for c in ("bid", "ask")}
    made |= {f"{c}_lots": rows(quotes, f"{c}_size", np.int32, STANDING) for c in ("bid", "ask")}
    trade = rows(trades, "price", np.int16, STANDING)
    made |= {c: rows(trades, c, np.int32, 0) for c in ("volume", "buys")}
    quoted = np.zeros(len(tickers), np.bool_)
    quoted[quotes["m"].unique().to_numpy()] = True
    for ticker, m in books.select("ticker", "m").iter_rows():
        tape = compile_tape(store, ticker, None, end)
        own = lives.rows(slice(m, m + 1))
        at = best_at(tape, times[lives.bar(slice(m, m + 1))])
        for name, values in zip(("bid", "ask", "bid_lots", "ask_lots"), at, strict=True):
            made[name][own] = values
        quoted[m] = True
    sized = bool((made["bid_lots"] >= 0).any())
    made["mark"], made["age"] = np.empty(lives.total, np.int16), np.empty(lives.total, np.int32)
    _carry_nb(
        lives.start, made["bid"], made["ask"], made["bid_lots"], made["ask_lots"], trade, made["mark"], made["age"]
    )
    only_traded = ~quoted[lives.market(slice(0, len(tickers)))]
    for c in ("bid", "ask"):  # where only trades are known, the last one is what can be had
        made[c][only_traded] = made["mark"][only_traded]
    return lives, made, quoted, (sized, trades.height > 0)


@kept()
def _carry_nb(start: Any, bid: Any, ask: Any, bid_size: Any, ask_size: Any, trade: Any, mark: Any, age: Any) -> None:
    """Carry what stands from bar to bar, and mark: mid of a book, a bound of half a book, else the last trade."""
    for m in range(len(start) - 1):
        quoted = False
        last_bid = last_ask = last_mark = NO_PRICE
        last_bid_size = last_ask_size = NO_SIZE
        since = -1
        for t in range(start[m], start[m + 1]):
            if bid[t] != STANDING:
                quoted = True
                last_bid, last_ask = bid[t], ask[t]
                last_bid_size, last_ask_size = bid_size[t], ask_size[t]
                since = 0
            if trade[t] != STANDING:
                since = 0
                if not quoted:
                    last_mark = trade[t]
            if quoted and (last_bid != NO_PRICE or last_ask != NO_PRICE):
                low = last_bid if last_bid != NO_PRICE else 0
                high = last_ask if last_ask != NO_PRICE else TICKS_PER_DOLLAR
                last_mark = (low + high) // 2
            bid[t], ask[t], mark[t] = last_bid, last_ask, last_mark
            bid_size[t], ask_size[t] = last_bid_size, last_ask_size
            age[t] = since
            if since >= 0:
                since += 1
