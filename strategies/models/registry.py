"""Quoting models by name: the shipped ones, and users' own from ``path/to/file.py:ClassName``."""

from __future__ import annotations

import difflib
import importlib
import inspect
import keyword
import math
from collections import namedtuple
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ...features.signals.checks import check_signals, example_values
from ...io.ground.errors import InputError
from ..own_file import load_file, one_line
from ..parameters import check, nearest
from ..quoting.contract import declaration_fault, quote_fault
from ..quoting.known import Known
from ..quoting.model import QuotingModel

#: Name -> (module of this package, class).
QUOTING: dict[str, tuple[str, str]] = {
    "avellaneda-stoikov": ("avellaneda_stoikov", "AvellanedaStoikov"),
    "avellaneda-stoikov-stationary": ("stationary", "Stationary"),
    "glft": ("glft", "Glft"),
    "binary-cara": ("binary_cara", "BinaryCara"),
    "fixed-spread": ("fixed_spread", "FixedSpread"),
    "cauchy-band": ("cauchy_band", "CauchyBand"),
    "logit-as": ("logit", "LogitAvellanedaStoikov"),
    "ladder": ("ladder", "Ladder"),
    "flow-skew": ("flow_skew", "FlowSkew"),
    "microprice-maker": ("microprice_maker", "MicropriceMaker"),
    "reward-maker": ("reward_maker", "RewardMaker"),
    "onnx-fair-value": ("onnx_fair_value", "OnnxFairValue"),
}

#: Models that ask a trained one, whose file is named with them: ``onnx-fair-value:fair.onnx``.
WITH_FILE = ("onnx-fair-value",)

#: A market at 45 to 47 cents with ten minutes left, on which a user's model is tried before it runs.
EXAMPLE = Known(
    1.7e9, 45.0, 47.0, 100.0, 80.0, 46.0, 46.1, 1.0, 1.0, 600.0, 4000.0, 0.0, math.nan, math.nan, 0.0,
    bids=(45.0, 44.0, 43.0, 42.0, 41.0), bid_sizes=(100.0, 50.0, 40.0, 30.0, 20.0),
    asks=(47.0, 48.0, 49.0, 50.0, 51.0), ask_sizes=(80.0, 60.0, 40.0, 20.0, 10.0), last_trade_price=46.0,
    last_trade_size=5.0, last_trade_side=1.0, last_trade_age=2.0, book_age=0.5, underlying_age=0.1,
)  # fmt: skip


def quoting_model(spec: str) -> type[QuotingModel]:
    """Return the model of a registered name or of ``file.py:ClassName``.

    >>> quoting_model("fixed-spread").columns()
    ('half_spread', 'skew', 'size')
    """
    if spec in QUOTING:
        module, name = QUOTING[spec]
        return vars(importlib.import_module(f".{module}", __package__))[name]
    if spec.partition(":")[0] not in WITH_FILE and (".py" in spec or "/" in spec):
        return _from_file(spec)
    name, _, file = spec.partition(":")
    if name in WITH_FILE and file:
        return _reading(name, file)
    close = nearest(spec, QUOTING)
    raise InputError(f"there is no quoting model {spec!r}; {close}; a model of your own is named file.py:ClassName")


@cache
def _reading(name: str, file: str) -> type[QuotingModel]:
    from .onnx_fair_value import OnnxFairValue

    assert name == OnnxFairValue.name
    return OnnxFairValue.reading(file)


def quoting_models() -> dict[str, type[QuotingModel]]:
    """Every shipped quoting model by name."""
    return {name: quoting_model(name) for name in QUOTING}


def _from_file(spec: str) -> type[QuotingModel]:
    path, colon, name = spec.rpartition(":")
    if not colon or name.endswith(".py"):
        path, name = spec, ""
    module = load_file(Path(path))
    own = {
        key: value
        for key, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, QuotingModel) and value.__module__ == module.__name__
    }
    if name in own:
        return _validated(own[name], f"{path}:{name}")
    if name in vars(module):
        raise InputError(f"{path}: {name} is not a quoting model; write: class {name}(QuotingModel)")
    if not own:
        raise InputError(f"{path} has no quoting model; write one as: class MyModel(QuotingModel)")
    close = difflib.get_close_matches(name, own, n=1) or sorted(own)
    asked = f"has no class {name!r}" if name else "is a file, not a model"
    raise InputError(f"{path} {asked}; did you mean {path}:{close[0]}?")


def _validated(model: type[QuotingModel], where: str) -> type[QuotingModel]:
    """Refuse a model that cannot run, and say what is wrong with it."""
    names = [parameter.name for parameter in model.parameters]
    for kind, given in (("parameter", names), ("derived value", model.derived)):
        for name in given:
            if not name.isidentifier() or keyword.iskeyword(name) or name.startswith("_"):
                raise InputError(f"{where}: {kind} {name!r} is not a plain Python name")
    for name in sorted({name for name in model.columns() if model.columns().count(name) > 1}):
        raise InputError(f"{where}: {name!r} is declared twice among parameters and derived values; rename one")
    for parameter in model.parameters:
        if parameter.kind == "choice":
            raise InputError(f"{where}: parameter {parameter.name!r} is a choice; a quoting model's are numbers")
    for kind, given in (("grid", model.grid), ("from_market", model.from_market)):
        for name in given:
            if name not in names:
                raise InputError(f"{where}: {kind} names {name!r}, which is no parameter; {nearest(name, names)}")
    check_signals(model.signals, where)
    row = _derived(model, where)
    _try_quote(model, row, where)
    if "name" not in vars(model):
        model.name = model.__name__
    return model


def _derived(model: type[QuotingModel], where: str) -> list[float]:
    try:
        row = model.row(check(model.parameters, {}))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
    for name, value in zip(model.columns(), row, strict=True):
        if not isinstance(value, int | float) or math.isnan(value):
            raise InputError(f"{where}: {name!r} is {value!r} for the default parameters, not a number")
    return row


def _try_quote(model: type[QuotingModel], row: list[float], where: str) -> None:
    """Quote once in plain Python: what fails there fails more darkly in the compiler."""
    if model.quote is QuotingModel.quote:
        raise InputError(f"{where} has no quote; write: @staticmethod, then def quote(known, p)")
    if not isinstance(inspect.getattr_static(model, "quote"), staticmethod):
        raise InputError(f"{where}: quote must be a @staticmethod of two arguments, known and p")
    if (fault := declaration_fault(model)) is not None:
        raise InputError(f"{where}: {fault}")
    example = EXAMPLE._replace(signals=example_values(model.signals))
    if model.levels > 1:
        none = (math.nan,) * model.levels
        example = example._replace(bid_ahead=none, bid_behind=none, ask_ahead=none, ask_behind=none)
    own = [namedtuple("State", list(model.state))(**model.state)] if model.state else []
    try:
        quoted: Any = model.quote(example, SimpleNamespace(**dict(zip(model.columns(), row, strict=True))), *own)
    except AttributeError as error:
        if error.obj is not example.signals:
            raise InputError(f"{where}: quote fails on an example with {one_line(error)}") from None
        told = nearest(str(error.name), model.signals) if model.signals else "it declares none"
        raise InputError(
            f"{where}: quote reads known.signals.{error.name}, which signals does not declare; {told}"
        ) from None
    except Exception as error:
        raise InputError(f"{where}: quote fails on an example with {one_line(error)}") from None
    if (fault := quote_fault(model, quoted)) is not None:
        raise InputError(f"{where}: {fault}")
