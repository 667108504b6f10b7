"""The notebooks run from their first cell to the last, on a smaller day, and show pictures and bars."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOKS = sorted((Path(__file__).resolve().parent.parent / "docs/notebooks").glob("*.ipynb"))


def code(path: Path) -> list[dict[str, Any]]:
    return [cell for cell in json.loads(path.read_text())["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_stored_without_its_outputs(path: Path):
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code(path))
    assert "scale=0.05" in "".join(code(path)[0]["source"])
    assert path.stat().st_size < 10_000


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::RuntimeWarning", "ignore::ResourceWarning")
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path, tmp_path: Path):
    book = nbformat.reads(path.read_text().replace("scale=0.05", "scale=0.01"), as_version=4)
    done = NotebookClient(book, timeout=300, resources={"metadata": {"path": str(tmp_path)}}).execute()
    nbformat.write(done, tmp_path / "done.ipynb")
    shown = [cell["outputs"] for cell in done.cells if cell["cell_type"] == "code"]
    data = [out["data"] for outs in shown for out in outs if "data" in out]
    pages = [one["text/html"] for one in data if "text/html" in one]
    assert sum("<svg" in page for page in pages) == 2
    assert sum("image/svg+xml" in one for one in data) >= 1
    assert not any("<script" in page for page in pages)
    assert sum("<progress" in page for page in pages) >= 2
    assert not [out for outs in shown for out in outs if out["output_type"] in ("stream", "error")]
