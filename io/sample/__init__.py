"""The sample day: a synthetic market day in the exchange's own shapes, the same bytes for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    from .plan import Day


#: Recordings a day has, which is how often ``step`` is called.
RECORDINGS = 5


def make(seed: int, scale: float, out: str | Path, step: Callable[[str], None] = lambda done: None) -> list[Path]:
    """Write the day of a seed into a folder and return its files; ``scale`` 1 has over a million frames.

    >>> import tempfile
    >>> [path.name for path in make(7, 0.001, tempfile.mkdtemp())][:3]
    ['series.json', 'events.json', 'markets-before.json']
    """
    from . import capture, rest
    from .plan import day

    if not 0.001 <= scale <= 100:
        raise InputError(f"--scale {scale}: expected a number from 0.001 to 100; 1 gives about a million frames")
    if not 0 <= seed < 2**40:
        raise InputError(f"--seed {seed}: expected a whole number from 0 to {2**40 - 1}")
    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    drawn = day(seed, scale)
    played: list[capture.Played] = []
    captures: list[Path] = []
    for recording in drawn.recordings:
        group = [
            capture.play(contract, seed * 1_000 + len(played) + n) for n, contract in enumerate(recording.contracts)
        ]
        path = folder / f"{recording.name}.capture.jsonl"
        frames = capture.write(recording, group, path, seed)
        played += group
        captures.append(path)
        step(f"{path.name}: {frames:,} frames")
    return [
        rest.write_json(folder / "series.json", rest.series(played)),
        rest.write_json(folder / "events.json", rest.events(played)),
        rest.write_json(folder / "markets-before.json", rest.markets(played, after=False)),
        rest.write_json(folder / "markets-after.json", rest.markets(played, after=True)),
        _underlying(drawn, folder / "underlying.csv"),
        *captures,
    ]


def _underlying(drawn: Day, path: Path) -> Path:
    """Write the underlyings' ticks, one a second, merged in order of time."""
    lines = sorted(
        (start + second, symbol, value)
        for symbol, (start, values) in drawn.underlyings.items()
        for second, value in enumerate(values.tolist())
    )
    text = "".join(f"{ts}000000000,{symbol},{value // 100}.{value % 100:02d}\n" for ts, symbol, value in lines)
    beside = path.with_suffix(".part")
    beside.write_text("ts,symbol,value\n" + text, encoding="utf-8")
    beside.replace(path)
    return path
