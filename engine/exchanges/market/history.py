"""What the exchange replays: recorded markets, books and trades, joined in one order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import polars as pl

from ....io.ground.errors import InputError
from ....io.ground.units import NS_PER_SECOND
from ....io.store.schema import BOOK, MARKETS, TRADES
from ...rewards.programs import Program, recorded
from ...simulator.assumptions.fees import FeeSchedule, market_schedule
from .explain import explained
from .indices import MINUTE_NS, Indices, indices_from, no_indices

if TYPE_CHECKING:
    from ....io.store.store import Store

TRADE = 9  #: the kind of a trade among the kinds of ``BookKind``
_CHUNK = 8192
_SETTLE_AFTER = 60 * NS_PER_SECOND


class Row(NamedTuple):
    """One thing that happened: a row of the book, or a trade (``extra``: its row in the trades).

    Of a decrease in the book ``extra`` is the lots that trades explain, below 0 if those trades come later.
    """

    ts: int
    market: int
    kind: int
    side: int
    price: int
    size: int
    extra: int


@dataclass(frozen=True)
class VenueListing:
    """What is known of a market before anything happens in it."""

    ticker: str
    event: str
    series: str
    title: str = ""
    category: str = ""
    created_ts: int | None = None
    open_ts: int = 0
    close_ts: int = 0
    expiration_ts: int = 0
    determined_ts: int | None = None
    settled_ts: int | None = None
    result: str | None = None
    settlement: int | None = None
    strike_type: str | None = None
    floor: float | None = None
    cap: float | None = None
    grid: str = "linear_cent"
    fees: FeeSchedule = field(default_factory=FeeSchedule)
    open_interest: int = 0
    phases: tuple[tuple[int, str], ...] = ()  #: moments at which the exchange's word for it changed
    closes: tuple[tuple[int, int], ...] = ()  #: from when on, the close that was known then; empty: its own all along


@dataclass
class History:
    """Recorded markets; rows are columns, sorted by time, and never grow."""

    listings: list[VenueListing]
    columns: dict[str, npt.NDArray[Any]]
    trades: pl.DataFrame
    indices: Indices = field(default_factory=no_indices)
    programs: list[Program] = field(default_factory=list)
    schedules: dict[str, dict[str, Any]] = field(default_factory=dict)  #: of incentives, as they came, by digest
    index: dict[str, int] = field(init=False)
    _spans: dict[str, npt.NDArray[np.int64]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.index = {listing.ticker: number for number, listing in enumerate(self.listings)}
        self.trade_ts = self.trades["ts"].to_numpy()
        self._ids = self.trades["trade_id"]
        self._blocks = self.trades["is_block"].fill_null(False).to_numpy()
        traded = self.columns["kind"] == TRADE
        market, ts, size = (self.columns[name][traded] for name in ("market", "ts", "size"))
        order = np.argsort(market, kind="stable")
        self._first = np.searchsorted(market[order], np.arange(len(self.listings) + 1))
        self._times, self._lots = ts[order], np.append(0, np.cumsum(size[order]))
        self.has_book = set(np.unique(self.columns["market"][self.columns["kind"] != TRADE]).tolist())

    def __len__(self) -> int:
        return len(self.columns["ts"])

    @property
    def tickers(self) -> list[str]:
        """The tickers of its markets."""
        return list(self.index)

    @property
    def start(self) -> int:
        """Time of the first row."""
        return int(self.columns["ts"][0]) if len(self) else min((m.open_ts for m in self.listings), default=0)

    @property
    def end(self) -> int:
        """Time of the last row."""
        return int(self.columns["ts"][-1]) if len(self) else self.start

    def rows(self) -> Iterator[Row]:
        """Yield every row in order, a chunk's worth of Python objects at a time."""
        names = Row._fields
        for at in range(0, len(self), _CHUNK):
            yield from map(Row, *(self.columns[name][at : at + _CHUNK].tolist() for name in names))

    def trade_id(self, number: int) -> str:
        """The id of a trade, made up from its number if the source had none."""
        return self._ids[number] or f"{self.trades['ticker'][number]}-{number}"

    def is_block(self, number: int) -> bool:
        """Whether a trade was a block trade."""
        return bool(self._blocks[number])

    def of_market(self, ticker: str) -> npt.NDArray[np.int64]:
        """Numbers of the rows of one market."""
        if ticker not in self._spans:
            self._spans[ticker] = np.flatnonzero(self.columns["market"] == self.index[ticker])
        return self._spans[ticker]

    def volume(self, number: int, start: int, until: int) -> int:
        """Lots that traded in a market from ``start`` to ``until``, both included."""
        first, last = self._first[number], self._first[number + 1]
        low, high = np.searchsorted(self._times[first:last], (start, until + 1))
        return int(self._lots[first + high] - self._lots[first + low])

    def trades_until(self, ts: int) -> int:
        """How many trades have happened by a moment, all markets."""
        return int(np.searchsorted(self.trade_ts, ts, side="right"))


