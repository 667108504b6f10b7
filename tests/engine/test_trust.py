"""A result or a parameter file runs no code that it names, unless the user names it, too."""

from __future__ import annotations

from pathlib import Path

import pytest
from touchline import engine
from touchline.engine.api.runs import backtest as run
from touchline.engine.api.runs import export, report, verify
from touchline.engine.cli import main
from touchline.engine.live.live import Live
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.io.ground.errors import InputError
from touchline.strategies.models.fixed_spread import FixedSpread
from touchline.strategies.models.registry import quoting_model

from .conftest import write_sweep
from .histories import made_up
from .made_books import made_books

PROOF = "from pathlib import Path\nPath(__file__).with_name('ran').touch()\n"
MODEL = """
from touchline.strategies.models.fixed_spread import FixedSpread

class Mine(FixedSpread):
    name = "mine"
"""
PART = """
from touchline.strategies.pipeline.scorers.single import Momentum

class Mine(Momentum):
    name = ""
"""
PIPELINE = """
[scorer]
name = "ensemble"
[[scorer.members]]
name = "part.py:Mine"
"""
REFUSED = r"names the file .*\.py, whose code would run: if you trust it, name it yourself with trust='.*\.py'"


class Planted:
    """A file of code that tells whether it was run."""

    def __init__(self, path: Path, text: str) -> None:
        self.path, self._text = path, text
        path.write_text(text)

    @property
    def ran(self) -> bool:
        return self.path.with_name("ran").exists()

    def arm(self) -> None:
        """From now on, it tells; what it computes is as it was."""
        self.path.write_text(PROOF + self._text)


@pytest.fixture
def replayed(tmp_path: Path) -> tuple[Path, Planted]:
    """A replay's folder that names a file of code."""
    planted = Planted(tmp_path / "own.py", MODEL)
    store = made_books(tmp_path / "store", markets=1, seconds=60)
    run(f"{planted.path}:Mine", "MADE-00", store.path, out=tmp_path / "out")
    planted.arm()
    return tmp_path / "out", planted


@pytest.fixture
def placed(tmp_path: Path) -> tuple[Path, Planted]:
    """A folder of bets whose pipeline names a file of code, inside an ensemble."""
    planted = Planted(tmp_path / "part.py", PART)
    (tmp_path / "own.toml").write_text(PIPELINE)
    run(tmp_path / "own.toml", store=made_up(tmp_path / "store", 1), out=tmp_path / "out")
    planted.arm()
    return tmp_path / "out", planted


@pytest.mark.parametrize("kind", ["replayed", "placed"])
def test_verify_runs_a_file_only_if_the_user_names_it(kind, request: pytest.FixtureRequest, tmp_path: Path):
    folder, planted = request.getfixturevalue(kind)
    (tmp_path / "other.py").write_text("")
    for trust in ((), tmp_path / "other.py", [str(tmp_path)]):
        with pytest.raises(InputError, match=REFUSED):
            verify(folder, trust=trust)
        assert not planted.ran
    assert verify(folder, trust=[planted.path]) == engine.open(folder).hash
    assert planted.ran


def test_verify_says_so_in_a_line_and_takes_trust_on_the_command_line(
    replayed, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    folder, planted = replayed
    words = ["engine", "verify", str(folder)]
    for more, code in (([], 2), (["--trust", str(planted.path)], 0)):
        monkeypatch.setattr("sys.argv", [*words, *more])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code == code
        assert planted.ran is (code == 0)
        said = capsys.readouterr().err
        assert said.count("\n") == (code == 2)
        assert f"name it yourself with --trust {planted.path}\n" in said or code == 0


@pytest.mark.parametrize("kind", ["replayed", "placed"])
def test_a_report_of_a_run_runs_nothing_that_it_names(kind, request: pytest.FixtureRequest):
    folder, planted = request.getfixturevalue(kind)
    report(folder)
    assert not planted.ran


def test_a_sweep_is_reported_and_exported_without_running_what_it_names(tmp_path: Path):
    planted = Planted(tmp_path / "own.py", MODEL)
    planted.arm()
    folder = write_sweep(tmp_path / "sweep", about={"strategy": f"{planted.path}:Mine"})
    report(folder)
    export(folder, tmp_path / "params.toml", force=True)
    assert engine.load_params(tmp_path / "params.toml").strategy == f"{planted.path}:Mine"
    assert not planted.ran


def test_live_parameters_run_a_file_only_if_the_user_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    planted = Planted(tmp_path / "own.py", MODEL)
    planted.arm()
    about = {"strategy": "own.py:Mine", "venue": {}, "limits": {}, "fixed": {}}
    export(write_sweep(tmp_path / "sweep", about=about), tmp_path / "params.toml", force=True)
    market = TapeMarket("KXTEST-1", "KXTEST", close_ts=2 * 10**18)
    with pytest.raises(InputError, match=REFUSED):
        Live.from_params("params.toml", market)
    assert not planted.ran
    assert issubclass(Live.from_params("params.toml", market, trust="own.py:Mine").model, FixedSpread)
    assert planted.ran


def test_a_path_that_the_user_types_needs_no_more_words(tmp_path: Path):
    planted = Planted(tmp_path / "own.py", MODEL)
    planted.arm()
    assert quoting_model(f"{planted.path}:Mine").name == "mine"
    store = made_books(tmp_path / "store", markets=1, seconds=60)
    made = run(f"{planted.path}:Mine", "MADE-00", store.path)
    assert made.record["strategy"] == f"{planted.path}:Mine"
