"""What the recorder records from: the stream, or order books read again and again."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from .stream.books import StreamBooks
from .stream.stream import Gap, Message


class BookSource(Protocol):
    """Gives messages and gaps of chosen markets, in order."""

    books: StreamBooks

    @property
    def ready(self) -> bool:
        """Whether every wanted market has a book to trust."""
        ...

    def want(self, tickers: Iterable[str]) -> None:
        """Follow these markets too."""
        ...

    def drop(self, tickers: Iterable[str]) -> None:
        """Stop following these markets."""
        ...

    def poll(self, timeout: float) -> list[Message | Gap]:
        """What came, waiting up to ``timeout`` seconds."""
        ...

    def close(self) -> None:
        """Let go."""
        ...
