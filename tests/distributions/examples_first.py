"""Examples of the distributions that came first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scipy import stats

from tests.distributions.example_cases import Example, rows

__all__ = ["EXAMPLES"]


def _weights(probs: list[float]) -> Any:
    return stats.rv_discrete(values=(range(len(probs)), probs))


def _places(name: str, scipy: Callable[..., Any]) -> list[Example]:
    return rows(name, lambda loc, scale: scipy(loc, scale), {"loc": 0.0, "scale": 1.0}, {"loc": -3.5, "scale": 0.02})


EXAMPLES = [
    *_places("Normal", stats.norm),
    *_places("Laplace", stats.laplace),
    *_places("Logistic", stats.logistic),
    *_places("Gumbel", stats.gumbel_r),
    *_places("Cauchy", stats.cauchy),
    *rows("StudentT", lambda df, loc, scale: stats.t(df, loc, scale),
           *({"df": df, "loc": 1.0, "scale": 2.0} for df in (0.7, 1.5, 3.0, 40.0, 1e4))),
    *rows("Exponential", lambda rate: stats.expon(scale=1 / rate), {"rate": 0.3}, {"rate": 20.0}),
    *rows("Gamma", lambda concentration, rate: stats.gamma(concentration, scale=1 / rate),
           *({"concentration": k, "rate": r} for k, r in ((0.3, 2.0), (1.0, 1.0), (7.0, 0.1), (400.0, 400.0)))),
    *rows("LogNormal", lambda loc, scale: stats.lognorm(scale, scale=2.718281828459045**loc),
           {"loc": 0.0, "scale": 0.5}, {"loc": 2.0, "scale": 1.2}),
    *rows("Weibull", lambda scale, concentration: stats.weibull_min(concentration, scale=scale),
           *({"scale": s, "concentration": k} for s, k in ((1.0, 0.7), (3.0, 1.0), (2.0, 5.0)))),
    *rows("InverseGaussian", lambda mean, concentration: stats.invgauss(mean / concentration, scale=concentration),
           *({"mean": m, "concentration": k} for m, k in ((1.0, 1.0), (2.0, 30.0), (5.0, 0.8)))),
    *rows("Beta", lambda concentration1, concentration0: stats.beta(concentration1, concentration0),
           *({"concentration1": a, "concentration0": b} for a, b in ((0.6, 0.7), (2.0, 5.0), (60.0, 3.0)))),
    *rows("Poisson", lambda rate: stats.poisson(rate), *({"rate": r} for r in (0.05, 3.2, 250.0)), discrete=True),
    *rows("NegativeBinomial", lambda mean, concentration: stats.nbinom(concentration, concentration / (concentration + mean)),
           *({"mean": m, "concentration": k} for m, k in ((0.2, 0.5), (4.0, 1.5), (60.0, 0.4), (30.0, 80.0))), discrete=True),
    *rows("Geometric", lambda probs: stats.geom(probs, loc=-1), *({"probs": p} for p in (0.02, 0.25, 0.9)), discrete=True),
    *rows("Bernoulli", lambda probs: stats.bernoulli(probs), {"probs": 0.3}, {"probs": 0.999}, discrete=True),
    *rows("Categorical", lambda probs: _weights(probs), {"probs": [0.2, 0.5, 0.3]}, {"probs": [0.9, 0.025, 0.025, 0.05]}, discrete=True),
]  # fmt: skip
