"""ONNX graphs: features in as float32, arithmetic in float64, calibration at the end, one answer a row out as float32.

Float64 inside makes a graph agree with the model that was trained to the last bit of the float32 that it gives.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    import onnx

OPSET, TREES_OPSET, IR_VERSION = 18, 3, 8
#: Probabilities stay this far from 0 and 1.
SUREST = 1e-6


@dataclass
class GraphPart:
    """Nodes from the features, called ``d`` in float64 and ``x`` in float32, to the raw answer, ``z`` in float64."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: dict[str, npt.NDArray[Any]] = field(default_factory=dict)


@dataclass(frozen=True)
class Platt:
    """What makes a probability of a raw answer: the sigmoid of ``slope`` times it plus ``intercept``."""

    slope: float = 1.0
    intercept: float = 0.0

    def __call__(self, raw: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """Give the probabilities."""
        z = self.slope * raw + self.intercept
        made = np.exp(-np.abs(z))
        return np.clip(np.where(z >= 0, 1 / (1 + made), made / (1 + made)), SUREST, 1 - SUREST)


def model_of(part: GraphPart, width: int, window: int, calibration: Platt | None) -> bytes:
    """Put a model together; without a calibration it gives the raw answer as an edge."""
    from onnx import TensorProto, checker, helper, numpy_helper

    shape = ["batch", width] if window == 1 else ["batch", window, width]
    nodes, weights = [helper.make_node("Cast", ["x"], ["d"], to=TensorProto.DOUBLE), *part.nodes], dict(part.weights)
    last, name = "z", "edge"
    if calibration is not None:
        weights |= {
            "slope": np.array(calibration.slope), "intercept": np.array(calibration.intercept),
            "lowest": np.array(SUREST), "highest": np.array(1 - SUREST),
        }  # fmt: skip
        nodes += [
            helper.make_node("Mul", ["z", "slope"], ["scaled"]),
            helper.make_node("Add", ["scaled", "intercept"], ["calibrated"]),
            helper.make_node("Sigmoid", ["calibrated"], ["sure"]),
            helper.make_node("Clip", ["sure", "lowest", "highest"], ["clipped"]),
        ]
        last, name = "clipped", "probability"
    nodes.append(helper.make_node("Cast", [last], [name], to=TensorProto.FLOAT))
    graph = helper.make_graph(
        nodes, "scorer", [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 1])],
        [numpy_helper.from_array(np.asarray(value), key) for key, value in weights.items()],
    )  # fmt: skip
    made = helper.make_model(
        graph, producer_name="touchline", ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", TREES_OPSET)],
    )  # fmt: skip
    checker.check_model(made)
    return made.SerializeToString()


def linear(weights: npt.NDArray[np.float64], bias: float) -> GraphPart:
    """A weighted sum of the features."""
    from onnx import helper

    return GraphPart(
        [helper.make_node("Gemm", ["d", "w", "b"], ["z"])],
        {"w": np.asarray(weights, np.float64).reshape(-1, 1), "b": np.array([bias], np.float64)},
    )


def on_market(part: GraphPart, market: int | None, constant: float, width: int, window: int = 1) -> GraphPart:
    """Add to a part's ``own`` answer (none: nothing) a constant and the market's log odds, if the model sees them."""
    from onnx import helper

    pick = np.zeros((width, 1))
    if market is not None:
        pick[market] = 1.0
    last = "d" if window == 1 else "last"
    weights = {**part.weights, "pick": pick, "constant": np.array([constant])}
    nodes = list(part.nodes)
    if window > 1:
        weights["newest"] = np.array(-1)
        nodes.append(helper.make_node("Gather", ["d", "newest"], ["last"], axis=1))
    nodes.append(helper.make_node("Gemm", [last, "pick", "constant"], ["known"]))
    if part.nodes:
        nodes.append(helper.make_node("Add", ["known", "own"], ["z"]))
    else:
        nodes.append(helper.make_node("Identity", ["known"], ["z"]))
    return GraphPart(nodes, weights)
