"""The tables of docs/settings.md, made from the code: run it to write them anew."""

from __future__ import annotations

import inspect
import math
import re
from dataclasses import fields
from pathlib import Path

from touchline.engine.simulator.assumptions.venue import MEANINGS, Assumptions
from touchline.strategies.pipeline.pipeline import parts
from touchline.strategies.pipeline.scorers.onnx import FEATURES

PAGE = Path(__file__).resolve().parents[1] / "docs" / "settings.md"


def table(columns: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [columns, tuple("---" for _ in columns), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "\\|") for cell in line) + " |" for line in lines)


def assumptions() -> str:
    said = dict(re.findall(r"^    (\w+): .*?  #: (.+)$", inspect.getsource(Assumptions), re.MULTILINE))
    rows = []
    for field in fields(Assumptions):
        values = "; ".join(f"`{name}`: {what}" for name, what in MEANINGS.get(field.name, {}).items())
        low, high = field.metadata.get("low", -math.inf), field.metadata.get("high", math.inf)
        if math.isfinite(high):
            values = f"{low:.16g} to {high:.16g} {field.metadata['unit']}".strip()
        default = "none" if field.default is None else str(field.default).lower()
        rows.append((f"`{field.name}`", f"`{default}`", said.get(field.name, ""), values))
    return table(("assumption", "default", "", "values"), rows)


def pipeline_keys() -> str:
    rows = [
        (kind, f"`{name}`", f"`{one.name}`", f"`{one.default}`" if one.default != "" else "", one.bounds, one.doc)
        for kind, name, part in parts()
        for one in part.PARAMETERS
    ]
    return table(("part", "name", "key", "default", "allowed", ""), rows)


def onnx_features() -> str:
    return table(("feature", "unit and meaning"), [(f"`{name}`", what) for name, what in FEATURES.items()])


TABLES = {
    "Assumptions": assumptions,
    "Keys of pipelines": pipeline_keys,
    "Inputs of ONNX models": onnx_features,
}


def written(text: str) -> str:
    """The page with every table as the code has it."""
    for heading, made in TABLES.items():
        before, found, rest = text.partition(f"\n## {heading}\n")
        assert found, heading
        body, mark, after = rest.partition("\n## ")
        prose = body.split("\n|")[0].rstrip()
        text = f"{before}{found}{prose}\n\n{made()}\n{mark}{after}"
    return text


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
