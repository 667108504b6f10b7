"""Gradient boosting: trees that LightGBM grows on top of the market's price, as many as later rows ask for."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ....strategies.parameters import Parameter
from .graph import GraphPart, on_market
from .kind import Fitted, Floats, Inputs, Kind, Lesson, Told, market_of, simplest
from .needed import version_of

if TYPE_CHECKING:
    import lightgbm

#: Trees between two looks at the later rows, and how many looks without a gain end the fit.
_LOOK, _PATIENCE = 5, 4
#: Fits of fewer rows are quicker on one thread.
_FEW_ROWS = 50_000


@dataclass(frozen=True)
class BoostedFit:
    """Trees, and the market's price that they stand on or the constant in its place."""

    booster: lightgbm.Booster
    trees: int
    constant: float
    market: int | None
    width: int
    facts: dict[str, Any]

    def raw(self, x: Inputs) -> Floats:
        """Answer with log odds, or with an edge; what the trees add is rounded to float32, as ONNX gives it."""
        known = market_of(x, self.market) + self.constant
        if not self.trees:
            return known
        added = np.asarray(self.booster.predict(x, num_iteration=self.trees, raw_score=True))
        return known + added.astype(np.float32).astype(np.float64)

    def part(self) -> GraphPart:
        """Say the same as ONNX nodes."""
        grown = self.booster.dump_model(num_iteration=self.trees)["tree_info"] if self.trees else []
        return on_market(_ensemble([one["tree_structure"] for one in grown]), self.market, self.constant, self.width)


class Boosting(Kind):
    """Trees that learn where the market errs: finds bends and products, needs more data than logistic."""

    name: ClassVar[str] = "boosting"
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        Parameter("trees", 100, low=1, high=10_000, kind="int", doc="trees at most; each fold chooses how many"),
        Parameter("leaves", 15, low=2, high=1_024, kind="int", doc="leaves a tree"),
        Parameter("learning_rate", 0.1, low=1e-4, high=1, doc="share of each tree that is added"),
        Parameter("min_rows", 50, low=1, kind="int", doc="rows in a leaf, at least"),
    )

    def versions(self) -> dict[str, str]:
        """The libraries that train it."""
        return version_of("lightgbm", "onnx")

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Grow trees until the later rows gain no more, and keep the fewest that they have nothing clear against."""
        import lightgbm

        asked = self.values
        settings = {
            "objective": "regression" if lesson.gives == "edge" else "binary", "learning_rate": asked["learning_rate"],
            "num_leaves": asked["leaves"], "min_data_in_leaf": asked["min_rows"], "max_bin": 63, "verbose": -1,
            "deterministic": True, "force_col_wise": True, "seed": lesson.seed,
            "num_threads": 1 if len(lesson.x) < _FEW_ROWS else os.cpu_count() or 1,
        }  # fmt: skip
        start = None if lesson.market is None else lesson.known(lesson.x)
        data = lightgbm.Dataset(lesson.x, lesson.y, weight=lesson.weights, init_score=start, params=settings)
        booster = lightgbm.Booster(settings, data)
        constant = 0.0 if lesson.market is not None else lesson.constant
        counts, losses = self._grow(booster, lesson, constant, told)
        trees = counts[simplest(losses)]
        return BoostedFit(
            booster, trees, constant if not trees else 0.0, lesson.market, lesson.x.shape[1], {"trees": trees}
        )

    def _grow(
        self, booster: lightgbm.Booster, lesson: Lesson, constant: float, told: Told
    ) -> tuple[list[int], list[Floats]]:
        """Add trees; returns how many there were at each look, and what later events lost then."""
        most = self.values["trees"] if len(lesson.later_y) else 0
        counts, grown = [0], np.zeros(len(lesson.later_y))
        known = lesson.known(lesson.later_x)
        losses = [lesson.losses(known + constant)]
        while counts[-1] < most:
            more = min(_LOOK, most - counts[-1])
            stuck = [booster.update() for _ in range(more)]
            grown += np.asarray(
                booster.predict(lesson.later_x, start_iteration=counts[-1], num_iteration=more, raw_score=True)
            )
            losses.append(lesson.losses(known + grown))
            counts.append(counts[-1] + more)
            told(counts[-1], most)
            sums = [one.sum() for one in losses]
            if any(stuck) or (len(sums) > 1 and int(np.argmin(sums)) < len(sums) - _PATIENCE):
                break
        return counts, losses


def _ensemble(trees: list[dict[str, Any]]) -> GraphPart:
    """Trees as one ONNX node, thresholds and leaves in float64; it gives their sum as float32."""
    from onnx import TensorProto, helper

    if not trees:
        return GraphPart()
    rows = [row for number, root in enumerate(trees) for row in _flat(root, number)]
    leaves = [row for row in rows if row["mode"] == "LEAF"]

    def doubles(name: str, values: list[float]) -> Any:
        return helper.make_tensor(name, TensorProto.DOUBLE, [len(values)], values)

    node = helper.make_node(
        "TreeEnsembleRegressor", ["d"], ["grown"], domain="ai.onnx.ml", n_targets=1, aggregate_function="SUM",
        nodes_treeids=[row["tree"] for row in rows], nodes_nodeids=[row["node"] for row in rows],
        nodes_featureids=[row["feature"] for row in rows], nodes_modes=[row["mode"] for row in rows],
        nodes_truenodeids=[row["yes"] for row in rows], nodes_falsenodeids=[row["no"] for row in rows],
        nodes_values_as_tensor=doubles("thresholds", [row["value"] for row in rows]),
        target_treeids=[row["tree"] for row in leaves], target_nodeids=[row["node"] for row in leaves],
        target_ids=[0] * len(leaves), target_weights_as_tensor=doubles("leaves", [row["weight"] for row in leaves]),
    )  # fmt: skip
    return GraphPart([node, helper.make_node("Cast", ["grown"], ["own"], to=TensorProto.DOUBLE)])


def _flat(root: Mapping[str, Any], number: int) -> Iterator[dict[str, Any]]:
    """The nodes of a tree in order, each with its own number and those of its branches."""
    waiting, count = [(root, 0)], 1
    while waiting:
        node, own = waiting.pop()
        row = {"tree": number, "node": own, "feature": 0, "mode": "LEAF", "yes": 0, "no": 0, "value": 0.0}
        if "leaf_value" in node:
            yield row | {"weight": float(node["leaf_value"])}
            continue
        waiting += [(node["right_child"], count + 1), (node["left_child"], count)]
        yield row | {"feature": node["split_feature"], "mode": "BRANCH_LEQ", "yes": count, "no": count + 1,
                     "value": float(node["threshold"])}  # fmt: skip
        count += 2
