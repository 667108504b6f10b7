"""The gates: what each ratio of the benches has to be, and whether a run of them got through.

A bench leaves its ratios to yardsticks of the same run in ``extra_info["ratios"]``; ``gates.toml`` says what each ratio
means, what it should be (``bar``) and from where on it has clearly failed (``gate``, with room for noise).
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("gates.toml")


@dataclass(frozen=True)
class Gate:
    """What one ratio has to be."""

    name: str
    what: str
    better: str  #: "higher" or "lower"
    bar: float  #: what it should be on a quiet machine
    gate: float  #: what fails the run on any machine

    def passes(self, ratio: float) -> bool:
        """Whether a ratio is not clearly on the wrong side; one that is no number is."""
        return ratio >= self.gate if self.better == "higher" else ratio <= self.gate

    def meets(self, ratio: float) -> bool:
        """Whether a ratio is where it should be."""
        return ratio >= self.bar if self.better == "higher" else ratio <= self.bar


def read_gates(path: Path = FILE, short: bool = False) -> dict[str, Gate]:
    """The gates by name; a short run, with small work, has some of its own."""
    gates: dict[str, Gate] = {}
    for name, given in tomllib.loads(path.read_text()).items():
        row = {key: value for key, value in given.items() if key != "short"}
        if short:
            row["gate"] = given.get("short", row["gate"])
        if row["better"] not in ("higher", "lower"):
            raise ValueError(f"gate {name}: better is higher or lower, not {row['better']!r}")
        gates[name] = Gate(name, **row)
        if not gates[name].passes(gates[name].bar):
            raise ValueError(f"gate {name}: what meets the bar {row['bar']} does not pass the gate {row['gate']}")
    return gates


def ratios_of(run: Mapping[str, Any]) -> dict[str, float]:
    """The ratios of a run, as pytest-benchmark wrote it."""
    found: dict[str, float] = {}
    for bench in run["benchmarks"]:
        found |= bench["extra_info"].get("ratios", {})
    return found


def judge(ratios: Mapping[str, float], gates: Mapping[str, Gate], needed: frozenset[str] = frozenset()) -> list[str]:
    """What is wrong with a run, a line each: ratios that fail, ratios without a gate, needed ones that are missing."""
    wrong = [f"{name} is missing" for name in sorted(needed - ratios.keys())]
    for name, ratio in ratios.items():
        if name not in gates:
            wrong.append(f"{name} has no gate in {FILE.name}")
        elif not gates[name].passes(ratio):
            gate = gates[name]
            least = "at least" if gate.better == "higher" else "at most"
            wrong.append(f"{name} ({gate.what}) is {ratio:.3g}; it must be {least} {gate.gate:g}")
    return wrong


def load_run(path: Path) -> dict[str, Any]:
    """A run as pytest-benchmark wrote it (``--benchmark-json``)."""
    return json.loads(path.read_text())
