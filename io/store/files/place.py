"""What a place for a store's files can do, whether a local folder or a prefix in an S3 bucket."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from ...ground.errors import InputError
from ...ground.names import is_inside

if TYPE_CHECKING:
    import polars as pl


class Written(NamedTuple):
    """A file that was written: bytes and checksum."""

    size: int
    checksum: str


class Place(Protocol):
    """A folder of named files whose writes are all-or-nothing; names use ``/`` and are relative to the root."""

    root: str
    storage_options: dict[str, Any] | None
    exclusive: bool  # whether the lock keeps other writers out
    filesystem: Any  # what DuckDB reads through, if it cannot by itself

    def url(self, name: str) -> str:
        """What Polars and DuckDB open."""
        ...

    def exists(self) -> bool:
        """Whether anything has been written here."""
        ...

    def names(self, folder: str) -> list[str]:
        """Names of the files in a folder, in order; none if there is no such folder."""
        ...

    def leftovers(self, folder: str) -> list[str]:
        """Names of files in a folder that a killed writer did not finish."""
        ...

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, in order."""
        ...

    def read(self, name: str) -> bytes:
        """A file's bytes; FileNotFoundError if it is not there."""
        ...

    def put(self, name: str, data: bytes) -> None:
        """Write a whole file, durable on return, seen by readers all at once."""
        ...

    def create(self, name: str, data: bytes) -> bool:
        """Like ``put``, but False and nothing written if the name is taken."""
        ...

    def put_frame(self, name: str, frame: pl.DataFrame, row_group: int) -> Written:
        """Write a frame as Parquet, durable on return; gives its size and checksum."""
        ...

    def stamp(self, name: str) -> str:
        """What changes when a file does; FileNotFoundError if it is not there."""
        ...

    def checksum(self, name: str) -> str:
        """The checksum of a file's bytes, all of which are read for it."""
        ...

    def remove(self, names: Iterable[str]) -> None:
        """Remove files; those that are gone already are no error."""
        ...

    @contextmanager
    def lock(self, holder: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """Be the only writer; ``waiting`` is called with the present holder if there is one."""
        ...


def own_name(root: str, name: str) -> str:
    """Return a file's name, or raise if it leads out of the store: a stranger's manifest may name anything."""
    if not is_inside(name):
        raise InputError(f"the store {root} names the file {name!r}, which is not in it: do not use this store")
    return name
