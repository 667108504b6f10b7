"""A cache folder that another user can change is refused or passed over; a private one is used."""

from __future__ import annotations

import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from touchline.io.ground import cache
from touchline.io.ground.errors import InputError

STRANGER = 12_345


@pytest.fixture
def homeless(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No TOUCHLINE_CACHE, a home that cannot be one, and a temporary folder of one's own."""
    monkeypatch.delenv("TOUCHLINE_CACHE", raising=False)
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, "/proc/nowhere")
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(cache.tempfile, "tempdir", str(tmp_path / "tmp"))
    cache._for_this_process.cache_clear()
    return tmp_path / "tmp"


def test_a_private_folder_is_used_and_made_for_its_user_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "new"))
    assert cache.cache_dir() == tmp_path / "new"
    assert (tmp_path / "new").stat().st_mode & 0o777 == 0o700
    assert not list((tmp_path / "new").iterdir())


def test_to_find_the_folder_writes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path))
    os.utime(tmp_path, (1, 1))
    assert cache.cache_dir() == tmp_path
    assert tmp_path.stat().st_mtime == 1


def test_a_folder_that_takes_no_files_is_passed_over(homeless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path))
    monkeypatch.setattr(cache.os, "access", lambda path, right: path != tmp_path)
    assert cache.cache_dir() == homeless / f"touchline-{os.getuid()}"
    monkeypatch.setenv("TOUCHLINE_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    assert cache.cache_dir() == homeless / f"touchline-{os.getuid()}"


@pytest.mark.parametrize("where", ["itself", "above"])
def test_a_named_folder_that_others_can_write_to_is_refused(where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "shared" / "cache"
    folder.mkdir(parents=True)
    (folder if where == "itself" else folder.parent).chmod(0o777)
    monkeypatch.setenv("TOUCHLINE_CACHE", str(folder))
    with pytest.raises(InputError, match="which other users can change"):
        cache.cache_dir()


@pytest.mark.skipif(os.getuid() != 0, reason="only the administrator can give a folder away")
@pytest.mark.parametrize("where", ["itself", "above"])
def test_a_named_folder_of_another_user_is_refused(where, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    folder = tmp_path / "shared" / "cache"
    folder.mkdir(parents=True)
    os.chown(folder if where == "itself" else folder.parent, STRANGER, STRANGER)
    monkeypatch.setenv("TOUCHLINE_CACHE", str(folder))
    with pytest.raises(InputError, match="which other users can change"):
        cache.cache_dir()


def test_the_sticky_bit_protects_what_lies_in_a_shared_folder_but_not_the_folder(tmp_path: Path):
    shared = tmp_path / "tmp"
    (shared / "mine").mkdir(parents=True)
    shared.chmod(0o1777)
    assert cache.is_private(shared / "mine")
    assert not cache.is_private(shared)
    shared.chmod(0o777)
    assert not cache.is_private(shared / "mine")


@pytest.mark.skipif(os.getuid() != 0, reason="only the administrator can change a folder's group")
def test_a_group_of_others_counts_as_others(tmp_path: Path):
    tmp_path.chmod(0o775)
    assert cache.is_private(tmp_path)  # the administrator's group
    os.chown(tmp_path, 0, STRANGER)
    assert not cache.is_private(tmp_path)


@pytest.mark.parametrize(("members", "private"), [([], True), (["me"], True), (["me", "another"], False)])
def test_a_users_own_group_is_his_while_nobody_else_is_in_it(members, private, monkeypatch: pytest.MonkeyPatch):
    user = pwd.getpwuid(os.getuid()).pw_name
    group = SimpleNamespace(gr_name=user, gr_mem=[user if name == "me" else name for name in members])
    monkeypatch.setattr(cache, "getgrgid", lambda number: group)
    assert cache._is_own_group(STRANGER) is private


def test_a_link_leads_to_the_folder_that_is_looked_at(tmp_path: Path):
    (tmp_path / "open").mkdir(mode=0o777)
    (tmp_path / "open").chmod(0o777)
    (tmp_path / "link").symlink_to(tmp_path / "open")
    assert not cache.is_private(tmp_path / "link")
    assert not cache.is_private(tmp_path / "link" / ".." / "open")
    (tmp_path / "link" / "below").mkdir(mode=0o700)
    assert not cache.is_private(tmp_path / "link" / "below")


def test_without_a_home_the_folder_in_the_temporary_one_is_this_users(homeless: Path):
    assert cache.cache_dir() == homeless / f"touchline-{os.getuid()}"
    assert cache.config_dir() is None


@pytest.mark.parametrize("planted", ["open", "link", "given"])
def test_a_planted_folder_in_the_temporary_one_is_passed_over(
    planted, homeless: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    guessed = homeless / f"touchline-{os.getuid()}"
    if planted == "link":
        (tmp_path / "theirs").mkdir()
        guessed.symlink_to(tmp_path / "theirs")
    else:
        guessed.mkdir()
        guessed.chmod(0o777 if planted == "open" else 0o700)
    if planted == "given":
        if os.getuid() != 0:
            pytest.skip("only the administrator can give a folder away")
        os.chown(guessed, STRANGER, STRANGER)
    used = cache.cache_dir()
    assert used.parent == homeless
    assert used != guessed
    assert cache.is_private(used)
    assert cache.cache_dir() == used
    assert capsys.readouterr().err.startswith("note: this user has no cache folder that nobody else can change")
    assert not [*guessed.iterdir()]
