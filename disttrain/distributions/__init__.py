"""What torch.distributions lacks: log-densities that stay exact for extreme parameters, cdf, survival and quantile for every family.

Importing this room does not import torch; its classes are imported when they are first used.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.distributions import Distribution

    from disttrain.distributions import functionals
    from disttrain.distributions.circle import VonMises
    from disttrain.distributions.classes import Bernoulli, Categorical
    from disttrain.distributions.com_poisson import ComPoisson
    from disttrain.distributions.combined import Independent, Mixture, equal_mixture
    from disttrain.distributions.continuous_bernoulli import ContinuousBernoulli
    from disttrain.distributions.counts import Geometric, NegativeBinomial, Poisson
    from disttrain.distributions.cut import Discretized, Truncated
    from disttrain.distributions.differences import Skellam
    from disttrain.distributions.dispersed_counts import GeneralizedPoisson, PoissonInverseGaussian, negative_binomial1
    from disttrain.distributions.exceedances import GeneralizedPareto
    from disttrain.distributions.extreme_values import GeneralizedExtremeValue, ReverseGumbel
    from disttrain.distributions.first_passage import InverseGaussian
    from disttrain.distributions.gated import Hurdle, ZeroInflated
    from disttrain.distributions.gumbel import Gumbel
    from disttrain.distributions.half_line import Exponential, Gamma, LogNormal
    from disttrain.distributions.heavy_tails import Cauchy, StudentT
    from disttrain.distributions.inflated_shares import ZeroOneInflatedBeta
    from disttrain.distributions.lifetimes import BirnbaumSaunders, Gompertz, HalfNormal, Rayleigh
    from disttrain.distributions.low_rank import LowRankMultivariateNormal
    from disttrain.distributions.ordered import Ordinal, ordinal_logit, ordinal_probit
    from disttrain.distributions.pareto import Frechet, Pareto
    from disttrain.distributions.peaked_line import AsymmetricLaplace, PowerExponential
    from disttrain.distributions.positive import GeneralizedGamma, InverseGamma, LogLogistic, gamma_mean
    from disttrain.distributions.power_tails import Burr, Dagum, Lomax
    from disttrain.distributions.real_line import Laplace, Logistic, Normal
    from disttrain.distributions.shares import Kumaraswamy, LogitNormal, SimplexNormal, beta_mean
    from disttrain.distributions.skewed_line import ExGaussian, SkewNormal
    from disttrain.distributions.tailed_line import JohnsonSU, SinhArcsinh
    from disttrain.distributions.transformed import BoxCoxColeGreen, BoxCoxT
    from disttrain.distributions.trials import BetaBinomial, Binomial, beta_binomial
    from disttrain.distributions.tweedie import Tweedie
    from disttrain.distributions.two_piece import SkewT, TwoPieceNormal
    from disttrain.distributions.unit_interval import Beta
    from disttrain.distributions.vectors import Dirichlet, DirichletMultinomial, Multinomial, MultivariateNormal, MultivariateStudentT
    from disttrain.distributions.weibull import Weibull

__all__ = [
    "AsymmetricLaplace",
    "Bernoulli",
    "Beta",
    "BetaBinomial",
    "Binomial",
    "BirnbaumSaunders",
    "BoxCoxColeGreen",
    "BoxCoxT",
    "Burr",
    "Categorical",
    "Cauchy",
    "ComPoisson",
    "ContinuousBernoulli",
    "Dagum",
    "Dirichlet",
    "DirichletMultinomial",
    "Discretized",
    "ExGaussian",
    "Exponential",
    "Frechet",
    "Gamma",
    "GeneralizedExtremeValue",
    "GeneralizedGamma",
    "GeneralizedPareto",
    "GeneralizedPoisson",
    "Geometric",
    "Gompertz",
    "Gumbel",
    "HalfNormal",
    "Hurdle",
    "Independent",
    "InverseGamma",
    "InverseGaussian",
    "JohnsonSU",
    "Kumaraswamy",
    "Laplace",
    "LogLogistic",
    "LogNormal",
    "Logistic",
    "LogitNormal",
    "Lomax",
    "LowRankMultivariateNormal",
    "Mixture",
    "Multinomial",
    "MultivariateNormal",
    "MultivariateStudentT",
    "NegativeBinomial",
    "Normal",
    "Ordinal",
    "Pareto",
    "Poisson",
    "PoissonInverseGaussian",
    "PowerExponential",
    "Rayleigh",
    "ReverseGumbel",
    "SimplexNormal",
    "SinhArcsinh",
    "Skellam",
    "SkewNormal",
    "SkewT",
    "StudentT",
    "Truncated",
    "Tweedie",
    "TwoPieceNormal",
    "VonMises",
    "Weibull",
    "ZeroInflated",
    "ZeroOneInflatedBeta",
    "beta_binomial",
    "beta_mean",
    "deferred_class",
    "equal_mixture",
    "functionals",
    "gamma_mean",
    "negative_binomial1",
    "ordinal_logit",
    "ordinal_probit",
]

_MODULES = {
    name: module
    for module, names in {
        "real_line": "Normal Laplace Logistic",
        "gumbel": "Gumbel",
        "heavy_tails": "StudentT Cauchy",
        "first_passage": "InverseGaussian",
        "skewed_line": "SkewNormal ExGaussian",
        "two_piece": "TwoPieceNormal SkewT",
        "tailed_line": "JohnsonSU SinhArcsinh",
        "peaked_line": "PowerExponential AsymmetricLaplace",
        "extreme_values": "ReverseGumbel GeneralizedExtremeValue",
        "half_line": "Exponential Gamma LogNormal",
        "weibull": "Weibull",
        "positive": "gamma_mean InverseGamma LogLogistic GeneralizedGamma",
        "power_tails": "Burr Dagum Lomax",
        "pareto": "Pareto Frechet",
        "exceedances": "GeneralizedPareto",
        "lifetimes": "HalfNormal Rayleigh Gompertz BirnbaumSaunders",
        "transformed": "BoxCoxColeGreen BoxCoxT",
        "tweedie": "Tweedie",
        "unit_interval": "Beta",
        "shares": "beta_mean Kumaraswamy LogitNormal SimplexNormal",
        "inflated_shares": "ZeroOneInflatedBeta",
        "continuous_bernoulli": "ContinuousBernoulli",
        "circle": "VonMises",
        "counts": "Poisson NegativeBinomial Geometric",
        "dispersed_counts": "negative_binomial1 GeneralizedPoisson PoissonInverseGaussian",
        "com_poisson": "ComPoisson",
        "trials": "Binomial BetaBinomial beta_binomial",
        "differences": "Skellam",
        "classes": "Bernoulli Categorical",
        "ordered": "Ordinal ordinal_logit ordinal_probit",
        "vectors": "MultivariateNormal MultivariateStudentT Dirichlet Multinomial DirichletMultinomial",
        "low_rank": "LowRankMultivariateNormal",
        "combined": "Mixture Independent equal_mixture",
        "gated": "ZeroInflated Hurdle",
        "cut": "Truncated Discretized",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True)
class _DeferredClass:
    """Stands in for the class (or the function that makes a distribution) `name` of this room and imports it on the first call."""

    name: str

    def __call__(self, *values: Any, **parameters: Any) -> Distribution:
        distribution: Distribution = _load(self.name)(*values, **parameters)
        _plain_values().take_plain_values(type(distribution))
        return distribution


def _load(name: str) -> Any:
    loaded = getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
    if isinstance(loaded, type):
        _plain_values().take_plain_values(loaded)
    return loaded


@functools.cache
def _plain_values() -> Any:
    return importlib.import_module(f"{__name__}.plain_values")


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
