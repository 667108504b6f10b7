from __future__ import annotations

import base64
import logging
import pickle
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from touchline.io.kalshi.rest.errors import ConfigError
from touchline.io.kalshi.rest.signing import Signer, read_key_file

PATH = "/trade-api/v2/portfolio/events/orders"


def pem_of(key: object) -> bytes:
    return key.private_bytes(  # type: ignore[attr-defined]
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def test_rsa_signs_time_method_and_path_with_a_salt_of_32(key: rsa.RSAPrivateKey, pem: bytes) -> None:
    headers = Signer("id-1", pem).headers("post", PATH + "?limit=5", now_ms=1781159360813)
    assert headers["KALSHI-ACCESS-KEY"] == "id-1"
    assert headers["KALSHI-ACCESS-TIMESTAMP"] == "1781159360813"
    signature = base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"])
    text = b"1781159360813POST/trade-api/v2/portfolio/events/orders"
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=32)
    key.public_key().verify(signature, text, pss, hashes.SHA256())
    longest = padding.PSS(padding.MGF1(hashes.SHA256()), salt_length=222)
    with pytest.raises(InvalidSignature):
        key.public_key().verify(signature, text, longest, hashes.SHA256())


def test_ed25519_signs_the_same_text_directly() -> None:
    key = ed25519.Ed25519PrivateKey.generate()
    headers = Signer("id-2", pem_of(key)).headers("GET", PATH, now_ms=1)
    key.public_key().verify(base64.b64decode(headers["KALSHI-ACCESS-SIGNATURE"]), f"1GET{PATH}".encode())


@pytest.mark.parametrize(
    ("pem", "says"),
    [
        (b"not a key, but secret", "not a PEM private key"),
        (b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "not a PEM private key"),
        (pem_of(ec.generate_private_key(ec.SECP256R1())), "must be RSA or Ed25519"),
    ],
)
def test_a_wrong_key_is_named_without_quoting_it(pem: bytes, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as caught:
        Signer("id", pem)
    assert "secret" not in str(caught.value) and "AAAA" not in str(caught.value)


def test_an_encrypted_key_is_named(key: rsa.RSAPrivateKey) -> None:
    locked = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"pw")
    )
    with pytest.raises(ConfigError, match="without a password"):
        Signer("id", locked)


def test_a_signer_shows_and_pickles_nothing(pem: bytes) -> None:
    signer = Signer("key-id-1", pem)
    assert repr(signer) == str(signer) == "Signer(RSA)"
    with pytest.raises(TypeError, match="private key"):
        pickle.dumps(signer)


def test_a_key_file_others_can_read_is_warned_about(
    tmp_path: Path, pem: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "private.pem"
    path.write_bytes(pem)
    path.chmod(0o644)
    with caplog.at_level(logging.WARNING):
        assert read_key_file(path) == pem
    assert f"chmod 600 {path}" in caplog.text
    caplog.clear()
    path.chmod(0o600)
    read_key_file(path)
    assert not caplog.records


def test_a_missing_key_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.pem: No such file"):
        read_key_file(tmp_path / "nowhere.pem")
