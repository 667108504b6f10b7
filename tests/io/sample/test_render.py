from __future__ import annotations

import re

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from touchline.io.sample.render import INT, PRICE, SIZE, TEXT, UUID, render, templates, texts

WRITTEN = ([b"a ", INT, b",", PRICE, b";\n"], [b"", SIZE, b"|", TEXT, b"|", INT, b"\n"], [b"plain\n"])
TABLE = ["", "one", "lång text"]


def plain(template: int, fields: list[int]) -> str:
    a, b, c = fields
    if template == 0:
        sign, whole, rest = "-" if b < 0 else "", abs(b) // 10_000, abs(b) % 10_000
        return f"a {a},{sign}{whole}.{rest:04d};\n"
    if template == 1:
        sign, whole, rest = "-" if a < 0 else "", abs(a) // 100, abs(a) % 100
        return f"{sign}{whole}.{rest:02d}|{TABLE[b]}|{c}\n"
    return "plain\n"


number = st.integers(-(10**18), 10**18)


@settings(deadline=None)  # the first call compiles
@given(st.lists(st.tuples(st.integers(0, 2), number, number, number, st.integers(0, 2)), max_size=40))
def test_rendered_text_equals_plain_formatting(rows: list[tuple[int, int, int, int, int]]) -> None:
    table = [[a, text if kind == 1 else b, c] for kind, a, b, c, text in rows]
    kinds = [row[0] for row in rows]
    fields = np.array(table, np.int64).reshape(-1, 3).T
    got = render(templates(WRITTEN), texts(TABLE), np.array(kinds, np.int64), np.ascontiguousarray(fields))
    assert bytes(got).decode() == "".join(plain(kind, row) for kind, row in zip(kinds, table, strict=True))


def test_ids_look_like_ids_and_never_repeat() -> None:
    count = 20_000
    layout = templates([[b"", UUID, b"\n"]])
    got = render(layout, texts([""]), np.zeros(count, np.int64), np.arange(1, count + 1).reshape(1, -1))
    ids = bytes(got).decode().split()
    assert len(set(ids)) == count
    assert all(re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", text) for text in ids)
