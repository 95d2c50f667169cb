"""Methods of distributions that take tensors take plain numbers, lists and arrays too, and `log_prob` checks its values where asked to."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import TypeVar

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.numerics import tensors

Class = TypeVar("Class", bound=type[Distribution])
Values = Tensor | float | Sequence[float] | ArrayLike
# The methods of values, and the docstrings of those that a class leaves without one.
_METHODS = {
    "log_prob": "The log-density at each value, the log-probability of a count.",
    "cdf": "P(Y <= value).",
    "survival": "P(Y > value), exact in the upper tail.",
    "log_cdf": "log P(Y <= value), differentiable in the parameters.",
    "log_survival": "log P(Y > value), differentiable in the parameters.",
    "icdf": "The quantile at each level: of counts the smallest whose cdf is at least the level.",
    "probability_at": "P(Y = value).",
}


def take_plain_values(cls: Class) -> Class:
    """A class decorator: methods take numbers, lists and arrays beside tensors; a number is the same number in every row.

    `log_prob` raises ValueError for values outside the support where the distribution was made with `validate_args=True`.
    """
    for name in _METHODS:
        if name in vars(cls):
            setattr(cls, name, _taking(name, vars(cls)[name]))
    return cls


@functools.cache
def of_torch(name: str) -> type[Distribution]:
    """A subclass of the class of this name in torch.distributions, whose methods take plain values, and the cdf values beyond the support."""
    kind: type[Distribution] = getattr(torch.distributions, name)

    def cdf(self: Distribution, value: Tensor) -> Tensor:
        # Below 0 that of a half Cauchy is negative (torch 2.13).
        probability: Tensor = kind.cdf(self, tensors.inside(self.support, value))  # type: ignore[arg-type]
        return probability

    methods = {method: getattr(kind, method) for method in _METHODS if hasattr(kind, method)}
    return take_plain_values(type(name, (kind,), {**methods, "cdf": cdf}))


def _taking(name: str, method: Callable[[Distribution, Tensor], Tensor]) -> Callable[[Distribution, Values], Tensor]:
    checked = name == "log_prob"

    @functools.wraps(method)
    def taking(self: Distribution, value: Values) -> Tensor:
        tensor = value if isinstance(value, Tensor) else _tensor(self, value)
        if checked and self._validate_args:
            self._validate_sample(tensor)
        return method(self, tensor)

    taking.__doc__ = method.__doc__ or _METHODS[name]
    return taking


def _tensor(distribution: Distribution, value: Values) -> Tensor:
    tensor = torch.as_tensor(value, dtype=torch.float64, device=tensors.device_of(distribution))
    return tensor if tensor.ndim else tensor.expand(distribution.batch_shape + distribution.event_shape)
