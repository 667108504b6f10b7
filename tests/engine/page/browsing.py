"""Chromium for the tests of the page, and a tab that notes what goes wrong in it."""

from __future__ import annotations

import os
import shutil

import pytest
from touchline.engine.page.server import Page


def chromium() -> str:
    """The system's Chromium; without it these tests are skipped, or fail where a browser is needed."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if found is None and os.environ.get("TOUCHLINE_BROWSER") == "needed":
        pytest.fail("there is no Chromium: apt-get install chromium")
    if found is None:
        pytest.skip("there is no Chromium on this machine: apt-get install chromium")
    return found


class Tab:
    """A page of the browser that notes what goes wrong in it."""

    def __init__(self, page, served: Page) -> None:
        self.page, self.served = page, served
        self.wrong: list[str] = []
        self.asked: list[str] = []
        page.on("console", lambda said: said.type in ("error", "warning") and self.wrong.append(said.text))
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        self.under_way: list[str] = []
        page.on("request", self._begun)
        page.on("requestfinished", lambda request: self.under_way.remove(request.url))
        page.on("requestfailed", lambda request: self.under_way.remove(request.url))

    def _begun(self, request) -> None:
        self.asked.append(request.url)
        self.under_way.append(request.url)

    def go(self, address: str, ready: str = "main h1") -> None:
        """Open an address of the page and wait until it stands."""
        self.page.goto(f"{self.served.address}{address}")
        self.page.wait_for_function(
            "a => document.querySelector('main').dataset.shown === a", arg=address, timeout=60_000
        )
        self.page.wait_for_selector(ready, timeout=60_000)
        self.quiet()

    def quiet(self) -> None:
        """Wait until nothing is asked for any more, apart from what a session goes on telling."""
        still = 0
        while still < 3:
            self.page.wait_for_timeout(50)
            still = 0 if any("/api/follow" not in url for url in self.under_way) else still + 1

    def well(self) -> None:
        """Nothing was said in the console, and nothing left this machine."""
        assert self.wrong == []
        foreign = [url for url in self.asked if not url.startswith((self.served.address, "blob:", "data:"))]
        assert foreign == []
