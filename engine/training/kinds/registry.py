"""How a kind of model is found: a shipped one by name, or an estimator in a user's own file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....io.ground.errors import InputError
from ....strategies.parameters import nearest
from .boosting import Boosting
from .kind import Kind
from .layers import Lstm, Mlp
from .linear import Logistic
from .own import own_kind

KINDS: dict[str, type[Kind]] = {one.name: one for one in (Logistic, Boosting, Mlp, Lstm)}


def kind_of(name: str, params: Mapping[str, Any]) -> tuple[Kind, dict[str, Any]]:
    """Find a kind of model and set its parameters; what it has no parameter for comes back.

    >>> kind_of("logistic", {"penalty": 0.01, "step_minutes": 5})
    (Logistic(values={'penalty': 0.01}), {'step_minutes': 5})
    """
    if ".py:" in name:
        return own_kind(name, {}), dict(params)
    if name not in KINDS:
        raise InputError(f"there is no model {name!r}; {nearest(name, KINDS)}; or name your own as file.py:Estimator")
    own = {one.name for one in KINDS[name].PARAMETERS}
    return (
        KINDS[name]({key: value for key, value in params.items() if key in own}),
        {key: value for key, value in params.items() if key not in own},
    )
