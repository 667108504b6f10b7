"""What a session tells: a log of one line a fact, which is rotated, the person at the terminal, and alerts."""

from __future__ import annotations

import json
import logging
import logging.handlers
import os
import time
from collections.abc import Callable
from pathlib import Path

from .alerts import Alerts, alert_kind, alert_url

#: Kinds of lines that a person wants to be woken for.
LOUD = ("halt", "kill", "wait", "go", "lift")
_BYTES, _KEPT = 5_000_000, 5


class _OwnFiles(logging.handlers.RotatingFileHandler):
    """Files that their owner alone may read."""

    def _open(self):
        os.close(os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600))
        return super()._open()


def in_words(line: str) -> str:
    """A line of the journal as a person reads it.

    >>> in_words('halt: {"market":"KXA-1","guard":"collar","text":"a fill at 40 cents"}')
    'halt KXA-1 collar: a fill at 40 cents'
    >>> in_words("source SPX: it ended")
    'source SPX: it ended'
    """
    kind, _, rest = line.partition(": ")
    if kind not in LOUD or not rest.startswith("{"):
        return line
    told = json.loads(rest)
    where = told.get("market") or " ".join(told.get("markets", ()))
    why = f"{told['guard']}: {told['text']}" if "guard" in told else told.get("reason", "")
    return " ".join(part for part in (kind, where, why) if part)


class SessionWord:
    """Passes on what a session tells. Without an address there are no alerts."""

    def __init__(self, folder: Path, tell: Callable[[str], None]) -> None:
        self._name, self._tell = folder.name, tell
        self._handler = _OwnFiles(folder / "session.log", maxBytes=_BYTES, backupCount=_KEPT, encoding="utf-8")
        form = logging.Formatter("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s %(message)s", "%Y-%m-%dT%H:%M:%S")
        form.converter = time.gmtime
        self._handler.setFormatter(form)
        self._logger = logging.getLogger("touchline")
        self._logger.addHandler(self._handler)
        self._own = logging.getLogger("touchline.session")
        self._own.setLevel(logging.INFO)
        url = alert_url()
        self.alerts = None if url is None else Alerts(url, alert_kind(), failed=self._own.warning)

    def __call__(self, line: str) -> None:
        """Pass a line on."""
        text = in_words(line).replace("\n", " ")
        kind = line.partition(":")[0]
        self._own.log(logging.WARNING if kind in ("halt", "kill", "wait") else logging.INFO, "%s", text)
        self._tell(text)
        if self.alerts is not None and kind in LOUD:
            self.alerts.send(f"{self._name}: {text}")

    def close(self) -> None:
        """Send what waits, and let go of the file."""
        if self.alerts is not None:
            self.alerts.close()
        self._logger.removeHandler(self._handler)
        self._handler.close()
