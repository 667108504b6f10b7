"""A session's counters as Prometheus reads them, on this machine alone."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from ....io.ground.errors import InputError

_LOCAL = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_SESSION: tuple[tuple[str, str, str, Callable[[dict[str, Any]], float]], ...] = (
    ("running", "gauge", "Whether the session's process runs.", lambda s: float(s.get("running", False))),
    ("pnl_dollars", "gauge", "P&L of the session, positions at the mid.", lambda s: s["pnl"] / 1e6),
    ("messages_total", "counter", "Messages of the stream.", lambda s: s["messages"]),
    ("feed_age_seconds", "gauge", "Since when nothing was heard.", lambda s: s["feed_age_s"]),
    ("clock_drift_seconds", "gauge", "Our clock less the exchange's.", lambda s: s["drift_s"]),
    ("orders", "gauge", "Orders that rest or are under way.", lambda s: s["orders"]),
    ("journal_bytes_total", "counter", "Bytes written to the journal.", lambda s: s["journal_bytes"]),
    ("killed", "gauge", "Whether the session was killed.", lambda s: float(bool(s["killed"]))),
    ("waits", "gauge", "Whether quotes are withdrawn for a while.", lambda s: float(bool(s["waits"]))),
)
_MARKET: tuple[tuple[str, str, str, Callable[[dict[str, Any]], float]], ...] = (
    ("position_contracts", "gauge", "Contracts held, NO counts negative.", lambda m: m["position"] / 100),
    ("market_pnl_dollars", "gauge", "P&L of the market, its position at the mid.", lambda m: m["worth"] / 1e6),
    ("fees_dollars_total", "counter", "Fees paid.", lambda m: m["fees"] / 1e6),
    ("fills_total", "counter", "Fills.", lambda m: m["fills"]),
    ("halted", "gauge", "Whether the market is halted.", lambda m: float(bool(m["halted"]))),
    ("quoted_sides", "gauge", "Sides that are quoted.",
     lambda m: float((m["quote"]["bid"] is not None) + (m["quote"]["ask"] is not None))),
)  # fmt: skip


def exposition(status: dict[str, Any]) -> str:
    """Write how a session stands as Prometheus text.

    >>> print(exposition({"running": False}), end="")
    # HELP touchline_running Whether the session's process runs.
    # TYPE touchline_running gauge
    touchline_running 0
    """
    lines: list[str] = []
    for name, kind, about, of in _SESSION:
        if name == "running" or "mode" in status:
            lines += _family(name, kind, about, [("", of(status))])
    markets = status.get("markets", {})
    for name, kind, about, of in _MARKET if markets else ():
        lines += _family(name, kind, about, [(f'{{market="{_label(m)}"}}', of(one)) for m, one in markets.items()])
    return "\n".join(lines) + "\n"


def _family(name: str, kind: str, about: str, samples: Iterable[tuple[str, float]]) -> list[str]:
    whole = f"touchline_{name}"
    told = [f"{whole}{labels} {value:.10g}" for labels, value in samples]
    return [f"# HELP {whole} {about}", f"# TYPE {whole} {kind}", *told]


def _label(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


class MetricsServer:
    """Answers ``GET /metrics`` on the loopback address; port 0 takes any that is free."""

    def __init__(self, status: Callable[[], dict[str, Any]], port: int = 0) -> None:
        class Handler(BaseHTTPRequestHandler):
            timeout = 5

            def do_GET(self) -> None:
                known = self.path.split("?")[0] == "/metrics"
                if not _LOCAL.fullmatch(self.headers.get("Host", "")) or not known:
                    self.send_error(404)
                    return
                body = exposition(status()).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing."""

        try:
            self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        except OSError as error:
            raise InputError(f"port {port} cannot be listened on: {error.strerror}; name another, or 0") from None
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.2,), name="metrics", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(2.0)
