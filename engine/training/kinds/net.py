"""Networks: one way to train any torch module on top of the market's price, for as many epochs as later rows ask for.

Trained in float32 and served in float64, so that the trained model and its ONNX form agree to the last bit that counts.
On one machine with one number of threads the same seed gives the same network; across thread counts sums differ in
their last bits, and what is learned from them with it.
"""

from __future__ import annotations

# Torch is an extra of its own, which a checker may be without.
# pyright: reportMissingImports=false
import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ....strategies.parameters import Parameter
from .graph import GraphPart
from .kind import Floats, Inputs, Lesson, Told, market_of, simplest

if TYPE_CHECKING:
    import torch

PARAMETERS = (
    Parameter("epochs", 20, low=1, high=10_000, kind="int", doc="passes over the rows at most; each fold chooses"),
    Parameter("batch", 0, low=0, kind="int", doc="rows a step; 0: one in fifty of them, 32 to 1024"),
    Parameter("learning_rate", 0.01, low=1e-7, high=1, doc="of Adam"),
    Parameter("decay", 0.0001, low=0, doc="of the weights a step"),
)
#: Epochs without a gain on the later rows that end the fit.
_PATIENCE = 4
_ROWS = 16_384


@dataclass(frozen=True)
class NetFit:
    """A network in float64, how its inputs are scaled, and the market's price that it stands on."""

    module: torch.nn.Module
    mean: Floats
    scale: Floats
    market: int | None
    graph: Callable[[NetFit], GraphPart]
    facts: dict[str, Any]

    def raw(self, x: Inputs) -> Floats:
        """Answer with log odds, or with an edge."""
        import torch

        made = np.empty(len(x))
        with torch.no_grad():
            for at in range(0, len(x), _ROWS):
                own = (x[at : at + _ROWS].astype(np.float64) - self.mean) / self.scale
                made[at : at + _ROWS] = self.module(torch.from_numpy(own)).reshape(-1).numpy()
        return made + market_of(x, self.market)

    def part(self) -> GraphPart:
        """Say the same as ONNX nodes."""
        return self.graph(self)

    def arrays(self) -> dict[str, Floats]:
        """The network's weights by name."""
        return {name: value.detach().numpy() for name, value in self.module.state_dict().items()}


def learn(
    build: Callable[[int], torch.nn.Module], lesson: Lesson, values: dict[str, Any],
    graph: Callable[[NetFit], GraphPart], told: Told,
) -> NetFit:  # fmt: skip
    """Train a network from a seed; the epoch that is kept is the first that later rows have nothing clear against."""
    import torch

    width = lesson.x.shape[-1]
    flat = lesson.x.reshape(-1, width)
    mean, scale = flat.mean(axis=0, dtype=np.float64), flat.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 0, scale, 1.0)
    drawn = torch.Generator().manual_seed(lesson.seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(lesson.seed)
        module = build(width)
    x, y = _scaled(lesson.x, mean, scale), torch.from_numpy(lesson.y.astype(np.float32))
    known = torch.from_numpy(lesson.known(lesson.x).astype(np.float32))
    weigh = None if lesson.weights is None else torch.from_numpy(lesson.weights.astype(np.float32))
    later, later_known = _scaled(lesson.later_x, mean, scale), lesson.known(lesson.later_x)
    steps = torch.optim.AdamW(module.parameters(), lr=values["learning_rate"], weight_decay=values["decay"])
    kept, losses = [copy.deepcopy(module)], [lesson.losses(later_known + _answers(module, later))]
    batch = values["batch"] or min(max(len(x) // 50, 32), 1_024)
    for epoch in range(1, values["epochs"] + 1 if len(later) else 1):
        module.train()
        order = torch.randperm(len(x), generator=drawn)
        for at in range(0, len(order), batch):
            some = order[at : at + batch]
            z = known[some] + module(x[some]).reshape(-1)
            each = _each(z, y[some], lesson.gives)
            loss = each.mean() if weigh is None else (each * weigh[some]).mean()
            steps.zero_grad()
            loss.backward()
            steps.step()
        kept.append(copy.deepcopy(module))
        losses.append(lesson.losses(later_known + _answers(module, later)))
        told(epoch, values["epochs"])
        if int(np.argmin([one.sum() for one in losses])) < epoch - _PATIENCE:
            break
    epoch = simplest(losses)
    chosen = kept[epoch].double().eval()
    return NetFit(chosen, mean, scale, lesson.market, graph, {"epochs": epoch})


def _scaled(x: Inputs, mean: Floats, scale: Floats) -> torch.Tensor:
    import torch

    return torch.from_numpy((x - mean.astype(np.float32)) / scale.astype(np.float32))


def _answers(module: torch.nn.Module, x: torch.Tensor) -> Floats:
    import torch

    module.eval()
    with torch.no_grad():
        parts = [module(x[at : at + _ROWS]).reshape(-1).numpy() for at in range(0, len(x), _ROWS)]
    return np.concatenate(parts).astype(np.float64) if parts else np.zeros(0)


def _each(z: torch.Tensor, y: torch.Tensor, gives: str) -> torch.Tensor:
    import torch

    if gives == "edge":
        return (z - y) ** 2
    return torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")
