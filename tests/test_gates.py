"""The gates of the benches: a ratio on the wrong side fails the run, and so does one that is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GOOD = {
    "replay_floor": 0.2, "sweep_floor": 0.5, "tape_floor": 0.05, "ingest_cpu": 1.0, "lookup_median": 0.2,
    "bars_cpu": 0.6, "help_ms": 80.0,
}  # fmt: skip


def judged(tmp_path: Path, ratios: dict[str, float], *options: str) -> subprocess.CompletedProcess[str]:
    """The verdict on a run with these ratios, from the command that continuous integration runs."""
    run = {
        "machine_info": {"python_version": "3.11", "cpu": {"count": 2, "brand_raw": "a chip"}},
        "commit_info": {"id": "0123456789abcdef", "dirty": False},
        "datetime": "2026-11-21T08:00:00",
        "benchmarks": [
            {"name": "one", "stats": {"min": 0.5}, "extra_info": {"ratios": ratios, "rows": 1000}},
            {"name": "two", "stats": {"min": 0.25}, "extra_info": {}},
        ],
    }
    file = tmp_path / "run.json"
    file.write_text(json.dumps(run))
    command = [sys.executable, "-m", "bench.report", str(file), *options]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_good_run_passes_and_is_written_down(tmp_path):
    done = judged(tmp_path, GOOD, "--write", str(tmp_path / "page.md"))
    assert (done.returncode, done.stderr) == (0, "")
    page = (tmp_path / "page.md").read_text()
    assert "2 cores of a chip" in page and "commit 012345678:" in page
    assert "| `sweep_floor` |" in page and "| one | rows 1,000 |" in page and "| two | 0.25 s |" in page


@pytest.mark.parametrize(
    ("name", "ratio", "says"),
    [
        ("sweep_floor", 0.01, "it must be at least 0.4"),
        ("bars_cpu", 50.0, "it must be at most 1.5"),
        ("help_ms", float("nan"), "it must be at most 500"),
        ("nobody_knows", 1.0, "has no gate"),
    ],
)
def test_a_ratio_on_the_wrong_side_fails_the_run(tmp_path, name, ratio, says):
    done = judged(tmp_path, {**GOOD, name: ratio})
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(name) and says in line


def test_a_ratio_that_is_missing_fails_the_run(tmp_path):
    done = judged(tmp_path, {name: ratio for name, ratio in GOOD.items() if name != "sweep_floor"})
    assert (done.returncode, done.stderr) == (1, "sweep_floor is missing\n")


def test_small_work_has_gates_of_its_own(tmp_path):
    slow = {**GOOD, "sweep_floor": 0.3}
    assert judged(tmp_path, slow).returncode == 1
    assert judged(tmp_path, slow, "--short").returncode == 0
