"""The candidate pipeline: Source → Filter → Scorer → Selector → Executor, each a small class with declared parameters.

A part is registered by its name, or named in a user's file as ``my_parts.py:MyScorer``. A pipeline is a TOML file.
"""

from __future__ import annotations

import copy
import difflib
import importlib
import inspect
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import NoneType
from typing import Any, ClassVar, Protocol, Self, TypeVar
from zlib import crc32

import numpy.typing as npt
import polars as pl

from ...io.ground.errors import InputError, TouchlineError
from ..own_file import load_file, one_line
from ..parameters import Parameter, check, nearest

#: Ticks of one dollar: prices in a panel are ticks, a score is dollars.
DOLLAR = 10_000


class PanelLives(Protocol):
    """In which bars each market has a row: ``counts`` of them from its bar ``first`` on."""

    @property
    def first(self) -> npt.NDArray[Any]: ...  # noqa: D102 - of each market
    @property
    def counts(self) -> npt.NDArray[Any]: ...  # noqa: D102 - of each market
    @property
    def base(self) -> npt.NDArray[Any]: ...  # noqa: D102 - a market's row of bar t is this plus t times stride
    @property
    def stride(self) -> int: ...  # noqa: D102 - rows from one bar to the next
    def put(self, column: npt.NDArray[Any], block: slice, values: npt.NDArray[Any]) -> None: ...  # noqa: D102 - of some markets
    def matrix(self, rows: npt.NDArray[Any], before: float = 0, after: float | None = 0) -> npt.NDArray[Any]: ...  # noqa: D102 - bars x markets


class PanelView(Protocol):
    """What a part may look at before it says its expression. A row of bar t is known at ``times[t]``."""

    @property
    def times(self) -> npt.NDArray[Any]: ...  # noqa: D102 - ns, close of each bar
    @property
    def markets(self) -> pl.DataFrame: ...  # noqa: D102 - one row a market
    @property
    def lives(self) -> PanelLives: ...  # noqa: D102 - when each market lives
    @property
    def rows(self) -> Mapping[str, npt.NDArray[Any]]: ...  # noqa: D102 - the columns, a value a row
    @property
    def matrices(self) -> Mapping[str, npt.NDArray[Any]]: ...  # noqa: D102 - the same as bars x markets, made on demand
    @property
    def extras(self) -> dict[str, npt.NDArray[Any]]: ...  # noqa: D102 - what tables and scorers prepared
    def blocks(self) -> Iterator[slice]: ...  # noqa: D102 - the markets, some at a time
    def frame(self, block: slice, names: Sequence[str]) -> pl.DataFrame: ...  # noqa: D102 - market after market
    def computed(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]: ...  # noqa: D102 - as columns
    def evaluate(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]: ...  # noqa: D102 - bars x markets
    def with_extras(self, extras: Mapping[str, npt.NDArray[Any]]) -> PanelView: ...  # noqa: D102 - with more
    def column(self, name: str, kind: Any) -> npt.NDArray[Any]: ...  # noqa: D102 - an empty one


def places(panel: PanelView) -> tuple[npt.NDArray[Any], npt.NDArray[Any], npt.NDArray[Any], int]:
    """What a kernel needs to find rows: first bar, number of bars and base of each market, and the stride."""
    lives = panel.lives
    return lives.first, lives.counts, lives.base, lives.stride


class Part:
    """A step of a pipeline with its parameters checked; ``self.gamma`` is the value of parameter ``gamma``.

    ``folder`` is where the pipeline's file lies: what a part names is looked for there.
    """

    name: ClassVar[str] = ""
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = ()
    #: Of a part of one's own: how many bars before its own an answer depends on; None: on all of them.
    looks_back: ClassVar[int | None] = None

    def __init__(self, folder: Path | None = None, **given: Any) -> None:
        self.folder = folder
        try:
            self.values: dict[str, Any] = check(self.PARAMETERS, given)
        except InputError as error:
            raise InputError(f"{self.name or type(self).__name__}: {error}") from None

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")

    def check(self) -> None:
        """Say what is wrong with the files it names, before any history is read."""

    def with_values(self, values: Mapping[str, Any]) -> Self:
        """The same part with other values; members of it are written as ``values`` has them."""
        return type(self)(folder=self.folder, **values)

    @classmethod
    def doc(cls) -> str:
        """The first line of the class's documentation."""
        return (inspect.getdoc(cls) or "").split("\n")[0]


