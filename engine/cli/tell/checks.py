"""The doctor's findings in words for a person, and as JSON has them."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

from ...figures.words import moment
from ..console import emit_table, say

if TYPE_CHECKING:
    from ...api.data import Checked

_SHOWN = 60


def as_json(found: Checked) -> dict[str, Any]:
    """Return the findings as plain values."""
    rows = [{**dataclasses.asdict(one), "severity": one.severity, "meaning": one.meaning} for one in found.findings]
    return {"ok": not found.faults, "findings": rows}


def tell(found: Checked) -> None:
    """Print the findings, the first of them in a table, and what each kind means."""
    if found.files or found.without:
        if found.without:
            total = found.files + found.without
            say(f"{found.without} of {total} files are of before 0.2.0 and have no checksum: not checked")
        say(f"{_many(found.files, 'file')} {'is as it was' if found.files == 1 else 'are as they were'} written")
    counted = (("kept tape", found.tapes, found.damaged_tapes), ("kept table", found.signals, found.damaged_signals))
    for word, count, damaged in counted:
        kept = _many(count, word) + (" of signals" if word == "kept table" else "")
        if damaged:
            was = "was damaged and is" if damaged == 1 else "were damaged and are"
            say(f"{damaged:,} of {kept} {was} removed, and made again when needed")
        elif count:
            say(f"{kept} of all stores are as they were made")
    if found.findings:
        rows = (
            (
                one.severity,
                one.check,
                one.ticker,
                one.count,
                f"{one.minutes:,.1f}",
                moment(one.first_ts, seconds=True),
                one.detail,
            )
            for one in found.findings[:_SHOWN]
        )
        emit_table("findings", ("", "check", "ticker", "count", "minutes lost", "first (UTC)", "detail"), rows)
        if len(found.findings) > _SHOWN:
            say(f"{_many(len(found.findings) - _SHOWN, 'more finding')}; --json shows all")
        for name in dict.fromkeys(one.check for one in found.findings):
            say(f"{name}: {next(one.meaning for one in found.findings if one.check == name)}")
    if not found.faults:
        say(f"no faults; {_many(len(found.findings), 'note')}" if found.findings else "no faults")


def faults_of(found: Checked) -> str:
    """Say how many faults there are, and in how many tickers."""
    tickers = len({one.ticker for one in found.faults})
    return f"{_many(len(found.faults), 'fault')} in {_many(tickers, 'ticker')}; docs/checking.md says what each means"


def _many(count: int, word: str) -> str:
    return f"{count:,} {word}" if count == 1 else f"{count:,} {word}s"
