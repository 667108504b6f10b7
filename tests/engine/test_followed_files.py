"""Advice on files, settings and values: what a line refuses is taken once it is given as the line says."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption as Locked
from cryptography.hazmat.primitives.serialization import Encoding, KeySerializationEncryption, NoEncryption
from cryptography.hazmat.primitives.serialization import PrivateFormat as Format
from touchline import engine
from touchline.engine.bets.panel.build import build_panel
from touchline.engine.fitting.returns import fit_law
from touchline.engine.live.live import Live
from touchline.engine.results.result_files import read_record
from touchline.engine.simulator.assumptions.venue import Assumptions
from touchline.engine.simulator.tape.tape import TapeMarket
from touchline.engine.sweeps.market_choice import MarketChoice, choose_markets
from touchline.engine.trading.around.alerts import FILE, URL, alert_url
from touchline.engine.trading.around.sources import source_of
from touchline.io.ground.errors import TouchlineError
from touchline.io.ground.grids import parse_ranges
from touchline.io.importers.base import Options
from touchline.io.importers.importing import import_files, plan
from touchline.io.kalshi.rest.signing import Signer
from touchline.io.store.store import Store
from touchline.strategies.models.registry import quoting_model

from .made_books import START, made_books

MARKET = "MADE-00"
BARS = "time,open,high,low,close\n2026-06-01T12:00:00Z,1,1,1,1\n"
MORE = "2026-06-01T12:01:00Z,1,2,1,2\n2026-06-01T12:02:00Z,2,2,2,2\n"
INDEX = "time,symbol,value\n2026-06-01T12:00:00Z,SPX,6000\n"
MODEL = """from touchline.strategies import Parameter, QuotingModel

class Mine(QuotingModel):
    parameters = (Parameter("half", 1.0), Parameter({second!r}, 1.0))
    grid = {{{axis!r}: (1, 2, 2)}}

    @staticmethod
    def quote(known, p):
        return known.mid - p.half, known.mid + p.half, 1.0, 1.0
