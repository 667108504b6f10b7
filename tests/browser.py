"""A page opened in the system's Chromium: its size, theme, errors, text and picture, over the DevTools protocol."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from websockets.sync.client import ClientConnection, connect

WAIT_S = 60
_NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-port=0",
    "--no-first-run", "--hide-scrollbars", "--disable-background-networking", "--proxy-server=127.0.0.1:1",
)  # fmt: skip


@dataclass
class Browser:
    """One tab of a browser without a window and without a network."""

    line: ClientConnection
    said: list[str] = field(default_factory=list)  #: errors of the page's scripts and of its policy
    _number: int = 0

    def open(self, path: Path, width: int, dark: bool = False, height: int = 900) -> None:
        """Open a page and wait until its charts are drawn."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        self.ask("Emulation.setDeviceMetricsOverride", **size)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.said.clear()
        self.ask("Page.navigate", url=path.resolve().as_uri())
        self.run("new Promise(done => document.readyState == 'complete' ? done() : addEventListener('load', done))")
        self.run("typeof drawn == 'undefined' ? null : drawn")

    def run(self, script: str) -> Any:
        """Run a script in the page and return its value."""
        found = self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def picture(self, path: Path) -> Path:
        """Write the whole page as a PNG file."""
        box = self.ask("Page.getLayoutMetrics")["cssContentSize"]
        clip = {"x": 0, "y": 0, "width": box["width"], "height": min(box["height"], 12_000), "scale": 1}
        found = self.ask("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(found["data"]))
        return path

    def ask(self, method: str, **told: Any) -> dict[str, Any]:
        """Send a command and return its answer; what the page says meanwhile is kept."""
        self._number += 1
        self.line.send(json.dumps({"id": self._number, "method": method, "params": told}))
        while True:
            heard = json.loads(self.line.recv(timeout=WAIT_S))
            if heard.get("id") == self._number:
                assert "error" not in heard, heard
                return heard["result"]
            self._keep(heard)

    def _keep(self, heard: dict[str, Any]) -> None:
        told = heard.get("params", {})
        if heard.get("method") == "Runtime.exceptionThrown":
            self.said.append(str(told["exceptionDetails"]))
        elif heard.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            self.said.append(told["entry"]["text"])
        elif heard.get("method") == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.said.append(str(told["args"]))


@contextmanager
def browser() -> Iterator[Browser]:
    """Start a browser; a test is skipped where none is installed."""
    found = os.environ.get("TOUCHLINE_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if found is None:
        assert os.environ.get("TOUCHLINE_BROWSER") != "needed", "a browser is needed here; install chromium"
        pytest.skip("no Chromium; install one, or name it in TOUCHLINE_CHROMIUM")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
        command = [found, *_FLAGS, f"--user-data-dir={home}", "about:blank"]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True)
        try:
            assert process.stderr is not None
            port = next(
                match[1]
                for line in process.stderr
                if (match := re.search(r"DevTools listening on ws://[^:]+:(\d+)", line))
            )
            yield from _tab(int(port))
        finally:
            process.terminate()
            process.communicate(timeout=WAIT_S)


def _tab(port: int) -> Iterator[Browser]:
    import requests

    tabs = requests.get(f"http://127.0.0.1:{port}/json", timeout=WAIT_S).json()
    address = next(tab["webSocketDebuggerUrl"] for tab in tabs if tab["type"] == "page")
    with connect(address, max_size=None, proxy=None) as line:
        tab = Browser(line)
        for domain in ("Page", "Runtime", "Log"):
            tab.ask(f"{domain}.enable")
        yield tab
