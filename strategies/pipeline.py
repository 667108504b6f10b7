"""The candidate pipeline: Source → Filter → Scorer → Selector → Executor, each a small class with declared parameters.

A part is registered by its name, or named in a user's file as ``my_parts.py:MyScorer``. A pipeline is a TOML file.
"""

from __future__ import annotations

import importlib.util
import inspect
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, Protocol, TypeVar

import numpy.typing as npt
import polars as pl

from ..io.errors import InputError
from .parameters import Parameter, check, nearest

#: Ticks of one dollar: prices in a panel are ticks, a score is dollars.
DOLLAR = 10_000


class PanelView(Protocol):
    """What a part may look at before it says its expression. Row t of a matrix is known at ``times[t]``."""

    @property
    def times(self) -> npt.NDArray[Any]: ...  # noqa: D102 - ns, close of each bar
    @property
    def markets(self) -> pl.DataFrame: ...  # noqa: D102 - one row a market
    @property
    def matrices(self) -> dict[str, npt.NDArray[Any]]: ...  # noqa: D102 - bars x markets
    def blocks(self) -> Iterator[slice]: ...  # noqa: D102 - the markets, some at a time
    def frame(self, block: slice, names: Sequence[str]) -> pl.DataFrame: ...  # noqa: D102 - market after market
    def evaluate(self, expressions: Mapping[str, pl.Expr]) -> dict[str, npt.NDArray[Any]]: ...  # noqa: D102
    def with_extras(self, extras: Mapping[str, npt.NDArray[Any]]) -> PanelView: ...  # noqa: D102


class Part:
    """A step of a pipeline with its parameters checked; ``self.gamma`` is the value of parameter ``gamma``."""

    name: ClassVar[str] = ""
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = ()

    def __init__(self, **given: Any) -> None:
        try:
            self.values: dict[str, Any] = check(self.PARAMETERS, given)
        except InputError as error:
            raise InputError(f"{self.name or type(self).__name__}: {error}") from None

    def __getattr__(self, name: str) -> Any:
        values = self.__dict__.get("values", {})
        if name in values:
            return values[name]
        raise AttributeError(f"{type(self).__name__} has no parameter {name!r}")

    @classmethod
    def doc(cls) -> str:
        """The first line of the class's documentation."""
        return (inspect.getdoc(cls) or "").split("\n")[0]


class Source(Part):
    """Which markets are looked at, and how often."""

    def keep(self) -> pl.Expr | None:
        """Condition on the store's table of markets; None keeps all."""
        return None


class Filter(Part):
    """Which of them may be bet on now."""

    def keep(self) -> pl.Expr:
        """True where a market passes; null counts as false."""
        raise NotImplementedError


