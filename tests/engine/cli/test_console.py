"""Tables for people: numbers to the right, and nothing broken on a narrow terminal."""

from __future__ import annotations

import io
import sys

import pytest
from touchline.engine.cli.console import emit_facts, emit_groups, emit_table

COLUMNS = ("cell", "half_spread", "skew", "position_limit", "P&L, all markets", "P&L a market", "cash a market")
ROWS = [
    [12, "0.5", "0.05", "100", "$1,234.50", "$411.50", "-$93.13"],
    [3, "2.5", "0", "20", "-$0.12", "-$0.04", "$7.00"],
]


class Terminal(io.StringIO):
    """What is printed to a terminal of that many columns."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch):
    def of(width: int) -> Terminal:
        monkeypatch.setenv("COLUMNS", str(width))
        monkeypatch.setenv("LINES", "50")
        monkeypatch.setenv("NO_COLOR", "1")
        monkeypatch.setenv("TERM", "dumb")
        out = Terminal()
        monkeypatch.setattr(sys, "stdout", out)
        return out

    return of


def test_a_wide_terminal_shows_a_table_with_numbers_to_the_right(terminal):
    out = terminal(140)
    emit_table("Highest P&L", COLUMNS, ROWS)
    lines = out.getvalue().splitlines()
    assert lines[0].rstrip() == "Highest P&L"
    assert len(lines) == 5
    assert lines[3].index("$1,234.50") + len("$1,234.50") == lines[4].index("-$0.12") + len("-$0.12")


@pytest.mark.parametrize("width", [60, 42])
def test_a_narrow_terminal_shows_every_name_and_number_whole(terminal, width):
    out = terminal(width)
    emit_table("Highest P&L, averages over 3 markets", COLUMNS, ROWS)
    text = out.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    for word in (*COLUMNS, *(str(cell) for row in ROWS for cell in row)):
        assert word in text, word
    assert "…" not in text


def test_titles_of_columns_wrap_between_words_before_rows_become_blocks(terminal):
    out = terminal(30)
    emit_table("", ("market", "position at the end", "P&L"), [["MADE-00", "17, settled", "$5.01"]])
    assert "position at" in out.getvalue()
    assert "  P&L: $5.01" not in out.getvalue()


def test_a_market_is_named_whole_where_titles_can_wrap(terminal):
    """Two markets of one event read alike: SYNINX-26OCT06H1600… and SYNINX-26OCT06H1600…."""
    out = terminal(80)
    columns = ("market", "P&L", "fees", "fills", "contracts", "position at the end")
    markets = ["SYNINX-26OCT06H1600-B6737", "SYNINX-26OCT06H1600-B6762"]
    emit_table("", columns, [[one, "-$1,037.49", "$0.00", "21", "162.96", "42.96, settled"] for one in markets])
    lines = out.getvalue().splitlines()
    assert [line.split()[0] for line in lines if line.startswith("SYN")] == markets
    assert all(len(line) <= 80 for line in lines)


def test_a_block_of_lines_leaves_out_what_is_empty(terminal):
    out = terminal(30)
    emit_table("", ("market", "minutes lost", "from", "detail"), [["A-LONG-NAME-OF-A-MARKET", 0, "–", ""]])
    assert out.getvalue().split() == ["market", "A-LONG-NAME-OF-A-MARKET", "minutes", "lost:", "0"]


def test_no_word_of_a_fact_is_cut(terminal):
    out = terminal(30)
    emit_facts("", {"a longer name of a fact": "/home/somebody/results/a-folder"})
    assert "…" not in out.getvalue()
    assert (
        "".join(line.split("│ ")[1].strip() for line in out.getvalue().splitlines())
        == "/home/somebody/results/a-folder"
    )


def test_facts_wrap_on_a_narrow_terminal(terminal):
    out = terminal(60)
    emit_facts("quant", {"exposure": "1.3 % of capital on average while something was at stake, at most 3.2 %"})
    assert all(len(line.rstrip()) <= 60 for line in out.getvalue().splitlines())
    assert "stake," in out.getvalue()


def test_columns_without_names_have_no_head(terminal):
    """An empty head and a rule stood above every list of named values."""
    out = terminal(60)
    emit_facts("bollinger", {"P&L": "-$47.25", "trades": "23"})
    assert [line.split() for line in out.getvalue().splitlines()] == [
        ["bollinger"], ["P&L", "│", "-$47.25"], ["trades", "│", "23"],
    ]  # fmt: skip


def test_facts_stand_in_groups(terminal):
    out = terminal(60)
    emit_groups("bollinger", [("Return", [("P&L", "-$47.25")]), ("Trades", [("trades", "23")])])
    lines = [line.rstrip(" │") for line in out.getvalue().splitlines()]
    assert lines == ["bollinger", "Return", "  P&L    │ -$47.25", "Trades", "  trades │ 23"]


def test_a_pipe_has_no_edge(capsys):
    emit_table("Highest P&L", COLUMNS, ROWS * 3)
    assert len(capsys.readouterr().out.splitlines()) == 9
