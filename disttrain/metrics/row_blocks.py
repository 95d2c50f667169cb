"""Some of the rows of a distribution, so that work can be done in blocks and again only where it is needed."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution, Transform

__all__ = ["blocks", "distinct_rows", "rows", "support_ends"]

# Where a part of a distribution keeps how its own rows are taken, which is that of the whole.
_PLAN = "_rows_of"


def rows(distribution: Distribution, index: slice | Tensor) -> Distribution:
    """The distribution of the rows `index` of a batch (n,), repeated where the index repeats; torch has no operation of its own for this.

    What belongs to the rows is what `expand` gives another axis, also inside the distributions it is made of. A distribution without
    `expand` is made anew of the rows of its parameters, those of `arg_constraints`; whatever else it holds stays as it is, but where it names
    no parameters.
    """
    plan = _plan_of(distribution)
    if plan is None:
        return _rebuilt(distribution, index)
    part = copy.copy(distribution)
    part.__dict__.update({name: _selected(vars(distribution)[name], index, how) for name, how in plan.items()})
    part.__dict__[_PLAN] = plan
    _resize(part, distribution, index)
    return part


def distinct_rows(distribution: Distribution, *columns: Tensor) -> tuple[Tensor, Tensor]:
    """Rows (m,) of which no two are alike in the distribution and in `columns`, each (n,), and for each row (n,) which of them it is."""
    n = distribution.batch_shape[0]
    numbers = [tensor.reshape(n, -1).double() for tensor in (*_row_tensors(distribution), *columns)]
    table = torch.cat(numbers, -1) if numbers else torch.zeros(n, 1)
    distinct, place = torch.unique(table, dim=0, return_inverse=True)
    first = place.new_empty(len(distinct)).index_copy_(0, place, torch.arange(n, device=place.device))
    return first, place


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


def _plan_of(distribution: Distribution) -> dict[str, Any] | None:
    """How the attributes that belong to the rows are indexed, by name; None of a distribution that cannot be expanded.

    True stands for a tensor or a distribution, False for what has no rows, a list for the items of a list, names for those of a transform.
    """
    known: dict[str, Any] | None = vars(distribution).get(_PLAN)
    if known is not None:
        return known
    try:
        wide = distribution.expand(torch.Size((2, *distribution.batch_shape)))
    except NotImplementedError:
        return None
    n = distribution.batch_shape[0]
    found = {name: _follows(value, vars(wide).get(name), n) for name, value in vars(distribution).items()}
    return {name: how for name, how in found.items() if how is not False}


def _row_tensors(value: Any, how: Any = None) -> Iterator[Tensor]:
    """The tensors that belong to the rows of a distribution, or of a part of one that is indexed as `how` says."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Distribution):
        plan = _plan_of(value)
        if plan is None:
            own, n = vars(value), value.batch_shape[0]
            plan = {name: True for name, part in own.items() if _has_rows(part, n) or (isinstance(part, Tensor) and part.shape[:1] == (n,))}
        for name, part in plan.items():
            yield from _row_tensors(vars(value)[name], part)
    elif isinstance(value, Transform):
        yield from (vars(value)[name] for name in how)
    elif isinstance(value, list):
        for item, part in zip(value, how, strict=True):
            yield from _row_tensors(item, part) if part is not False else ()


def _follows(value: Any, wide: Any, n: int) -> Any:
    """Whether a value belongs to the `n` rows, judged by its counterpart in the distribution with one more axis."""
    if isinstance(value, Tensor):
        # One that is not there yet is kept for later use, and is of the rows whose it was computed.
        widened = wide is None or (isinstance(wide, Tensor) and wide.shape == (2, *value.shape))
        return widened and value.shape[:1] == (n,)
    if isinstance(value, Distribution):
        widened = isinstance(wide, Distribution) and wide.batch_shape == (2, *value.batch_shape)
        return widened and value.batch_shape[:1] == (n,)
    if isinstance(value, Transform):
        # Its tensors broadcast against the values, so that a first axis of n is that of the rows.
        return tuple(name for name, part in vars(value).items() if isinstance(part, Tensor) and part.shape[:1] == (n,)) or False
    if isinstance(value, list):
        others = wide if isinstance(wide, list) and len(wide) == len(value) else [None] * len(value)
        how = [_follows(item, other, n) for item, other in zip(value, others, strict=True)]
        return how if any(how) else False
    return False


def _selected(value: Any, index: slice | Tensor, how: Any) -> Any:
    if how is False:
        return value
    if isinstance(value, list):
        return [_selected(item, index, part) for item, part in zip(value, how, strict=True)]
    if isinstance(value, Distribution):
        return rows(value, index)
    if isinstance(value, Transform):
        part = copy.copy(value)
        part.__dict__.update({name: vars(value)[name][index] for name in how})
        return part
    return value[index]


def _rebuilt(distribution: Distribution, index: slice | Tensor) -> Distribution:
    """The distribution of some rows of one that has no `expand`."""
    n, own = distribution.batch_shape[0], vars(distribution)
    named = {name: own[name] for name in distribution.arg_constraints or own if name in own}
    some: dict[str, Any] = {
        name: value[index] if isinstance(value, Tensor) and value.shape[:1] == (n,) else value for name, value in named.items()
    }
    try:
        made = type(distribution)(**some, validate_args=False)
    except TypeError:
        made = copy.copy(distribution)
        inner = {name: rows(value, index) for name, value in own.items() if _has_rows(value, n)}
        made.__dict__.update(some | inner)
        _resize(made, distribution, index)
    return made


def _has_rows(value: Any, n: int) -> bool:
    return isinstance(value, Distribution) and value.batch_shape[:1] == (n,)


def _resize(part: Distribution, whole: Distribution, index: slice | Tensor) -> None:
    """Gives `part` the batch shape of some rows of `whole`."""
    count = len(range(*index.indices(whole.batch_shape[0]))) if isinstance(index, slice) else len(index)
    Distribution.__init__(part, torch.Size((count, *whole.batch_shape[1:])), whole.event_shape, validate_args=False)