def ask(part: Part, what: str, kind: type | tuple[type, ...], *given: Any) -> Any:
    """What a part answers; a mistake in a user's own part is one line."""
    name = part.name or type(part).__name__
    try:
        answer = getattr(part, what)(*given)
    except TouchlineError:
        raise
    except Exception as error:
        if type(part).__module__.startswith(f"{__package__}."):
            raise
        raise InputError(f"{what} of {name} fails with {one_line(error)}") from error
    if not isinstance(answer, kind):
        wanted = " or ".join(one.__name__ for one in (kind if isinstance(kind, tuple) else (kind,)))
        raise InputError(f"{what} of {name} gives {type(answer).__name__}; expected {wanted}")
    return answer


class Source(Part):
    """Which markets are looked at, and how often."""

    def keep(self) -> pl.Expr | None:
        """Condition on the store's table of markets; None keeps all."""
        return None


class Table(Part):
    """What is known beside the exchange, as columns that filters and scorers may name."""

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """The columns: an array per market, one of rows, or bars x markets. Bar t may hold only what was known then."""
        raise NotImplementedError


class Filter(Part):
    """Which of them may be bet on now."""

    def keep(self) -> pl.Expr:
        """True where a market passes; null counts as false."""
        raise NotImplementedError


class Scorer(Part):
    """How much more likely YES is than its mark says, in dollars (-1 to 1); 0 or null is no opinion."""

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of its own: an array per market, of rows, or bars x markets. It may not use what is known later."""
        return {}

    def reads(self) -> set[str]:
        """The panel's columns that its score is made of."""
        return set(ask(self, "score", pl.Expr).meta.root_names())

    def own(self, name: str) -> str:
        """The name of a column of its own, so that two scorers of a kind stand side by side in an ensemble."""
        kind = type(self)
        shipped = REGISTRY["scorer"].get(self.name) is kind  # whose name stays when its module moves
        which = f"{self.name if shipped else f'{kind.__module__} {kind.__qualname__}'} {self.values}"
        return f"{name} {crc32(which.encode()):08x}"

    def score(self) -> pl.Expr:
        """The edge as an expression over the panel's columns; prices in it are ticks of 1/10,000 dollar."""
        raise NotImplementedError


class Selector(Part):
    """Which candidates of a bar are taken, strongest first."""

    def limits(self) -> dict[str, Any]:
        """Kernel limits: ``max_entries`` a bar, ``min_score``, ``max_per_event`` …, ``ranked``."""
        return {}


class Executor(Part):
    """How a chosen candidate is sized, entered and left."""

    def rules(self) -> dict[str, Any]:
        """Kernel rules by the names of the executor's parameters."""
        return dict(self.values)


KINDS: dict[str, type[Part]] = {
    "source": Source,
    "table": Table,
    "filter": Filter,
    "scorer": Scorer,
    "selector": Selector,
    "executor": Executor,
}
REGISTRY: dict[str, dict[str, type[Part]]] = {kind: {} for kind in KINDS}
P = TypeVar("P", bound=Part)
#: What a part's table in a pipeline says of itself.
RESERVED = frozenset({"name", "label", "folder", "own_weight"})
_SHIPPED = (
    "sources",
    "tables",
    "filters",
    "scorers.single",
    "scorers.combined",
    "scorers.related",
    "scorers.onnx",
    "selectors",
    "executors",
)


def register(name: str) -> Callable[[type[P]], type[P]]:
    """Make a part known by a name."""

    def keep(part: type[P]) -> type[P]:
        kind = next(kind for kind, base in KINDS.items() if issubclass(part, base))
        part.name = name
        REGISTRY[kind][name] = part
        return part

    return keep


