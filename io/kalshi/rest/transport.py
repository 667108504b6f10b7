"""One HTTP session to the exchange: signs, waits for its turn, retries what may be repeated, decodes what comes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

import msgspec
import requests

from . import wire
from .adapter import ExchangeAdapter
from .errors import AnswerError, ApiError, NetworkError, RateLimitError, ServerError, api_error
from .limits import DEFAULT_COST, Budget
from .settings import Settings

T = TypeVar("T")
Params = Mapping[str, str | int | bool | Sequence[str] | None]

#: With this header a local exchange tells the time of its replay (ns UTC); the real one has none.
SIMULATED_TIME = "Simulated-Time"
_ALWAYS = {"User-Agent": "touchline", "Accept-Encoding": "gzip, deflate"}
_FIRST_PAUSE, _LONGEST_PAUSE = 0.25, 10.0


class Transport:
    """Requests to one exchange by one account; may be shared by threads."""

    def __init__(
        self,
        settings: Settings,
        budget: Budget | None = None,
        *,
        attempts: int = 8,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.settings = settings
        self.budget = budget or Budget()
        self._attempts, self._sleep = attempts, sleep
        self._path = urlsplit(settings.rest_url).path
        self._ahead_ns = 0
        self._adapter = ExchangeAdapter(settings.rest_url)

    def close(self) -> None:
        """Close the connections."""
        self._adapter.close()

    def now(self) -> int:
        """The exchange's time, ns UTC: this machine's, or that of a replay as of its last answer."""
        return time.time_ns() + self._ahead_ns

    @property
    def is_replay(self) -> bool:
        """Whether the exchange told the time of a replay with its last answer."""
        return self._ahead_ns != 0

    def get(self, path: str, key: str | None, kind: type[T] | Any, **options: Any) -> T:
        """Read one answer, or the part of it that stands under ``key``."""
        return self.call("GET", path, key, kind, repeatable=True, **options)

    def call(
        self,
        method: str,
        path: str,
        key: str | None,
        kind: type[T] | Any,
        *,
        params: Params | None = None,
        body: object = None,
        repeatable: bool = False,
        private: bool = False,
        cost: float = DEFAULT_COST,
        accept: Sequence[int] = (),
    ) -> T:
        """Ask and decode. Not ``repeatable``: sent again only where the exchange said it did nothing (429).

        ``accept`` lists error statuses whose body is an answer all the same.
        """
        raw = self._ask(method, path, params, body, repeatable, private, cost, accept)
        return read_answer(raw, key, kind)

    def pages(
        self, path: str, key: str, kind: type[T] | Any, *, cursor_in: str = "cursor", **options: Any
    ) -> Iterator[list[T]]:
        """Read page after page; ends at an empty cursor, and at a repeated one, which a faulty answer may give."""
        params = dict(options.pop("params", None) or {})
        seen: set[str] = set()
        while True:
            raw = self._ask("GET", path, params, None, True, options.get("private", False), DEFAULT_COST, ())
            yield read_answer(raw, key, list[kind])
            cursor = read_answer(raw, cursor_in, str | None)
            if not cursor or cursor in seen:
                return
            seen.add(cursor)
            params["cursor"] = cursor

    def _ask(
        self,
        method: str,
        path: str,
        params: Params | None,
        body: object,
        repeatable: bool,
        private: bool,
        cost: float,
        accept: Sequence[int],
    ) -> bytes:
        signer = self.settings.require_signer(path) if private else self.settings.signer
        headers, payload = _ALWAYS, None
        if body is not None:
            payload = msgspec.json.encode(body)
            headers = _ALWAYS | {"Content-Type": "application/json", "Content-Length": str(len(payload))}
        pairs = _query(params)
        target = f"{path}?{urlencode(pairs)}" if pairs else path
        for attempt in range(self._attempts):
            last = attempt == self._attempts - 1
            self.budget.of(method).pay(cost)
            named = headers if signer is None else headers | signer.headers(method, self._path + path)
            try:
                answer = self._adapter.ask(method, target, named, payload)
                content = answer.content
            except requests.RequestException as error:
                if last or not repeatable:
                    raise NetworkError(f"no answer from {method} {path}: {_reason(error)}") from None
            else:
                simulated = answer.headers.get(SIMULATED_TIME, "")
                self._ahead_ns = int(simulated) - time.time_ns() if simulated.isdigit() else 0
                if answer.status_code < 300 or answer.status_code in accept:
                    return content
                refusal = api_error(answer.status_code, content)
                self._judge(refusal, method, last, repeatable)
            self._sleep(random.uniform(0, min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt)))
        raise AssertionError("unreachable")

    def _judge(self, refusal: ApiError, method: str, last: bool, repeatable: bool) -> None:
        """Raise what is final; return where the request may be sent again."""
        if isinstance(refusal, RateLimitError):
            self.budget.of(method).drain()
        elif not (isinstance(refusal, ServerError) and repeatable):
            raise refusal
        if last:
            raise refusal


def read_answer(raw: bytes, key: str | None, kind: type[T] | Any) -> T:
    """Decode an answer, or the part under ``key``; a missing or null list is an empty one."""
    try:
        if kind is None:
            return None  # pyright: ignore[reportReturnType]  # the caller asked for no answer
        if key is None:
            return wire.decode(kind, raw)
        part = wire.decode(dict[str, msgspec.Raw], raw).get(key)
        if part is None or bytes(part) == b"null":
            return wire.convert(kind, [] if getattr(kind, "__origin__", None) is list else None)
        return wire.decode(kind, part)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerError(f"cannot read the exchange's answer: {error}; it began {raw[:120]!r}") from None


def _query(params: Params | None) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in (params or {}).items():
        if value is None:
            continue
        values = [value] if isinstance(value, str | int) else value
        pairs += [(name, str(one).lower() if isinstance(one, bool) else str(one)) for one in values]
    return pairs


def _reason(error: requests.RequestException) -> str:
    """What went wrong, without the address and its query."""
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, requests.exceptions.Timeout):
        return "timed out"
    return "the connection failed"
