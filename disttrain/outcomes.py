"""Outcome: what was observed of each row of the target, as an interval."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Outcome"]


@dataclass(frozen=True)
class Outcome:
    """What was seen of `n` targets: that each lies in [lower, upper]; both are (n, *event), in target units.

    A row is exact where lower = upper, right-censored where only upper is infinite, left-censored where only lower is, an interval
    otherwise. `entry` (n,) is the value above which a row could be seen at all (left truncation), -inf for a row that could be seen
    anywhere; None where all could. `kinds` says which of `exact`, `right`, `left` and `interval` occur; it is found out where it is not
    given, and of a part of the rows it may name more than these have.
    """

    lower: Tensor
    upper: Tensor
    entry: Tensor | None = None
    kinds: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        if not self.kinds:
            object.__setattr__(self, "kinds", _kinds(self.lower, self.upper))

    @staticmethod
    def exact(y: Tensor) -> Outcome:
        """The outcome of targets that were all seen exactly: `y` (n, *event)."""
        return Outcome(y, y)

    @property
    def value(self) -> Tensor:
        """One finite number for each target, (n, *event): what was seen exactly, else the middle of the interval or its finite end."""
        if self.kinds == {"exact"}:
            return self.lower
        open_below, open_above = self.lower.isinf(), self.upper.isinf()
        ends = torch.where(open_below, self.upper, self.lower), torch.where(open_above, self.lower, self.upper)
        return torch.where(open_below & open_above, 0.0, 0.5 * ends[0] + 0.5 * ends[1])

    @property
    def seen(self) -> Tensor:
        """Which targets were seen exactly: (n, *event)."""
        return self.lower == self.upper

    @property
    def by_kind(self) -> dict[str, Tensor]:
        """Which targets were seen in each way that `kinds` may name: {kind: (n, *event)}."""
        return _by_kind(self.lower, self.upper)

    @property
    def all_exact(self) -> bool:
        """Whether every row was seen exactly and none was truncated."""
        return self.entry is None and self.kinds == {"exact"}

    def map(self, function: Callable[[Tensor], Tensor]) -> Outcome:
        """The outcome with an increasing `function` of every end, such as another unit, or with some of the rows."""
        lower = function(self.lower)
        upper = lower if self.upper is self.lower else function(self.upper)
        return Outcome(lower, upper, None if self.entry is None else function(self.entry), self.kinds)

    def __len__(self) -> int:
        return len(self.lower)

    def __getitem__(self, rows: slice | Tensor) -> Outcome:
        return self.map(lambda ends: ends[rows])

    def to(self, device: torch.device) -> Outcome:
        """The same outcome on another device."""
        return self.map(lambda ends: ends.to(device))


def _kinds(lower: Tensor, upper: Tensor) -> frozenset[str]:
    if lower is upper or not lower.numel():
        return frozenset({"exact"})
    return frozenset(kind for kind, rows in _by_kind(lower, upper).items() if bool(rows.any()))


def _by_kind(lower: Tensor, upper: Tensor) -> dict[str, Tensor]:
    exact, below, above = lower == upper, lower == -torch.inf, upper == torch.inf
    return {"exact": exact, "right": above & ~below, "left": below & ~above, "interval": ~(exact | (above ^ below))}
