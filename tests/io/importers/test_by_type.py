"""Recordings with a file for each type of message: joined, they give the rows of the one stream that they were."""

from __future__ import annotations

import gzip
import json
import random
from collections import defaultdict
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from touchline.io.ground.errors import InputError
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_files, plan
from touchline.io.store.schema import TABLES
from touchline.io.store.store import Store

from .test_websocket import START, delta, snapshot, streams

Record = dict[str, Any]
FIRST = START * 1_000_000


def wrapped(frames: list[Record], step: int = 1_000_000) -> list[Record]:
    return [{"recv_ts": FIRST + at * step, "frame": frame} for at, frame in enumerate(frames)]


def written(folder: Path, lines: list[Record], kind_of: Any) -> list[Path]:
    """Write each line into the file of its type."""
    folder.mkdir(parents=True)
    split = defaultdict[str, list[Record]](list)
    for line in lines:
        split[kind_of(line)].append(line)
    for kind, own in split.items():
        (folder / f"{kind}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in own))
    return sorted(folder.iterdir())


def stored(root: Path, paths: list[Path]) -> dict[str, pl.DataFrame]:
    """Import paths into a new store; every row of it, but for where it came from."""
    store = Store(root)
    known, aside = plan(paths, Options())
    assert not aside
    assert all(one.report.new for one in import_files(store, known, Options()))
    found: dict[str, pl.DataFrame] = {}
    for name in TABLES:
        rows = store.table(name).collect()
        found[name] = rows.select(column for column in rows.columns if column not in ("source", "import_id"))
    return found


def assert_same_rows(root: Path, lines: list[Record], split: list[Path]) -> int:
    whole = root / "whole" / "capture.jsonl"
    whole.parent.mkdir()
    whole.write_text("".join(json.dumps(line) + "\n" for line in lines))
    one, several = stored(root / "one", [whole]), stored(root / "several", split)
    for name in TABLES:
        assert_frame_equal(one[name], several[name])
    return one["book"].height


def trade(market: str, ms: int) -> Record:
    body = {"market_ticker": market, "yes_price_dollars": "0.4000", "no_price_dollars": "0.6000", "count_fp": "2.00",
            "taker_outcome_side": "yes", "ts_ms": START + ms, "trade_id": f"t{ms}"}  # fmt: skip
    return {"type": "trade", "sid": 9, "msg": body}


def day(count: int = 300) -> list[Record]:
    chance = random.Random(4)
    frames: list[Record] = [snapshot(1, "A-1", {40: 9}, {50: 9}), snapshot(2, "B-2", {30: 9}, {60: 9})]
    for seq in range(3, count):
        if chance.random() < 0.2:
            frames.append(trade("A-1", seq))
        if chance.random() < 0.05:
            frames.append(snapshot(seq, "B-2", {30: seq}, {60: 9}))
        else:
            frames.append(delta(seq, chance.choice(["A-1", "B-2"]), chance.randint(20, 45), 1, "yes", seq))
    return frames


def begins_in_a_gap(frames: list[Record]) -> bool:
    """Whether a second connection begins with a number that the run before it lacks: it could as well be a late frame."""
    numbers = defaultdict[int, list[int]](list)
    for frame in frames:
        if "seq" in frame:
            numbers[frame["sid"]].append(frame["seq"])
    for own in numbers.values():
        begin = max((at for at in range(1, len(own)) if own[at] < own[at - 1]), default=0)
        last = own[begin:]
        if last[0] < own[0] < last[-1] and own[0] not in last:
            return True
    return False


def kind(line: Record) -> str:
    frame = line.get("frame", line)
    return "subscribed" if frame["type"] in ("subscribed", "ok") else frame["type"]


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(streams(), st.booleans())
def test_a_capture_split_by_type_gives_the_rows_of_the_whole(
    tmp_path_factory: pytest.TempPathFactory, frames: list[Record], again: bool
) -> None:
    root = tmp_path_factory.mktemp("split")
    lines = wrapped(frames)
    if again:  # a second connection
        lines += [{**line, "recv_ts": line["recv_ts"] + 10**9} for line in lines]
    kinds = {line["frame"]["type"] for line in lines}
    if not {"orderbook_snapshot", "orderbook_delta"} <= kinds:
        return
    split = [*written(root / "split", lines, kind)]
    if again and begins_in_a_gap(frames):
        with pytest.raises(InputError, match="contradict their numbers"):
            plan(split, Options())
    else:
        assert_same_rows(root, lines, split)


def test_numbers_alone_tell_the_order(tmp_path: Path) -> None:
    frames = day()
    assert assert_same_rows(tmp_path, frames, written(tmp_path / "split", frames, kind)) > 200


def test_the_folder_a_zipped_file_and_a_name_before_the_type_are_understood(tmp_path: Path) -> None:
    lines = wrapped(day())
    paths = written(tmp_path / "split", lines, lambda line: f"KXA-{kind(line)}-2026-06-10")
    packed = paths[0].with_suffix(".jsonl.gz")
    packed.write_bytes(gzip.compress(paths[0].read_bytes()))
    paths[0].unlink()
    assert assert_same_rows(tmp_path, lines, [tmp_path / "split"]) > 200


def test_receive_times_that_cross_do_not_turn_numbers_round(tmp_path: Path) -> None:
    lines = wrapped(day(), step=1000)
    late = [{**line, "recv_ts": line["recv_ts"] + (50_000 if kind(line) == "orderbook_delta" else 0)} for line in lines]
    whole = stored(tmp_path / "one", written(tmp_path / "whole", lines, lambda line: "capture"))
    split = stored(tmp_path / "several", written(tmp_path / "split", late, kind))
    assert_frame_equal(whole["book"].drop("recv_ts"), split["book"].drop("recv_ts"))


def test_bodies_without_their_frames_are_framed_by_the_names_of_their_files(tmp_path: Path) -> None:
    lines = wrapped(day())
    paths = written(tmp_path / "split", lines, kind)
    for path in paths:
        own = [json.loads(line) for line in path.read_text().splitlines()]
        bodies = [{"recv_ts": line["recv_ts"], **{name: line["frame"][name] for name in ("sid", "seq") if name in line["frame"]},
                   **line["frame"]["msg"]} for line in own]  # fmt: skip
        path.write_text("".join(json.dumps(body) + "\n" for body in bodies))
    assert assert_same_rows(tmp_path, lines, paths) > 200


@pytest.mark.parametrize("case", ["no times", "clock set back", "times against numbers"])
def test_an_order_that_cannot_be_known_is_refused_with_what_to_do(tmp_path: Path, case: str) -> None:
    twice = [*day(60), *day(60)]
    lines = twice if case == "no times" else wrapped(twice)
    if case == "clock set back":
        for line in lines[len(day(60)) :]:
            line["recv_ts"] -= 10**9
    if case == "times against numbers":
        for line in lines:
            line["recv_ts"] += 1_500_000 * (kind(line) == "orderbook_delta")
        lines[30]["frame"] = snapshot(lines[30]["frame"].get("seq", 25), "A-1", {40: 9}, {50: 9})
    paths = written(tmp_path / "split", lines, kind)
    with pytest.raises(InputError, match=r"one recording with a file a type.*in the order of receipt"):
        plan(paths, Options())


def test_whole_captures_beside_each_other_stay_apart(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for name in ("delta", "snapshot"):
        (tmp_path / "in" / f"{name}.jsonl").write_text("".join(json.dumps(line) + "\n" for line in wrapped(day())))
    assert len(plan([tmp_path / "in"], Options())[0]) == 2


def test_joined_files_are_imported_once(tmp_path: Path) -> None:
    paths = written(tmp_path / "split", wrapped(day()), kind)
    store = Store(tmp_path / "store")
    for new in (True, False):
        (one,) = import_files(store, plan(paths, Options())[0], Options())
        assert (one.report.new, one.recognised.name) == (
            new,
            str(tmp_path / "split" / "orderbook_delta.jsonl and 2 more"),
        )
