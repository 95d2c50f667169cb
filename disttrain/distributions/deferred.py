"""Distributions by name, which import torch when the first one is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from disttrain import distributions

if TYPE_CHECKING:
    from torch import Tensor
    from torch.distributions import Distribution

_TORCH = "torch.distributions."


@dataclass(frozen=True)
class DeferredClass:
    """A proxy of a class or factory function of distributions, by name; it imports the class on the first call."""

    name: str

    def __call__(self, *values: Tensor | float | Distribution, **parameters: Tensor | float | None) -> Distribution:
        make: Callable[..., Distribution] = getattr(distributions, self.name)
        return make(*values, **parameters)


def deferred_class(name: str) -> DeferredClass:
    """A callable that makes the distribution `name` from its parameters, and imports torch on the first call.

    Raises AttributeError at once for a name that is not a class of this package.
    """
    if name not in dir(distributions):
        raise AttributeError(f"module {distributions.__name__!r} has no distribution {name!r}")
    return DeferredClass(name)
