"""The trunk: multilayer perceptrons side by side, from (K, n, p) inputs to (K, n, h) hidden values."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from disttrain.networks.member_layers import NORMALIZATIONS, Dropout, Linear

TRUNK_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "silu": nn.SiLU,
    "gelu": nn.GELU,
    "tanh": nn.Tanh,
    "elu": nn.ELU,
    "selu": nn.SELU,
    "mish": nn.Mish,
    "leaky_relu": nn.LeakyReLU,
    "softplus": nn.Softplus,
    "sigmoid": nn.Sigmoid,
    "identity": nn.Identity,
}


@dataclass(frozen=True)
class LayerOptions:
    """The options of all hidden layers of a network, for `members` networks side by side."""

    activation: str = "silu"
    normalization: str = "none"
    dropout: float = 0.0
    residual: bool = False
    members: int = 1


class Layer(nn.Module):
    """One hidden layer: linear, normalisation, activation, dropout; with a skip connection if `residual` is true and the widths agree."""

    def __init__(self, inputs: int, width: int, style: LayerOptions, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = Linear(style.members, inputs, width)
        self.normalization = NORMALIZATIONS[style.normalization](style.members, width)
        self.activation = TRUNK_ACTIVATIONS[style.activation]()
        self.dropout = Dropout(style.dropout, generator) if style.dropout else nn.Identity()
        # An identity costs a microsecond or two a step.
        self.after = [part for part in (self.normalization, self.activation, self.dropout) if not isinstance(part, nn.Identity)]
        self.skip = style.residual and inputs == width

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.linear(x)
        for part in self.after:
            hidden = part(hidden)
        return x + hidden if self.skip else hidden


class MLP(nn.Module):
    """Hidden layers of these widths, from (K, n, inputs) to (K, n, self.width); the identity without widths."""

    def __init__(self, inputs: int, widths: Sequence[int], style: LayerOptions, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [inputs, *widths]
        self.layers = nn.Sequential(*(Layer(a, b, style, generator) for a, b in itertools.pairwise(sizes)))
        self.width = sizes[-1]

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        return x
