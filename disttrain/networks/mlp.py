"""The trunk: a multilayer perceptron from (n, p) inputs to (n, h) hidden values."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["MLP", "NORMALIZATIONS", "TRUNK_ACTIVATIONS", "Style", "initialize"]

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

NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {
    "none": lambda _: nn.Identity(),
    "layer": nn.LayerNorm,
    "batch": nn.BatchNorm1d,
}


@dataclass(frozen=True)
class Style:
    """What all hidden layers of a network have in common."""

    activation: str = "silu"
    normalization: str = "none"
    dropout: float = 0.0
    residual: bool = False


class Dropout(nn.Module):
    """Dropout whose masks come from a generator of its own, so that a seed fixes them without touching torch's global one."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        kept = torch.rand(x.shape, generator=self.generator, device=self.generator.device).to(x.device) >= self.rate
        return x * kept / (1.0 - self.rate)


class Layer(nn.Module):
    """One hidden layer: linear, normalisation, activation, dropout; with a skip connection where `residual` and the widths agree."""

    def __init__(self, inputs: int, width: int, style: Style, generator: torch.Generator) -> None:
        super().__init__()
        self.linear = nn.Linear(inputs, width)
        self.normalization = NORMALIZATIONS[style.normalization](width)
        self.activation = TRUNK_ACTIVATIONS[style.activation]()
        self.dropout = Dropout(style.dropout, generator) if style.dropout else nn.Identity()
        self.skip = style.residual and inputs == width

    def forward(self, x: Tensor) -> Tensor:
        hidden: Tensor = self.dropout(self.activation(self.normalization(self.linear(x))))
        return x + hidden if self.skip else hidden


class MLP(nn.Module):
    """Hidden layers of the given widths, from (n, inputs) to (n, self.width); no widths means the identity."""

    def __init__(self, inputs: int, widths: Sequence[int], style: Style, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [inputs, *widths]
        self.layers = nn.Sequential(*(Layer(a, b, style, generator) for a, b in itertools.pairwise(sizes)))
        self.width = sizes[-1]

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = self.layers(x)
        return output


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every linear and embedding layer inside `module` anew from `generator`, by torch's own rules."""
    for part in module.modules():
        if isinstance(part, nn.Linear):
            bound = 1.0 / math.sqrt(max(1, part.in_features))
            nn.init.uniform_(part.weight, -bound, bound, generator=generator)
            nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, nn.Embedding):
            nn.init.normal_(part.weight, generator=generator)
            with torch.no_grad():
                # Code 0 stands for a category that training did not have: no row ever moves it.
                part.weight[0] = 0.0
