"""Layers of several networks side by side: every tensor has an axis of members in front, (K, n, width)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

__all__ = ["NORMALIZATIONS", "BatchNorm", "Dropout", "Embedding", "LayerNorm", "Linear", "initialize"]

_LANES = 8


class Linear(nn.Module):
    """A linear layer of each of `members` networks: (K, n, inputs) → (K, n, width)."""

    def __init__(self, members: int, inputs: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, width))
        self.bias = nn.Parameter(torch.empty(members, 1, width))

    def draw(self, fill: Callable[[Tensor], object]) -> None:
        """Have the weights filled, those of one output after those of another, as torch lays out a layer of its own."""
        drawn = torch.empty(self.weight.mT.shape, dtype=self.weight.dtype, device=self.weight.device)
        fill(drawn)
        with torch.no_grad():
            self.weight.copy_(drawn.mT)

    def forward(self, x: Tensor) -> Tensor:
        width = self.weight.shape[-1]
        if self.training or not width % _LANES:
            return _product(x, self.weight, self.bias)
        # A forecast is not to depend on where in a file its row stands, and in products of other widths than multiples of 8 the
        # last digits of a row depend on its place among the others (torch 2.13 with MKL).
        empty = (0, -width % _LANES)
        return _product(x, torch.nn.functional.pad(self.weight, empty), torch.nn.functional.pad(self.bias, empty))[..., :width]


def _product(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """x times weight, (K, n, inputs) and (K, inputs, width), plus bias (K, 1, width): (K, n, width)."""
    if len(x) == 1:
        # One product of matrices costs less than a batch of one; squeezed, not indexed, since the slope of an index is a copy full of zeros.
        return torch.addmm(bias.view(-1), x.squeeze(0), weight.squeeze(0)).unsqueeze(0)
    return torch.baddbmm(bias, x, weight)


class Embedding(nn.Module):
    """A learned vector for each of `categories` codes in each of `members` networks: codes (K, n) → (K, n, dimensions)."""

    def __init__(self, members: int, categories: int, dimensions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, categories, dimensions))

    def forward(self, codes: Tensor) -> Tensor:
        members, categories, dimensions = self.weight.shape
        own = torch.arange(members, device=codes.device).unsqueeze(1) * categories
        return torch.nn.functional.embedding(codes + own, self.weight.reshape(members * categories, dimensions))


class LayerNorm(nn.Module):
    """Each row standardised over its width, then scaled and shifted by learned numbers of each member."""

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))

    def forward(self, x: Tensor) -> Tensor:
        return torch.nn.functional.layer_norm(x, x.shape[-1:]) * self.weight + self.bias


class BatchNorm(nn.Module):
    """Each column standardised over the rows of a batch while training, by their running mean and variance afterwards."""

    running_mean: Tensor
    running_var: Tensor

    def __init__(self, members: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(members, 1, width))
        self.bias = nn.Parameter(torch.zeros(members, 1, width))
        self.register_buffer("running_mean", torch.zeros(members, width))
        self.register_buffer("running_var", torch.ones(members, width))

    def forward(self, x: Tensor) -> Tensor:
        members, rows, width = x.shape
        flat = x.transpose(0, 1).reshape(rows, members * width)
        mean, variance = self.running_mean.view(-1), self.running_var.view(-1)
        made = torch.nn.functional.batch_norm(flat, mean, variance, training=self.training)
        return made.reshape(rows, members, width).transpose(0, 1) * self.weight + self.bias


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


NORMALIZATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda members, width: nn.Identity(),
    "layer": LayerNorm,
    "batch": BatchNorm,
}


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every linear and embedding layer inside `module` anew from `generator`, by torch's own rules."""
    for part in module.modules():
        if isinstance(part, Linear):
            bound = 1.0 / math.sqrt(max(1, part.weight.shape[1]))
            part.draw(partial(nn.init.uniform_, a=-bound, b=bound, generator=generator))
            nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, Embedding):
            nn.init.normal_(part.weight, generator=generator)
            with torch.no_grad():
                # Code 0 stands for a category that training did not have: no row ever moves it.
                part.weight[:, 0] = 0.0
