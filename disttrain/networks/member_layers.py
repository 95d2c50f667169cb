"""Layers of several networks side by side: the first axis of every tensor is that of the members, (K, n, width)."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

# Products of other widths than multiples of 16 take up to four times as long, forward and backward, unless their weights lie column by
# column, which is best for the narrowest (torch 2.13 with MKL, AVX512). And in products of other widths than multiples of 8 the last
# digits of a row depend on its position among the others, as those of a forecast must not.
_LANES, _NARROW = 16, 6


class Linear(nn.Module):
    """A linear layer of each of `members` networks: (K, n, inputs) → (K, n, width)."""

    def __init__(self, members: int, inputs: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, width))
        self.bias = nn.Parameter(torch.empty(members, 1, width))

    def draw(self, fill: Callable[[Tensor], object]) -> None:
        """Draw the weights by `fill`, in torch's order: those of one output after those of another."""
        drawn = torch.empty(self.weight.mT.shape, dtype=self.weight.dtype, device=self.weight.device)
        fill(drawn)
        with torch.no_grad():
            self.weight.copy_(drawn.mT)

    def forward(self, x: Tensor) -> Tensor:
        width = self.weight.shape[-1]
        # A batch of one product as well: the views that one product of matrices needs cost more, forward and backward.
        if self.training and width < _NARROW:
            return torch.baddbmm(self.bias, x, self.weight.mT.contiguous().mT)
        if not width % _LANES or (self.training and width > _LANES):
            return torch.baddbmm(self.bias, x, self.weight)
        empty = (0, -width % _LANES)
        weight, bias = torch.nn.functional.pad(self.weight, empty), torch.nn.functional.pad(self.bias, empty)
        return torch.baddbmm(bias, x, weight)[..., :width]


class Embedding(nn.Module):
    """A learned vector for each of `categories` codes in each of `members` networks: codes (K, n) → (K, n, dimensions)."""

    def __init__(self, members: int, categories: int, dimensions: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, categories, dimensions))

    def forward(self, codes: Tensor) -> Tensor:
        members, categories, dimensions = self.weight.shape
        offsets = torch.arange(members, device=codes.device).unsqueeze(1) * categories
        return torch.nn.functional.embedding(codes + offsets, self.weight.reshape(members * categories, dimensions))


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
        columns = x.transpose(0, 1).reshape(rows, members * width)
        mean, variance = self.running_mean.view(-1), self.running_var.view(-1)
        normalised = torch.nn.functional.batch_norm(columns, mean, variance, training=self.training)
        return normalised.reshape(rows, members, width).transpose(0, 1) * self.weight + self.bias


class Dropout(nn.Module):
    """Dropout with masks from its own generator, so that a seed fixes them and torch's global generator is not used."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        super().__init__()
        self.rate, self.generator = rate, generator

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return x
        mask = torch.rand(x.shape, generator=self.generator, device=self.generator.device).to(x.device) >= self.rate
        return x * mask / (1.0 - self.rate)


NORMALIZATIONS: dict[str, Callable[[int, int], nn.Module]] = {
    "none": lambda members, width: nn.Identity(),
    "layer": LayerNorm,
    "batch": BatchNorm,
}


def initialize(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every linear and embedding layer inside `module` from `generator`, by torch's own rules."""
    for part in module.modules():
        if isinstance(part, Linear):
            bound = 1.0 / math.sqrt(max(1, part.weight.shape[1]))
            part.draw(partial(nn.init.uniform_, a=-bound, b=bound, generator=generator))
            nn.init.uniform_(part.bias, -bound, bound, generator=generator)
        elif isinstance(part, Embedding):
            nn.init.normal_(part.weight, generator=generator)
            with torch.no_grad():
                # Code 0 is that of categories without training rows, so it has no gradient.
                part.weight[:, 0] = 0.0
