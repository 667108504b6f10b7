"""Word to a person: one POST to a URL that the person alone knows, no more often than is bearable.

The URL is a secret. It comes from the environment (``TOUCHLINE_ALERT_URL``) or from a file that its owner alone may
read (``TOUCHLINE_ALERT_FILE``), and stands in no argument, log, journal or error.
"""

from __future__ import annotations

import json
import os
import queue
import stat
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ....io.ground.errors import InputError
from ...version import __version__

URL, FILE, KIND = "TOUCHLINE_ALERT_URL", "TOUCHLINE_ALERT_FILE", "TOUCHLINE_ALERT_KIND"
#: What is posted: of each kind of receiver its body, from a text.
KINDS: dict[str, Callable[[str], tuple[str, bytes]]] = {
    "slack": lambda text: ("application/json", json.dumps({"text": text}).encode()),
    "discord": lambda text: ("application/json", json.dumps({"content": text[:1900]}).encode()),
    "telegram": lambda text: ("application/json", json.dumps({"text": text[:4000]}).encode()),
    "ntfy": lambda text: ("text/plain; charset=utf-8", text.encode()),
    "text": lambda text: ("text/plain; charset=utf-8", text.encode()),
    "json": lambda text: ("application/json", json.dumps({"source": "touchline", "text": text}).encode()),
}
_TIMEOUT_S, _MOST, _WITHIN_S, _WAITING = 5.0, 10, 600.0, 100


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Where a secret address sends us on to is nobody's business."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> None:
        """Follow nothing."""


def alert_url(environment: Mapping[str, str] | None = None) -> str | None:
    """The address, as the environment or the file says; None where none is set."""
    known = os.environ if environment is None else environment
    url = known.get(URL, "").strip()
    if not url and (named := known.get(FILE, "").strip()):
        path = Path(named)
        try:
            mode = path.stat().st_mode
            url = path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"the file that {FILE} names cannot be read: {type(error).__name__}") from None
        if stat.S_IMODE(mode) & 0o077:
            raise InputError(f"others may read the file that {FILE} names; make it its owner's alone with chmod 600")
    if not url:
        return None
    parts = urllib.parse.urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost", "::1")):
        raise InputError(f"the address in {URL} begins with https://, or is one of this machine")
    return url


def alert_kind(environment: Mapping[str, str] | None = None) -> str:
    """What kind of receiver it is: ``text`` unless ``TOUCHLINE_ALERT_KIND`` says otherwise."""
    known = os.environ if environment is None else environment
    kind = known.get(KIND, "text").strip().lower() or "text"
    if kind not in KINDS:
        raise InputError(f"{KIND} is one of {', '.join(KINDS)}, not {kind!r}")
    return kind


def post(url: str, kind: str, text: str) -> str | None:
    """Post a text; returns what went wrong, in words that do not hold the address."""
    content, body = KINDS[kind](text)
    headers = {"Content-Type": content, "User-Agent": f"touchline/{__version__}"}
    request = urllib.request.Request(url, body, headers, method="POST")
    try:
        with urllib.request.build_opener(_NoRedirects()).open(request, timeout=_TIMEOUT_S) as answer:
            return None if 200 <= answer.status < 300 else f"the receiver answered {answer.status}"
    except urllib.error.HTTPError as error:
        return f"the receiver answered {error.code}"
    except (OSError, ValueError) as error:
        return f"the receiver cannot be reached: {type(getattr(error, 'reason', error)).__name__}"


class Alerts:
    """Sends texts from a thread of its own: at most ten in ten minutes; the next one says how many were left out."""

    def __init__(
        self, url: str, kind: str = "text", *, most: int = _MOST, within_s: float = _WITHIN_S,
        failed: Callable[[str], None] = lambda line: None, clock: Callable[[], float] = time.monotonic,
    ) -> None:  # fmt: skip
        self._url, self._kind, self._most, self._within, self._failed = url, kind, most, within_s, failed
        self._clock = clock
        self._sent: deque[float] = deque()
        self._left_out = 0
        self._queue: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._run, name="alerts", daemon=True)
        self._thread.start()

    def send(self, text: str) -> bool:
        """Send a text soon; returns whether it is among those that may go."""
        now = self._clock()
        while self._sent and self._sent[0] <= now - self._within:
            self._sent.popleft()
        if len(self._sent) >= self._most or self._queue.full():
            self._left_out += 1
            return False
        more, self._left_out = self._left_out, 0
        self._sent.append(now)
        self._queue.put(f"{text} ({more} more were left out before)" if more else text)
        return True

    def close(self) -> None:
        """Send what waits, for a while."""
        self._queue.put(None)
        self._thread.join(2 * _TIMEOUT_S)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            wrong = post(self._url, self._kind, text)
            if wrong is not None:
                self._failed(f"an alert was not delivered: {wrong}")
