"""The journal: nothing that was committed is lost, nothing damaged is believed, and one process writes it."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from touchline.engine.trading.journal import (
    JournalLine,
    SegmentLimits,
    SessionJournal,
    decoded,
    encoded,
    is_locked,
    latest_state,
    mend,
    read,
    segments,
)
from touchline.io.ground.errors import CheckError, DiskError, InputError


def written(folder: Path, count: int = 5, limits: SegmentLimits | None = None) -> list[JournalLine]:
    lines = [JournalLine("<", k, b'{"n":%d}' % k) for k in range(count)]
    journal = SessionJournal(folder, limits)
    for line in lines:
        journal.append(line)
        journal.commit()
    journal.close()
    return lines


def test_what_was_committed_reads_back(tmp_path: Path):
    assert list(read(segments(tmp_path))) == []
    lines = written(tmp_path)
    assert list(read(segments(tmp_path))) == lines


def test_a_message_of_several_lines_stays_one():
    line = JournalLine("<", 7, b'{"a":\n1}')
    assert decoded(encoded(line)) == JournalLine("<", 7, b'{"a": 1}')


@pytest.mark.parametrize("cut", [1, 9, 20])
def test_a_torn_end_is_cut_and_the_rest_is_kept(tmp_path: Path, cut: int):
    lines = written(tmp_path)
    newest = segments(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes()[:-cut])
    assert list(read(segments(tmp_path))) == lines[:-1]
    assert mend(tmp_path) and not mend(tmp_path)
    more = written(tmp_path, 2)
    assert list(read(segments(tmp_path))) == lines[:-1] + more


def test_a_damaged_line_is_an_error_and_never_a_wrong_number(tmp_path: Path):
    written(tmp_path)
    newest = segments(tmp_path)[-1]
    newest.write_bytes(newest.read_bytes().replace(b'{"n":2}', b'{"n":9}'))
    with pytest.raises(CheckError, match=r"line 3 is damaged"):
        list(read(segments(tmp_path)))


def test_a_closed_segment_is_compressed_and_reads_the_same(tmp_path: Path):
    journal = SessionJournal(tmp_path, SegmentLimits(max_bytes=100))
    lines: list[JournalLine] = []
    for k in range(20):
        if journal.full:
            state = JournalLine("state", k, b"{}")
            journal.rotate(state)
            lines.append(state)
        line = JournalLine("turn", k, b'{"wall":1}')
        journal.append(line)
        journal.commit()
        lines.append(line)
    journal.close()
    until = time.monotonic() + 10
    while len(list(tmp_path.glob("*.log"))) > 1 and time.monotonic() < until:
        time.sleep(0.01)
    assert len(list(tmp_path.glob("*.log.gz"))) > 3
    assert list(read(segments(tmp_path))) == lines
    state, after = latest_state(tmp_path)
    assert state is not None and state.ts == max(line.ts for line in lines if line.kind == "state")
    assert next(iter(read(after))) == state


def test_one_process_writes_a_journal(tmp_path: Path):
    journal = SessionJournal(tmp_path)
    assert is_locked(tmp_path)
    with pytest.raises(InputError, match="a process is trading this session"):
        SessionJournal(tmp_path)
    journal.close()
    assert not is_locked(tmp_path)
    SessionJournal(tmp_path).close()


def test_a_full_disk_is_said_and_leaves_whole_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    import os

    journal = SessionJournal(tmp_path)
    line = JournalLine("turn", 1, b'{"wall":1}')
    journal.append(line)
    journal.commit()
    real = os.write

    def full(handle: int, data: bytes) -> int:
        if len(data) < 10:
            raise OSError(28, "No space left on device")
        return real(handle, data[:8])

    monkeypatch.setattr(os, "write", full)
    journal.append(line)
    with pytest.raises(DiskError, match="No space left on device; what was written before is safe"):
        journal.commit()
    monkeypatch.undo()
    journal._waiting.clear()
    journal.close()
    assert list(read(segments(tmp_path))) == [line]
