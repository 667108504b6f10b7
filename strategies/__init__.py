"""What decides: quoting models, and betting pipelines with their sources, filters, scorers, selectors and executors."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models.avellaneda_stoikov import AvellanedaStoikov as AvellanedaStoikov
    from .models.binary_cara import BinaryCara as BinaryCara
    from .models.cauchy_band import CauchyBand as CauchyBand
    from .models.fixed_spread import FixedSpread as FixedSpread
    from .models.glft import Glft as Glft
    from .models.stationary import Stationary as Stationary
    from .parameters import Parameter as Parameter
    from .pipeline.pipeline import Executor as Executor
    from .pipeline.pipeline import Filter as Filter
    from .pipeline.pipeline import Pipeline as Pipeline
    from .pipeline.pipeline import Scorer as Scorer
    from .pipeline.pipeline import Selector as Selector
    from .pipeline.pipeline import Source as Source
    from .pipeline.pipeline import Table as Table
    from .pipeline.pipeline import load_pipeline as load_pipeline
    from .quoting.model import QuotingModel as QuotingModel

#: Public name -> the module of this package that defines it.
_HOME: dict[str, str] = {
    "Parameter": "parameters",
    "QuotingModel": "quoting.model",
    "AvellanedaStoikov": "models.avellaneda_stoikov",
    "BinaryCara": "models.binary_cara",
    "CauchyBand": "models.cauchy_band",
    "FixedSpread": "models.fixed_spread",
    "Glft": "models.glft",
    "Stationary": "models.stationary",
    **dict.fromkeys(
        ("Executor", "Filter", "Pipeline", "Scorer", "Selector", "Source", "Table", "load_pipeline"),
        "pipeline.pipeline",
    ),
}


if not TYPE_CHECKING:  # a type checker knows the names above, and no others

    def __getattr__(name: str) -> object:
        if name in _HOME:
            return getattr(importlib.import_module(f".{_HOME[name]}", __name__), name)
        raise AttributeError(f"touchline.strategies has no name {name!r}; it has {', '.join(sorted(_HOME))}")


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOME})
