"""Selections of the rows of a distribution, so that work is done in blocks of rows, and again only for some rows."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.distributions import Distribution, Transform

# The attribute in which a selection of rows stores its index plan, which is that of the original.
_PLAN = "_rows_of"


# The attributes of a value that belong to the rows: see `_plan_of`.
IndexPlan: TypeAlias = "bool | tuple[str, ...] | list[IndexPlan]"


def rows(distribution: Distribution, index: slice | Tensor) -> Distribution:
    """The distribution of the rows `index` of a batch (n,); a repeated index repeats its row. Torch has no operation for this.

    `distribution.expand` shows which attributes belong to the rows, because it gives them another axis; these are indexed, also inside the
    component distributions. A distribution without `expand` is built again from its parameters, those of `arg_constraints`; its other
    attributes are not changed. If it names no parameters, all its tensors and distributions of n rows are indexed.
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
    """The indices (m,) of distinct rows and the inverse (n,): for each row, the position of its equal among them.

    Two rows are equal if all numbers of the distribution and of `columns`, each (n,), are equal.
    """
    n = distribution.batch_shape[0]
    numbers = [tensor.reshape(n, -1).double() for tensor in (*_row_tensors(distribution), *columns)]
    table = torch.cat(numbers, -1) if numbers else torch.zeros(n, 1)
    distinct, inverse = torch.unique(table, dim=0, return_inverse=True)
    first = inverse.new_empty(len(distinct)).index_copy_(0, inverse, torch.arange(n, device=inverse.device))
    return first, inverse


def blocks(n: int, size: int) -> Iterator[slice]:
    """Yield slices of at most `size` rows that cover 0 ... n - 1."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def support_ends(distribution: Distribution) -> tuple[Tensor, Tensor]:
    """The smallest and the largest value of the support, for each row of the batch; infinite without such an end."""
    support = distribution.support
    support = getattr(support, "base_constraint", support)
    ends = (getattr(support, "lower_bound", -math.inf), getattr(support, "upper_bound", math.inf))
    lower, upper = (torch.as_tensor(end, dtype=torch.float64) for end in ends)
    if max(lower.dim(), upper.dim()) > len(distribution.batch_shape):
        # The components of a mixture, on the last axis, have supports of their own.
        lower, upper = lower.amin(-1), upper.amax(-1)
    return lower.expand(distribution.batch_shape), upper.expand(distribution.batch_shape)


def _plan_of(distribution: Distribution) -> dict[str, IndexPlan] | None:
    """The index plan of the attributes that belong to the rows, by name; None for a distribution that cannot be expanded.

    The plan of a tensor or a distribution is True, that of a value without rows False, that of a list the list of its items' plans, that
    of a transform the names of its tensors.
    """
    plan: dict[str, IndexPlan] | None = vars(distribution).get(_PLAN)
    if plan is not None:
        return plan
    try:
        wide = distribution.expand(torch.Size((2, *distribution.batch_shape)))
    except NotImplementedError:
        return None
    n = distribution.batch_shape[0]
    plan = {name: _follows(value, vars(wide).get(name), n) for name, value in vars(distribution).items()}
    return {name: how for name, how in plan.items() if how is not False}


def _row_tensors(value: object, how: IndexPlan = True) -> Iterator[Tensor]:
    """Yield the tensors that belong to the rows of a distribution, or of a part of one with the index plan `how`."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Distribution):
        plan = _plan_of(value)
        if plan is None:
            attributes, n = vars(value), value.batch_shape[0]
            plan = {
                name: True
                for name, part in attributes.items()
                if _has_rows(part, n) or (isinstance(part, Tensor) and part.shape[:1] == (n,))
            }
        for name, part in plan.items():
            yield from _row_tensors(vars(value)[name], part)
    elif isinstance(value, Transform) and isinstance(how, tuple):
        yield from (vars(value)[name] for name in how)
    elif isinstance(value, list) and isinstance(how, list):
        for item, item_plan in zip(value, how, strict=True):
            yield from _row_tensors(item, item_plan) if item_plan is not False else ()


def _follows(value: object, wide: object, n: int) -> IndexPlan:
    """The index plan of a value, from its counterpart in the distribution with one more axis; False if it does not belong to the `n` rows."""
    if isinstance(value, Tensor):
        # A tensor that the counterpart lacks is a cached value, with the rows of its distribution.
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


def _selected(value: object, index: slice | Tensor, how: IndexPlan) -> object:
    if how is False:
        return value
    if isinstance(value, list) and isinstance(how, list):
        return [_selected(item, index, item_plan) for item, item_plan in zip(value, how, strict=True)]
    if isinstance(value, Distribution):
        return rows(value, index)
    if isinstance(value, Transform) and isinstance(how, tuple):
        part = copy.copy(value)
        part.__dict__.update({name: vars(value)[name][index] for name in how})
        return part
    return value[index] if isinstance(value, Tensor) else value


def _rebuilt(distribution: Distribution, index: slice | Tensor) -> Distribution:
    """The distribution of some rows of one that has no `expand`."""
    n, attributes = distribution.batch_shape[0], vars(distribution)
    named = {name: attributes[name] for name in distribution.arg_constraints or attributes if name in attributes}
    some: dict[str, Any] = {
        name: value[index] if isinstance(value, Tensor) and value.shape[:1] == (n,) else value for name, value in named.items()
    }
    try:
        rebuilt = type(distribution)(**some, validate_args=False)
    except TypeError:
        rebuilt = copy.copy(distribution)
        inner = {name: rows(value, index) for name, value in attributes.items() if _has_rows(value, n)}
        rebuilt.__dict__.update(some | inner)
        _resize(rebuilt, distribution, index)
    return rebuilt


def _has_rows(value: object, n: int) -> bool:
    return isinstance(value, Distribution) and value.batch_shape[:1] == (n,)


def _resize(part: Distribution, original: Distribution, index: slice | Tensor) -> None:
    """Give `part` the batch shape of some rows of `original`."""
    count = len(range(*index.indices(original.batch_shape[0]))) if isinstance(index, slice) else len(index)
    Distribution.__init__(part, torch.Size((count, *original.batch_shape[1:])), original.event_shape, validate_args=False)
