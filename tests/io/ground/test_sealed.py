"""Sealed files: what was damaged, swapped or planted reads as nothing, and the key is the user's alone."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
import pytest
from touchline.io.ground import sealed

FLIPS = 200


@pytest.fixture
def key_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The key's place in a configuration folder of one's own."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    sealed._key.cache_clear()
    yield tmp_path / "config/touchline" / sealed.KEY_FILE
    sealed._key.cache_clear()


def test_what_was_written_is_read(tmp_path: Path):
    sealed.write_sealed(tmp_path / "new/one", b"content")
    assert sealed.read_sealed(tmp_path / "new/one") == b"content"
    assert sealed.read_sealed(tmp_path / "new/none") is None
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["one"]


def test_every_flipped_byte_and_every_cut_is_noticed(tmp_path: Path):
    path = tmp_path / "one"
    sealed.write_sealed(path, bytes(range(256)) * 4)
    whole = path.read_bytes()
    rng = np.random.default_rng(5)
    for at, by in zip(rng.integers(0, len(whole), FLIPS), rng.integers(1, 256, FLIPS), strict=True):
        broken = bytearray(whole)
        broken[at] ^= int(by)
        path.write_bytes(broken)
        assert sealed.read_sealed(path) is None
    for length in (0, 5, 32, len(whole) - 1):
        path.write_bytes(whole[:length])
        assert sealed.read_sealed(path) is None
    path.write_bytes(whole + b"\0")
    assert sealed.read_sealed(path) is None


def test_a_file_in_anothers_place_is_not_read(tmp_path: Path):
    sealed.write_sealed(tmp_path / "one", b"content")
    (tmp_path / "two").write_bytes((tmp_path / "one").read_bytes())
    assert sealed.read_sealed(tmp_path / "two") is None


def test_a_planted_file_with_a_plain_digest_is_not_read(tmp_path: Path):
    (tmp_path / "one").write_bytes(hashlib.sha256(b"planted").digest() + b"planted")
    assert sealed.read_sealed(tmp_path / "one") is None


def test_the_key_is_kept_for_its_user_alone_and_other_keys_read_nothing(key_file: Path, tmp_path: Path):
    sealed.write_sealed(tmp_path / "one", b"content")
    name = sealed.sealed_name("a", "b")
    assert key_file.stat().st_mode & 0o777 == 0o600
    sealed._key.cache_clear()
    assert sealed.read_sealed(tmp_path / "one") == b"content"
    assert sealed.sealed_name("a", "b") == name != sealed.sealed_name("ab")
    key_file.unlink()
    sealed._key.cache_clear()
    assert sealed.read_sealed(tmp_path / "one") is None
    assert sealed.sealed_name("a", "b") != name


@pytest.mark.parametrize("fault", ["short", "long", "readable", "link", "given"])
def test_a_key_that_others_may_know_is_replaced(fault, key_file: Path, tmp_path: Path):
    key_file.parent.mkdir(parents=True)
    known = b"k" * {"short": 31, "long": 33}.get(fault, 32)
    place = tmp_path / "elsewhere" if fault == "link" else key_file
    place.write_bytes(known)
    place.chmod(0o644 if fault == "readable" else 0o600)
    if fault == "link":
        key_file.symlink_to(place)
    if fault == "given":
        if os.getuid() != 0:
            pytest.skip("only the administrator can give a file away")
        os.chown(key_file, 12_345, 12_345)
    key = sealed._key()
    assert key != known
    assert not key_file.is_symlink()
    assert key_file.read_bytes() == key
    assert key_file.stat().st_mode & 0o777 == 0o600


def test_without_a_place_for_a_key_there_is_one_for_the_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(sealed, "config_dir", lambda: None)
    monkeypatch.setattr(sealed, "cache_dir", lambda: tmp_path / "gone")
    sealed._key.cache_clear()
    assert sealed._key() == sealed._key()
    sealed._key.cache_clear()
