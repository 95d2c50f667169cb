"""Outcome: the observation of each row's target, as an interval."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from disttrain.errors import Finding, UsageError


@dataclass(frozen=True)
class Outcome:
    """The observations of `n` targets: each target lies in [lower, upper]; both are (n, *event), in target units.

    A row is exact if lower = upper, right-censored if only upper is infinite, left-censored if only lower is infinite, an interval
    otherwise. Both ends belong to the interval, except that `above` (n, *event) is True for Y > lower. For counts, and for values with a
    probability of their own, that is less than Y >= lower. None includes all lower ends. `entry` (n,) is the value of left truncation: a
    row is only observed if Y > entry, -inf for a row without truncation; None if no row has any. `kinds` are those of `exact`, `right`,
    `left` and `interval` that occur; empty, they are computed. The kinds of a part of the rows may include more than occur there. Raises
    UsageError if lower = upper and `above` leave no value.

    >>> outcome = disttrain.Outcome(lower=torch.tensor([1.0, 2.0, -math.inf]), upper=torch.tensor([1.0, math.inf, 3.0]))
    >>> sorted(outcome.kinds), len(outcome)
    (['exact', 'left', 'right'], 3)
    >>> outcome[1:].is_exact
    tensor([False, False])
    """

    lower: Tensor
    upper: Tensor
    entry: Tensor | None = None
    kinds: frozenset[str] = frozenset()
    above: Tensor | None = None

    def __post_init__(self) -> None:
        if not self.kinds:
            object.__setattr__(self, "kinds", _kinds(self.lower, self.upper))
            _require_values(self)

    @staticmethod
    def exact(y: Tensor) -> Outcome:
        """The outcome of exact targets: `y` (n, *event).

        >>> disttrain.Outcome.exact(torch.tensor([1.0, 2.0])).kinds
        frozenset({'exact'})
        """
        return Outcome(y, y)

    @staticmethod
    def of_events(y: Tensor, event: Tensor, entry: Tensor | None = None) -> Outcome:
        """The outcome of survival data: Y = `y` (n,) if `event` (n,) is 1 or True, and Y > `y`, right-censored, if it is 0.

        >>> disttrain.Outcome.of_events(torch.tensor([5.0, 7.0]), event=torch.tensor([1, 0])).upper
        tensor([5., inf])
        """
        censored = event == 0
        return Outcome(y, torch.where(censored, math.inf, y), entry, above=censored)

    @property
    def value(self) -> Tensor:
        """One finite number for each target, (n, *event): the exact value, else the middle of the interval or its finite end.

        >>> disttrain.Outcome(torch.tensor([1.0, 2.0, 4.0]), torch.tensor([1.0, 3.0, math.inf])).value
        tensor([1.0000, 2.5000, 4.0000])
        """
        if self.kinds == {"exact"}:
            return self.lower
        open_below, open_above = self.lower.isinf(), self.upper.isinf()
        ends = torch.where(open_below, self.upper, self.lower), torch.where(open_above, self.lower, self.upper)
        return torch.where(open_below & open_above, 0.0, 0.5 * ends[0] + 0.5 * ends[1])

    @property
    def is_exact(self) -> Tensor:
        """A mask (n, *event) of the exact targets.

        >>> disttrain.Outcome(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])).is_exact
        tensor([ True, False])
        """
        return self.lower == self.upper

    @property
    def by_kind(self) -> dict[str, Tensor]:
        """A mask of the targets of each kind: {kind: (n, *event)}.

        >>> disttrain.Outcome(torch.tensor([1.0, 2.0]), torch.tensor([1.0, 3.0])).by_kind["interval"]
        tensor([False,  True])
        """
        return _by_kind(self.lower, self.upper)

    @property
    def all_exact(self) -> bool:
        """True if every row is exact and none is truncated.

        >>> y = torch.tensor([1.0, 2.0])
        >>> disttrain.Outcome.exact(y).all_exact, disttrain.Outcome(y, y, entry=torch.tensor([0.5, 0.5])).all_exact
        (True, False)
        """
        return self.entry is None and self.kinds == {"exact"}

    def map(self, function: Callable[[Tensor], Tensor]) -> Outcome:
        """The outcome with an increasing `function` of every end, such as another unit or dtype.

        >>> disttrain.Outcome(torch.tensor([1.0, 2.0]), torch.tensor([1.0, math.inf])).map(lambda end: 100 * end).upper
        tensor([100., inf])
        """
        lower = function(self.lower)
        upper = lower if self.upper is self.lower else function(self.upper)
        return Outcome(lower, upper, None if self.entry is None else function(self.entry), self.kinds, self.above)

    def select(self, function: Callable[[Tensor], Tensor]) -> Outcome:
        """The outcome with `function` of every tensor, such as a selection of rows, a repetition or a move to another device.

        >>> disttrain.Outcome.exact(torch.tensor([1.0, 2.0])).select(lambda column: column.repeat(2)).lower
        tensor([1., 2., 1., 2.])
        """
        return replace(self.map(function), above=None if self.above is None else function(self.above))

    def __len__(self) -> int:
        return len(self.lower)

    def __getitem__(self, rows: slice | Tensor) -> Outcome:
        return self.select(lambda column: column[rows])

    def to(self, device: torch.device) -> Outcome:
        """The outcome on another device.

        >>> disttrain.Outcome.exact(torch.tensor([1.0])).to(torch.device("meta")).lower.device
        device(type='meta')
        """
        return self.select(lambda column: column.to(device))


def _kinds(lower: Tensor, upper: Tensor) -> frozenset[str]:
    if lower is upper or not lower.numel():
        return frozenset({"exact"})
    return frozenset(kind for kind, rows in _by_kind(lower, upper).items() if bool(rows.any()))


def _by_kind(lower: Tensor, upper: Tensor) -> dict[str, Tensor]:
    exact, below, above = lower == upper, lower == -torch.inf, upper == torch.inf
    return {"exact": exact, "right": above & ~below, "left": below & ~above, "interval": ~(exact | (above ^ below))}


def _require_values(outcome: Outcome) -> None:
    if outcome.above is not None and bool((outcome.above & outcome.is_exact).any()):
        row = int((outcome.above & outcome.is_exact).reshape(len(outcome), -1).any(1).nonzero()[0])
        what = f"row {row} has lower = upper, and `above` leaves that value out, so that none remains"
        raise UsageError(Finding("bad-outcome", what, "Outcome", hints=("a right-censored row has an infinite upper end",)))
