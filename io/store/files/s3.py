"""A store in an S3 bucket (extra ``s3``); credentials, region and endpoint come from the usual AWS variables."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from ...ground.checksums import checksum
from ...ground.errors import InputError
from .place import Written, own_name

if TYPE_CHECKING:
    import polars as pl


class S3Place:
    """A prefix in a bucket. A PUT is all-or-nothing, so a manifest's PUT is the commit."""

    exclusive = False

    def __init__(self, url: str) -> None:
        try:
            import s3fs
        except ImportError:
            raise InputError('stores at s3:// need the extra s3: pip install "touchline[s3]"') from None
        self._stamps: dict[str, str] = {}
        self.root = url.rstrip("/")
        if not self.root.removeprefix("s3://"):
            raise InputError(f"a store at S3 is s3://bucket/prefix, not {url!r}")
        endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
        self.filesystem: Any = s3fs.S3FileSystem(endpoint_url=endpoint, use_listings_cache=False)
        self.storage_options: dict[str, Any] | None = (
            {"aws_endpoint_url": endpoint, "aws_allow_http": "true"} if endpoint else None
        )

    def url(self, name: str) -> str:
        """The object's address."""
        return f"{self.root}/{own_name(self.root, name)}"

    def exists(self) -> bool:
        """Whether there is a manifest."""
        return bool(self.names("manifests"))

    def names(self, folder: str) -> list[str]:
        """Names of the objects in a folder, in order."""
        return self._list(folder, "file")

    def leftovers(self, folder: str) -> list[str]:
        """None: an object is there whole or not at all."""
        return []

    def folders(self, folder: str) -> list[str]:
        """Names of the folders in a folder, in order."""
        return self._list(folder, "directory")

    def read(self, name: str) -> bytes:
        """An object's bytes."""
        return self.filesystem.cat_file(self.url(name))

    def put(self, name: str, data: bytes) -> None:
        """One PUT."""
        self._stamps.pop(name, None)
        try:
            with self._explained():
                self.filesystem.pipe_file(self.url(name), data)
        except FileNotFoundError as error:
            raise InputError(f"cannot write to {self.root}: {error}") from None

    def create(self, name: str, data: bytes) -> bool:
        """One conditional PUT: the server refuses it if the name is taken."""
        try:
            with self._explained():
                self.filesystem.pipe_file(self.url(name), data, mode="create")
        except FileExistsError:
            return False
        return True

    def put_frame(self, name: str, frame: pl.DataFrame, row_group: int) -> Written:
        """Write a frame as one Parquet object."""
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd", row_group_size=row_group)
        content = buffer.getvalue()
        self.put(name, content)
        return Written(len(content), checksum(content))

    def stamp(self, name: str) -> str:
        """Size and entity tag of the object, asked for once in the life of a process: objects are never changed."""
        if name not in self._stamps:
            with self._explained():
                found = self.filesystem.info(self.url(name), refresh=True)
            self._stamps[name] = f"{found['size']} {found.get('ETag')}"
        return self._stamps[name]

    def checksum(self, name: str) -> str:
        """The checksum of the object's bytes."""
        with self._explained():
            return checksum(self.read(name))

    def remove(self, names: Iterable[str]) -> None:
        """Remove objects that may be gone already."""
        for name in names:
            self._stamps.pop(name, None)
            try:
                self.filesystem.rm_file(self.url(name))
            except FileNotFoundError:
                continue

    @contextmanager
    def lock(self, holder: str, waiting: Callable[[str], None]) -> Iterator[None]:
        """S3 has no locks: of two writers the one that commits second is told to run again."""
        yield

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn a refusal, a missing key or an unreachable server into one line."""
        from botocore.exceptions import BotoCoreError

        try:
            yield
        except (FileExistsError, FileNotFoundError):
            raise
        except (OSError, BotoCoreError) as error:
            raise InputError(f"cannot use {self.root}: {error or type(error).__name__}") from None

    def _list(self, folder: str, kind: str) -> list[str]:
        try:
            with self._explained():
                listed = self.filesystem.ls(self.url(folder), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        return sorted(f"{folder}/{entry['name'].rsplit('/', 1)[1]}" for entry in listed if entry["type"] == kind)
