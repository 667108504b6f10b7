"""What a sweep will run: its cells, and which of them can share a block."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...strategies.quoting.model import QuotingModel
from ..results.results import Axis
from ..simulator.assumptions.venue import Assumptions
from ..simulator.prepare import parameter_values
from ..simulator.state import F64, I64
from ..simulator.tape.tape import Tape
from .grid_spec import cells_of

#: Assumptions in which the cells of one block may differ; all others are a block's own.
PER_CELL = ("position_limit", "halt", "calm", "daily_loss", "capital", "tolerance", "min_life_ms", "reduce_only")


@dataclass(frozen=True)
class Group:
    """Cells under one venue: they can share blocks."""

    cells: I64  #: their numbers
    limits: tuple[Assumptions, ...]  #: one a cell; they differ in PER_CELL alone


@dataclass(frozen=True)
class Plan:
    """A model, what is fixed, the axes, and all cells in their groups."""

    model: type[QuotingModel]
    fixed: Mapping[str, Any]
    assumptions: Assumptions
    axes: tuple[Axis, ...]
    cells: F64  #: a row a cell, a column an axis
    groups: tuple[Group, ...]

    @property
    def float_queue(self) -> bool:
        """Whether any cell keeps its queue position as a float: then all do, and one kernel serves all."""
        return any(group.limits[0].queue_rule.is_float for group in self.groups)

    def values(self, tape: Tape, cells: I64) -> list[dict[str, float]]:
        """The model's parameters of some cells on one market."""
        columns = [(at, one.name) for at, one in enumerate(self.axes) if one.part == "model"]
        first = {name: self.cells[0, at] for at, name in columns}
        base = parameter_values(self.model, tape, {**self.fixed, **first})
        return [base | {name: float(self.cells[cell, at]) for at, name in columns} for cell in cells]

    def given(self, cell: int) -> dict[str, Any]:
        """The model's parameters of a cell as they were asked for: fixed ones and those of its axes."""
        swept = {one.name: float(self.cells[cell, at]) for at, one in enumerate(self.axes) if one.part == "model"}
        return {**self.fixed, **swept}

    def setting(self, cell: int) -> dict[str, Any]:
        """What the axes set for a cell: the model's parameters and the assumptions."""
        return {one.name: one.setting(value) for one, value in zip(self.axes, self.cells[cell], strict=True)}


def plan_of(
    model: type[QuotingModel], fixed: Mapping[str, Any], assumptions: Assumptions, axes: Sequence[Axis],
    sample: str | None = None,
) -> Plan:  # fmt: skip
    """Span the cells and put those together that can share a block."""
    cells = cells_of(axes, sample)
    venue = [at for at, one in enumerate(axes) if one.part != "model" and one.name not in PER_CELL]
    own = [at for at, one in enumerate(axes) if one.name in PER_CELL and one.part != "model"]
    _, first, inverse = np.unique(cells[:, venue], axis=0, return_index=True, return_inverse=True)
    groups = []
    for number in np.argsort(first, kind="stable"):
        members = np.flatnonzero(inverse.reshape(-1) == number)
        made: dict[bytes, Assumptions] = {}
        limits = []
        for cell in members:
            key = cells[cell, own].tobytes()
            if key not in made:
                options = {axes[at].name: axes[at].setting(float(cells[cell, at])) for at in venue + own}
                made[key] = assumptions.with_options(options)
            limits.append(made[key])
        groups.append(Group(members, tuple(limits)))
    return Plan(model, dict(fixed), assumptions, tuple(axes), cells, tuple(groups))
