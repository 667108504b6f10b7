from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from touchline.io.kalshi.recorder import journal as journal_module
from touchline.io.kalshi.recorder.journal import Journal, JournalFullError, JournalLimits, mend, read, segments
from touchline.io.kalshi.rest.errors import ConfigError


def kinds(folder: Path) -> list[str]:
    return [frame["type"] for _, frame in read(segments(folder))]


def test_a_journal_holds_what_was_committed_in_capture_lines(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {"use_yes_price": True})
    journal.append(17, b'{"type":"trade","msg":{}}')
    journal.commit()
    journal.close()
    lines = segments(tmp_path)[0].read_text().splitlines()
    assert lines[0].startswith('{"recv_ts":') and '"use_yes_price":true' in lines[0]
    assert lines[1] == '{"recv_ts":17,"frame":{"type":"trade","msg":{}}}'
    assert kinds(tmp_path) == ["recording", "trade", "ended"]
    assert not mend(segments(tmp_path)[0])


@pytest.mark.parametrize("torn", [b"", b'{"recv_ts":18,"fra', b'{"recv_ts":18,"frame":{"type":"trade"}}'])
def test_a_killed_segment_is_cut_to_whole_lines_and_ends_in_a_gap(tmp_path: Path, torn: bytes) -> None:
    journal = Journal(tmp_path, {})
    journal.append(17, b'{"type":"trade","msg":{}}')
    journal.commit()
    path = segments(tmp_path)[0]
    with path.open("ab") as file:
        file.write(torn)
    assert mend(path) and not mend(path)
    found = list(read([path]))
    assert [frame["type"] for _, frame in found] == ["recording", "trade", "gap", "ended"]
    assert found[2][1]["msg"] == {"market_tickers": [], "start_ts": 17, "reason": "the recorder was killed"}
    journal.close()


def test_mending_looks_behind_long_lines(tmp_path: Path) -> None:
    path = tmp_path / f"x{journal_module.SUFFIX}"
    body = '{"type":"x","msg":"' + "y" * 300_000 + '"}'
    path.write_text(f'{{"recv_ts":5,"frame":{body}}}\n{{"recv_ts":6,"frame":' + "z" * 200_000)
    assert mend(path)
    assert [(ts, frame["type"]) for ts, frame in read([path])] == [(5, "x"), (5, "gap"), (5, "ended")]
    empty = tmp_path / f"y{journal_module.SUFFIX}"
    empty.write_bytes(b"torn")
    assert mend(empty) and not empty.exists()


def test_segments_turn_over_by_size(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {}, JournalLimits(max_bytes=200))
    assert not journal.full
    journal.append(1, b'{"type":"trade","msg":"%s"}' % (b"x" * 200))
    journal.commit()
    assert journal.full
    closed = journal.rotate([b'{"type":"orderbook_snapshot"}'])
    assert closed == segments(tmp_path)[0] and not mend(closed)
    journal.close()
    assert kinds(tmp_path) == ["recording", "trade", "ended", "recording", "orderbook_snapshot", "ended"]


def test_one_recorder_a_folder(tmp_path: Path) -> None:
    journal = Journal(tmp_path, {})
    with pytest.raises(ConfigError, match="another recorder"):
        Journal(tmp_path, {})
    journal.close()
    Journal(tmp_path, {}).close()


def test_what_is_written_is_synced_every_second_or_5000_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    real = os.fsync
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    journal = Journal(tmp_path, {})
    monkeypatch.setattr(os, "fsync", lambda handle: (synced.append(handle), real(handle)))
    for _ in range(4000):
        journal.append(1, b"{}")
    journal.commit()
    assert not synced
    for _ in range(1000):
        journal.append(1, b"{}")
    journal.commit()
    assert len(synced) == 1
    now[0] += 0.9
    journal.append(1, b"{}")
    journal.commit()
    assert len(synced) == 1
    now[0] += 0.2
    journal.commit()
    assert len(synced) == 2
    now[0] += 5
    journal.commit()
    assert len(synced) == 2, "nothing new, nothing to sync"
    journal.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a file on a disk that is always full")
def test_a_full_disk_ends_it_and_keeps_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, {})
    journal.append(1, b'{"type":"trade","msg":1}')
    journal.commit()
    real = os.write

    def full(handle: int, data: bytes) -> int:
        part = bytes(data)[:60]  # the disk takes one line and a half
        real(handle, part)
        monkeypatch.setattr(os, "write", lambda handle, data: real(os.open("/dev/full", os.O_WRONLY), data))
        return len(part)

    monkeypatch.setattr(os, "write", full)
    journal.append(2, b'{"type":"trade","msg":2}')
    journal.append(3, b'{"type":"trade","msg":3}')
    with pytest.raises(JournalFullError, match="No space left on device"):
        journal.commit()
    monkeypatch.setattr(os, "write", real)
    journal.close()
    assert kinds(tmp_path) == ["recording", "trade", "trade"]
    assert mend(segments(tmp_path)[0])


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full, a file on a disk that is always full")
def test_a_segment_that_cannot_begin_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal, real = Journal(tmp_path, {}), os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(os.open("/dev/full", os.O_WRONLY), data))
    with pytest.raises(JournalFullError, match="Free some space"):
        Journal(tmp_path / "another", {})
    assert not segments(tmp_path / "another")
    with pytest.raises(JournalFullError, match="Free some space"):
        journal.rotate([])
    journal.close()
    monkeypatch.setattr(os, "write", real)
    (left,) = segments(tmp_path)
    assert mend(left)
    Journal(tmp_path, {}).close()  # the lock is free


def test_a_segment_of_a_recorder_killed_before_its_first_line_goes(tmp_path: Path) -> None:
    empty = tmp_path / "20261121T112541-000.capture.jsonl"
    for text in ("", '{"recv_ts":1,"fra'):
        empty.write_text(text)
        assert mend(empty)
        assert not segments(tmp_path)