def part_class(kind: str, name: str, folder: Path | None = None) -> type[Part]:
    """Find a part by its registered name, or in a file: ``my_parts.py:MyScorer`` beside the pipeline or from here."""
    _register_shipped()
    if not isinstance(name, str):
        raise InputError(f"the name of a {kind} is a text, not {name!r}")
    if ":" not in name:
        if name not in REGISTRY[kind]:
            raise InputError(f"there is no {kind} {name!r}; {nearest(name, REGISTRY[kind])}")
        return REGISTRY[kind][name]
    path, _, wanted = name.partition(":")
    file = Path(path) if Path(path).is_absolute() or folder is None else folder / path
    module = load_file(file)
    found = getattr(module, wanted, None)
    if not (isinstance(found, type) and issubclass(found, KINDS[kind])):
        own = [
            key
            for key, value in vars(module).items()
            if isinstance(value, type) and issubclass(value, KINDS[kind]) and value.__module__ == module.__name__
        ]
        raise InputError(f"{file} has no {kind} {wanted!r}; {nearest(wanted, own)}")
    for taken in sorted({parameter.name for parameter in found.PARAMETERS} & RESERVED):
        raise InputError(f"{name}: a parameter named {taken!r} could not be set in a pipeline; rename it")
    return found


def _register_shipped() -> None:
    for module in _SHIPPED:
        importlib.import_module(f".{module}", __package__)


def parts() -> list[tuple[str, str, type[Part]]]:
    """Every registered part: its kind, its name and the class."""
    _register_shipped()
    return [(kind, name, part) for kind, registered in REGISTRY.items() for name, part in sorted(registered.items())]


@dataclass(frozen=True)
class Pipeline:
    """One of each, and the tables and filters in their order."""

    name: str
    source: Source
    filters: tuple[Filter, ...]
    scorer: Scorer
    selector: Selector
    executor: Executor
    description: str = ""
    folder: Path | None = None
    tables: tuple[Table, ...] = ()

    def check(self) -> None:
        """Check every part before any history is read."""
        for part in self._parts().values():
            ask(part, "check", NoneType)

    def limits(self) -> dict[str, Any]:
        """What the portfolio kernel is told."""
        return {**ask(self.selector, "limits", Mapping), **ask(self.executor, "rules", Mapping)}

    def with_values(self, **given: Any) -> Pipeline:
        """Set parameters by name wherever they belong; those of one part or member as ``bollinger.width``."""
        parts = self._parts()
        values = {key: copy.deepcopy(part.values) for key, part in parts.items()}
        names = _labels(parts)
        places = [(key, *place) for key in parts for place in _places(values[key], (key, parts[key].name, names[key]))]
        changed: set[str] = set()
        for name, value in given.items():
            owner, _, plain = name.rpartition(".")
            found = [place for place in places if place[3] == plain and (not owner or owner in place[1])]
            if not found:
                known = [*(place[3] for place in places), *(f"{place[1][-1]}.{place[3]}" for place in places)]
                raise InputError(f"pipeline {self.name} has no parameter {name!r}; {_hint(name, known)}")
            if len(found) > 1:
                written = ", ".join(dict.fromkeys(f"{place[1][-1]}.{plain}" for place in found))
                raise InputError(f"{name!r} is a parameter of several parts; write one of {written}")
            key, _, holder, _ = found[0]
            holder[plain] = value
            changed.add(key)
        made = {key: part.with_values(values[key]) if key in changed else part for key, part in parts.items()}
        filters = tuple(made.pop(f"filter {i}") for i in range(len(self.filters)))
        tables = tuple(made.pop(f"table {i}") for i in range(len(self.tables)))
        return replace(self, filters=filters, tables=tables, **made)

    def _parts(self) -> dict[str, Any]:
        one = {"source": self.source, "scorer": self.scorer, "selector": self.selector, "executor": self.executor}
        filters = {f"filter {place}": part for place, part in enumerate(self.filters)}
        return one | filters | {f"table {place}": part for place, part in enumerate(self.tables)}

    def as_dict(self) -> dict[str, Any]:
        """Every part with every value, as results record it; ``pipeline_of`` reads it back."""
        one = {key: _named(part) for key, part in self._parts().items() if " " not in key}
        folder = None if self.folder is None else str(self.folder)
        told = {"name": self.name, "description": self.description, "folder": folder}
        several = {"filters": self.filters, "tables": self.tables}
        return {**told, **one, **{key: [_named(part) for part in parts] for key, parts in several.items()}}


def _labels(parts: Mapping[str, Part]) -> dict[str, str]:
    """What settings and axes call each part: its name, numbered where several have it."""
    names = {key: part.name for key, part in parts.items()}
    count = Counter(names.values())
    seen: Counter[str] = Counter()
    made: dict[str, str] = {}
    for key, name in names.items():
        seen[name] += 1
        made[key] = f"{name}-{seen[name]}" if count[name] > 1 else name
    return made


