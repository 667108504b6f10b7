"""The key the exchange trusts, and the check of every signature made with it."""

from __future__ import annotations

import base64
import binascii
import re
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, padding, rsa

from ....io.ground import atomic
from ....io.ground.errors import InputError
from ..wire import RefusalError, refuse

MAX_SKEW_MS = 10_000
_STAMP = re.compile(r"[0-9]{1,15}\Z")
_PSS = padding.PSS(mgf=padding.MGF1(hashes.SHA256()), salt_length=padding.PSS.DIGEST_LENGTH)


class TrustedKeys:
    """The key pair in a folder: ``private.pem`` and ``key-id``, made at first use."""

    def __init__(self, folder: Path, kind: str = "rsa") -> None:
        self.path = folder / "private.pem"
        name = folder / "key-id"
        private = None
        try:
            if not self.path.exists():
                private = _make(folder, self.path, name, kind)
        except OSError as error:
            raise InputError(
                f"cannot make a key pair in {folder}: {error.strerror}; name another folder with keys="
            ) from None
        try:
            self.key_id = name.read_text().strip()
            private = private or serialization.load_pem_private_key(self.path.read_bytes(), password=None)
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{folder} does not hold a readable private.pem and key-id: {error}") from None
        if not isinstance(private, rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
            raise InputError(f"{self.path} holds neither an RSA nor an Ed25519 key")
        self.public = private.public_key()

    def signed(self, text: bytes, signature: bytes) -> bool:
        """Say whether the signature of a text was made with this key, salt length included."""
        try:
            if isinstance(self.public, rsa.RSAPublicKey):
                self.public.verify(signature, text, _PSS, hashes.SHA256())
            else:
                self.public.verify(signature, text)
        except InvalidSignature:
            return False
        return True


def _make(folder: Path, private: Path, name: Path, kind: str) -> rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey:
    folder.mkdir(parents=True, exist_ok=True)
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if kind == "rsa"
        else ed25519.Ed25519PrivateKey.generate()
    )
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    atomic.write(name, f"{uuid.uuid4()}\n")
    atomic.write(private, pem, durable=True, mode=0o600)
    return key


class Gate:
    """Lets a request pass whose three headers are right, and refuses the others as the exchange does."""

    def __init__(self, keys: TrustedKeys, clock: Callable[[], float] = time.time) -> None:
        self._keys = keys
        self._clock = clock

    def check(self, headers: Mapping[str, str], method: str, path: str) -> None:
        """Raise the documented 401 unless timestamp, method and path (no query) were signed by the key."""
        key_id = headers.get("kalshi-access-key", "")
        stamp = headers.get("kalshi-access-timestamp", "")
        signature = headers.get("kalshi-access-signature", "")
        if not signature:
            raise refuse(401, "signature_is_missing_from_headers")
        if not key_id:
            raise refuse(401, "key_is_missing_from_headers")
        if not _STAMP.match(stamp) or abs(int(stamp) - self._clock() * 1000) > MAX_SKEW_MS:
            raise refuse(401, "header_timestamp_expired")
        if key_id != self._keys.key_id:
            raise _failed("NOT_FOUND")
        try:
            raw = base64.b64decode(signature, validate=True)
        except (binascii.Error, ValueError):
            raise _failed("INCORRECT_API_KEY_SIGNATURE") from None
        if not self._keys.signed(f"{stamp}{method.upper()}{path}".encode(), raw):
            raise _failed("INCORRECT_API_KEY_SIGNATURE")


def _failed(details: str) -> RefusalError:
    return refuse(401, "authentication_error", "authentication error", details)
