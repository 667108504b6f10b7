"""`engine ui`: look at results, replays and data in the browser."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import sys
import webbrowser
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..console import say

if TYPE_CHECKING:
    from ...page.server import Page

app = typer.Typer(add_completion=False)


@app.command()
def ui(
    folders: Annotated[
        list[Path] | None, typer.Argument(help="Folders of results and stores; results/ unless given.")
    ] = None,
    *,
    store: Annotated[list[str] | None, typer.Option("--store", help="One more store; may repeat.")] = None,
    port: Annotated[int, typer.Option(help="The page's port. 0: any free one.")] = 0,
    no_browser: Annotated[bool, typer.Option("--no-browser", help="Print the address, open nothing.")] = False,
    trust: Annotated[
        list[Path] | None, typer.Option("--trust", help="A file of code that results name and that may run.")
    ] = None,
) -> None:
    """Look at results, replays and data in the browser, on this machine alone."""
    from ...page.serving import ui as opened

    page = opened(folders or (), store=store or (), port=port, trust=trust or ())
    _serve(page, open_it=not no_browser)


def _serve(page: Page, *, open_it: bool) -> None:
    """Serve until a signal comes; the address goes to stdout."""

    def ready() -> None:
        loop = asyncio.get_running_loop()
        for name in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(name, page.stop)
        say("the page is open on this machine alone; stop it with Ctrl-C")
        sys.stdout.write(f"{page.url}\n")
        sys.stdout.flush()
        if open_it:
            with contextlib.suppress(webbrowser.Error):
                webbrowser.open(page.url)

    asyncio.run(page.run(ready))
    say("page closed")
