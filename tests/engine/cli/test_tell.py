"""Tables of rewards for a person: cells of a sweep by what they were ranked by, and markets that pay."""

from __future__ import annotations

from typing import Any

import pytest
from touchline.engine.cli.tell import scans, sweeps
from touchline.engine.runs.reward_scan import RewardCandidate


def told(by: str, **row: float) -> dict[str, Any]:
    cell = {"cell": 3, "half_spread": 2.0, "total_pnl": 5e6, "pnl": 5e6, "cash": 1e6} | row
    names = ("strategy", "effects", "warnings", "evidence")
    empty: dict[str, Any] = dict.fromkeys(names, ())
    shown = {"ranked_by": by, "markets": 1, "bets": False, "axes": ["half_spread"], "labels": {}, "robust": None}
    return empty | shown | {"top": [cell]}


@pytest.mark.parametrize(
    ("by", "title"),
    [
        ("pnl", "Highest P&L"),
        ("pnl-without-rewards", "Highest P&L without rewards"),
        ("rewards-per-collateral", "Highest rewards a dollar locked up"),
        ("cash", "Highest cash, which leaves settlement out"),
    ],
)
def test_cells_are_under_the_name_of_what_they_rank_by(by: str, title: str, capsys: pytest.CaptureFixture[str]) -> None:
    sweeps.tell(told(by, rewards=2e6, pnl_without_rewards=3e6, rewards_per_collateral=0.125))
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].rstrip() == title
    assert [one.strip() for one in lines[1].replace("┃", "│").split("│")][-3:] == [
        "rewards", "without rewards", "rewards a dollar"
    ]  # fmt: skip
    assert [one.strip() for one in lines[3].split("│")][-3:] == ["$2.00", "$3.00", "12.5 %"]


def test_a_sweep_without_programs_has_no_columns_of_rewards(capsys: pytest.CaptureFixture[str]) -> None:
    sweeps.tell(told("pnl"))
    assert "rewards" not in capsys.readouterr().out


def test_what_a_market_loses_is_written_with_its_sign(capsys: pytest.CaptureFixture[str]) -> None:
    scans.tell_paying([RewardCandidate("KXA-1", 1, 89.99, 0.213, 18_036.3, 4.58, 45.45, -736.83)])
    row = [one.strip() for one in capsys.readouterr().out.splitlines()[3].split("│")]
    assert row == ["KXA-1", "1", "$89.99", "21.3 %", "18,036.3", "4.58", "$45.45", "-$736.83", "-16.2119"]
