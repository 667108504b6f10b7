"""Which code and values a quoting model's quotes come from, so that one model's results are not taken for another's."""

from __future__ import annotations

import hashlib
import sys

from ...io.ground.made_of import made_of
from .model import QuotingModel


def fingerprint(model: type[QuotingModel]) -> str:
    """A hash of all that decides a model's quotes. Other versions of Python give others, so it names its own."""
    made = made_of(model.quote, model.derive)
    made += [one for name, signal in model.signals.items() for one in (name, *signal.definition())]
    told = {"levels": model.levels, "takes": model.takes, "state": dict(model.state)}
    made += [f"{name} {value}" for name, value in told.items() if value != vars(QuotingModel)[name]]
    digest = hashlib.sha256("\0".join(made).encode()).hexdigest()[:16]
    return f"python{sys.version_info.major}.{sys.version_info.minor}:{digest}"


def is_another(model: type[QuotingModel], known: str | None) -> bool:
    """Whether a fingerprint of old is another model's; where Python or the writer was another, nobody knows."""
    own = fingerprint(model)
    return known is not None and known.partition(":")[0] == own.partition(":")[0] and known != own
