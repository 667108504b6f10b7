"""Tickers with markup, escape codes, script tags or paths in them: shown as text, and written where they belong."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from touchline.engine.cli import main
from touchline.engine.cli.console import emit_table, say
from touchline.engine.reports import page

from ..made_books import made_books
from ..reports.pages import unpacked

NASTY = [
    "[/red]", "[link=https://example.com]x[/link]", "\x1b[31mred", "\x1b]8;;https://example.com\x07x", "a\nerror: b",
    "\u202egnp", "\x9b31m", ":smile:", "\r",
]  # fmt: skip


def run(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr("sys.argv", ["engine", *words])
    try:
        main()
    except SystemExit as ended:
        return int(str(ended.code or 0))
    return 0


@pytest.mark.parametrize("name", NASTY)
def test_a_name_in_any_place_of_a_table_is_plain_text(name: str, capsys: pytest.CaptureFixture[str]):
    emit_table(name, (name, "n"), [(name, 1), (None, 2_000)])
    say(f"warning: {name}")
    told = capsys.readouterr()
    shown = name if name.isprintable() else name.encode("unicode_escape").decode()
    assert told.out.count(shown) == 3
    assert told.err == f"warning: {shown}\n"
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())
    assert "2,000" in told.out


@pytest.mark.parametrize("name", NASTY)
def test_a_name_in_an_error_is_plain_text(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    assert run(monkeypatch, "backtest", "-s", "fixed-spread", "-m", name, "--store", str(tmp_path / name)) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert told.count("\n") == 1
    assert told.rstrip("\n").isprintable()


@pytest.mark.parametrize("series", ["[/red]\x1b[31mX", "../../../x"])
def test_a_run_of_several_markets_stays_in_its_folder(
    series: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    store = made_books(tmp_path / "in/store", markets=2, seconds=30, series=series)
    out = tmp_path / "in/a/b/out"
    words = ["backtest", "-s", "fixed-spread", "--store", str(store.path), "--out", str(out)]
    assert run(monkeypatch, *words, "-m", f"{series}-00", "-m", f"{series}-01") == 0
    assert {path.relative_to(tmp_path).parts[0] for path in tmp_path.rglob("run.json")} == {"in"}
    folders = [path.parent for path in tmp_path.rglob("run.json")]
    assert len(folders) == 3
    assert {folder if folder == out else folder.parent for folder in folders} == {out}
    assert run(monkeypatch, "verify", str(out)) == 0
    told = capsys.readouterr()
    assert all(line.isprintable() for line in (told.out + told.err).splitlines())


def test_a_chart_may_name_anything_and_the_page_draws_it_all_the_same(tmp_path: Path):
    name = "<!--<script>alert(1)</script>-->"
    made = page.chart({"mark": "bar", "title": name})
    assert name not in made
    (document,) = unpacked(made)
    assert json.loads(document)["title"] == name
    written = page.write_page(tmp_path / "page.html", name, page.heading(name, name), made).read_text()
    assert name not in written
