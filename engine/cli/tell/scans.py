"""Candidate markets in words for a person, in as many columns as the terminal has room for."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from ....io.kalshi.rest.wire import write_time
from ....io.kalshi.scan import Candidate
from ...figures.words import percent, usd
from ..console import emit_table

if TYPE_CHECKING:
    from ...runs.reward_scan import RewardCandidate

_SCAN_COLUMNS = (
    "ticker", "bid", "ask", "spread", "bid size", "ask size", "volume 24h", "volume 1h", "high 1h", "low 1h",
    "volatility", "closes", "score",
)  # fmt: skip


#: What a narrow terminal does without, the first first.
_SPARE_COLUMNS = ("closes", "bid size", "ask size", "high 1h", "low 1h", "volume 24h", "volatility", "spread")


def _fitting(
    columns: Sequence[str], rows: Sequence[Sequence[object]], width: int | None = None
) -> tuple[Sequence[str], list[tuple[object, ...]]]:
    """Leave out columns until a table fits the terminal.

    >>> _fitting(("ticker", "closes", "score"), [("KXA", "2026-10-06", 1.5)], 20)
    (('ticker', 'score'), [('KXA', 1.5)])
    """
    width = width or shutil.get_terminal_size().columns
    left = dict.fromkeys(columns)
    wide = {name: max(len(str(cell)) for cell in (name, *cells)) for name, *cells in zip(columns, *rows, strict=True)}
    for spare in _SPARE_COLUMNS:
        if sum(wide[name] + 3 for name in left) <= width:
            break
        left.pop(spare, None)
    kept = [number for number, name in enumerate(columns) if name in left]
    return tuple(left), [tuple(row[number] for number in kept) for row in rows]


def document(found: Sequence[Candidate]) -> dict[str, object]:
    """Candidates as a program reads them."""
    return {"candidates": [as_json(one) for one in found]}


def as_json(one: Candidate) -> dict[str, object]:
    """A candidate in cents and contracts."""

    def cents(ticks: float | None) -> float | None:
        return None if ticks is None else round(ticks / 100, 2)

    return {
        "ticker": one.ticker,
        "bid": cents(one.bid),
        "ask": cents(one.ask),
        "spread": cents(one.spread),
        "bid_size": one.bid_size / 100,
        "ask_size": one.ask_size / 100,
        "volume_24h": one.volume_24h / 100,
        "volume_1h": one.volume_1h / 100,
        "high_1h": cents(one.high_1h),
        "low_1h": cents(one.low_1h),
        "volatility": cents(one.volatility),
        "closes": write_time(one.closes) if one.closes else None,
        "score": round(one.score, 3),
    }


def tell(found: Sequence[Candidate], top: int, again: bool) -> None:
    """Print the best candidates; ``again`` puts them where the ones before stood."""
    on_terminal = sys.stdout.isatty()
    if again and on_terminal:
        sys.stdout.write("\x1b[2J\x1b[H")  # clears the screen
    shown = [tuple(as_json(one).values()) for one in found[:top]]
    columns, rows = _fitting(_SCAN_COLUMNS, shown) if on_terminal else (_SCAN_COLUMNS, shown)
    emit_table(f"{len(found)} open markets", columns, rows)


_PAYING = (
    "ticker", "programs", "rewards a day", "share", "filled a day", "loss, cents", "locked", "net a day",
    "net a day and dollar",
)  # fmt: skip


def paying(found: Sequence[RewardCandidate]) -> dict[str, object]:
    """Candidates for rewards as a program reads them: dollars, contracts, cents."""
    return {"candidates": [asdict(one) | {"per_dollar": one.per_dollar} for one in found]}


def tell_paying(found: Sequence[RewardCandidate]) -> None:
    """Show candidates for rewards as a table."""
    rows = [
        (
            one.ticker, one.programs, usd(one.reward_day * 1e6), percent(one.share), f"{one.filled_day:,.1f}",
            f"{one.loss:.2f}", usd(one.locked * 1e6), usd(one.net_day * 1e6), f"{one.per_dollar:,.4f}",
        )
        for one in found
    ]  # fmt: skip
    emit_table(f"{len(found)} markets that pay for resting orders", _PAYING, rows)
