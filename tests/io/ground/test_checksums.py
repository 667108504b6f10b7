"""Checksums of files and documents, and what is remembered of files that were found whole."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from touchline.io.ground import checksums
from touchline.io.ground.checksums import CheckedFiles, file_checksum, is_whole, stamp, with_checksum

from ...damage import flips


@pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (5 << 20) + 3])
def test_a_file_has_the_checksum_of_all_its_bytes(tmp_path: Path, size: int):
    content = os.urandom(size)
    (tmp_path / "file").write_bytes(content)
    assert file_checksum(tmp_path / "file") == f"{zlib.crc32(content):08x}" == checksums.checksum(content)


def test_no_change_of_a_document_goes_unnoticed(tmp_path: Path):
    """Only where the words that lead to the checksum are hit is it as if there was none."""
    path = tmp_path / "document"
    path.write_bytes(with_checksum(b'{"a": [1, 2, 3], "b": "c"}'))
    assert is_whole(path.read_bytes())
    assert not any(is_whole(path.read_bytes()) for _ in flips([path], 500))


def test_what_was_found_whole_is_remembered_until_it_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "file"
    path.write_text("one")
    known = CheckedFiles("folder")
    assert not known.knows("file", stamp(path), "sum")
    known.add("file", stamp(path), "sum")
    again = CheckedFiles("folder")
    assert again.knows("file", stamp(path), "sum")
    assert not again.knows("file", stamp(path), "other")
    assert not CheckedFiles("other folder").knows("file", stamp(path), "sum")
    was = path.stat()
    path.write_text("two")
    os.utime(path, ns=(was.st_atime_ns, was.st_mtime_ns))
    assert not again.knows("file", stamp(path), "sum"), "the same size and time, and yet another file"


def test_the_list_of_whole_files_does_not_grow_for_ever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path))
    monkeypatch.setattr(checksums, "_MAX_LINES", 20)
    for number in range(100):
        CheckedFiles("folder").add(f"file {number}", "stamp", "sum")
    (kept,) = (tmp_path / "checked").iterdir()
    assert len(kept.read_text().splitlines()) <= 21
    known = CheckedFiles("folder")
    assert all(known.knows(f"file {number}", "stamp", "sum") for number in range(90, 100)), "the younger ones stay"
    assert not known.knows("file 9", "stamp", "sum")