class Scorer(Part):
    """How much more likely YES is than its mark says, in dollars (-1 to 1); 0 or null is no opinion."""

    def prepare(self, panel: PanelView) -> Mapping[str, npt.NDArray[Any]]:
        """Columns of its own: an array per market, or bars x markets. It may not use what is known later."""
        return {}

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
    "filter": Filter,
    "scorer": Scorer,
    "selector": Selector,
    "executor": Executor,
}
REGISTRY: dict[str, dict[str, type[Part]]] = {kind: {} for kind in KINDS}
P = TypeVar("P", bound=Part)
_SHIPPED = (
    "sources",
    "filters",
    "scorers",
    "scorers_combined",
    "scorers_related",
    "scorer_onnx",
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
    if ":" not in name:
        if name not in REGISTRY[kind]:
            raise InputError(f"there is no {kind} {name!r}; {nearest(name, REGISTRY[kind])}")
        return REGISTRY[kind][name]
    path, _, wanted = name.partition(":")
    file = Path(path) if Path(path).is_absolute() or folder is None else folder / path
    if not file.exists():
        raise InputError(f"{kind} {name!r}: there is no file {file}")
    spec = importlib.util.spec_from_file_location(f"user_{file.stem}", file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"{file} cannot be loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, wanted, None)
    if not (isinstance(found, type) and issubclass(found, KINDS[kind])):
        classes = [n for n, v in vars(module).items() if isinstance(v, type) and issubclass(v, KINDS[kind])]
        raise InputError(f"{file} has no {kind} {wanted!r}; {nearest(wanted, classes)}")
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
    """One of each, and the filters in their order."""

    name: str
    source: Source
    filters: tuple[Filter, ...]
    scorer: Scorer
    selector: Selector
    executor: Executor
    description: str = ""

    def limits(self) -> dict[str, Any]:
        """What the portfolio kernel is told."""
        return {**self.selector.limits(), **self.executor.rules()}

    def with_values(self, **given: Any) -> Pipeline:
        """Set parameters by name wherever they belong; a filter's or scorer's may be written ``bollinger.width``."""
        parts: dict[str, Any] = {"source": self.source, "scorer": self.scorer, "selector": self.selector}
        parts |= {"executor": self.executor, **{f"filter {i}": f for i, f in enumerate(self.filters)}}
        for name, value in given.items():
            owner, _, plain = name.rpartition(".")
            names = [
                key
                for key, part in parts.items()
                if plain in part.values and owner in ("", part.name, key.split(" ")[0])
            ]
            if not names:
                known = sorted({n for part in parts.values() for n in part.values})
                raise InputError(f"pipeline {self.name} has no parameter {name!r}; {nearest(plain, known)}")
            if len(names) > 1:
                written = ", ".join(f"{parts[n].name}.{plain}" for n in names)
                raise InputError(f"{name!r} is a parameter of several parts; write one of {written}")
            part = parts[names[0]]
            parts[names[0]] = type(part)(**{**part.values, plain: value})
        filters = tuple(parts[f"filter {i}"] for i in range(len(self.filters)))
        kept = {key: parts[key] for key in ("source", "scorer", "selector", "executor")}
        return replace(self, filters=filters, **kept)

    def as_dict(self) -> dict[str, Any]:
        """Every part with every value, as results record it."""
        one = {
            kind: {"name": part.name or type(part).__name__, **part.values}
            for kind, part in (
                ("source", self.source),
                ("scorer", self.scorer),
                ("selector", self.selector),
                ("executor", self.executor),
            )
        }
        return {"name": self.name, **one, "filters": [{"name": f.name, **f.values} for f in self.filters]}


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
        document = tomllib.loads(path.read_text())
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path} is not TOML: {error}") from None
    return pipeline_of(document, path.stem, path.parent)


def pipeline_of(document: Mapping[str, Any], name: str, folder: Path | None = None) -> Pipeline:
    """Build a pipeline from what a TOML file says."""
    unknown = set(document) - {"description", "source", "filters", "scorer", "selector", "executor"}
    if unknown:
        raise InputError(f"pipeline {name}: there is no part {sorted(unknown)[0]!r}")
    defaults = {"source": "store", "selector": "top-k", "executor": "taker"}

    def part(kind: str) -> Any:
        given = dict(document.get(kind, {}))
        wanted = given.pop("name", defaults.get(kind))
        if wanted is None:
            raise InputError(f"pipeline {name} names no {kind}")
        return build(kind, wanted, given, folder)

    filters: Sequence[Mapping[str, Any]] = document.get("filters", ())
    for given in filters:
        if "name" not in given:
            raise InputError(f"pipeline {name}: a filter has no name")
    return Pipeline(
        name=name,
        source=part("source"),
        filters=tuple(build("filter", f["name"], {k: v for k, v in f.items() if k != "name"}, folder) for f in filters),
        scorer=part("scorer"),
        selector=part("selector"),
        executor=part("executor"),
        description=str(document.get("description", "")),
    )


def build(kind: str, name: str, given: Mapping[str, Any], folder: Path | None = None) -> Any:
    """Make one part; a scorer that holds others, or a file, is told where its own file lies."""
    part = part_class(kind, name, folder)
    told = {"folder": folder} if "folder" in inspect.signature(part.__init__).parameters else {}
    made = part(**told, **given)
    if not made.name:
        type(made).name = name
    return made
