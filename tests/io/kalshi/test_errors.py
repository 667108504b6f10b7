from __future__ import annotations

import pytest
from touchline.io.ground.errors import TouchlineError
from touchline.io.kalshi.rest import errors


@pytest.mark.parametrize(
    ("status", "body", "kind", "code", "message", "details"),
    [
        (400, b'{"error":{"code":"invalid_order","message":"invalid order","details":"post only cross"}}',
         errors.RefusedRequestError, "invalid_order", "invalid order", "post only cross"),
        (400, b'{"code":"bad_request","message":"bad request","details":"count"}',
         errors.RefusedRequestError, "bad_request", "bad request", "count"),
        (400, b'{"msg":"limit must be at most 99"}', errors.RefusedRequestError, "", "limit must be at most 99", ""),
        (401, b'{"error":{"code":"authentication_error","message":"x","details":"NOT_FOUND"}}',
         errors.AuthError, "authentication_error", "x", "NOT_FOUND"),
        (404, b'{"error":{"code":"not_found","message":"not found"}}',
         errors.NotFoundError, "not_found", "not found", ""),
        (409, b'{"error":{"code":"order_already_exists","message":"m"}}',
         errors.ConflictError, "order_already_exists", "m", ""),
        (410, b'{"error":{"code":"deprecated_v1_order_endpoint","message":"m"}}',
         errors.GoneError, "deprecated_v1_order_endpoint", "m", ""),
        (429, b'{"error":"too many requests"}', errors.RateLimitError, "", "too many requests", ""),
        (429, b'{"error":{"code":"too_many_requests","message":"slow"}}',
         errors.RateLimitError, "too_many_requests", "slow", ""),
        (502, b"<html>Bad Gateway</html>", errors.ServerError, "", "<html>Bad Gateway</html>", ""),
        (500, b"", errors.ServerError, "", "", ""),
        (418, b"[1]", errors.RefusedRequestError, "", "[1]", ""),
    ],
)  # fmt: skip
def test_every_shape_becomes_one_kind_of_error(
    status: int, body: bytes, kind: type, code: str, message: str, details: str
) -> None:
    error = errors.api_error(status, body)
    assert type(error) is kind and isinstance(error, errors.KalshiError) and isinstance(error, TouchlineError)
    assert (error.status, error.code, error.message, error.details) == (status, code, message, details)
    assert str(status) in str(error)


def test_an_item_of_a_batch_has_its_own_error() -> None:
    assert isinstance(errors.item_error({"code": "order_already_exists"}), errors.ConflictError)
    assert isinstance(errors.item_error({"code": "not_found"}), errors.NotFoundError)
    assert isinstance(errors.item_error("odd"), errors.RefusedRequestError)
