"""What is known of each row beside its features and enters its distribution directly: exposure, offsets, parameters given by columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor

__all__ = ["Conditions"]


@dataclass(frozen=True)
class Conditions:
    """The conditions of n rows, in float64; nothing at all by default.

    `exposure` (n,), positive, is what the mean of counts and totals is proportional to. `offsets` {parameter: (n,)} are added to raw
    outputs before the activation. `given` {parameter: (n,)} are parameters that a column says, in units of the standardised target.
    """

    exposure: Tensor | None = None
    offsets: Mapping[str, Tensor] = field(default_factory=dict)
    given: Mapping[str, Tensor] = field(default_factory=dict)

    def map(self, function: Callable[[Tensor], Tensor]) -> Conditions:
        """The conditions with a function of every column: some of the rows, or all of them elsewhere."""
        if not self:
            return self
        exposure = None if self.exposure is None else function(self.exposure)
        offsets, given = ({name: function(value) for name, value in part.items()} for part in (self.offsets, self.given))
        return Conditions(exposure, offsets, given)

    def __bool__(self) -> bool:
        return self.exposure is not None or bool(self.offsets) or bool(self.given)

    def __getitem__(self, rows: slice | Tensor) -> Conditions:
        return self.map(lambda column: column[rows])

    def to(self, device: torch.device) -> Conditions:
        """The same conditions on another device."""
        return self.map(lambda column: column.to(device))

    def padded(self, rows: int) -> Conditions:
        """The same with ones below, up to so many rows: numbers that every condition may have."""
        return self.map(lambda column: torch.nn.functional.pad(column, (0, rows - len(column)), value=1.0))
