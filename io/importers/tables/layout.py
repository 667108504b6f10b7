"""A format whose rows stand alone: names for its columns, and a function from source rows to table rows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ...store.chunk import BadRow, Chunk
from ..base import Options, Sample
from ..values.beginning import sample_of
from ..values.convert import SourceRows
from ..values.flat import Batch, batches

#: Decides something from the first rows of a file, once (its price unit): what it returns is given to every batch.
Decide = Callable[[SourceRows], Mapping[str, str]]


@dataclass(frozen=True)
class Layout:
    """A flat format: the columns that mark it, and what its rows mean."""

    name: str
    title: str
    needs: tuple[tuple[str, ...], ...]  #: each group needs one of its columns
    convert: Callable[[SourceRows, Mapping[str, str]], None]
    decide: Decide = lambda rows: {}
    facts: tuple[str, ...] = ()  #: what is always decided about such files
    integers: tuple[str, ...] = ()  #: columns that can only mean numbers

    def recognises(self, sample: Sample) -> str | None:
        """Say why the file is of this format, or None."""
        if self.lacks(sample):
            return None
        found = [next(name for name in group if name in sample.columns) for group in self.needs]
        return f"columns {', '.join(found)}"

    def lacks(self, sample: Sample) -> set[str]:
        """Columns the format needs and the file does not have, each as its first name."""
        return self.missing(sample.columns)

    def missing(self, columns: Collection[str]) -> set[str]:
        """Which needs these columns leave open, each as its first name."""
        return {group[0] for group in self.needs if not any(name in columns for name in group)}

    def beside(self, path: Path) -> list[Path]:
        """Files that are read together with this one."""
        return []

    def read(self, path: Path, options: Options, skip: int = 0) -> Iterator[Chunk]:
        """Read the file chunk by chunk, leaving out the first ``skip`` chunks."""
        renames = {column: name for name, column in options.columns.items()}
        decided: Mapping[str, str] | None = None
        facts: list[str] = list(self.facts)
        for index, read in enumerate(batches(sample_of(path, options), renames, self.integers)):
            if decided is not None and index < skip:
                continue
            batch = read()
            if decided is None:
                decided = self.decide(SourceRows(batch.frame, options, facts, path))
            if index >= skip:
                yield self._chunk(path, batch, options, decided, facts, first=index == 0)
                facts.clear()

    def head(self, batch: Batch, options: Options, decided: Mapping[str, str]) -> dict[str, pl.DataFrame]:
        """Turn the beginning of a file into rows; what cannot be read is left out."""
        rows = SourceRows(batch.frame, options)
        self.convert(rows, decided)
        return rows.tables()

    def _chunk(
        self, path: Path, batch: Batch, options: Options, decided: Mapping[str, str], facts: list[str], *, first: bool
    ) -> Chunk:
        rows = SourceRows(batch.frame, options, facts, path)
        self.convert(rows, decided)
        if rows.bad.any() and batch.careful is not None:
            batch = batch.careful()
            rows = SourceRows(batch.frame, options, facts, path)
            self.convert(rows, decided)
        unused = [name for name in batch.frame.columns if name not in rows.used]
        if first and unused:
            rows.say(f"columns not used: {', '.join(unused)}")
        refused = [BadRow(batch.lines[row], reason, batch.raw(row)) for row, reason in rows.reasons.items()]
        return Chunk(rows.tables(), sorted([*batch.bad, *refused], key=lambda bad: bad.line), {}, list(facts))
