"""The rows of a data set as tensors, for training and scoring."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from disttrain.networks import Conditions
from disttrain.outcomes import Outcome

_NONE = Conditions()


@dataclass(frozen=True)
class RowTensors:
    """The rows of a data set as tensors on one device.

    `x` (n, p) are encoded inputs, `outcome` the standardised targets, `weight` (n,) the weights or None, `conditions` the exposures,
    offsets and parameters that a column gives. `member_rows` (K, m) are the indices of the m rows that each of K members uses; None if all
    members use all rows.
    """

    x: Tensor
    outcome: Outcome
    weight: Tensor | None = None
    conditions: Conditions = _NONE
    member_rows: Tensor | None = None

    @staticmethod
    def without_inputs(outcome: Outcome, weight: Tensor | None = None, conditions: Conditions = _NONE) -> RowTensors:
        """Rows without inputs, for a constant model."""
        return RowTensors(torch.empty(len(outcome), 0), outcome, weight, conditions)

    def with_member_rows(self, member_rows: Tensor) -> RowTensors:
        """The rows with other `member_rows` (K, m): the indices of the rows that each of K members uses."""
        return replace(self, member_rows=member_rows.to(self.x.device))

    def held_out(self, held_out: Sequence[Tensor]) -> tuple[RowTensors, RowTensors]:
        """The rows that each of K members trains on, and those of the indices `held_out`, (v,) for each member, both in order.

        Members with fewer rows than others have a row of weight 0 in place of those that they lack.
        """
        trained = []
        for indices in held_out:
            free = torch.ones(len(self.x), dtype=torch.bool)
            free[indices.cpu()] = False
            trained.append(free.nonzero()[:, 0])
        if len({len(indices) for indices in held_out}) == 1:
            return self.with_member_rows(torch.stack(trained)), self.with_member_rows(torch.stack(tuple(held_out)))
        longer = self._with_blank()
        return longer.with_member_rows(_padded(trained, len(self.x))), longer.with_member_rows(_padded(held_out, len(self.x)))

    def _with_blank(self) -> RowTensors:
        """The rows and a copy of the first with the weight 0, which no sum counts."""
        longer = self.index_select(torch.cat([torch.arange(len(self.x)), torch.zeros(1, dtype=torch.int64)]).to(self.x.device))
        weight = self.outcome.value.new_ones(len(longer.x), dtype=torch.float64) if longer.weight is None else longer.weight.clone()
        weight[-1] = 0.0
        return replace(longer, weight=weight)

    def positions(self, members: int) -> Tensor:
        """The indices (K, m) of the rows that each of `members` networks uses, in order."""
        return torch.arange(len(self.x), device=self.x.device).expand(members, -1) if self.member_rows is None else self.member_rows

    @property
    def counted(self) -> RowTensors:
        """The rows of positive weight. A row of weight 0 counts for nothing, and its values may be nan."""
        if self.weight is None or bool((self.weight > 0).all()):
            return self
        return self.index_select((self.weight > 0).nonzero()[:, 0])

    def slices(self, count: int) -> Iterator[RowTensors]:
        """Yield `count` slices of equal weight of the rows in the order of their targets (of vectors, of the first element).

        A row on the edge of two slices is in both, with a part of its weight in each.
        """
        ordered = self[self.outcome.value.reshape(len(self.x), -1)[:, 0].argsort(stable=True)]
        weight = torch.ones(len(self.x), dtype=torch.float64) if ordered.weight is None else ordered.weight
        above = weight.cumsum(0)
        ends = torch.linspace(0.0, 1.0, count + 1, dtype=torch.float64) * above[-1]
        for low, high in pairwise(ends.tolist()):
            inside = (above.clamp(max=high) - (above - weight).clamp(min=low)).clamp(min=0.0)
            # The rounding of the sums leaves a small weight in the rows next to a slice.
            some = (inside > 1e-9 * above[-1] / len(self.x)).nonzero()[:, 0]
            yield replace(ordered[some], weight=inside[some])

    def of_members(self, first: int, last: int, members: int) -> tuple[RowTensors, Tensor]:
        """The rows `first` to `last` of each member, one member after the other, and their inputs: (n, p) if shared, else (K, n, p)."""
        if self.member_rows is None:
            part = self[first:last]
            return part.repeat_members(members), part.x
        part = self.index_select(self.member_rows[:, first:last].flatten())
        return part, part.x.reshape(members, -1, self.x.shape[1])

    def repeat_members(self, members: int) -> RowTensors:
        """The rows once for each of `members` networks, one network after the other; the inputs (n, p) are shared and not repeated."""
        if members == 1:
            return self

        def repeated(column: Tensor) -> Tensor:
            return column.repeat(members, *(1 for _ in column.shape[1:]))

        weight = None if self.weight is None else repeated(self.weight)
        return RowTensors(self.x, self.outcome.select(repeated), weight, self.conditions.map(repeated))

    def __len__(self) -> int:
        """The number of rows of one member."""
        return len(self.x) if self.member_rows is None else self.member_rows.shape[1]

    def to(self, device: torch.device) -> RowTensors:
        """The rows on another device."""
        weight = None if self.weight is None else self.weight.to(device)
        member_rows = None if self.member_rows is None else self.member_rows.to(device)
        return RowTensors(self.x.to(device), self.outcome.to(device), weight, self.conditions.to(device), member_rows)

    def __getitem__(self, rows: slice | Tensor) -> RowTensors:
        weight = None if self.weight is None else self.weight[rows]
        return RowTensors(self.x[rows], self.outcome[rows], weight, self.conditions[rows])

    def index_select(self, rows: Tensor) -> RowTensors:
        """The rows of the indices `rows` (m,), in that order: equal to self[rows], in a third of the time."""

        def chosen(column: Tensor) -> Tensor:
            return column.index_select(0, rows)

        weight = None if self.weight is None else chosen(self.weight)
        return RowTensors(chosen(self.x), self.outcome.select(chosen), weight, self.conditions.map(chosen))


def _padded(rows: Sequence[Tensor], blank: int) -> Tensor:
    """The indices of the rows of each member, (K, m), with the index `blank` after the last of a member with fewer rows."""
    return pad_sequence([indices.cpu() for indices in rows], batch_first=True, padding_value=blank)
