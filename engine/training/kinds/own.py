"""A user's own estimator, from a file that the user named: any of scikit-learn's kind, or a torch module."""

from __future__ import annotations

# Torch is an extra of its own, which a checker may be without.
# pyright: reportMissingImports=false
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from ....io.ground.errors import CheckError, InputError
from ....strategies.own_file import load_file, one_line
from ....strategies.parameters import nearest
from .graph import SUREST, GraphPart, on_market
from .kind import Fitted, Floats, Inputs, Kind, Lesson, Told
from .needed import version_of
from .net import PARAMETERS as NET_PARAMETERS
from .net import NetFit, learn

#: The last opset whose operators the converter of torch modules writes.
_TORCH_OPSET = 18


@dataclass(frozen=True)
class OwnFit:
    """An estimator of scikit-learn's kind that was fitted."""

    estimator: Any
    gives: str
    width: int
    facts: dict[str, Any] = field(default_factory=dict)

    def raw(self, x: Inputs) -> Floats:
        """Answer with log odds, or with an edge."""
        ask = self.estimator.predict if self.gives == "edge" else self.estimator.predict_proba
        try:
            made = np.asarray(ask(x.astype(np.float64)), np.float64)
        except Exception as error:
            raise InputError(f"{type(self.estimator).__name__} does not answer: {one_line(error)[:300]}") from error
        if self.gives == "edge":
            return made.reshape(-1)
        sure = np.clip(made[:, 1], SUREST, 1 - SUREST)
        return np.log(sure) - np.log(1 - sure)

    def part(self) -> GraphPart:
        """Say the same as ONNX nodes, as skl2onnx writes them."""
        from onnx import TensorProto, helper
        from skl2onnx import convert_sklearn
        from skl2onnx.common.data_types import DoubleTensorType

        options = {} if self.gives == "edge" else {id(self.estimator): {"zipmap": False}}
        try:
            made: Any = convert_sklearn(
                self.estimator, initial_types=[("d", DoubleTensorType([None, self.width]))], options=options,
                target_opset={"": 18, "ai.onnx.ml": 3},
            )  # fmt: skip
        except Exception as error:
            raise CheckError(f"{type(self.estimator).__name__} has no ONNX form: {one_line(error)[:300]}") from None
        part, outputs = taken_over(made.graph)
        if self.gives == "edge":
            part.nodes.append(helper.make_node("Cast", [outputs[0]], ["own"], to=TensorProto.DOUBLE))
        else:
            part.weights |= {
                "yes": np.array([1]), "own_low": np.array(SUREST), "own_high": np.array(1 - SUREST),
                "one": np.array(1.0),
            }  # fmt: skip
            part.nodes += [
                helper.make_node("Gather", [outputs[-1], "yes"], ["own_p"], axis=1),
                helper.make_node("Cast", ["own_p"], ["own_p64"], to=TensorProto.DOUBLE),
                helper.make_node("Clip", ["own_p64", "own_low", "own_high"], ["own_sure"]),
                helper.make_node("Sub", ["one", "own_sure"], ["own_rest"]),
                helper.make_node("Log", ["own_sure"], ["own_log"]),
                helper.make_node("Log", ["own_rest"], ["own_log_rest"]),
                helper.make_node("Sub", ["own_log", "own_log_rest"], ["own"]),
            ]
        return on_market(part, None, 0.0, self.width)


