"""A trunk and its heads: from encoded inputs to raw outputs."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from disttrain.networks.input_layer import InputLayer
from disttrain.networks.layout import Layout, Output, groups_of
from disttrain.networks.level import Level
from disttrain.networks.member_layers import Linear
from disttrain.networks.mlp import MLP, LayerOptions


class TrunkAndHeads(nn.Module):
    """A trunk and the heads of its parameters: inputs (K, n, p) to raw outputs (K n, *raw_shape) of each parameter.

    K members run side by side. The trunk is an MLP over the inputs. Parameters with the same extra hidden layers form a group; each
    group has a tail of these layers and one linear head. A Level adds a constant to each head, and with `linear_path` a linear model of the
    inputs is added. While `alone` is true, the raw outputs are those of the levels, the biases of the heads and the linear paths only.
    """

    def __init__(self, layout: Layout, outputs: Sequence[Output], generator: torch.Generator) -> None:
        super().__init__()
        style = LayerOptions(layout.activation, layout.normalization, layout.dropout, layout.residual, layout.members)
        columns = outputs[0].columns if outputs[0].columns is not None else tuple(range(layout.inputs))
        self.inputs = InputLayer(columns, layout.inputs, layout.codes, layout.members, layout.numbers, layout.numeric_embedding)
        self.trunk = MLP(self.inputs.width, layout.hidden, style, generator)
        # Parameters without layers of their own share one matrix: one product instead of one per parameter.
        self.groups = groups_of(outputs)
        tails = [MLP(self.trunk.width, group[0].hidden, style, generator) for group in self.groups]
        sizes = [sum(output.size for output in group) for group in self.groups]
        heads = [Linear(layout.members, tail.width, size) for tail, size in zip(tails, sizes, strict=True)]
        self.scalars = all(output.raw_shape == () for output in outputs)
        self.components = all(output.raw_shape == () or output.parameter.axes == ("components",) for output in outputs)
        self.tails, self.heads = nn.ModuleList(tails), nn.ModuleList(heads)
        self.levels = nn.ModuleList(Level(layout.members, size) for size in sizes)
        paths = [Linear(layout.members, self.inputs.plain_width, size) for size in sizes if layout.linear_path]
        self.paths, self.alone = nn.ModuleList(paths), False

    def forward(self, x: Tensor) -> dict[str, Tensor]:
        raw: dict[str, Tensor] = {}
        outputs = self._linear_outputs(x) if self.alone else self._outputs(self.inputs(x))
        for group, level, out in zip(self.groups, self.levels, outputs, strict=True):
            # In the dtype of the level, which is the wider one.
            raw_outputs = (out + level(wide(x))).flatten(0, 1)
            if self.scalars:
                raw |= zip((output.parameter.name for output in group), raw_outputs.unbind(-1), strict=True)
                continue
            if self.components:
                # The rows of a component side by side in memory: activations and sums over components run along them, in half the time.
                raw_outputs = raw_outputs.t().contiguous().t()
            chunks = torch.split(raw_outputs, [output.size for output in group], -1)
            raw |= {
                output.parameter.name: chunk.reshape(len(raw_outputs), *output.raw_shape)
                for output, chunk in zip(group, chunks, strict=True)
            }
        return raw

    def _outputs(self, inputs: Tensor) -> Iterator[Tensor]:
        """Yield the raw outputs (K, n, size) of each group of parameters, without the levels."""
        linear = [path(inputs[..., : self.inputs.plain_width]) for path in self.paths]
        hidden = self.trunk(inputs)
        for index, (tail, head) in enumerate(zip(self.tails, self.heads, strict=True)):
            raw_outputs = head(tail(hidden))
            yield raw_outputs + linear[index] if linear else raw_outputs

    def _linear_outputs(self, x: Tensor) -> Iterator[Tensor]:
        """Yield the raw outputs (K, n, size) of each group from the linear paths and the biases of the heads only."""
        plain = self.inputs.without_embedding(x)
        yield from (path(plain) + head.bias for path, head in zip(self.paths, self.heads, strict=True))

    def deep(self) -> list[nn.Parameter]:
        """The weights of the nonlinear part: the trunk, the tails, the heads and the embedding of numbers. `linear_alone` freezes them."""
        parts = [self.trunk, self.tails, self.heads, *([] if self.inputs.spread is None else [self.inputs.spread])]
        return [weight for part in parts for weight in part.parameters()]

    def start(self, raw: Mapping[str, Tensor], constant: Mapping[str, Tensor], generator: torch.Generator) -> None:
        """Set the heads so that every row has the raw outputs `raw`, up to a small random part; `constant` are those of the constant model."""
        for group, head, level in zip(self.groups, self.heads, self.levels, strict=True):
            if not (isinstance(head, Linear) and isinstance(level, Level)):
                continue
            # 0.01: the first predictions should be the marginal fit, yet every weight must feel a gradient.
            head.draw(partial(nn.init.normal_, std=0.01 / math.sqrt(max(1, head.weight.shape[1])), generator=generator))
            level.start(*(torch.cat([part[output.parameter.name].reshape(-1) for output in group]) for part in (raw, constant)))
            with torch.no_grad():
                head.bias.zero_()
        with torch.no_grad():
            for weight in self.paths.parameters():
                weight.zero_()

    def add_to_levels(self, shifts: Mapping[str, Tensor]) -> None:
        """Add a constant (K,) of each parameter to all its raw outputs."""
        for group, level in zip(self.groups, self.levels, strict=True):
            if isinstance(level, Level):
                level.add(torch.cat([shifts[output.parameter.name].unsqueeze(1).expand(-1, output.size) for output in group], 1))

    def added(self) -> list[nn.Parameter]:
        """The weights of the heads and the linear paths; if they are 0, every row has the raw outputs of the levels."""
        return [*self.heads.parameters(), *self.paths.parameters()]


def wide(x: Tensor) -> torch.dtype:
    """The dtype of raw outputs: float64, or float32 on a device without float64."""
    return torch.float32 if x.device.type == "mps" else torch.float64
