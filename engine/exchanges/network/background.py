"""A server in a thread of its own, as a context manager: it serves while its context lasts."""

from __future__ import annotations

import asyncio
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Self


class BackgroundServer(ABC):
    """What serves until it is stopped: in the loop of whoever calls ``run``, or in a thread while its context lasts."""

    thread_name = "server"
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None

    def __init__(self) -> None:
        self._stop: asyncio.Event
        self._ended = threading.Event()

    @abstractmethod
    async def run(self, ready: Callable[[], None] = lambda: None) -> None:
        """Serve until ``stop``; ``ready`` is called when the address is known."""

    def _begin(self) -> None:
        """Take the loop that ``run`` is called in: whoever stops it does so from elsewhere."""
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()

    def stop(self) -> None:
        """Ask the server to stop; safe from any thread."""
        if self._loop and not self._loop.is_closed() and not self._ended.is_set():
            self._loop.call_soon_threadsafe(self._stop.set)

    def __enter__(self) -> Self:
        ready = threading.Event()
        failure: list[BaseException] = []

        def work() -> None:
            try:
                asyncio.run(self.run(ready.set))
            except BaseException as error:
                failure.append(error)
            finally:
                self._ended.set()
                ready.set()

        self._thread = threading.Thread(target=work, name=self.thread_name, daemon=True)
        self._thread.start()
        ready.wait()
        if failure:
            raise failure[0]
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        if self._thread:
            self._thread.join(10)
