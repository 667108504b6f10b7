"""The tables of docs/figures.md, made from the code: run it to write them anew."""

from __future__ import annotations

from pathlib import Path

from touchline.engine.reports.told.bet_facts import BETS
from touchline.engine.reports.told.named import FigureGroup
from touchline.engine.reports.told.run_facts import DATA, RUN, TOTAL
from touchline.engine.reports.told.sweep_facts import EVIDENCE

PAGE = Path(__file__).resolve().parents[3] / "docs" / "figures.md"
TABLES = {
    "A replay": RUN,
    "Several replays": TOTAL[1:2],
    "The data of a replay": DATA,
    "A sweep": EVIDENCE,
    "Bets": BETS,
}


def table(groups: tuple[FigureGroup, ...]) -> str:
    rows = ["| figure | unit | what it means | where |", "| --- | --- | --- | --- |"]
    for group in groups:
        for one in group.figures:
            where = ", ".join(f"`{key}`" for key in one.keys.split())
            rows.append(f"| {one.name} | {one.unit.name} | {one.means} | {where} |")
    return "\n".join(rows)


def written(text: str) -> str:
    """The page with every table as the code has it."""
    for heading, groups in TABLES.items():
        before, found, rest = text.partition(f"\n## {heading}\n")
        assert found, heading
        said, _, after = rest.partition("\n| ")
        below = "\n## " + after.partition("\n## ")[2] if "\n## " in after else ""
        text = f"{before}{found}{said}\n{table(groups)}\n{below}"
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