def from_frames(markets: pl.DataFrame, book: pl.DataFrame, trades: pl.DataFrame) -> History:
    """Join frames of the store's tables; at one moment trades come before the book changes they caused."""
    markets, book, trades = (
        frame.select(
            pl.col(name).cast(kind) if name in frame.columns else pl.lit(None, kind).alias(name)
            for name, kind in table.columns.items()
        )
        for frame, table in ((markets, MARKETS), (book, BOOK), (trades, TRADES))
    )
    trades = trades.sort("ts", maintain_order=True)
    tickers = sorted({*markets["ticker"], *book["ticker"].unique(), *trades["ticker"].unique()})
    numbers = pl.DataFrame(
        {"ticker": tickers, "market": range(len(tickers))}, {"ticker": pl.String, "market": pl.Int32}
    )
    zero = pl.lit(0, pl.Int64)
    parts = [
        trades.with_row_index("extra").select(
            "ts", "ticker", pl.lit(TRADE, pl.Int8).alias("kind"), pl.col("taker_side").fill_null(0).alias("side"),
            "price", "size", pl.col("extra").cast(pl.Int64), zero.alias("rank"),
        ),
        book.select("ts", "ticker", "kind", "side", "price", "size", zero.alias("extra"), (zero + 1).alias("rank")),
    ]  # fmt: skip
    merged = (
        pl.concat(parts)
        .join(numbers, on="ticker", how="left")
        .drop("ticker")
        .sort("ts", "rank", "market", maintain_order=True)
    )
    columns = {name: merged[name].to_numpy() for name in Row._fields}
    market, ts, kind, side, price, size = (columns[n] for n in ("market", "ts", "kind", "side", "price", "size"))
    traded = kind == TRADE
    touching = traded.copy()
    touching[traded] = ~trades["is_block"].fill_null(False).to_numpy()[columns["extra"][traded]]
    found = explained(market, ts, kind, side, price, size, touching)
    columns["extra"] = np.where(traded, columns["extra"], found)
    spans = _spans(merged, tickers)
    versions: dict[str, list[dict[str, Any]]] = {}
    for row in markets.sort("ticker", "valid_from", nulls_last=False).iter_rows(named=True):
        versions.setdefault(row["ticker"], []).append(row)
    listings = [_listing(ticker, versions.get(ticker, []), *spans.get(n, (0, 0))) for n, ticker in enumerate(tickers)]
    return History(listings, columns, trades)


def from_store(path: str, tickers: Sequence[str] = ()) -> History:
    """Read markets, books and trades of a store, all of them or the named ones."""
    from ....io.store.store import Store

    store = Store(path)
    wanted = list(tickers) or None
    markets = store.markets(history=True)
    if wanted:
        markets = markets.filter(pl.col("ticker").is_in(wanted))
    frames = (markets, store.book(wanted), store.trades(wanted))
    history = from_frames(*(frame.collect() for frame in frames))
    missing = [ticker for ticker in tickers if ticker not in history.index]
    if missing:
        raise InputError(
            f"the store {path} has nothing of {', '.join(missing)}; `engine data tables` shows what it has"
        )
    if not history.listings:
        raise InputError(f"the store {path} holds no markets to replay; import some first")
    over = max(listing.settled_ts or listing.close_ts for listing in history.listings)
    ticks = store.underlying(None, history.start - MINUTE_NS, max(history.end, over) + 1).collect()
    listings = _as_told(store, history.listings)
    programs = recorded(store.programs(history.tickers, history.start, max(history.end, over)).collect().to_dicts())
    told = store.table("schedules").select("id", "text").collect()
    schedules = {digest: msgspec.json.decode(text) for digest, text in told.iter_rows()}
    return replace(
        history, listings=listings, indices=indices_from(ticks), programs=programs, schedules=schedules
    )  # fmt: skip


