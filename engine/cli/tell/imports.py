"""What `engine data import` says for people: a line a file for few files, a line a format for many, each note once."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..console import emit_table, say, spelled

if TYPE_CHECKING:
    from ....io.importers.importing import Imported
    from ...api.data import ImportedFiles

#: Up to so many files have a line each.
_EACH = 20
#: What a note may say differently of each file without becoming another note.
_VALUES = re.compile(r"'[^']*'|\"[^\"]*\"|\S*\d\S*|(?<= is )[A-Z][\w.-]*")
_REASONS = 10


def as_json(found: ImportedFiles) -> dict[str, Any]:
    """Return what came of an import as plain values."""
    skipped = [{"path": str(path), "reason": spelled(reason)} for path, reason in found.skipped]
    return {"imports": [_document(one) for one in found.imported], "skipped": skipped}


def tell(found: ImportedFiles) -> None:
    """Print what came of an import."""
    done, aside = found.imported, found.skipped
    rows = _rows_by_file(done) if len(done) <= _EACH else _rows_by_format(done)
    what = "file" if len(done) <= _EACH else "files"
    emit_table("imported", (what, "format", "table", "rows", "stored already", "quarantined", ""), rows)
    names = [Path(one.recognised.name).name for one in done]
    pairs = list(zip(names, done, strict=True))
    for who, _, fact in grouped((name, fact, 0) for name, one in pairs for fact in one.facts):
        say(f"{who}: {fact}")
    for who, count, note in grouped((name, note, count) for name, one in pairs for note, count in one.notes.items()):
        say(f"{who}: {count:,} {note}")
    reasons = ((name, why, count) for name, one in pairs for why, count in one.reasons.most_common(_REASONS))
    for who, count, reason in grouped(reasons):
        say(f"{who}: quarantined {count:,}{' such as' if count > 1 else ''}: {reason}")
    kept = [(name, one.report.quarantine) for name, one in pairs if one.report.quarantine and one.report.quarantined]
    if len(kept) > 1:
        say(f"the quarantined rows of {len(kept):,} files are in {Path(str(kept[0][1])).parent}")
    for name, where in kept if len(kept) == 1 else ():
        say(f"{name}: the quarantined rows are in {where}")
    for who, _, reason in grouped((str(path), reason, 0) for path, reason in aside):
        say(f"skipped {who}: {reason}")


def grouped(notes: Iterable[tuple[str, str, int]]) -> Iterator[tuple[str, int, str]]:
    """Bring notes of one kind, of files by name, together: who says it, how often in all, and what.

    >>> list(grouped([("a.csv", "repeated frames left out", 2), ("b.csv", "repeated frames left out", 3)]))
    [('2 files', 5, 'repeated frames left out')]
    """
    kinds: dict[str, list[tuple[str, str, int]]] = {}
    for name, text, count in notes:
        kinds.setdefault(_VALUES.sub("…", text), []).append((name, text, count))
    for kind, listed in kinds.items():
        name, text, _ = listed[0]
        texts, total = {text for _, text, _ in listed}, sum(count for _, _, count in listed)
        files = len({name for name, _, _ in listed})
        if files == 1:
            yield from ((name, count, text) for name, text, count in listed)
        elif len(texts) == 1:
            yield f"{files:,} files", total, text
        else:
            yield f"{files:,} files", total, f"{kind} (such as {name}: {text})"


def _rows_by_file(done: list[Imported]) -> Iterator[tuple[object, ...]]:
    for one in done:
        report = one.report
        state = "" if report.new else "imported before; nothing changed"
        for table, count in (report.rows or {"": 0}).items():
            stored = report.duplicates.get(table, 0) if table else sum(report.duplicates.values())
            quarantined = report.quarantined
            yield (
                Path(one.recognised.name).name,
                one.recognised.importer.name,
                table,
                count,
                stored,
                quarantined,
                state,
            )


def _rows_by_format(done: list[Imported]) -> Iterator[tuple[object, ...]]:
    """A line a format and table, and one for what was imported before."""
    files, rows, stored = Counter[tuple[str, str]](), Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    quarantined, before = Counter[str](), Counter[str]()
    for one in done:
        report, format = one.report, one.recognised.importer.name
        if not report.new:
            before[format] += 1
            continue
        quarantined[format] += report.quarantined
        for table in {**report.rows, **report.duplicates} or {"": 0}:
            files[format, table] += 1
            rows[format, table] += report.rows.get(table, 0)
            stored[format, table] += report.duplicates.get(table, 0)
    for (format, table), count in files.items():
        yield (count, format, table, rows[format, table], stored[format, table], quarantined[format], "")
    for format, count in before.items():
        yield (count, format, "", 0, 0, 0, "imported before; nothing changed")


def _document(one: Imported) -> dict[str, Any]:
    report = one.report
    return {
        "path": one.recognised.name,
        "format": one.recognised.importer.name,
        "why": spelled(one.recognised.why),
        "import_id": report.import_id,
        "new": report.new,
        "resumed": report.resumed,
        "rows": report.rows,
        "duplicates": report.duplicates,
        "quarantined": report.quarantined,
        "reasons": {spelled(reason): count for reason, count in one.reasons.items()},
        "quarantine": report.quarantine,
        "notes": dict(one.notes),
        "facts": [spelled(fact) for fact in one.facts],
        "tickers": report.tickers,
        "start": report.start,
        "end": report.end,
        "seconds": round(report.seconds, 3),
    }
