"""The networks that come with the engine: a perceptron on rows, and an LSTM on windows of bars, with their graphs."""

from __future__ import annotations

# Torch is an extra of its own, which a checker may be without.
# pyright: reportMissingImports=false
import itertools
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from ....io.ground.errors import InputError
from ....strategies.parameters import Parameter
from .graph import GraphPart, on_market
from .kind import Fitted, Floats, Kind, Lesson, Told
from .needed import version_of
from .net import PARAMETERS, NetFit, learn

if TYPE_CHECKING:
    import onnx
    import torch


class Mlp(Kind):
    """A perceptron with hidden layers on plain rows."""

    name: ClassVar[str] = "mlp"
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        *PARAMETERS,
        Parameter("hidden", "32,16", kind="text", doc="units of each hidden layer, commas between"),
    )

    def versions(self) -> dict[str, str]:
        """The libraries that train it."""
        return version_of("torch", "onnx")

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Train the network."""
        return learn(self._build, lesson, self.values, _mlp_part, told)

    def _build(self, width: int) -> torch.nn.Module:
        from torch import nn

        try:
            sizes = [width, *(int(one) for one in str(self.values["hidden"]).split(","))]
        except ValueError:
            raise InputError(f"hidden is numbers with commas between, not {self.values['hidden']!r}") from None
        layers = [one for low, high in itertools.pairwise(sizes) for one in (nn.Linear(low, high), nn.ReLU())]
        return _silent_at_first(nn.Sequential(*layers, nn.Linear(sizes[-1], 1)))


class Lstm(Kind):
    """A recurrent network on windows of bars: sees how a market came to where it is."""

    name: ClassVar[str] = "lstm"
    PARAMETERS: ClassVar[tuple[Parameter, ...]] = (
        *PARAMETERS,
        Parameter("bars", 24, low=2, high=4_096, kind="int", doc="bars in each input"),
        Parameter("units", 16, low=1, high=4_096, kind="int", doc="units of the state"),
    )

    @property
    def window(self) -> int:
        """Bars in each input."""
        return int(self.values["bars"])

    def versions(self) -> dict[str, str]:
        """The libraries that train it."""
        return version_of("torch", "onnx")

    def fit(self, lesson: Lesson, told: Told) -> Fitted:
        """Train the network."""
        return learn(self._build, lesson, self.values, _lstm_part, told)

    def _build(self, width: int) -> torch.nn.Module:
        from torch import nn

        units = int(self.values["units"])

        class Recurrent(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.lstm = nn.LSTM(width, units, batch_first=True)
                self.out = nn.Linear(units, 1)

            def forward(self, x: torch.Tensor) -> torch.Tensor:
                return self.out(self.lstm(x)[0][:, -1])

        return _silent_at_first(Recurrent())


def _silent_at_first(module: torch.nn.Module) -> torch.nn.Module:
    """Let the last layer answer nothing before it has learned: the model then starts at the market's price."""
    from torch import nn

    last = [one for one in module.modules() if isinstance(one, nn.Linear)][-1]
    nn.init.zeros_(last.weight)
    nn.init.zeros_(last.bias)
    return module


def _standardised(found: NetFit) -> tuple[list[onnx.NodeProto], dict[str, Floats]]:
    from onnx import helper

    return (
        [helper.make_node("Sub", ["d", "mean"], ["centred"]), helper.make_node("Div", ["centred", "scale"], ["s"])],
        {"mean": found.mean, "scale": found.scale},
    )


def _mlp_part(found: NetFit) -> GraphPart:
    from onnx import helper

    nodes, weights = _standardised(found)
    arrays = found.arrays()
    layers = sorted({name.split(".")[0] for name in arrays}, key=int)
    last = "s"
    for place, name in enumerate(layers):
        weights |= {f"w{name}": arrays[f"{name}.weight"], f"b{name}": arrays[f"{name}.bias"]}
        final = place == len(layers) - 1
        gives = "own" if final else f"l{name}"
        nodes.append(helper.make_node("Gemm", [last, f"w{name}", f"b{name}"], [gives], transB=1))
        if not final:
            nodes.append(helper.make_node("Relu", [gives], [f"r{name}"]))
            last = f"r{name}"
    return on_market(GraphPart(nodes, weights), found.market, 0.0, len(found.mean))


def _lstm_part(found: NetFit) -> GraphPart:
    """The recurrence as a scan: ONNX's own LSTM has no float64."""
    from onnx import TensorProto, helper

    nodes, weights = _standardised(found)
    arrays = found.arrays()
    units, width = arrays["lstm.weight_hh_l0"].shape[1], len(found.mean)
    weights |= {
        "w": arrays["lstm.weight_ih_l0"].T.copy(), "r": arrays["lstm.weight_hh_l0"].T.copy(),
        "b": arrays["lstm.bias_ih_l0"] + arrays["lstm.bias_hh_l0"], "nothing": np.zeros((width, units)),
        "v": arrays["out.weight"], "c": arrays["out.bias"],
    }  # fmt: skip

    def tensor(name: str, size: int) -> onnx.ValueInfoProto:
        return helper.make_tensor_value_info(name, TensorProto.DOUBLE, ["batch", size])

    step = [
        helper.make_node("MatMul", ["row", "w"], ["from_row"]),
        helper.make_node("MatMul", ["h", "r"], ["from_state"]),
        helper.make_node("Add", ["from_row", "from_state"], ["both"]),
        helper.make_node("Add", ["both", "b"], ["gates"]),
        helper.make_node("Split", ["gates"], ["i0", "f0", "g0", "o0"], axis=1, num_outputs=4),
        helper.make_node("Sigmoid", ["i0"], ["i"]),
        helper.make_node("Sigmoid", ["f0"], ["f"]),
        helper.make_node("Tanh", ["g0"], ["g"]),
        helper.make_node("Sigmoid", ["o0"], ["o"]),
        helper.make_node("Mul", ["f", "cell"], ["kept"]),
        helper.make_node("Mul", ["i", "g"], ["new"]),
        helper.make_node("Add", ["kept", "new"], ["cell_after"]),
        helper.make_node("Tanh", ["cell_after"], ["shown"]),
        helper.make_node("Mul", ["o", "shown"], ["h_after"]),
    ]
    body = helper.make_graph(
        step, "step", [tensor("h", units), tensor("cell", units), tensor("row", width)],
        [tensor("h_after", units), tensor("cell_after", units)],
    )  # fmt: skip
    nodes += [
        helper.make_node("Gather", ["s", "newest"], ["newest_row"], axis=1),
        helper.make_node("MatMul", ["newest_row", "nothing"], ["zeros"]),
        helper.make_node(
            "Scan", ["zeros", "zeros", "s"], ["state", "memory"], body=body, num_scan_inputs=1, scan_input_axes=[1]
        ),
        helper.make_node("Gemm", ["state", "v", "c"], ["own"], transB=1),
    ]
    return on_market(GraphPart(nodes, weights), found.market, 0.0, width, window=2)
