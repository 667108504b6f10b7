"""A session in a real browser: one that trades on paper is ordered about, and a busy one drops no frames."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from touchline import engine
from touchline.engine.page.folders import name_of
from touchline.engine.page.server import Page
from touchline.engine.page.views import session as view
from touchline.engine.trading.folder import SessionFolder
from touchline.io.kalshi.client import Client
from touchline.io.kalshi.rest.settings import Settings

from ..made_books import made_books
from .browsing import Tab
from .conftest import begun_session, session_params
from .live_updates import LOOK, watch

pytestmark = pytest.mark.slow

Open = Callable[..., Tab]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def served(root: Path) -> Iterator[Page]:
    with engine.ui(root) as page:
        yield page


@pytest.fixture
def trading(root: Path) -> Iterator[SessionFolder]:
    """A session that trades on paper against an exchange on this machine while the test lasts."""
    made_books(root / "store", markets=1, seconds=6_000)
    params = session_params(root / "params.toml", "MADE")
    with (
        engine.exchange(str(root / "store"), ["MADE-00"], speed=30, keys=root / "keys") as exchange,
        Client(Settings.from_env(exchange.environment, dotenv=None)) as client,
        engine.trade(params, "MADE-00", session=root / "paper", client=client) as session,
    ):
        failed: list[BaseException] = []

        def work() -> None:
            try:
                session.run(seconds=120)
            except BaseException as error:
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        yield SessionFolder(root / "paper")
        session.stop.set()
        thread.join(30)
        assert failed == []


def ordered(one: Tab, verb: str, name: str, reason: str) -> None:
    one.page.get_by_role("button", name=verb, exact=True).click()
    one.page.get_by_label("The session's name, to confirm").fill(name)
    one.page.get_by_label("Reason").fill(reason)
    one.page.get_by_role("button", name=f"Yes, {verb}").click()
    one.page.wait_for_selector(f"#said.shown:has-text('{verb} was left')")


def test_a_session_on_paper_is_followed_and_ordered_about(tab: Open, trading: SessionFolder):
    one = tab()
    one.page.wait_for_timeout(1_500)
    one.go(f"#/session/{name_of(trading.path)}")
    said = lambda text: one.page.wait_for_function(  # noqa: E731  # short, and local
        "text => document.querySelector('main').innerText.includes(text)", arg=text, timeout=30_000
    )
    said("running")
    one.page.wait_for_selector("table[aria-label='Last decisions'] tbody tr", timeout=30_000)
    assert "feed age" in one.page.inner_text("table[aria-label=Limits]")
    assert "trading" in one.page.inner_text("table[aria-label=Markets]")
    assert "rewards so far" in one.page.inner_text(".numbers")
    one.page.get_by_role("button", name="Compare with the twin").click()
    said("P&L of the twin")
    ordered(one, "halt", "paper", "looked at")
    said("halted")
    one.page.wait_for_selector("table[aria-label=Alerts] td:has-text('halt')", timeout=30_000)
    ordered(one, "resume", "paper", "fine again")
    one.page.wait_for_selector("table[aria-label=Markets] td:has-text('trading')", timeout=30_000)
    one.page.wait_for_selector("table[aria-label='Last decisions'] td:has-text('quoting goes on')", timeout=60_000)
    ordered(one, "flatten", "paper", "out")
    said("halted")
    ordered(one, "kill", "paper", "enough")
    said("killed")
    assert trading.status()["killed"]
    one.page.get_by_role("button", name="kill", exact=True).click()
    one.page.get_by_role("button", name="Yes, kill").click()
    one.page.wait_for_selector("[role=alert]:has-text('type the session')")
    one.page.get_by_role("button", name="No", exact=True).click()
    one.wrong.clear()  # the refusal, which Chromium writes to the console
    one.well()


@pytest.mark.timeout(120)
def test_a_hundred_updates_a_second_drop_no_frames_and_keep_no_memory(
    tab: Open, root: Path, monkeypatch: pytest.MonkeyPatch
):
    """Some seconds here; `python -m tests.engine.page.live_updates` is the whole of it."""
    folder = begun_session(root / "busy" / "night")
    monkeypatch.setattr(view, "LOOK", LOOK)
    one = tab()
    one.go(f"#/session/{name_of(folder.path)}")
    seen = watch(one.page, folder, 6)
    assert f"{seen.written:,}" in one.page.inner_text(".numbers")
    assert one.page.locator("table[aria-label=Journal] tr").count() <= 60
    assert seen.heard > 10 * seen.seconds, seen
    assert seen.late <= seen.drawn * 0.02, seen
    assert seen.heap_late < seen.heap_early + 2, seen
    one.well()
