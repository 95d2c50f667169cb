"""Rows as tensors: what is fitted and scored."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor

from disttrain.networks import Conditions
from disttrain.outcomes import Outcome

__all__ = ["RowTensors"]

_NONE = Conditions()


@dataclass(frozen=True)
class RowTensors:
    """Encoded inputs (n, p), the outcome of each row (standardised), weights (n,) or None, and conditions; all on one device.

    `seats` (K, m) are the places of the rows that count for each of K members, m for each; None where all rows count for all of them.
    """

    x: Tensor
    outcome: Outcome
    weight: Tensor | None = None
    conditions: Conditions = _NONE
    seats: Tensor | None = None

    @staticmethod
    def without_inputs(outcome: Outcome, weight: Tensor | None = None, conditions: Conditions = _NONE) -> RowTensors:
        """Rows for a constant model, which looks at no feature."""
        return RowTensors(torch.empty(len(outcome), 0), outcome, weight, conditions)

    def seated(self, seats: Tensor) -> RowTensors:
        """The same rows, of which those at `seats` (K, m) count for each of K members."""
        return replace(self, seats=seats.to(self.x.device))

    def but(self, held: Tensor) -> RowTensors:
        """The same rows, of which each of K members has all but those at `held` (K, v), in their order."""
        free = torch.ones(len(held), len(self.x), dtype=torch.bool).scatter_(1, held.cpu(), value=False)
        return self.seated(free.nonzero()[:, 1].reshape(len(held), -1))

    def positions(self, members: int) -> Tensor:
        """Which rows count for each of so many members, in order: (K, m)."""
        return torch.arange(len(self.x), device=self.x.device).expand(members, -1) if self.seats is None else self.seats

    @property
    def counted(self) -> RowTensors:
        """The rows that have a weight above 0: those of weight 0 say nothing, and might not even be numbers."""
        if self.weight is None or bool((self.weight > 0).all()):
            return self
        return self.taken((self.weight > 0).nonzero()[:, 0])

    def slices(self, count: int) -> Iterator[RowTensors]:
        """The rows in the order of their targets (of vectors, of the first element), in so many slices of equal weight.

        A row that reaches into several slices is in each of them with a part of its weight.
        """
        ordered = self[self.outcome.value.reshape(len(self.x), -1)[:, 0].argsort(stable=True)]
        weight = torch.ones(len(self.x), dtype=torch.float64) if ordered.weight is None else ordered.weight
        above = weight.cumsum(0)
        ends = torch.linspace(0.0, 1.0, count + 1, dtype=torch.float64) * above[-1]
        for low, high in pairwise(ends.tolist()):
            inside = (above.clamp(max=high) - (above - weight).clamp(min=low)).clamp(min=0.0)
            # Rounding of the sums leaves a trace of the rows beside a slice.
            some = (inside > 1e-9 * above[-1] / len(self.x)).nonzero()[:, 0]
            yield replace(ordered[some], weight=inside[some])

    def of_members(self, first: int, last: int, members: int) -> tuple[RowTensors, Tensor]:
        """The rows `first` to `last` of each member, one member after the other, and their inputs: (n, p) where all share them, else (K, n, p)."""
        if self.seats is None:
            part = self[first:last]
            return part.times(members), part.x
        part = self.taken(self.seats[:, first:last].flatten())
        return part, part.x.reshape(members, -1, self.x.shape[1])

    def times(self, members: int) -> RowTensors:
        """The same rows once for each of several members, one after the other; their inputs (n, p) stay as they are."""
        if members == 1:
            return self

        def repeated(column: Tensor) -> Tensor:
            return column.repeat(members, *(1 for _ in column.shape[1:]))

        weight = None if self.weight is None else repeated(self.weight)
        return RowTensors(self.x, self.outcome.select(repeated), weight, self.conditions.map(repeated))

    def __len__(self) -> int:
        """How many rows a member has."""
        return len(self.x) if self.seats is None else self.seats.shape[1]

    def to(self, device: torch.device) -> RowTensors:
        """The same rows on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        seats = None if self.seats is None else self.seats.to(device)
        return RowTensors(self.x.to(device), self.outcome.to(device), weight, self.conditions.to(device), seats)

    def __getitem__(self, rows: slice | Tensor) -> RowTensors:
        weight = None if self.weight is None else self.weight[rows]
        return RowTensors(self.x[rows], self.outcome[rows], weight, self.conditions[rows])

    def taken(self, rows: Tensor) -> RowTensors:
        """The rows with these numbers (m,), in that order: as self[rows], in a third of the time."""

        def chosen(column: Tensor) -> Tensor:
            return column.index_select(0, rows)

        weight = None if self.weight is None else chosen(self.weight)
        return RowTensors(chosen(self.x), self.outcome.select(chosen), weight, self.conditions.map(chosen))
