"""What every importer is: options and a file in, chunks of rows in the store's schemas out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from ..store.chunk import Chunk


@dataclass(frozen=True)
class Options:
    """What a user can say about a file that does not say it itself."""

    format: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)  #: our name -> the file's column (``--map``)
    tz: str | None = None  #: zone of times that carry none; None: UTC, or the format's own
    price_unit: str | None = None  #: "cents" or "dollars"; None: decided from the file
    size_unit: str = "contracts"  #: "contracts" or "lots"
    grid: str | None = None  #: price grid every price must stand on, and the one written to ``markets``
    ticker: str | None = None  #: for files that do not name their market
    underlying: str | None = None  #: symbol of the underlying's rows
    use_yes_price: bool | None = None  #: WebSocket captures: NO levels are in YES prices
    unit_beside: str | None = field(
        default=None, repr=False
    )  #: the folder's price unit, for a file that leaves it open


@dataclass(frozen=True)
class Sample:
    """The beginning of a file: what a recogniser looks at."""

    path: Path
    container: str  #: "csv", "jsonl", "parquet", or "json" for one object over several lines
    columns: tuple[str, ...]  #: header, keys of the first records, or Parquet schema; after ``--map``
    records: tuple[Mapping[str, object], ...] = ()  #: the first records of a JSON lines file


class Importer(Protocol):
    """A format: recognises its files, and reads them in bounded memory."""

    @property
    def name(self) -> str:
        """What ``--format`` calls it."""
        ...

    @property
    def title(self) -> str:
        """One line for people."""
        ...

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        ...

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have."""
        ...

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        ...

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the file chunk by chunk, leaving out the first ``skip`` chunks."""
        ...
