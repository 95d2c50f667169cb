"""Distributions by name, which import torch when the first one is made."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from disttrain import distributions

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributions import Distribution

_TORCH = "torch.distributions."


@dataclass(frozen=True)
class DeferredClass:
    """A proxy of a class or factory function of this package or of torch, by name; it imports the class on the first call."""

    name: str

    def __call__(self, *values: Tensor | float | Distribution | Sequence[float], **parameters: Tensor | float | None) -> Distribution:
        make: Callable[..., Distribution]
        if self.name.startswith(_TORCH):
            make = importlib.import_module("disttrain.distributions.core.plain_values").of_torch(self.name.removeprefix(_TORCH))
            # Classes of torch check all values unless told not to.
            parameters = {"validate_args": False, **parameters}
        else:
            make = getattr(distributions, self.name)
        return make(*values, **parameters)


@functools.cache
def deferred_class(name: str) -> DeferredClass:
    """A callable that makes the distribution `name` from its parameters, and imports torch on the first call.

    The name is one of this package, or the full one of a class of torch, such as `torch.distributions.HalfCauchy`. Raises AttributeError at
    once for a name that is not of this package.

    >>> from disttrain.distributions import deferred_class
    >>> deferred_class("Normal")(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.norm.cdf(1.0)
    tensor(0.8413, dtype=torch.float64)
    """
    if name not in dir(distributions) and not name.startswith(_TORCH):
        raise AttributeError(f"module {distributions.__name__!r} has no distribution {name!r}")
    return DeferredClass(name)
