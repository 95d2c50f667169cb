"""Methods of distributions that take tensors take plain numbers, lists and arrays too."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.numerics import tensors

_METHODS = ("log_prob", "cdf", "icdf", "survival", "log_cdf", "log_survival", "probability_at")
_DONE: set[type] = set()


def take_plain_values(kind: type) -> None:
    """Let the methods of a distribution class take numbers, lists and arrays beside tensors: a number is the same number in every row."""
    if kind in _DONE or not issubclass(kind, Distribution) or not kind.__module__.startswith("disttrain."):
        return
    _DONE.add(kind)
    for name in _METHODS:
        if name in vars(kind):
            setattr(kind, name, _taking(vars(kind)[name]))


def _taking(method: Callable[[Any, Tensor], Tensor]) -> Callable[[Any, Any], Tensor]:
    @functools.wraps(method)
    def taking(self: Distribution, value: Any) -> Tensor:
        return method(self, value if isinstance(value, Tensor) else _tensor(self, value))

    return taking


def _tensor(distribution: Distribution, value: Any) -> Tensor:
    tensor = torch.as_tensor(value, dtype=torch.float64, device=tensors.device_of(distribution))
    return tensor if tensor.ndim else tensor.expand(distribution.batch_shape + distribution.event_shape)
