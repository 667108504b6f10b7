"""What can go wrong with the exchange: one tree of exceptions, whatever shape the answer had."""

from __future__ import annotations

from typing import Any

import msgspec

from ...ground.errors import TouchlineError


class KalshiError(TouchlineError):
    """Base of everything this client raises."""

    exit_code = 1


class ConfigError(KalshiError):
    """The settings do not allow what was asked: a key is missing, an address is not allowed."""

    exit_code = 2


class NetworkError(KalshiError):
    """No answer came; a request that changes something may or may not have been carried out."""


class AnswerError(KalshiError):
    """An answer came that cannot be read."""


class OutcomeUnknownError(KalshiError):
    """A write was sent, its answer was lost, and reading back did not show what became of it."""


class ApiError(KalshiError):
    """The exchange refused: the HTTP status, its code word, its text and its details."""

    def __init__(self, status: int, code: str, message: str, details: str = "") -> None:
        self.status, self.code, self.message, self.details = status, code, message, details
        said = ": ".join(part for part in (code, message, details) if part)
        super().__init__(f"the exchange answered {status}" + (f" ({said})" if said else ""))


class RefusedRequestError(ApiError):
    """400 and other final refusals of what was asked."""


class AuthError(ApiError):
    """401 and 403: the key, the signature, the clock or the key's scope."""


class NotFoundError(ApiError):
    """404. For an order it does not say whether it was cancelled, executed or never there."""


class ConflictError(ApiError):
    """409: for a create, an order with this client id exists already."""


class GoneError(ApiError):
    """410: the endpoint was retired."""


class RateLimitError(ApiError):
    """429: not carried out; wait for the bucket to refill."""


class ServerError(ApiError):
    """5xx: a write may or may not have been carried out."""


class StreamError(KalshiError):
    """The stream refused a command or cannot go on."""

    def __init__(self, message: str, code: int | None = None) -> None:
        self.code = code
        super().__init__(message if code is None else f"{message} (stream error {code})")


_BY_STATUS: dict[int, type[ApiError]] = {
    401: AuthError,
    403: AuthError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    429: RateLimitError,
}
_LONGEST_TEXT = 300


def api_error(status: int, body: bytes) -> ApiError:
    """Make the exception for an error answer; every known body shape and anything else is taken.

    >>> api_error(404, b'{"error":{"code":"not_found","message":"not found"}}')
    NotFoundError('the exchange answered 404 (not_found: not found)')
    >>> api_error(429, b'{"error":"too many requests"}').message
    'too many requests'
    """
    kind = _BY_STATUS.get(status, ServerError if status >= 500 else RefusedRequestError)
    return kind(status, *_parts(body))


def item_error(error: Any) -> ApiError:
    """Make the exception for one failed item of a batch, which carries no status of its own."""
    code, message, details = _fields(error)
    if code == "order_already_exists":
        return ConflictError(409, code, message, details)
    return (
        (NotFoundError(404, code, message, details))
        if code == "not_found"
        else RefusedRequestError(400, code, message, details)
    )


def _parts(body: bytes) -> tuple[str, str, str]:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return "", body[:_LONGEST_TEXT].decode("utf-8", "replace").strip(), ""
    if not isinstance(document, dict):
        return "", str(document)[:_LONGEST_TEXT], ""
    return _fields(document.get("error", document))


def _fields(error: Any) -> tuple[str, str, str]:
    if not isinstance(error, dict):
        return "", str(error)[:_LONGEST_TEXT], ""
    message = error.get("message") or error.get("msg") or ""
    parts = (error.get("code") or "", message, error.get("details") or "")
    code, text, details = (str(part)[:_LONGEST_TEXT] for part in parts)
    return code, text, details
