"""Outcome: what was observed of each row of the target, as an interval."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What was seen of `n` targets: that each lies in [lower, upper]; both are (n, *event), in target units.

    A row is exact where lower = upper, right-censored where upper is infinite, left-censored where lower is minus infinity.
    `entry` (n,) is the value above which a row could be seen at all (left truncation); None where there is none.
    """

    lower: Tensor
    upper: Tensor
    entry: Tensor | None = None

    @staticmethod
    def exact(y: Tensor) -> Outcome:
        """The outcome of targets that were all seen exactly: `y` (n, *event)."""
        return Outcome(y, y)

    @property
    def value(self) -> Tensor:
        """The target where it was seen exactly: (n, *event)."""
        return self.lower

    @property
    def all_exact(self) -> bool:
        """Whether every row was seen exactly and none was truncated."""
        return self.entry is None and (self.lower is self.upper or torch.equal(self.lower, self.upper))

    def __len__(self) -> int:
        return len(self.lower)

    def __getitem__(self, rows: slice | Tensor) -> Outcome:
        lower = self.lower[rows]
        upper = lower if self.upper is self.lower else self.upper[rows]
        return Outcome(lower, upper, None if self.entry is None else self.entry[rows])

    def to(self, device: torch.device) -> Outcome:
        """The same outcome on another device."""
        lower = self.lower.to(device)
        upper = lower if self.upper is self.lower else self.upper.to(device)
        return Outcome(lower, upper, None if self.entry is None else self.entry.to(device))
