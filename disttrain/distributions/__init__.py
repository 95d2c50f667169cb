"""What torch.distributions lacks: log-densities that stay exact for extreme parameters, cdf, survival and quantile for every family.

Importing this room does not import torch; its classes are imported when they are first used.
"""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.distributions import Distribution

    from disttrain.distributions import functionals
    from disttrain.distributions.classes import Bernoulli, Categorical
    from disttrain.distributions.counts import Geometric, NegativeBinomial, Poisson
    from disttrain.distributions.half_line import Exponential, Gamma, LogNormal, Weibull
    from disttrain.distributions.heavy_tails import Cauchy, InverseGaussian, StudentT
    from disttrain.distributions.real_line import Gumbel, Laplace, Logistic, Normal
    from disttrain.distributions.unit_interval import Beta

__all__ = [
    "Bernoulli",
    "Beta",
    "Categorical",
    "Cauchy",
    "Exponential",
    "Gamma",
    "Geometric",
    "Gumbel",
    "InverseGaussian",
    "Laplace",
    "LogNormal",
    "Logistic",
    "NegativeBinomial",
    "Normal",
    "Poisson",
    "StudentT",
    "Weibull",
    "deferred_class",
    "functionals",
]

_MODULES = {
    "Normal": "real_line", "Laplace": "real_line", "Logistic": "real_line", "Gumbel": "real_line",
    "StudentT": "heavy_tails", "Cauchy": "heavy_tails", "InverseGaussian": "heavy_tails",
    "Exponential": "half_line", "Gamma": "half_line", "LogNormal": "half_line", "Weibull": "half_line",
    "Beta": "unit_interval",
    "Poisson": "counts", "NegativeBinomial": "counts", "Geometric": "counts",
    "Bernoulli": "classes", "Categorical": "classes",
}  # fmt: skip


@dataclass(frozen=True)
class _DeferredClass:
    """Stands in for the class `name` of this room and imports it on the first call."""

    name: str

    def __call__(self, *values: Any, **parameters: Any) -> Distribution:
        distribution: Distribution = _load(self.name)(*values, **parameters)
        return distribution


def _load(name: str) -> Any:
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)


def deferred_class(name: str) -> _DeferredClass:
    """A callable that makes the distribution `name` of its parameters, and imports torch only then.

    Raises AttributeError at once for a name that is not a class of this room.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no distribution {name!r}")
    return _DeferredClass(name)


def __getattr__(name: str) -> Any:
    if name == "functionals":
        return importlib.import_module(f"{__name__}.functionals")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
