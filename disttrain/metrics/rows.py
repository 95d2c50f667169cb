"""Some of the rows of a distribution, so that work can be done in blocks and again only where it is needed."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Transform

__all__ = ["blocks", "rows", "support_ends"]


def rows(distribution: Distribution, index: slice | Tensor) -> Distribution:
    """The distribution of the rows `index` of a batch (n,), repeated where the index repeats.

    Every tensor in the distribution whose first axis is that of the batch is indexed, whatever its name, also inside the
    distributions and transforms it is made of; torch has no operation of its own for this.
    """
    selected: Distribution = _selected(distribution, index, distribution.batch_shape[0])
    return selected


def blocks(n: int, size: int) -> Iterator[slice]:
    """Slices of at most `size` rows that cover 0 ... n - 1."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def support_ends(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of the support, for each row of the batch; infinite where there is none."""
    support = distribution.support
    support = getattr(support, "base_constraint", support)
    ends = (getattr(support, "lower_bound", -math.inf), getattr(support, "upper_bound", math.inf))
    lower, upper = (torch.as_tensor(end, dtype=torch.float64) for end in ends)
    if max(lower.dim(), upper.dim()) > len(distribution.batch_shape):
        # The components of a mixture, on the last axis, have supports of their own.
        lower, upper = lower.amin(-1), upper.amax(-1)
    return lower.expand(distribution.batch_shape), upper.expand(distribution.batch_shape)


def _selected(value: Any, index: slice | Tensor, n: int) -> Any:
    if isinstance(value, Tensor):
        return value[index] if value.dim() and value.shape[0] == n else value
    if isinstance(value, list):
        return [_selected(item, index, n) for item in value]
    if isinstance(value, (Distribution, Transform)):
        return _copied(value, index, n)
    return value


def _copied(whole: Distribution | Transform, index: slice | Tensor, n: int) -> Any:
    part = copy.copy(whole)
    for name, value in vars(whole).items():
        part.__dict__[name] = _selected(value, index, n)
    if isinstance(part, Distribution) and part.batch_shape[:1] == (n,):
        count = len(torch.empty(n, device="meta")[index]) if isinstance(index, slice) else len(index)
        part._batch_shape = torch.Size((count, *part.batch_shape[1:]))
    return part
