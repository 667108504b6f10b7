"""Progress shows on a terminal and in a notebook, and nowhere else."""

from __future__ import annotations

import io
import sys
from types import ModuleType, SimpleNamespace

import pytest
from touchline import engine
from touchline.engine.api.showing import bars, showing
from touchline.io.store.store import Store


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def notebook(monkeypatch) -> list[list[str]]:
    """What a notebook shows: for each display its looks, the last of which stands. There are no widgets."""
    shown: list[list[str]] = []

    def display(made: str, display_id: bool) -> SimpleNamespace:
        assert display_id
        shown.append([made])
        return SimpleNamespace(update=shown[-1].append)

    ipython, screen = ModuleType("IPython"), ModuleType("IPython.display")
    ipython.get_ipython = lambda: SimpleNamespace(kernel=object())
    screen.display, screen.HTML = display, str
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", screen)
    monkeypatch.setitem(sys.modules, "ipywidgets", None)
    return shown


def test_a_notebook_shows_one_bar_that_grows(notebook):
    with showing(True, "making <it>") as seen:
        for done in range(1, 5_001):
            seen(done, 5_000)
    (looks,) = notebook
    assert looks[0] == "<div><progress></progress> making &lt;it&gt;: 0</div>"
    assert looks[-1] == '<div><progress value="5000" max="5000"></progress> making &lt;it&gt;: 5,000 of 5,000</div>'
    assert len(looks) < 100


def test_a_notebook_shows_where_work_failed(notebook):
    with pytest.raises(ZeroDivisionError), showing(True, "dividing") as seen:
        seen(1, 2)
        raise ZeroDivisionError
    assert notebook[0][-1].endswith("dividing: 1 of 2</div>")


def test_several_bars_share_one_display(notebook):
    with bars("files", "rows") as (files, rows):
        files(1, 2)
        rows(20_000_000, 0)
    assert "files: 1 of 2" in notebook[0][-1] and "M/s: 20,000,000" in notebook[0][-1]


@pytest.mark.slow
def test_every_function_of_the_face_shows_its_bar_when_asked(notebook, tmp_path):
    store = Store(tmp_path / "store")
    engine.sample(store, scale=0.005, progress=True)
    engine.check(store, progress=True)
    engine.compact(store, progress=True)
    ticker = store.sql("select ticker from trades group by 1 order by count(*) desc, 1 limit 1").item()
    engine.backtest("fixed-spread", ticker, store, progress=True)
    engine.fit(ticker, store=store, progress=True)
    assert [looks[-1].partition("</progress> ")[2].partition(":")[0] for looks in notebook] == [
        "making the synthetic day, importing it", "checked", "rows", "running", "fitting",
    ]  # fmt: skip
    assert "importing it: 24 of 24<" in notebook[0][-1]
    assert "running: 1 of 1<" in notebook[3][-1]


@pytest.mark.parametrize(("done", "of", "far"), [(1, 2, "1 of 2"), (30_000_000, 40_000_000, "75 %")])
def test_a_terminal_shows_a_bar(monkeypatch, done: int, of: int, far: str):
    out = Terminal()
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", out)
    with showing(True, "making it") as seen:
        seen(done, of)
    assert "making it" in out.getvalue() and far in out.getvalue()


@pytest.mark.parametrize("wanted", [True, False])
def test_a_pipe_and_a_file_show_nothing(capfd, wanted):
    with showing(wanted, "making it") as seen:
        seen(1, 2)
    assert capfd.readouterr() == ("", "")


def test_nothing_shows_in_a_notebook_that_did_not_ask(notebook):
    with showing(False, "making it") as seen:
        seen(1, 2)
    assert notebook == []


def test_a_function_of_ones_own_is_told():
    told = []
    with showing(lambda done, of: told.append((done, of)), "making it") as seen:
        seen(1, 2)
    assert told == [(1, 2)]
