"""The sample day: a synthetic market day in the exchange's own shapes, the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..ground import atomic
from ..ground.errors import InputError

if TYPE_CHECKING:
    from ..store.store import Store
    from .plan import Day


#: Recordings a day has, which is how often ``step`` is called.
RECORDINGS = 5
#: Recording -> symbol of the ticks that its contracts follow.
FOLLOWS = {"inx": "SYNSPX", "inxu": "SYNSPX", "btc15m": "SYNBTC"}


def make(seed: int, scale: float, out: str | Path, step: Callable[[str], None] = lambda done: None) -> list[Path]:
    """Write the day of a seed into a folder and return its files; ``scale`` 1 has over a million frames.

    >>> import tempfile
    >>> [path.name for path in make(7, 0.001, tempfile.mkdtemp())][:4]
    ['series.json', 'events.json', 'underlying.csv', 'inx.markets-before.json']
    """
    from . import capture, rest
    from .plan import day
    from .programs import programs

    if not 0.001 <= scale <= 100:
        raise InputError(f"scale={scale}: expected a number from 0.001 to 100; 1 gives about a million frames")
    if not 0 <= seed < 2**40:
        raise InputError(f"seed={seed}: expected a whole number from 0 to {2**40 - 1}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = day(seed, scale)
    played: list[capture.Played] = []
    written = [_underlying(drawn, folder / "underlying.csv")]
    for recording in drawn.recordings:
        first = seed * 1_000 + len(played)
        group = [capture.play(contract, first + n) for n, contract in enumerate(recording.contracts)]
        path = folder / f"{recording.name}.capture.jsonl"
        frames = capture.write(recording, group, path, seed)
        lists = [
            rest.write_json(
                folder / f"{recording.name}.markets-{when}.json", rest.markets(group, after=when == "after")
            )
            for when in ("before", "after")
        ]
        written += [lists[0], path, lists[1]]
        played += group
        step(f"{path.name}: {frames:,} frames")
    about = [
        rest.write_json(folder / "series.json", rest.series(played)),
        rest.write_json(folder / "events.json", rest.events(played)),
    ]
    written.append(rest.write_json(folder / "programs.json", programs([one.contract for one in played])))
    return [*about, *written]


def load(store: Store, files: list[Path], step: Callable[[str], None] = lambda done: None) -> dict[str, int]:
    """Import the files of `make` like any others; return the new rows of each table.

    The exchange does not say which series of ticks a market follows, so that is told as a user would tell it.
    """
    from ..importers.base import Options
    from ..importers.importing import import_file, plan

    rows: dict[str, int] = {}
    for path in files:
        options = Options(underlying=FOLLOWS.get(path.name.split(".")[0]) if ".markets-" in path.name else None)
        known, _ = plan([path], options)
        for table, count in import_file(store, known[0], options, strict=True).report.rows.items():
            rows[table] = rows.get(table, 0) + count
        step(path.name)
    return rows


def _underlying(drawn: Day, path: Path) -> Path:
    """Write the underlyings' ticks, one a second, merged in order of time."""
    lines = sorted(
        (start + second, symbol, value)
        for symbol, (start, values) in drawn.underlyings.items()
        for second, value in enumerate(values.tolist())
    )
    text = "".join(f"{ts}000000000,{symbol},{value // 100}.{value % 100:02d}\n" for ts, symbol, value in lines)
    return atomic.write(path, "ts,symbol,value\n" + text)