def _as_told(store: Store, listings: list[VenueListing]) -> list[VenueListing]:
    """The same markets with what was known of their closes."""
    from ....io.store.closes import STEPS, told_closes

    rows = [(one.ticker, one.open_ts, one.close_ts) for one in listings]
    own = pl.DataFrame(rows, {"ticker": pl.String, "open_ts": pl.Int64, "close_ts": pl.Int64}, orient="row")
    steps: dict[str, list[tuple[int, int]]] = {}
    for ticker, since, close in told_closes(store, own)[0].select(STEPS).iter_rows():
        steps.setdefault(ticker, []).append((since, close))
    return [replace(one, closes=tuple(steps.get(one.ticker, ()))) for one in listings]


def shifted(history: History, by: int) -> History:
    """The same recording at another time: every moment in it moved by ``by`` ns, changes of fees included."""
    columns = {**history.columns, "ts": history.columns["ts"] + by}
    trades = history.trades.with_columns(pl.col("ts") + by)
    listings = [_moved(listing, by) for listing in history.listings]
    programs = [replace(one, start=one.start + by, end=one.end + by) for one in history.programs]
    return History(listings, columns, trades, history.indices.shifted(by), programs, history.schedules)


def _moved(listing: VenueListing, by: int) -> VenueListing:
    names = ("created_ts", "open_ts", "close_ts", "expiration_ts", "determined_ts", "settled_ts")
    times = {name: at + by for name in names if (at := getattr(listing, name)) is not None}
    fees = replace(
        listing.fees,
        changes=tuple(replace(change, from_ts=change.from_ts + by) for change in listing.fees.changes),
        overrides=tuple(replace(change, from_ts=change.from_ts + by) for change in listing.fees.overrides),
        waived_until_ts=listing.fees.waived_until_ts and listing.fees.waived_until_ts + by,
    )
    phases = tuple((ts + by, status) for ts, status in listing.phases)
    closes = tuple((since + by, close + by) for since, close in listing.closes)
    return replace(listing, **times, fees=fees, phases=phases, closes=closes)


def _spans(merged: pl.DataFrame, tickers: list[str]) -> dict[int, tuple[int, int]]:
    found = merged.group_by("market").agg(pl.col("ts").min().alias("first"), pl.col("ts").max().alias("last"))
    return {row["market"]: (row["first"], row["last"]) for row in found.iter_rows(named=True)} if tickers else {}


def _listing(ticker: str, versions: Sequence[Mapping[str, Any]], first: int, last: int) -> VenueListing:
    """Make the listing of a market from its stored versions; the names of what is missing follow from its ticker."""
    now: dict[str, Any] = {}
    for version in versions:
        now |= {name: value for name, value in version.items() if value is not None}
    series = now.get("series") or ticker.partition("-")[0]
    close = now.get("close_ts") or last + NS_PER_SECOND
    settled = now.get("settled_ts")
    result, settlement = now.get("result") or None, now.get("settlement")
    if result and settlement is None:
        settlement = {"yes": 10_000, "no": 0}.get(result)
    if settlement is None:
        result = None
    created = next((v["valid_from"] for v in versions if v["valid_from"] and v["status"] == "initialized"), None)
    phases = [(v["valid_from"], v["status"]) for v in versions if v["status"] in ("active", "inactive")]
    if result:
        settled = settled or close + 2 * _SETTLE_AFTER
    return VenueListing(
        ticker=ticker,
        event=now.get("event") or ticker.rpartition("-")[0] or ticker,
        series=series,
        title=now.get("title") or ticker,
        category=now.get("category") or "",
        created_ts=created,
        open_ts=now.get("open_ts") or min(first, close),
        close_ts=close,
        expiration_ts=now.get("expiration_ts") or close,
        determined_ts=max(close, settled - _SETTLE_AFTER) if result and settled else None,
        settled_ts=max(settled, close) if result and settled else None,
        result=result,
        settlement=settlement,
        strike_type=now.get("strike_type"),
        floor=now.get("floor"),
        cap=now.get("cap"),
        grid=now.get("grid") or "linear_cent",
        fees=market_schedule(series, versions),
        open_interest=now.get("open_interest") or 0,
        phases=tuple((ts, status) for ts, status in phases if ts),
    )
