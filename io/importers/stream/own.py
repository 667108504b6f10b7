"""Frames about the own account: fills and the states of orders, read as the REST answers that say the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from ..base import Options
from ..tables.own import OWN, TIME
from ..values.convert import NULL, SourceRows
from ..values.scan import text_of

OWN_TYPES = ("fill", "user_order")


def own_rows(
    messages: Sequence[tuple[int, Mapping[str, Any]]], when: Sequence[int], options: Options, facts: list[str]
) -> tuple[dict[str, pl.DataFrame], dict[int, str]]:
    """Turn messages of one type, each with its line, into rows of ``own_fills``; and say why lines cannot be.

    ``when`` is each frame's time, for messages that tell none of their own but the exchange's ``ts``.
    """
    records = [
        {name: value for name, value in message.items() if name not in ("ts", "ts_ms")} for _, message in messages
    ]
    for record, ts in zip(records, when, strict=True):
        if not any(name in record for name in TIME):
            record["ts"] = None if ts == NULL else ts
    names = list(dict.fromkeys(name for record in records for name in record))
    frame = pl.DataFrame(
        [pl.Series(name, [text_of(record.get(name)) for record in records], dtype=pl.String) for name in names]
    )
    lines = [line for line, _ in messages]
    lacking = OWN.missing(frame.columns)
    if lacking:
        return {}, dict.fromkeys(lines, f"the message about the own account lacks {', '.join(sorted(lacking))}")
    rows = SourceRows(frame, options, facts)
    for fact in OWN.facts:
        rows.say(fact)
    OWN.convert(rows, {"unit": "cents"})  # the old integers
    return rows.tables(), {lines[row]: reason for row, reason in rows.reasons.items()}
