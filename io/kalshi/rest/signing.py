"""Signatures of requests: RSA-PSS or Ed25519 over time, method and path. The key never leaves this file."""

from __future__ import annotations

import base64
import logging
import stat
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from .errors import ConfigError

log = logging.getLogger(__name__)

_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=32)


class Signer:
    """Signs requests with one key; prints as nothing but its kind, and cannot be pickled."""

    __slots__ = ("_key_id", "_sign", "kind")

    def __init__(self, key_id: str, pem: bytes) -> None:
        if not key_id.strip():
            raise ConfigError("a private key is set but KALSHI_KEY_ID is not: set it to the key's id")
        self._key_id = key_id.strip()
        self.kind, self._sign = _load(pem)

    def headers(self, method: str, path: str, now_ms: int | None = None) -> dict[str, str]:
        """Make the three headers for a request; ``path`` starts at ``/trade-api`` and has no query string."""
        stamp = str(time.time_ns() // 1_000_000 if now_ms is None else now_ms)
        signature = self._sign(f"{stamp}{method.upper()}{path.partition('?')[0]}".encode())
        return {
            "KALSHI-ACCESS-KEY": self._key_id,
            "KALSHI-ACCESS-TIMESTAMP": stamp,
            "KALSHI-ACCESS-SIGNATURE": base64.b64encode(signature).decode(),
        }

    def __repr__(self) -> str:
        return f"Signer({self.kind})"

    def is_key(self, key_id: str) -> bool:
        """Whether this is the id of the key, for a person who is asked to type it."""
        return key_id.strip() == self._key_id

    def __reduce__(self) -> str:
        raise TypeError("a signer holds a private key and is not written anywhere")


def read_key_file(path: Path) -> bytes:
    """Read a PEM file; a file that others may read is warned about."""
    try:
        pem = path.expanduser().read_bytes()
        mode = path.expanduser().stat().st_mode
    except OSError as error:
        raise ConfigError(f"cannot read the private key file {path}: {error.strerror}") from None
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        log.warning("others can read the private key file %s; run: chmod 600 %s", path, path)
    return pem


def _load(pem: bytes) -> tuple[str, Callable[[bytes], bytes]]:
    try:
        key = load_pem_private_key(pem, password=None)
    except TypeError:
        raise ConfigError("the private key is encrypted; give a PEM file without a password") from None
    except (ValueError, UnsupportedAlgorithm):
        # The parser's own text may quote what it was given, so it is not passed on.
        raise ConfigError(
            "the private key is not a PEM private key (expected -----BEGIN ... PRIVATE KEY-----)"
        ) from None
    if isinstance(key, RSAPrivateKey):
        return "RSA", lambda text: key.sign(text, _PSS, hashes.SHA256())
    if isinstance(key, Ed25519PrivateKey):
        return "Ed25519", key.sign
    raise ConfigError("the private key must be RSA or Ed25519")
