"""Which family a strategy is of: quoting models replay one market's book, betting pipelines hold across many."""

from __future__ import annotations

from pathlib import Path

from ..io.ground.errors import InputError
from .models.registry import QUOTING, WITH_FILE
from .parameters import nearest


def is_pipeline(strategy: str) -> bool:
    """Whether a strategy that a user names is a betting pipeline; a name that is none at all is an error.

    >>> is_pipeline("quant"), is_pipeline("glft"), is_pipeline("mine.toml"), is_pipeline("mine.py:Model")
    (True, False, True, False)
    """
    if strategy in QUOTING or ".py" in strategy or strategy.partition(":")[0] in WITH_FILE:
        return False
    from .pipeline.pipeline import shipped

    if strategy in shipped() or strategy.endswith(".toml"):
        return True
    hint = nearest(strategy, [*shipped(), *QUOTING])
    raise InputError(
        f"there is no strategy {strategy!r}; {hint}; one of your own is a pipeline.toml or a model file.py:ClassName"
    )


def is_pipeline_file(path: str | Path) -> bool:
    """Whether a file that a session is to go by is a pipeline: a TOML file that names a scorer."""
    import tomllib

    try:
        document = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError):
        return False  # what is wrong with it is told by whoever reads it
    return "scorer" in document