def _named(part: Part) -> dict[str, Any]:
    return {"name": part.name or type(part).__name__, **part.values}


def _places(values: Any, owners: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], dict[str, Any], str]]:
    """Every value that may be set: who owns it (the innermost last), the mapping that holds it, and its name."""
    for key, value in values.items():
        inner = value if isinstance(value, list) else [value] if isinstance(value, dict) else []
        for one in inner:
            yield from _places(one, (key, one.get("name", key), one.get("label", one.get("name", key))))
        if not inner and key not in ("name", "label"):
            yield owners, values, key


def _hint(name: str, names: Sequence[str]) -> str:
    """The nearest names; a pipeline has too many to list them all."""
    close = difflib.get_close_matches(name, names, n=1)
    return f"did you mean {close[0]!r}?" if close else "engine strategies lists the parts and their parameters"


def shipped() -> dict[str, Path]:
    """The pipelines that come with the package, by name."""
    return {path.stem: path for path in sorted(Path(__file__).parent.glob("*.toml"))}


def load_pipeline(which: str | Path = "quant") -> Pipeline:
    """Read a pipeline: a shipped one by name, or a TOML file.

    >>> load_pipeline("quant").executor.name
    'taker'
    """
    path = Path(which)
    if path.suffix != ".toml":
        if str(which) not in shipped():
            raise InputError(
                f"there is no pipeline {str(which)!r}; {nearest(str(which), shipped())}, or name a .toml file"
            )
        path = shipped()[str(which)]
    if not path.exists():
        raise InputError(f"there is no pipeline file {path}")
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    return pipeline_of(document, path.stem, path.parent)


def pipeline_of(document: Mapping[str, Any], name: str, folder: Path | None = None) -> Pipeline:
    """Build a pipeline from what a TOML file says."""
    unknown = set(document) - {"description", "source", "tables", "filters", "scorer", "selector", "executor"}
    if unknown:
        raise InputError(f"pipeline {name}: there is no part {sorted(unknown)[0]!r}")
    defaults = {"source": "store", "table": "dated", "selector": "top-k", "executor": "taker"}

    def part(kind: str) -> Any:
        told = document.get(kind, {})
        if not isinstance(told, Mapping):
            raise InputError(
                f"pipeline {name}: {kind} is a table; write [{kind}] and below it name = ..., not {told!r}"
            )
        given = dict(told)
        wanted = given.pop("name", defaults.get(kind))
        if wanted is None:
            raise InputError(f"pipeline {name} names no {kind}")
        return build(kind, wanted, given, folder)

    def several(kind: str) -> Any:
        given: Any = document.get(f"{kind}s", ())
        if not isinstance(given, list | tuple) or not all(isinstance(one, Mapping) for one in given):
            raise InputError(f"pipeline {name}: {kind}s are a list; write [[{kind}s]] above each")
        made: list[Part] = []
        for one in given:
            wanted = one.get("name", defaults.get(kind))
            if wanted is None:
                raise InputError(f"pipeline {name}: a {kind} has no name")
            made.append(build(kind, wanted, {k: v for k, v in one.items() if k != "name"}, folder))
        return tuple(made)

    return Pipeline(
        name=name,
        source=part("source"),
        filters=several("filter"),
        scorer=part("scorer"),
        selector=part("selector"),
        executor=part("executor"),
        description=str(document.get("description", "")),
        folder=folder,
        tables=several("table"),
    )


def recorded_pipeline(record: Mapping[str, Any]) -> Pipeline:
    """The pipeline that ``Pipeline.as_dict`` wrote down.

    >>> recorded_pipeline(load_pipeline("quant").as_dict()).executor.capital
    10000.0
    """
    document = {key: value for key, value in record.items() if key not in ("name", "folder")}
    folder = record.get("folder")
    return pipeline_of(document, str(record["name"]), None if folder is None else Path(folder))


def build(kind: str, name: str, given: Mapping[str, Any], folder: Path | None = None) -> Any:
    """Make one part of a pipeline whose file lies in ``folder``."""
    known = part_class(kind, name, folder)
    try:
        inspect.signature(known).bind(folder=folder, **given)
    except TypeError as error:
        raise InputError(f"{name}: {error}") from None
    made = known(folder=folder, **given)
    if not made.name:
        type(made).name = name
    return made
