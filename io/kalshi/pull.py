"""Download of a series: markets, trades, candles; live and archived joined, each record once, whatever interrupts."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ..store.chunk import Chunk
from ..store.ingest.ingest import ImportReport
from ..store.store import Store
from .client import Client
from .programs import fetch_programs, fetch_schedules, store_programs, store_schedules
from .recorder.spool import Spool, Unit, on_disk
from .rest.errors import AnswerError, NotFoundError
from .rest.models import Cutoff, MarketRecord, TradeRecord
from .rows import candle_row, frame_of, market_frame, trade_row

_NS = 1_000_000_000
_DAY = 86_400 * _NS
_MINUTE = 60 * _NS
_STORE_ROWS = 250_000  # rows that wait before they are stored
_CHUNK_ROWS = 100_000
_WINDOW = 4_000 * _MINUTE  # candles of one request: below the exchange's 5,000
_OVERLAP = _MINUTE  # trades of the last minute may have come after we looked
_LATE = 3600 * _NS  # trades are looked for until an hour after a market's close


@dataclass(frozen=True)
class Wanted:
    """What to download: tables by name, from ``start`` up to, not including, ``end`` (ns UTC)."""

    series: tuple[str, ...]
    start: int
    end: int
    markets: bool = True
    trades: bool = True
    candles: bool = False
    incentives: bool = False


@dataclass
class Pulled:
    """What a download did."""

    markets: int = 0
    fetched: dict[str, int] = field(default_factory=dict)  #: records by table that came from the exchange
    stored: dict[str, int] = field(default_factory=dict)  #: rows by table that are new in the store
    duplicates: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class _Listed:
    market: MarketRecord
    series: str
    archived: bool


#: Called with what is done, how much there is in all, and what comes now.
Steps = Callable[[int, int, str], None]


class Pull:
    """One download into a store; run again, it fetches only what is new."""

    def __init__(self, client: Client, store: Store, state: Path, progress: Steps = lambda *_: None) -> None:
        self._client, self._data, self._store, self._progress = client, client.market_data, store, progress
        self._state, self._spool = state, Spool(state)
        self._pulled = Pulled()
        self._cutoff = Cutoff()

    def run(self, wanted: Wanted) -> Pulled:
        """Download what is wanted."""
        try:
            with on_disk(self._state):
                self._run(wanted)
                if wanted.incentives:  # last: their records are the least known
                    self._fetch_schedules(wanted.series)
                return self._pulled
        finally:
            self._spool.close()

    def _run(self, wanted: Wanted) -> None:
        self._flush()  # what an interrupted download had ready
        if wanted.incentives:
            self._fetch_programs(wanted.series)
        if not (wanted.markets or wanted.trades or wanted.candles):
            return
        self._cutoff = self._data.cutoff()
        listed = [one for series in wanted.series for one in self._list(series, wanted)]
        self._pulled.markets = len(listed)
        now = self._client.now()
        for number, one in enumerate(listed):
            self._progress(number, len(listed), one.market.ticker)
            self._fetch(one, wanted, now)
            if self._spool.waiting >= _STORE_ROWS:
                self._flush()
        self._progress(len(listed), len(listed), "storing")
        self._flush()

    def _fetch_programs(self, series: tuple[str, ...]) -> None:
        """Fetch the incentive programs of all states; what the store knows already is not stored again."""
        self._progress(0, 0, "incentive programs")
        told = fetch_programs(self._client, series=series)
        self._fetched("programs", told.height)
        if stored := store_programs(self._store, told):
            self._pulled.stored["programs"] = self._pulled.stored.get("programs", 0) + stored

    def _fetch_schedules(self, series: tuple[str, ...]) -> None:
        """Fetch what windows of series can expect; each record once."""
        try:
            told = fetch_schedules(self._client, series)
        except NotFoundError:  # an exchange of before them
            return
        if told.height:
            self._fetched("schedules", told.height)
        if stored := store_schedules(self._store, told):
            self._pulled.stored["schedules"] = stored

    def _list(self, name: str, wanted: Wanted) -> list[_Listed]:
        """A series' markets that were open within the wanted time; of one in both lists, what the live one says."""
        self._progress(0, 0, f"listing {name}")
        series = self._data.series(name)
        listed: dict[str, _Listed] = {}
        pages = (
            (self._data.historical_markets(series_ticker=name), True),
            (self._data.markets(series_ticker=name, min_close_ts=wanted.start // _NS), False),
        )
        for found, archived in pages:
            for market in _flat(found):
                if (market.open_time or 0) < wanted.end and (market.close_time or wanted.end) > wanted.start:
                    listed[market.ticker] = _Listed(market, name, archived)
        if wanted.markets and listed:
            changes = self._data.series_fee_changes(name)
            frame = market_frame((one.market for one in listed.values()), series, changes)
            digest = hashlib.sha256(frame.write_json().encode()).hexdigest()
            self._count(
                self._store.ingest(f"kalshi: markets of {name}", digest, [Chunk({"markets": frame})], label="pull")
            )
        return [listed[ticker] for ticker in sorted(listed)]

    def _fetch(self, one: _Listed, wanted: Wanted, now: int) -> None:
        market = one.market
        first = max(wanted.start, (market.open_time or wanted.start) // _MINUTE * _MINUTE)
        last = min(wanted.end, now, (market.close_time or now) + _LATE)
        if wanted.trades:
            for unit in self._spool.needed("trades", market.ticker, first, last, _OVERLAP):
                self._fetch_trades(unit)
        if wanted.candles:
            last = min(last, now - _MINUTE) // _MINUTE * _MINUTE  # only minutes that are over
            for unit in self._spool.needed("quotes", market.ticker, first, last):
                self._fetch_candles(unit, one)

    def _fetch_trades(self, unit: Unit) -> None:
        """Fetch newest first; a killed fetch goes on at the oldest second it had."""
        at, end = unit.position or (0, unit.last)
        for source, historical in enumerate((False, True)):
            if source < at or not self._may_be(unit, historical):
                continue
            oldest = end if source == at else unit.last
            begun = unit.first // _NS * _NS
            for page in self._data.trades(unit.ticker, start=begun, end=oldest + _NS, historical=historical):
                rows = list(_trades_within(page, unit))
                if page and max(trade.created_time for trade in page) >= oldest + 2 * _NS:
                    raise AnswerError(f"trades of {unit.ticker} do not come newest first any more")
                oldest = min((int(trade.created_time) for trade in page), default=oldest)
                self._fetched("trades", self._spool.add(unit, rows, (source, oldest)))
        self._spool.complete(unit)

    def _may_be(self, unit: Unit, historical: bool) -> bool:
        """Whether an endpoint may have trades of this time; near the cutoff both do."""
        cutoff = self._cutoff.trades_created_ts
        if not cutoff:
            return True
        return unit.first < cutoff + _DAY if historical else unit.last > cutoff - _DAY

    def _fetch_candles(self, unit: Unit, one: _Listed) -> None:
        start: int = unit.position if unit.position is not None else unit.first
        archived = one.archived
        while start < unit.last:
            end = min(start + _WINDOW, unit.last)
            try:
                found = self._data.candles(one.series, unit.ticker, start=start, end=end, historical=archived)
            except NotFoundError:
                if archived:
                    break  # a market that never traded has no candles there
                archived = True
                continue
            rows = [
                (str(candle.end_period_ts), candle.end_period_ts, candle_row(unit.ticker, candle))
                for candle in found
                if unit.first < candle.end_period_ts <= unit.last
            ]
            start = end
            self._fetched("quotes", self._spool.add(unit, rows, start))
        self._spool.complete(unit)

    def _flush(self) -> None:
        """Bring every complete unit into the store."""
        for digest, batch in self._spool.batches():

            def chunks(batch: int = batch) -> Iterator[Chunk]:
                for table, rows in self._spool.rows(batch, _CHUNK_ROWS):
                    yield Chunk({table: frame_of(table, rows)})

            self._count(self._store.ingest("kalshi: pull", digest, list(chunks()), label="pull"))
            self._spool.stored(batch)

    def _fetched(self, table: str, rows: int) -> None:
        self._pulled.fetched[table] = self._pulled.fetched.get(table, 0) + rows

    def _count(self, report: ImportReport) -> None:
        if report.new:
            for total, part in ((self._pulled.stored, report.rows), (self._pulled.duplicates, report.duplicates)):
                for table, rows in part.items():
                    total[table] = total.get(table, 0) + rows


def _flat(pages: Iterable[list[MarketRecord]]) -> Iterator[MarketRecord]:
    for page in pages:
        yield from page


def _trades_within(page: list[TradeRecord], unit: Unit) -> Iterator[tuple[str, int, tuple[object, ...]]]:
    for trade in page:
        if unit.first <= trade.created_time < unit.last:
            yield trade.trade_id, trade.created_time, trade_row(trade)
