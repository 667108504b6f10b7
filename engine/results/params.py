"""The parameter file that leaves the laboratory: chosen parameters, what they assume, and what they were chosen on.

``docs/params.md`` explains it for people, ``params.schema.json`` for programs. A content hash tells a hand-edited file.
"""

from __future__ import annotations

import hashlib
import json
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from ...io.ground import atomic
from ...io.ground.errors import InputError
from ..figures.warnings import Notice, notices

if TYPE_CHECKING:
    from ..simulator.assumptions.venue import Assumptions

FORMAT = "touchline-params"
VERSION = 1
SCHEMA_FILE = Path(__file__).with_name("params.schema.json")
PickName = Literal["robust", "overall", "by-market"]
Value = bool | int | float | str | list[float | str]


class _Table(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the file: unknown keys are refused, absent values are left out."""


class Applies(_Table, frozen=True):
    """Parameters, and the series or the one market that they are for."""

    parameters: dict[str, Value]
    series: str | None = None
    market: str | None = None


class Validity(_Table, frozen=True):
    """The data that was used, and until when a live runner may use what was learned from it; RFC 3339, UTC."""

    data_from: str
    data_until: str
    valid_until: str


class Provenance(_Table, frozen=True):
    """Where the parameters come from and how they were judged; money in micro-dollars."""

    pick: PickName
    engine_version: str
    data_hash: str
    cells: int
    trials: int
    markets: int
    events: int
    in_sample_pnl_micros: int
    out_of_sample_pnl_micros: int | None = None
    overfitting_probability: float | None = None
    deflated_sharpe: float | None = None
    forced: bool | None = None
    refused_because: list[str] | None = None


class Warned(_Table, frozen=True):
    """A warning that belongs to the result."""

    name: str
    detail: str
    text: str


class Params(_Table, frozen=True):
    """A parameter file."""

    format: Literal["touchline-params"]
    version: Literal[1]
    strategy: str
    applies: list[Applies]
    limits: dict[str, Any]
    venue: dict[str, Any]
    validity: Validity
    provenance: Provenance
    warnings: list[Warned] = []
    strategy_hash: str | None = None  #: of the model's code, which a live runner must have unchanged
    content_hash: str = ""

    def for_market(self, ticker: str, series: str | None = None) -> dict[str, Value]:
        """Return the parameters for a market: its own, or those of its series."""
        series = series or ticker.split("-", maxsplit=1)[0]
        for rule in self.applies:
            if rule.market == ticker:
                return dict(rule.parameters)
        for rule in self.applies:
            if rule.series == series:
                return dict(rule.parameters)
        raise InputError(f"the parameter file has nothing for market {ticker} or series {series}")

    @property
    def assumptions(self) -> Assumptions:
        """What the parameters were chosen under: ``venue`` and ``limits``, checked."""
        from ..simulator.assumptions.venue import Assumptions

        return Assumptions.from_tables(self.venue, self.limits)

    @property
    def notices(self) -> list[Notice]:
        """The warnings that travel with the parameters."""
        return notices(msgspec.to_builtins(warned) for warned in self.warnings)


def content_hash(params: Params) -> str:
    """Return the hash of everything in a parameter file but the hash itself."""
    document = msgspec.to_builtins(msgspec.structs.replace(params, content_hash=""))
    canonical = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return "sha256:" + hashlib.sha256(canonical.encode()).hexdigest()


def load_params(path: str | Path, allow_edited: bool = False) -> Params:
    """Read a parameter file.

    Args:
        path: A file that ``engine export`` wrote.
        allow_edited: Read it although it was edited by hand.

    Returns:
        The strategy, the parameters for each market, what they assume and how they were judged.

    Example:
        >>> from touchline import engine
        >>> made = engine.export("results/grid", "params.toml", force=True)
        >>> engine.load_params("params.toml").strategy
        'fixed-spread'
    """
    place = Path(path)
    try:
        document = tomllib.loads(place.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{place} is missing; engine export writes such a file") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{place} cannot be read as TOML: {error}") from None
    if document.get("format") != FORMAT:
        raise InputError(f"{place} is no parameter file: its format is not {FORMAT!r}")
    if document.get("version") != VERSION:
        raise InputError(f"{place} has version {document.get('version')}; this engine reads version {VERSION}")
    try:
        params = msgspec.convert(document, Params)
    except msgspec.ValidationError as error:
        raise InputError(f"{place}: {error}") from None
    for rule in params.applies:
        if (rule.market is None) == (rule.series is None):
            raise InputError(f"{place}: each [[applies]] names either a market or a series")
    _check_assumptions(place, params)
    if content_hash(params) == params.content_hash:
        return params
    if not allow_edited:
        raise InputError(f"{place} was edited by hand after its export; export it anew, or allow edited files")
    edited = Notice("edited-parameters").as_row()
    return msgspec.structs.replace(params, warnings=[*params.warnings, Warned(**edited)])


def _check_assumptions(place: Path, params: Params) -> None:
    try:
        _ = params.assumptions
    except InputError as error:
        raise InputError(f"{place}: {error}") from None


def schema() -> dict[str, Any]:
    """Return the JSON Schema of a parameter file, as ``params.schema.json`` has it."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **msgspec.json.schema(Params)}


def write_params(path: Path, params: Params) -> None:
    """Sign the parameters with their hash and write them; they are on disk on return."""
    _check_assumptions(path, params)
    signed = msgspec.structs.replace(params, content_hash=content_hash(params))
    document: dict[str, Any] = msgspec.to_builtins(signed)
    text = "# Written by engine export; checked by its content hash. See docs/params.md.\n" + to_toml(document)
    atomic.write(path, text, durable=True)


def to_toml(document: dict[str, Any], prefix: str = "") -> str:
    """Write nested tables as TOML: plain values first, then tables, then lists of tables.

    >>> print(to_toml({"a": 1, "b": {"c": [0.5, 2.0]}, "d": [{"e": "f"}]}), end="")
    a = 1
    <BLANKLINE>
    [b]
    c = [0.5, 2.0]
    <BLANKLINE>
    [[d]]
    e = "f"
    """
    lines, tables = [], []
    for key, value in document.items():
        name = f"{prefix}{_key(key)}"
        if isinstance(value, dict):
            tables.append(f"\n[{name}]\n{to_toml(value, name + '.')}")
        elif isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            tables.extend(f"\n[[{name}]]\n{to_toml(item, name + '.')}" for item in value)
        else:
            lines.append(f"{_key(key)} = {json.dumps(value, ensure_ascii=False)}\n")
    return "".join(lines + tables)


def _key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else json.dumps(key)
