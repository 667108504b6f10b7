"""The store: recorded markets as Parquet files, brought in by imports, read as Polars frames or by SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from ..ground.errors import InputError
from ..ground.progress import Progress, silent
from ..ground.times import Moment, nanoseconds
from ..ground.units import NS_PER_SECOND
from .files.intact import FileState, check_files
from .files.manifest import KEEP_SECONDS, ImportRecord, Ledger, StoredFile, StoreState, fingerprint
from .files.places import place_at
from .reading import merged, scan
from .schema import MARKETS, PROGRAMS, TABLES, StoredTable

if TYPE_CHECKING:  # what changes a store is loaded by whoever changes one: most only read
    from .compaction import CompactReport
    from .forgetting import Forgotten
    from .ingest.grouping import SmallSource
    from .ingest.ingest import Chunks, ImportReport, Origin

Tickers = str | Sequence[str] | None


@dataclass(frozen=True)
class TableSize:
    """How much of a table is stored."""

    name: str
    rows: int
    files: int
    size: int  # bytes
    start: int | None  # ns UTC of the first and the last row; null for markets
    end: int | None


class Store:
    """A folder (or ``s3://bucket/prefix``) of imported history.

    Reads see what is committed at the moment they are asked for; a frame asked for earlier stays as it was.

    >>> import tempfile
    >>> from touchline.io.store.chunk import Chunk
    >>> store = Store(tempfile.mkdtemp())
    >>> trade = {"ts": [1], "ticker": ["A"], "price": [5600], "size": [300]}
    >>> store.ingest("by hand", "digest-1", [Chunk({"trades": pl.DataFrame(trade)})]).rows
    {'trades': 1}
    >>> store.trades("A").select("price", "size").collect().rows()
    [(5600, 300)]
    """

    def __init__(self, path: str | Path = "data") -> None:
        self._place = place_at(path)
        self._ledger = Ledger(self._place)
        self._markets: tuple[str, pl.DataFrame] | None = None

    @property
    def path(self) -> str:
        """Where the store is."""
        return self._place.root

    def __repr__(self) -> str:
        return f"Store({self.path!r})"

    def ingest(self, source: str, digest: str, chunks: Chunks, *, label: str = "") -> ImportReport:
        """Bring rows in, all or nothing, and say what came.

        ``digest`` stands for the content and the options it was read with: what was imported once is not imported
        again. ``chunks`` is what an importer gives, or a function from the number of chunks to skip to the rest of
        them: a killed import goes on where it was. ``label`` is a word on the source for people, such as its format.
        """
        from .ingest.ingest import Origin

        return self.ingest_file(Origin(source, digest, label), chunks)

    def ingest_file(self, origin: Origin, chunks: Chunks) -> ImportReport:
        """Bring rows in as ``ingest`` does, of a source of which more is known."""
        from .ingest.ingest import ingest

        return ingest(self._place, self._ledger, origin, chunks)

    def records(self, label: str | None = None) -> list[ImportRecord]:
        """What is written down of the imports with a label, or of all, in order; nothing if there is no store."""
        return [record for record in self._ledger.state().imports if label in (None, record.label)]

    def ingest_small(self, sources: Sequence[SmallSource]) -> list[ImportReport]:
        """Bring many small sources in together, each all or nothing, and say what came of each.

        A kill loses what this call read. If a source cannot be read, those before it are stored and it raises.
        """
        from .ingest.grouping import ingest_small

        return ingest_small(self._place, self._ledger, sources)

    def trades(self, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None) -> pl.LazyFrame:
        """Trades with start <= ts < end; each ticker's rows in order of time."""
        return self.table("trades", ticker, start, end)

    def book(self, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None) -> pl.LazyFrame:
        """Book snapshots and changes with start <= ts < end; each ticker's rows in order of time."""
        return self.table("book", ticker, start, end)

    def quotes(self, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None) -> pl.LazyFrame:
        """Best bids and asks with start <= ts < end; each ticker's rows in order of time."""
        return self.table("quotes", ticker, start, end)

    def underlying(
        self, symbol: Tickers = None, start: Moment | None = None, end: Moment | None = None
    ) -> pl.LazyFrame:
        """Values of underlyings with start <= ts < end; each symbol's rows in order of time."""
        return self.table("underlying", symbol, start, end)

    def bars(
        self, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None, *, seconds: int = 60
    ) -> pl.DataFrame:
        """Bars of trades with start <= ts < end, in order of ticker and time; times without a trade have none.

        A bar begins at its ``ts``, a multiple of ``seconds`` since 1970. ``volume`` is in lots, block trades included.
        """
        from .bars import bars

        if not 1 <= seconds <= 10**9:
            raise InputError(f"bars last from 1 second on, not {seconds}")
        tickers, (low, high) = _tickers(ticker), _span(start, end)
        files = self._state().select("trades", tickers, low, high)
        return bars(self._place, files, tickers, low, high, seconds * NS_PER_SECOND)

    def table(
        self, name: str, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None
    ) -> pl.LazyFrame:
        """Rows of any table as they are stored; ``underlying`` takes symbols for tickers."""
        table, tickers = _table(name), _tickers(ticker)
        low, high = _span(start, end)
        files = self._state().select(name, tickers, low, high)
        return scan(self._place, table, files, tickers, low, high)

    def markets(self, where: str | None = None, history: bool = False, *, ticker: Tickers = None) -> pl.LazyFrame:
        """Markets as last known, one row a ticker; ``history``: one row for each time from which something held.

        Where imports disagree the later one holds, but a value is never hidden by a later missing one.
        ``where`` is a condition in SQL: ``"category = 'Weather' and result is not null"``.
        """
        frame, tickers = self._merged_markets(), _tickers(ticker)
        if tickers is not None:
            frame = frame.filter(pl.col("ticker").is_in(tickers))
        if not history:
            frame = merged(frame.lazy(), ("ticker",)).collect()
        if where is not None:
            from .sql import run_sql

            frame = run_sql(f"SELECT * FROM markets WHERE {where}", self._place, StoreState(), {"markets": frame})
        return frame.lazy()

    def programs(self, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None) -> pl.LazyFrame:
        """Incentive programs whose period touches start … end, one row an id, as last told.

        ``first_seen`` and ``last_seen`` are those of all that was told of it.
        """
        low, high = _span(start, end)
        if not self._state().select(PROGRAMS.name, _tickers(ticker), None, None):
            return pl.LazyFrame(schema=PROGRAMS.columns)  # of most markets: nothing is read nor merged
        from .programs import as_last_told

        return as_last_told(self.table(PROGRAMS.name, ticker), low, high)

    def sql(self, query: str) -> pl.DataFrame:
        """Run a query over the tables; it can read them and nothing else.

        ``markets`` has one row a ticker, ``markets_history`` all that held when.
        """
        from .sql import run_sql

        state = self._state()
        frames: dict[str, pl.DataFrame] = {}
        if "markets" in query.lower():
            history = self._merged_markets()
            frames = {"markets_history": history, "markets": merged(history.lazy(), ("ticker",)).collect()}
        return run_sql(query, self._place, state, frames)

    def tickers(self, table: str = "trades") -> list[str]:
        """The tickers (or symbols) that have rows in a table, in order."""
        who = _table(table).sort[0]
        return self.table(table).select(pl.col(who).unique().sort()).collect().get_column(who).to_list()

    def coverage(self, *, series: str | None = None, like: str | None = None) -> pl.DataFrame:
        """List markets with their rows in each table, the ``start`` and ``end`` of their history (ns) and its gaps.

        ``series`` is that of their facts or of their tickers, ``like`` a pattern of SQL (``"KXHIGHNY-25JUN%"``).
        ``listed`` says whether ``markets`` has facts about them, and ``gaps`` counts the GAP rows of their books.
        """
        from .coverage import coverage

        return coverage(self.markets(), self.table, series, like)

    def imports(self) -> list[ImportReport]:
        """What was imported, in order."""
        from .ingest.ingest import report_of

        return [report_of(self._place, record, new=False) for record in self._state().imports]

    def brought(self, import_id: str) -> pl.DataFrame:
        """Count the rows of an import by ``table`` and ``ticker``: ``rows``, and ``start`` and ``end`` in ns."""
        from .forgetting import brought, find

        state = self._state()
        return brought(self._place, state, find(state, import_id))

    def forget(self, import_id: str, *, dry_run: bool = False) -> Forgotten:
        """Take an import back: all of its rows or, after a kill, none; ``dry_run`` only says what would go.

        The same file can be imported again afterwards. Rows that later imports left out as stored already go too.
        """
        from .forgetting import forget

        self._state()
        return forget(self._place, self._ledger, import_id, dry_run=dry_run)

    def version(
        self, table: str, ticker: Tickers = None, start: Moment | None = None, end: Moment | None = None
    ) -> str:
        """A hash that changes if, and only if, the committed files that may hold such rows change."""
        _table(table)
        return fingerprint(self._state().select(table, _tickers(ticker), *_span(start, end)))

    def compact(self, progress: Progress | None = None, *, keep_seconds: float = KEEP_SECONDS) -> CompactReport:
        """Merge small and overlapping files; the rows stay as they are, and so do frames that were asked for before.

        ``progress`` is called with rows done and rows in all. What is replaced is kept for ``keep_seconds`` and
        removed by a later compaction.
        """
        from .compaction import compact

        self._state()
        return compact(self._place, self._ledger, progress, keep_seconds)

    def check_files(self, step: Progress = silent) -> list[FileState]:
        """Read every byte of the store and compare it with its checksum; ``step`` hears of bytes done and in all."""
        self._state()
        return check_files(self._place, self._ledger, step)

    def tables(self) -> list[TableSize]:
        """What each table holds, read from the manifests alone."""
        state = self._state()
        return [_size(table, state.files.get(name, ())) for name, table in TABLES.items()]

    def _state(self) -> StoreState:
        state = self._ledger.state()
        if not state.number and not self._place.exists():
            raise InputError(
                f"there is no store at {self.path}; import something into it first: engine data import PATH"
            )
        return state

    def _merged_markets(self) -> pl.DataFrame:
        files = self._state().files.get(MARKETS.name, ())
        version = fingerprint(files)
        if self._markets is None or self._markets[0] != version:
            rows = scan(self._place, MARKETS, files)
            frame = merged(rows, MARKETS.key).sort(MARKETS.sort).select(MARKETS.schema.names()).collect()
            self._markets = (version, frame)
        return self._markets[1]


def _table(name: str) -> StoredTable:
    if name not in TABLES:
        raise InputError(f"there is no table {name!r}; there are {', '.join(TABLES)}")
    return TABLES[name]


def _size(table: StoredTable, files: Sequence[StoredFile]) -> TableSize:
    timed = files if table.day else ()
    return TableSize(
        name=table.name,
        rows=sum(file.rows for file in files),
        files=len(files),
        size=sum(file.size for file in files),
        start=min((file.low[0] for file in timed), default=None),
        end=max((file.high[0] for file in timed), default=None),
    )


def _tickers(ticker: Tickers) -> list[str] | None:
    if ticker is None:
        return None
    return [ticker] if isinstance(ticker, str) else list(ticker)


def _span(start: Moment | None, end: Moment | None) -> tuple[int | None, int | None]:
    return (
        None if start is None else nanoseconds(start, "start"),
        None if end is None else nanoseconds(end, "end"),
    )