"""


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return made_books(tmp_path_factory.mktemp("followed") / "books", markets=1, seconds=60)


def saved(folder: Path, name: str, text: str | bytes) -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def zipped(folder: Path, name: str, **members: Path) -> Path:
    with zipfile.ZipFile(folder / name, "w") as archive:
        for member, path in members.items():
            archive.write(path, member.replace("_", "."))
    return folder / name


def imported(folder: Path, path: Path, **options: Any) -> None:
    wanted, aside = plan([path], Options(**options))
    done = [*import_files(Store(folder / "store"), wanted, Options(**options))]
    if aside:
        raise TouchlineError(aside[0][1])
    assert done and done[0].report.rows


def model(folder: Path, second: str = "size", axis: str = "half", name: str = "mine.py") -> Any:
    return quoting_model(f"{saved(folder, name, MODEL.format(second=second, axis=axis))}:Mine")


def pem(lock: KeySerializationEncryption) -> bytes:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, Format.PKCS8, lock)


def alert(folder: Path, mode: int, url: str = "https://example.org/told") -> str | None:
    path = saved(folder, "url", url)
    path.chmod(mode)
    return alert_url({FILE: str(path)})


def stream(**assumed: Any) -> Live:
    return Live(TapeMarket("A"), quoting_model("fixed-spread"), {}, Assumptions(horizon="fixed").with_options(assumed))


def ran(folder: Path, books: Store, out: bool) -> dict[str, Any]:
    engine.backtest("fixed-spread", MARKET, books, **({"out": folder / "run"} if out else {}))
    return read_record(folder / "run")


def chosen(books: Store, **by: Any) -> list[str]:
    return choose_markets(books, MarketChoice(**by))


RANGE = {"start": "0", "end": "1", "step": "0.01"}
RETURNS = np.random.default_rng(1).normal(size=50)
Step = Callable[[Path, Store], Any]
FILES: dict[str, tuple[str, Step, Step]] = {
    "a query that changes": (
        "a query is one SELECT (or DESCRIBE, SUMMARIZE, SHOW TABLES)",
        lambda f, b: b.sql("drop table trades"),
        lambda f, b: [b.sql(one) for one in ("select 1", "describe trades", "summarize trades", "show tables")],
    ),
    "a table's name with a slip": (
        'the query cannot be run: Catalog Error: Table with name tradess does not exist! Did you mean "trades"?',
        lambda f, b: b.sql("select * from tradess"),
        lambda f, b: b.sql("select * from trades"),
    ),
    "a price range without a step": (
        "a price range needs start, end and step",
        lambda f, b: parse_ranges([{"start": "0", "end": "1"}]),
        lambda f, b: parse_ranges([RANGE]),
    ),
    "a bar alone": (
        "a single bar does not say how long it is; import it with longer files",
        lambda f, b: imported(f, saved(f, "one.csv", BARS), underlying="SPX"),
        lambda f, b: imported(f, saved(f, "more.csv", BARS + MORE), underlying="SPX"),
    ),
    "a file in UTF-16": (
        "the file is UTF-16; convert it to UTF-8 first",
        lambda f, b: imported(f, saved(f, "wide.csv", INDEX.encode("utf-16"))),
        lambda f, b: imported(f, saved(f, "narrow.csv", INDEX)),
    ),
    "a zip without data": (
        "the zip holds no data file; known endings:",
        lambda f, b: imported(f, zipped(f, "a.zip", notes_md=saved(f, "notes", "a note"))),
        lambda f, b: imported(f, zipped(f, "b.zip", index_csv=saved(f, "index", INDEX))),
    ),
    "a zip in a zip": (
        "unpack the zip first",
        lambda f, b: imported(f, zipped(f, "b.zip", a_csv=zipped(f, "a.zip", index_csv=saved(f, "index", INDEX)))),
        lambda f, b: imported(f, f / "a.zip"),
    ),
    "a key without its id": (
        "a private key is set but KALSHI_KEY_ID is not: set it to the key's id",
        lambda f, b: Signer("", pem(NoEncryption())),
        lambda f, b: Signer("an-id", pem(NoEncryption())),
    ),
    "a locked key": (
        "the private key is encrypted; give a PEM file without a password",
        lambda f, b: Signer("an-id", pem(Locked(b"secret"))),
        lambda f, b: Signer("an-id", pem(NoEncryption())),
    ),
    "a sample of nothing": (
        "expected a number from 0.001 to 100",
        lambda f, b: engine.sample(scale=0, out=f / "files", no_import=True),
        lambda f, b: engine.sample(scale=0.001, out=f / "files", no_import=True),
    ),
    "a parameter twice": (
        "is declared twice among parameters and derived values; rename one",
        lambda f, b: model(f, second="half"),
        lambda f, b: model(f, second="other", name="renamed.py"),
    ),
    "a grid over no parameter": (
        "which is no parameter; did you mean 'half'?",
        lambda f, b: model(f, axis="halv"),
        lambda f, b: model(f, axis="half", name="meant.py"),
    ),
    "a model that is no Python file": (
        "its name must end in .py",
        lambda f, b: model(f, name="mine.txt"),
        lambda f, b: model(f, name="mine.py"),
    ),
    "nothing left to bet on": (
        "check the series and category that the pipeline asks for",
        lambda f, b: build_panel(b, step_ns=10**10, where=pl.col("series") == "NONE"),
        lambda f, b: build_panel(b, step_ns=10**10, where=pl.col("series") == "MADE"),
    ),
    "returns too few": (
        "give a longer time or a shorter horizon",
        lambda f, b: fit_law(RETURNS[:2], 3.0),
        lambda f, b: fit_law(RETURNS, 3.0),
    ),
    "a stream of chance": (
        "a stream takes another venue",
        lambda f, b: stream(queue="poisson@0.7,0.3"),
        lambda f, b: stream(queue="power@3"),
    ),
    "no record": (
        "a backtest with out= writes one",
        lambda f, b: ran(f, b, out=False),
        lambda f, b: ran(f, b, out=True),
    ),
    "a setting in two tables": (
        "it belongs in [venue] alone",
        lambda f, b: Assumptions.from_tables({"queue": "touch@1"}, {"queue": "touch@1"}),
        lambda f, b: Assumptions.from_tables({"queue": "touch@1"}, {}),
    ),
    "a series of another name": (
        "did you mean 'MADE'?",
        lambda f, b: chosen(b, series=("MADA",)),
        lambda f, b: chosen(b, series=("MADE",)),
    ),
    "a category of another name": (
        "did you mean 'Made up'?",
        lambda f, b: chosen(b, category="Made it"),
        lambda f, b: chosen(b, category="Made up"),
    ),
    "an address that others may read": (
        "make it its owner's alone with chmod 600",
        lambda f, b: alert(f, 0o644),
        lambda f, b: alert(f, 0o600),
    ),
    "an address without a lock": (
        f"the address in {URL} begins with https://, or is one of this machine",
        lambda f, b: alert(f, 0o600, "http://example.org"),
        lambda f, b: [alert(f, 0o600, url) for url in ("https://example.org", "http://127.0.0.1:9")],
    ),
    "a source of another kind": (
        "a source is file:PATH",
        lambda f, b: source_of("spot.csv"),
        lambda f, b: source_of("file:spot.csv"),
    ),
    "a socket without a port": (
        "as in socket:127.0.0.1:9000",
        lambda f, b: source_of("socket:here"),
        lambda f, b: source_of("socket:127.0.0.1:9000"),
    ),
    "an explanation before the first event": (
        "pass one between them",
        lambda f, b: engine.explain("fixed-spread", MARKET, START - 1, b),
        lambda f, b: engine.explain("fixed-spread", MARKET, START + 30 * 10**9, b),
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", FILES)
def test_what_is_given_as_a_line_advises_is_taken(case: str, tmp_path: Path, books: Store, plain_kernels: None) -> None:
    line, refused, followed = FILES[case]
    with pytest.raises(TouchlineError) as error:
        refused(tmp_path, books)
    said = str(error.value)
    assert line in said and "\n" not in said
    followed(tmp_path, books)
