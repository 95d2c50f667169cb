"""A class decorator for counts without a cdf in closed form: tails as sums of probabilities, quantiles by search."""

from __future__ import annotations

import math
from typing import Protocol, TypeVar, dataclass_transform

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import lattice_sums
from disttrain.distributions.core.parametrised import add_methods, parametrised, stored
from disttrain.distributions.numerics import tensors

Class = TypeVar("Class", bound=type[Distribution])


class _Count(Protocol):
    """A distribution of counts: moments, the log-probability, and the distance from a count beyond which the rest of a tail is negligible."""

    support: constraints.Constraint

    @property
    def batch_shape(self) -> torch.Size: ...
    @property
    def mean(self) -> Tensor: ...
    @property
    def variance(self) -> Tensor: ...
    def log_prob(self, value: Tensor) -> Tensor: ...
    def cdf(self, value: Tensor) -> Tensor: ...
    def _half_width(self) -> Tensor: ...
    def _log_sums(self, start: Tensor, direction: Tensor, length: Tensor) -> Tensor: ...


@dataclass_transform(field_specifiers=(stored,))
def lattice_tails(cls: Class) -> Class:
    """A class decorator: log_cdf, log_survival, their exponentials and the quantile of counts whose class defines `_half_width`.

    The sums cost the same however large the counts are; a class may have its own `_log_sums`. It adds what the class does not define
    itself, and all that `parametrised` adds.
    """

    def log_cdf(self: _Count, value: Tensor) -> Tensor:
        return _tails(self, value)[0]

    def log_survival(self: _Count, value: Tensor) -> Tensor:
        return _tails(self, value)[1]

    def cdf(self: _Count, value: Tensor) -> Tensor:
        return _tails(self, value)[0].exp()

    def survival(self: _Count, value: Tensor) -> Tensor:
        return _tails(self, value)[1].exp()

    def icdf(self: _Count, value: Tensor) -> Tensor:
        """The smallest count whose cdf is at least `value`."""
        return lattice_sums.quantile(self.cdf, value, self.mean, self.variance, _ends(self)[0])

    def log_sums(self: _Count, start: Tensor, direction: Tensor, length: Tensor) -> Tensor:
        return lattice_sums.log_sum(self.log_prob, start, direction, length)

    add_methods(cls, _log_sums=log_sums, log_cdf=log_cdf, log_survival=log_survival, cdf=cdf, survival=survival, icdf=icdf)
    return parametrised(cls)


def _ends(count: _Count) -> tuple[float, Tensor | float]:
    """The first and the last count."""
    return getattr(count.support, "lower_bound", -math.inf), getattr(count.support, "upper_bound", math.inf)


def _tails(count: _Count, value: Tensor) -> tuple[Tensor, Tensor]:
    ends = _ends(count)
    if math.isinf(ends[0]):
        # Further out than any count the tail is 0, and its squares would overflow.
        value = value.clamp(-1e100, 1e100)
    value = value.expand(tensors.common_shape(value.shape, count.batch_shape))
    return lattice_sums.tails(count._log_sums, value, count.mean, count._half_width(), ends)
