"""From a run of the benches to ``RESULTS.md`` and a verdict.

    python -m bench.report RUN.json --write bench/RESULTS.md     the table of a whole run
    python -m bench.report RUN.json --short                      the verdict on a short run, for continuous integration

Exit code 1 when a ratio is clearly on the wrong side of its gate.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .gates import Gate, judge, load_run, ratios_of, read_gates

#: Without these a short run has not run.
NEEDED = frozenset({"replay_floor", "sweep_floor", "tape_floor", "ingest_cpu", "lookup_median", "bars_cpu", "help_ms"})


def figure(value: object) -> str:
    """A number with as many digits as can be trusted; of many the first and the last."""
    if isinstance(value, list):
        return f"{figure(value[0])} … {figure(value[-1])}"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def table(run: Mapping[str, Any], gates: Mapping[str, Gate], command: str) -> str:
    """The page: machine, date, command; every ratio beside its bar and gate; every figure of every bench."""
    machine = run["machine_info"]
    cpu = machine.get("cpu", {})
    commit = run.get("commit_info", {})
    state = f"commit {str(commit.get('id'))[:9]}{' with changes' if commit.get('dirty') else ''}"
    chip = cpu.get("brand_raw", machine.get("processor") or "an unknown processor")
    cores, python = cpu.get("count", "?"), machine["python_version"]
    lines = [
        "# Results of the benches",
        "",
        f"`{command}` on {run['datetime'][:10]}, {state}: {cores} cores of {chip}, Python {python}.",
        "Every yardstick was measured in the same run, every answer checked. Seconds and rates are of this machine.",
        "",
        "| ratio | | is | bar | | gate |",
        "|---|---|---:|---:|---|---:|",
    ]
    for name, ratio in ratios_of(run).items():
        gate = gates[name]
        sign = "≥" if gate.better == "higher" else "≤"
        met = "met" if gate.meets(ratio) else ("**missed**" if gate.passes(ratio) else "**failed**")
        lines.append(f"| `{name}` | {gate.what} | {figure(ratio)} | {sign} {gate.bar:g} | {met} | {gate.gate:g} |")
    lines += ["", "| bench | figures |", "|---|---|"]
    for bench in run["benchmarks"]:
        facts = {name: value for name, value in bench["extra_info"].items() if name != "ratios"}
        told = ", ".join(f"{name} {figure(value)}" for name, value in facts.items())
        lines.append(f"| {bench['name']} | {told or figure(bench['stats']['min']) + ' s'} |")
    return "\n".join(lines) + "\n"


def main() -> int:
    """Write the table and give the verdict."""
    asked = argparse.ArgumentParser(prog="python -m bench.report")
    asked.add_argument("run", type=Path)
    asked.add_argument("--write", type=Path)
    asked.add_argument("--short", action="store_true")
    asked.add_argument("--command", default="make bench")
    given = asked.parse_args()
    run, gates = load_run(given.run), read_gates(short=given.short)
    wrong = judge(ratios_of(run), gates, NEEDED)
    if given.write:
        given.write.write_text(table(run, gates, given.command))
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
