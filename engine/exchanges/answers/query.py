"""Query parameters and pages, as the exchange reads and writes them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from typing import TypeVar

from ....io.ground.units import NS_PER_SECOND
from ..wire import bad_query

Row = TypeVar("Row")
_NUMBER = re.compile(r"-?[0-9]{1,20}\Z")


class Query:
    """The parameters of one request."""

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def text(self, name: str) -> str | None:
        """The first value of a name; empty counts as absent."""
        return next((value for key, value in self._pairs if key == name and value), None)

    def number(self, name: str, low: int = 0, high: int = 1 << 53) -> int | None:
        """A whole number within bounds."""
        text = self.text(name)
        if text is None:
            return None
        if not _NUMBER.match(text) or not low <= int(text) <= high:
            raise bad_query(f"invalid parameter {name}: expected a whole number from {low} to {high}")
        return int(text)

    def seconds(self, name: str) -> int | None:
        """A time in Unix seconds, as nanoseconds."""
        value = self.number(name)
        return None if value is None else value * NS_PER_SECOND

    def flag(self, name: str) -> bool | None:
        """A boolean."""
        text = self.text(name)
        if text is None:
            return None
        if text.lower() not in ("true", "false", "1", "0"):
            raise bad_query(f"invalid parameter {name}: expected true or false")
        return text.lower() in ("true", "1")

    def word(self, name: str, allowed: Sequence[str]) -> str | None:
        """A word of a closed list."""
        text = self.text(name)
        if text is not None and text not in allowed:
            raise bad_query(f"invalid parameter {name}: expected one of {', '.join(allowed)}")
        return text

    def commas(self, name: str, most: int = 1000) -> list[str]:
        """A list with commas."""
        listed = [part for part in (self.text(name) or "").split(",") if part]
        if len(listed) > most:
            raise bad_query(f"invalid parameter {name}: at most {most} values")
        return listed

    def repeated(self, name: str, most: int = 100) -> list[str]:
        """A list by repeating the parameter."""
        listed = [value for key, value in self._pairs if key == name and value]
        if len(listed) > most:
            raise bad_query(f"invalid parameter {name}: at most {most} values")
        return listed

    @property
    def cursor(self) -> str:
        """What the cursor of the last page said; garbage is no cursor, silently."""
        try:
            return base64.urlsafe_b64decode(self.text("cursor") or "").decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            return ""


def cursor_of(mark: str) -> str:
    """Write a cursor.

    >>> Query([("cursor", cursor_of("A-1"))]).cursor
    'A-1'
    """
    return base64.urlsafe_b64encode(mark.encode()).decode()


def page(
    rows: Sequence[tuple[str, Row]], query: Query, default: int, most: int, least: int = 1
) -> tuple[list[Row], str]:
    """Cut the page after the cursor out of marked rows; the cursor of the last page is empty."""
    limit = query.number("limit", least, most)
    limit = default if limit is None else limit
    mark = query.cursor
    start = 0
    if mark:
        start = next((number + 1 for number, (key, _) in enumerate(rows) if key == mark), 0)
    chosen = rows[start : start + limit]
    more = start + limit < len(rows) and bool(chosen)
    return [row for _, row in chosen], cursor_of(chosen[-1][0]) if more else ""
