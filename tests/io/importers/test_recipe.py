"""The recipe of docs/architecture.md for an importer, followed once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from touchline.io.importers import recognise
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_files
from touchline.io.importers.tables.layout import Layout
from touchline.io.importers.values.convert import SourceRows
from touchline.io.store.store import Store


def _convert(rows: SourceRows, decided: Mapping[str, str]) -> None:
    rows.emit("underlying", {"ts": rows.time("noon"), "symbol": rows.text("place"), "value": rows.real("celsius")})


TEMPERATURES = Layout("temperatures", "temperatures by place (CSV)", (("noon",), ("place",), ("celsius",)), _convert)


def test_an_importer_is_a_layout_and_a_line_of_the_registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "weather.csv"
    file.write_text("noon,place,celsius\n2026-06-01T12:00:00Z,KNYC,21.5\n2026-06-02T12:00:00Z,KNYC,24\n")
    monkeypatch.setattr(recognise, "IMPORTERS", (TEMPERATURES, *recognise.IMPORTERS))
    recognised = recognise.recognise(file, Options())
    assert recognised.importer is TEMPERATURES
    store = Store(tmp_path / "store")
    list(import_files(store, [recognised], Options()))
    assert store.underlying().collect()["value"].to_list() == [21.5, 24.0]