@dataclass(frozen=True)
class Own(Kind):
    """An estimator of one's own, ``my.py:Estimator``."""

    name: ClassVar[str] = "own"
    PARAMETERS: ClassVar[tuple[Any, ...]] = ()

    file: str = ""
    wanted: str = ""

    @cached_property
    def found(self) -> Any:
        """The class or object in the file."""
        module = load_file(Path(self.file))
        if not hasattr(module, self.wanted):
            own = [key for key, value in vars(module).items() if isinstance(value, type) or hasattr(value, "fit")]
            raise InputError(f"{self.file} has no {self.wanted!r}; {nearest(self.wanted, own)}")
        return getattr(module, self.wanted)

    @property
    def source(self) -> str:
        """What tells its code apart."""
        return f"{self.wanted} {hashlib.sha256(Path(self.file).read_bytes()).hexdigest()}"

    def versions(self) -> dict[str, str]:
        """The libraries that train it."""
        return version_of("onnx", "torch") if self._is_network else version_of("scikit-learn", "skl2onnx", "onnx")

    @property
    def _is_network(self) -> bool:
        return isinstance(self.found, type) and any(one.__module__.startswith("torch.") for one in self.found.__mro__)

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Fit the estimator on the earlier rows; a network is trained as the shipped ones are."""
        self.versions()
        try:
            return self._network(lesson, told) if self._is_network else self._estimator(lesson)
        except (InputError, CheckError):
            raise
        except Exception as error:
            raise InputError(f"{self.file}:{self.wanted} cannot be trained: {one_line(error)[:300]}") from error

    def _estimator(self, lesson: Lesson) -> Fitted:
        from sklearn.base import clone

        made: Any = self.found() if isinstance(self.found, type) else clone(self.found)
        if "random_state" in made.get_params():
            made.set_params(random_state=lesson.seed)
        weighed = {} if lesson.weights is None else {"sample_weight": lesson.weights}
        target = lesson.y if lesson.gives == "edge" else lesson.y.astype(np.int64)
        made.fit(lesson.x.astype(np.float64), target, **weighed)
        return OwnFit(made, lesson.gives, lesson.x.shape[1])

    def _network(self, lesson: Lesson, told: Told) -> Fitted:
        values = {one.name: one.default for one in NET_PARAMETERS}
        return learn(self.found, lesson, values, _torch_part, told)


def own_kind(name: str, params: Mapping[str, Any]) -> Own:
    """Read ``my.py:Estimator``."""
    file, _, wanted = name.rpartition(":")
    made = Own(dict(params), str(Path(file).expanduser().absolute()), wanted)
    _ = made.found
    return made


def taken_over(graph: Any) -> tuple[GraphPart, list[str]]:
    """Another graph's nodes and weights under names of their own, its input fed from ``d``; and its outputs."""
    from onnx import compose, helper, numpy_helper

    renamed = compose.add_prefix_graph(graph, "own_")
    nodes = [helper.make_node("Identity", ["d"], [renamed.input[0].name]), *renamed.node]
    weights = {one.name: numpy_helper.to_array(one) for one in renamed.initializer}
    return GraphPart(nodes, weights), [one.name for one in renamed.output]


def _torch_part(found: NetFit) -> GraphPart:
    """A module of one's own as torch writes it, in float64, on standardised features."""
    import tempfile
    import warnings

    import onnx
    import torch
    from onnx import helper

    example = torch.zeros((2, len(found.mean)), dtype=torch.float64)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")  # torch says that its exporter will change
        torch.onnx.export(
            found.module, (example,), f"{folder}/own.onnx", input_names=["d"], output_names=["o"],
            opset_version=_TORCH_OPSET, dynamic_axes={"d": {0: "batch"}, "o": {0: "batch"}}, dynamo=False,
        )  # fmt: skip
        graph = onnx.load(f"{folder}/own.onnx").graph
    for node in graph.node:
        node.doc_string = ""
    part, outputs = taken_over(graph)
    part.weights |= {"mean": found.mean, "scale": found.scale, "column": np.array([-1, 1])}
    part.nodes[0] = helper.make_node("Identity", ["s"], [part.nodes[0].output[0]])
    part.nodes[:0] = [
        helper.make_node("Sub", ["d", "mean"], ["centred"]), helper.make_node("Div", ["centred", "scale"], ["s"]),
    ]  # fmt: skip
    part.nodes.append(helper.make_node("Reshape", [outputs[0], "column"], ["own"]))
    return on_market(part, found.market, 0.0, len(found.mean))
