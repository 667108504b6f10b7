"""Names from outside: nothing in them moves a terminal's cursor, and none leaves its folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from touchline.io.ground.errors import InputError
from touchline.io.ground.names import file_name, is_inside, plain
from touchline.io.store.files.local import LocalPlace


@given(st.text())
def test_plain_text_is_printable_and_names_stay_in_their_folder(text: str):
    assert plain(text).isprintable()
    name = file_name(text)
    assert name not in ("", ".", "..")
    assert not {*"/\\\0\n\x1b"} & {*name}
    assert not name.startswith((".", "-"))
    assert len(name.encode()) < 120
    assert file_name(name) == name


def test_a_long_name_that_was_shortened_stays_as_it_is():
    name = file_name("0" * 91 + "*")
    assert file_name(name) == name
    assert len(name) == 100


@given(st.text(), st.text())
def test_two_names_have_two_files(one: str, other: str):
    assert (file_name(one) == file_name(other)) == (one == other)


@pytest.mark.parametrize("name", ["KXINX-26SEP14H1600-B7187.5", "MADE-00", "quant", "a_b+c@d=e,f"])
def test_ordinary_names_stay_as_they_are(name: str):
    assert file_name(name) == name == plain(name)


@pytest.mark.parametrize("name", ["../a", "/a", "a/../../b", "a\0b"])
def test_a_store_that_names_files_outside_of_it_is_refused(name: str, tmp_path: Path):
    victim = tmp_path / "a"
    victim.write_text("mine")
    place = LocalPlace(tmp_path / "store")
    assert not is_inside(name)
    for use in (place.url, place.read, lambda name: place.remove([name]), lambda name: place.put(name, b"x")):
        with pytest.raises(InputError, match=r"names the file .*, which is not in it"):
            use(name)
    assert victim.read_text() == "mine"
