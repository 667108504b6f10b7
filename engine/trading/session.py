"""A session as Python has it: begin it, let it trade, watch it, order it about, replay it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

from ...io.ground.errors import InputError
from ...io.kalshi.client import Client
from ...strategies.own_file import Trust
from ...strategies.pipeline.pipeline import Pipeline
from .around.metrics import MetricsServer
from .around.word import SessionWord
from .audit import AuditDone, audit
from .folder import SessionFolder
from .lines import Choosing, Command
from .runner import Follows, SessionRunner

Tell = Callable[[str], None]


class TradingSession:
    """A session by its folder. One that was begun with markets trades in :meth:`run`; any can be watched and ordered.

    Example:
        >>> from touchline import engine
        >>> with engine.trade("params.toml", "KXINX-26SEP14H1600-B7187") as session:  # doctest: +SKIP
        ...     session.run(seconds=60)
    """

    def __init__(
        self, folder: SessionFolder, client: Client | None = None, tickers: Sequence[str] = (), *, trust: Trust = (),
        tell: Tell = lambda line: None, owns_client: bool = False, clock: Callable[[], int] | None = None,
        inline: bool = False, follows: Follows | None = None, choosing: Choosing | None = None,
        metrics: int | None = None, pipeline: Pipeline | None = None,
    ) -> None:  # fmt: skip
        self._follows, self._choosing, self._pipeline = follows, choosing, pipeline
        self._metrics_port = metrics
        self._word: SessionWord | None = None
        self._metrics: MetricsServer | None = None
        self.folder, self._client, self._tickers, self._trust, self._tell = folder, client, list(tickers), trust, tell
        self._owns, self._clock, self._inline = owns_client, clock, inline
        self._runner: SessionRunner | None = None
        self.stop = threading.Event()  #: set it to end :meth:`run` cleanly

    @property
    def path(self) -> Path:
        """The session's folder."""
        return self.folder.path

    def run(self, seconds: float | None = None) -> dict[str, Any]:
        """Trade until every market is closed, ``seconds`` are over or ``stop`` is set; returns the last status."""
        self.runner.run(self.stop, seconds)
        return self.runner.status()

    def step(self) -> None:
        """Take in all that the exchange sent before now, decide, and see it through: for a clock that waits for us."""
        self.runner.catch_up()

    @property
    def runner(self) -> SessionRunner:
        """What trades: it starts at its first use."""
        if self._runner is None:
            named = self._tickers or self._choosing or self._pipeline  # bets may be held though nothing is open
            if self._client is None or not named:
                raise InputError(f"{self.path} was opened to watch: begin it with parameters and markets to trade")
            self._word = SessionWord(self.path, self._tell)
            if self._metrics_port is not None:
                self._metrics = MetricsServer(self.status, self._metrics_port)
                self._word(f"metrics: http://127.0.0.1:{self._metrics.port}/metrics")
            given: dict[str, Any] = {
                "clock": self._clock, "inline": self._inline, "trust": self._trust, "tell": self._word,
                "choosing": self._choosing,
            }  # fmt: skip
            if self.folder.is_of_bets:
                from .bets.runner import BetRunner  # with the panels of bets

                self._runner = BetRunner(self.folder, self._client, self._tickers, pipeline=self._pipeline, **given)
            else:
                given |= {"follows": self._follows}
                self._runner = SessionRunner(self.folder, self._client, self._tickers, **given)
        return self._runner

    def status(self) -> dict[str, Any]:
        """How the session stands: money in micros, sizes in lots, prices in ticks."""
        return self.folder.status()

    def halt(self, reason: str = "", tickers: Sequence[str] = ()) -> None:
        """Stop quoting some markets, or all, until they are resumed."""
        self._order("halt", reason, tickers)

    def resume(self, reason: str, tickers: Sequence[str] = ()) -> None:
        """Lift halts of some markets; without names, of all, and a kill with them. The reason is written down."""
        if not reason.strip():
            raise InputError("a halt is lifted with a reason: name it with reason=")
        self._order("resume", reason, tickers)

    def kill(self, reason: str = "") -> None:
        """Cancel everything and trade no more, over restarts too, until a person resumes with a reason."""
        self._order("kill", reason, ())

    def flatten(self, reason: str = "", tickers: Sequence[str] = ()) -> None:
        """Halt some markets, or all, and sell what is held there at once, no worse than the collar."""
        self._order("flatten", reason, tickers)

    def audit(self) -> AuditDone:
        """Replay the journal and compare every quote, order, position and bet byte for byte."""
        if self.folder.is_of_bets:
            from .bets.audit import audit_bets  # with the panels of bets

            return audit_bets(self.path, trust=self._trust)
        return audit(self.path, trust=self._trust)

    def _order(self, verb: str, reason: str, tickers: Sequence[str]) -> None:
        unknown = [one for one in tickers if one not in self.status().get("markets", {one: None})]
        if unknown:
            raise InputError(f"{unknown[0]} is no market of the session {self.path}")
        self.folder.order(Command(verb, reason, list(tickers)))

    def close(self) -> None:
        """Cancel what rests, book the last fills, write down how it stands."""
        try:
            if self._runner is not None:
                self._runner.close()
                self._runner = None
        finally:
            for one in (self._metrics, self._word):
                if one is not None:
                    one.close()
            self._metrics = self._word = None
            if self._owns and self._client is not None:
                self._client.close()

    def __enter__(self) -> TradingSession:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        with contextlib.suppress(InputError):
            return f"<TradingSession in {self.folder.settings().mode}: {self.path}>"
        return f"<TradingSession {self.path}>"
