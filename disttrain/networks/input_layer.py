"""The input layer: the columns of a trunk, embeddings of category codes and embeddings of numbers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from disttrain.networks.member_layers import Embedding
from disttrain.quantiles import weighted_quantiles

# Waves and steps for each number. Frequencies start close to 0, at which a wave is almost linear.
_WAVES, _FREQUENCY, _STEPS = 16, 0.3, 16


@dataclass(frozen=True)
class CategoryCodes:
    """An encoded column of category codes 0 .. categories - 1; each code has a learned vector of `dimensions` numbers."""

    column: int
    categories: int
    dimensions: int


class Periodic(nn.Module):
    """Sines and cosines of learned frequencies of each number: (K, n, F) → (K, n, F · self.size).

    Source: Gorishniy, Rubachev & Babenko (2022), On Embeddings for Numerical Features in Tabular Deep Learning, section 3.3.
    """

    size = 2 * _WAVES

    def __init__(self, members: int, numbers: int) -> None:
        super().__init__()
        self.frequency = nn.Parameter(torch.empty(members, 1, numbers, _WAVES))

    def start(self, numbers: Tensor, generator: torch.Generator, weight: Tensor | None = None) -> None:
        """Draw the frequencies; they do not depend on the numbers (n, F) of the training rows."""
        del numbers, weight
        nn.init.normal_(self.frequency, std=_FREQUENCY, generator=generator)

    def forward(self, numbers: Tensor) -> Tensor:
        angle = 2.0 * math.pi * self.frequency * numbers.unsqueeze(-1)
        return torch.cat([angle.sin(), angle.cos()], -1).flatten(-2)


class PiecewiseLinear(nn.Module):
    """The position of each number in each interval between quantiles of the training rows: (K, n, F) → (K, n, F · self.size).

    It is 0 below the interval, 1 above it and linear inside. Source: Gorishniy, Rubachev & Babenko (2022), section 3.2.
    """

    size = _STEPS
    edges: Tensor

    def __init__(self, members: int, numbers: int) -> None:
        super().__init__()
        self.register_buffer("edges", torch.zeros(members, 1, numbers, _STEPS + 1))

    def start(self, numbers: Tensor, generator: torch.Generator, weight: Tensor | None = None) -> None:
        """Set the edges to quantiles of the numbers (n, F) of the training rows with weights (n,), equal for all members."""
        del generator
        step = max(1, math.ceil(len(numbers) / 100_000))
        mass = None if weight is None else weight[::step].cpu().numpy()
        shares = torch.linspace(0.0, 1.0, _STEPS + 1, dtype=torch.float64).tolist()
        edges = [weighted_quantiles(column, mass, shares) for column in numbers[::step].double().cpu().numpy().T]
        self.edges.copy_(torch.from_numpy(np.stack(edges)))

    def forward(self, numbers: Tensor) -> Tensor:
        start, stop = self.edges[..., :-1], self.edges[..., 1:]
        width = stop - start
        # Where quantiles coincide the interval is a step.
        share = (numbers.unsqueeze(-1) - start) / torch.where(width > 0, width, 1e-6)
        return share.clamp(0.0, 1.0).flatten(-2)


class Both(nn.Module):
    """The periodic and the piecewise linear embedding of each number: (K, n, F) → (K, n, F · self.size)."""

    size = Periodic.size + PiecewiseLinear.size

    def __init__(self, members: int, numbers: int) -> None:
        super().__init__()
        self.periodic, self.piecewise_linear = Periodic(members, numbers), PiecewiseLinear(members, numbers)

    def start(self, numbers: Tensor, generator: torch.Generator, weight: Tensor | None = None) -> None:
        """Start both embeddings from the numbers (n, F) of the training rows with weights (n,)."""
        self.periodic.start(numbers, generator, weight)
        self.piecewise_linear.start(numbers, generator, weight)

    def forward(self, numbers: Tensor) -> Tensor:
        embedding = [kind(numbers).reshape(*numbers.shape, kind.size) for kind in (self.periodic, self.piecewise_linear)]
        return torch.cat(embedding, -1).flatten(-2)


NUMERIC_EMBEDDINGS: dict[str, Callable[[int, int], Periodic | PiecewiseLinear | Both] | None] = {
    "none": None,
    "periodic": Periodic,
    "piecewise_linear": PiecewiseLinear,
    "both": Both,
}


class InputLayer(nn.Module):
    """The inputs of a trunk from (K, n, p) encoded columns: (K, n, self.width).

    The first `plain_width` are the columns of the trunk, with learned vectors instead of category codes. The `embedding` of each of the
    `numbers` among the columns follows.
    """

    def __init__(
        self,
        columns: Sequence[int],
        total: int,
        codes: Sequence[CategoryCodes],
        members: int = 1,
        numbers: Sequence[int] = (),
        embedding: str = "none",
    ) -> None:
        super().__init__()
        visible_columns = set(columns)
        visible_codes = [code for code in codes if code.column in visible_columns]
        coded = {code.column for code in visible_codes}
        plain = [column for column in columns if column not in coded]
        self.numbers = [column for column in numbers if column in visible_columns]
        kind = NUMERIC_EMBEDDINGS[embedding]
        self.spread = kind(members, len(self.numbers)) if kind is not None and self.numbers else None
        self.is_identity = plain == list(range(total)) and self.spread is None
        self.plain = plain
        self.code_columns = [code.column for code in visible_codes]
        self.embeddings = nn.ModuleList(Embedding(members, code.categories, code.dimensions) for code in visible_codes)
        self.plain_width = len(plain) + sum(code.dimensions for code in visible_codes)
        self.width = self.plain_width + (0 if self.spread is None else self.spread.size * len(self.numbers))

    def start(self, x: Tensor, generator: torch.Generator, weight: Tensor | None = None) -> None:
        """Start the embedding of numbers from the encoded training rows (n, p) and their weights (n,)."""
        if self.spread is not None:
            self.spread.start(x[:, self.numbers], generator, weight)

    def forward(self, x: Tensor) -> Tensor:
        if self.is_identity:
            return x
        parts = self._plain(x)
        if self.spread is not None:
            parts.append(self.spread(x[..., self.numbers]))
        return torch.cat(parts, -1)

    def without_embedding(self, x: Tensor) -> Tensor:
        """The first `plain_width` inputs: those without the embedding of numbers."""
        return x if self.is_identity else torch.cat(self._plain(x), -1)

    def _plain(self, x: Tensor) -> list[Tensor]:
        coded = zip(self.embeddings, self.code_columns, strict=True)
        return [x[..., self.plain], *(embed(x[..., column].long()) for embed, column in coded)]
