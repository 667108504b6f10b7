"""Kills a training with SIGKILL at random moments and starts it again: ``python -m tests.engine.training.kills 10``.

Each start is the command itself in a process of its own. When one ends in peace its model must have the hash of a
training that was never killed; then it begins anew, until there were so many kills.
"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from .made import FEATURES, made

ENGINE = Path(sys.executable).with_name("engine")
PIPELINE = """
[[tables]]
file = "signals.csv"
by = "ticker"

[scorer]
name = "onnx"
file = "model"
"""


#: Share of the kills that come once another fold is finished, and how long after it at most, s.
_IN_FOLDS, _FOLDS_S = 0.7, 0.3


@dataclass
class TrainingKills:
    """What some kills came to."""

    kills: int = 0
    finished: int = 0
    with_folds: int = 0  #: kills after which finished folds were waiting
    folds_kept: int = 0  #: the most of them
    faults: list[str] = field(default_factory=list)


def run(
    folder: Path, kills: int, seed: int, model: str = "logistic", events: int = 120, every: str = "12h"
) -> TrainingKills:
    """Kill and start again until there were so many kills, and once more to the end."""
    made(folder / "store", beta=2.0, events=events)
    (folder / "made.toml").write_text(PIPELINE)
    draw, found = random.Random(seed), TrainingKills()
    begun = time.monotonic()
    whole = train(folder, "whole", model, every)
    if whole.wait() != 0:
        raise AssertionError("the training that is not killed fails")
    takes, wanted = time.monotonic() - begun, hash_of(folder / "whole")
    while found.kills < kills or not found.finished:
        process, before = train(folder, "killed", model, every), folds_of(folder)
        if found.kills < kills and draw.random() < _IN_FOLDS:
            while process.poll() is None and folds_of(folder) == before:
                time.sleep(0.02)
            wait = draw.uniform(0.0, _FOLDS_S)
        else:
            wait = draw.uniform(0.2, 1.1) * takes if found.kills < kills else 600.0
        try:
            code = process.wait(wait)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            found.kills += 1
            waiting = folds_of(folder)
            found.with_folds += waiting > 0
            found.folds_kept = max(found.folds_kept, waiting)
            continue
        found.finished += 1
        if code or hash_of(folder / "killed") != wanted:
            found.faults.append(f"after {found.kills} kills it ended with {code} and another hash than {wanted}")
        shutil.rmtree(folder / "killed")
    return found


def train(folder: Path, out: str, model: str, every: str) -> subprocess.Popen[bytes]:
    """The command as a person starts it."""
    words = ["train", "made.toml", "--store", "store", "--model", model, "--features", ",".join(FEATURES)]
    return subprocess.Popen(
        [ENGINE, *words, "--every", every, "--out", out, "--json"], cwd=folder, stdout=subprocess.DEVNULL
    )


def folds_of(folder: Path) -> int:
    """How many finished folds wait for the others."""
    return len(list((folder / "killed/unfinished").glob("*.npz")))


def hash_of(folder: Path) -> str:
    """The hash of every model and prediction of a folder."""
    return tomllib.loads((folder / "model.toml").read_text())["hash"]


def main() -> None:
    """Run it as a command: how many kills, the kind of model, and the seed."""
    given = sys.argv[1:]
    kills, model, seed = int(given[0]) if given else 10, given[1] if given[1:] else "logistic", 1
    with tempfile.TemporaryDirectory() as folder:
        begun = time.monotonic()
        found = run(Path(folder), kills, seed, model, every="6h")
    sys.stdout.write(f"{model}: {found}\n{time.monotonic() - begun:.0f} s\n")
    raise SystemExit(bool(found.faults))


if __name__ == "__main__":
    main()
