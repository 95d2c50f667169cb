"""Rows as tensors: what is fitted and scored."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from disttrain.networks import Conditions
from disttrain.outcomes import Outcome

__all__ = ["Rows"]

_NONE = Conditions()


@dataclass(frozen=True)
class Rows:
    """Encoded inputs (n, p), the outcome of each row (standardised), weights (n,) or None, and conditions; all on one device."""

    x: Tensor
    outcome: Outcome
    weight: Tensor | None = None
    conditions: Conditions = _NONE

    @staticmethod
    def without_inputs(outcome: Outcome, weight: Tensor | None = None, conditions: Conditions = _NONE) -> Rows:
        """Rows for a constant model, which looks at no feature."""
        return Rows(torch.empty(len(outcome), 0), outcome, weight, conditions)

    def times(self, members: int) -> Rows:
        """The same rows once for each of several members, one after the other; their inputs (n, p) stay as they are."""
        if members == 1:
            return self

        def repeated(column: Tensor) -> Tensor:
            return column.repeat(members, *(1 for _ in column.shape[1:]))

        weight = None if self.weight is None else repeated(self.weight)
        return Rows(self.x, self.outcome.map(repeated), weight, self.conditions.map(repeated))

    def __len__(self) -> int:
        return len(self.x)

    def to(self, device: torch.device) -> Rows:
        """The same rows on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        return Rows(self.x.to(device), self.outcome.to(device), weight, self.conditions.to(device))

    def __getitem__(self, rows: slice | Tensor) -> Rows:
        weight = None if self.weight is None else self.weight[rows]
        return Rows(self.x[rows], self.outcome[rows], weight, self.conditions[rows])

    def taken(self, rows: Tensor) -> Rows:
        """The rows with these numbers (m,), in that order: as self[rows], in a third of the time."""

        def chosen(column: Tensor) -> Tensor:
            return column.index_select(0, rows)

        weight = None if self.weight is None else chosen(self.weight)
        return Rows(chosen(self.x), self.outcome.map(chosen), weight, self.conditions.map(chosen))
