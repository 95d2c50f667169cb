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
_METHODS = ("cdf", "icdf", "survival", "log_cdf", "log_survival", "probability_at")


def take_plain_values(cls: Class) -> Class:
    """A class decorator: methods take numbers, lists and arrays beside tensors; a number is the same number in every row.

    `log_prob` raises ValueError for values outside the support where the distribution was made with `validate_args=True`.
    """
    for name in _METHODS:
        if name in vars(cls):
            setattr(cls, name, _taking(vars(cls)[name]))
    if "log_prob" in vars(cls):
        setattr(cls, "log_prob", _taking(vars(cls)["log_prob"], checked=True))  # noqa: B010 - as above
    return cls


@functools.cache
def of_torch(name: str) -> type[Distribution]:
    """A subclass of the class of this name in torch.distributions, whose methods take plain values, and the cdf values beyond the support."""
    kind: type[Distribution] = getattr(torch.distributions, name)

    def cdf(self: Distribution, value: Tensor) -> Tensor:
        # Below 0 that of a half Cauchy is negative (torch 2.13).
        probability: Tensor = kind.cdf(self, tensors.inside(self.support, value))  # type: ignore[arg-type]
        return probability

    methods = {method: getattr(kind, method) for method in (*_METHODS, "log_prob") if hasattr(kind, method)}
    return take_plain_values(type(name, (kind,), {**methods, "cdf": cdf}))


def _taking(method: Callable[[Distribution, Tensor], Tensor], checked: bool = False) -> Callable[[Distribution, Values], Tensor]:
    @functools.wraps(method)
    def taking(self: Distribution, value: Values) -> Tensor:
        tensor = value if isinstance(value, Tensor) else _tensor(self, value)
        if checked and self._validate_args:
            self._validate_sample(tensor)
        return method(self, tensor)

    return taking


def _tensor(distribution: Distribution, value: Values) -> Tensor:
    tensor = torch.as_tensor(value, dtype=torch.float64, device=tensors.device_of(distribution))
    return tensor if tensor.ndim else tensor.expand(distribution.batch_shape + distribution.event_shape)
