"""What people name as their data: a store, or a folder with the files they have, read into a store for the run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ....io.ground.progress import Progress
from ....io.store.store import Store
from .scratch import Scratch


@dataclass(frozen=True)
class Opened:
    """A store to read, and what was left out on the way into it. ``folder`` keeps a temporary one alive."""

    store: Store
    notes: tuple[str, ...] = ()
    folder: Scratch | None = None


def open_history(data: str | Path | Store, progress: Progress | None = None) -> Opened:
    """Open a store, or bring a folder with ``markets.csv`` and ``trades.csv`` into a temporary one first."""
    if isinstance(data, Store):
        return Opened(data)
    path = Path(str(data))
    if str(data).startswith("s3://") or not path.is_dir() or not any(path.glob("*.csv*")):
        return Opened(Store(data))
    from ....io.importers.base import Options
    from ....io.importers.importing import import_file, plan

    folder = Scratch("store-")
    store, options, notes = Store(folder.path), Options(), []
    known, aside = plan([path], options)
    for done, recognised in enumerate(known, 1):
        made = import_file(store, recognised, options)
        if made.report.quarantined:
            reason, count = made.reasons.most_common(1)[0]
            notes.append(
                f"{recognised.path}: {made.report.quarantined:,} rows cannot be used, {count:,} of them: {reason}"
            )
        if progress is not None:
            progress(done, len(known))
    notes += [f"{file} was not read: {reason}" for file, reason in aside]
    return Opened(store, tuple(notes), folder)
