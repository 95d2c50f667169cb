"""The table that the tests of this room walk: each distribution at a few ordinary parameters, beside scipy's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from scipy import stats

from disttrain import distributions

__all__ = ["EXAMPLES", "Example", "made", "of", "tensor"]


@dataclass(frozen=True)
class Example:
    """A distribution by name, values of its parameters, and scipy's distribution of the same parameters."""

    name: str
    parameters: dict[str, Any]
    scipy: Callable[..., Any]
    discrete: bool = False

    def __str__(self) -> str:
        return f"{self.name}-{'-'.join(str(v) for v in self.parameters.values())}"

    def oracle(self) -> Any:
        return self.scipy(**self.parameters)


def tensor(values: Any) -> torch.Tensor:
    return torch.as_tensor(values, dtype=torch.float64)


def of(name: str, **parameters: Any) -> torch.distributions.Distribution:
    """The distribution `name` of float64 parameters."""
    return getattr(distributions, name)(**{key: tensor(value) for key, value in parameters.items()})


def made(example: Example) -> torch.distributions.Distribution:
    return of(example.name, **example.parameters)


def _weights(probs: list[float]) -> Any:
    return stats.rv_discrete(values=(range(len(probs)), probs))


def _rows(name: str, scipy: Callable[..., Any], *points: dict[str, Any], discrete: bool = False) -> list[Example]:
    return [Example(name, point, scipy, discrete) for point in points]


def _places(name: str, scipy: Callable[..., Any]) -> list[Example]:
    return _rows(name, lambda loc, scale: scipy(loc, scale), {"loc": 0.0, "scale": 1.0}, {"loc": -3.5, "scale": 0.02})


EXAMPLES = [
    *_places("Normal", stats.norm),
    *_places("Laplace", stats.laplace),
    *_places("Logistic", stats.logistic),
    *_places("Gumbel", stats.gumbel_r),
    *_places("Cauchy", stats.cauchy),
    *_rows("StudentT", lambda df, loc, scale: stats.t(df, loc, scale),
           *({"df": df, "loc": 1.0, "scale": 2.0} for df in (0.7, 1.5, 3.0, 40.0, 1e4))),
    *_rows("Exponential", lambda rate: stats.expon(scale=1 / rate), {"rate": 0.3}, {"rate": 20.0}),
    *_rows("Gamma", lambda concentration, rate: stats.gamma(concentration, scale=1 / rate),
           *({"concentration": k, "rate": r} for k, r in ((0.3, 2.0), (1.0, 1.0), (7.0, 0.1), (400.0, 400.0)))),
    *_rows("LogNormal", lambda loc, scale: stats.lognorm(scale, scale=2.718281828459045**loc),
           {"loc": 0.0, "scale": 0.5}, {"loc": 2.0, "scale": 1.2}),
    *_rows("Weibull", lambda scale, concentration: stats.weibull_min(concentration, scale=scale),
           *({"scale": s, "concentration": k} for s, k in ((1.0, 0.7), (3.0, 1.0), (2.0, 5.0)))),
    *_rows("InverseGaussian", lambda mean, concentration: stats.invgauss(mean / concentration, scale=concentration),
           *({"mean": m, "concentration": k} for m, k in ((1.0, 1.0), (2.0, 30.0), (5.0, 0.8)))),
    *_rows("Beta", lambda concentration1, concentration0: stats.beta(concentration1, concentration0),
           *({"concentration1": a, "concentration0": b} for a, b in ((0.6, 0.7), (2.0, 5.0), (60.0, 3.0)))),
    *_rows("Poisson", lambda rate: stats.poisson(rate), *({"rate": r} for r in (0.05, 3.2, 250.0)), discrete=True),
    *_rows("NegativeBinomial", lambda mean, concentration: stats.nbinom(concentration, concentration / (concentration + mean)),
           *({"mean": m, "concentration": k} for m, k in ((0.2, 0.5), (4.0, 1.5), (60.0, 0.4), (30.0, 80.0))), discrete=True),
    *_rows("Geometric", lambda probs: stats.geom(probs, loc=-1), *({"probs": p} for p in (0.02, 0.25, 0.9)), discrete=True),
    *_rows("Bernoulli", lambda probs: stats.bernoulli(probs), {"probs": 0.3}, {"probs": 0.999}, discrete=True),
    *_rows("Categorical", lambda probs: _weights(probs), {"probs": [0.2, 0.5, 0.3]}, {"probs": [0.9, 0.025, 0.025, 0.05]}, discrete=True),
]  # fmt: skip
