"""Distributions with log-densities exact for extreme parameters, and cdf, survival and quantile for every family.

Importing this package does not import torch; its classes are imported when they are first used.
"""

from __future__ import annotations

import functools
import importlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch.distributions import Distribution

    from disttrain.distributions.circle.von_mises import VonMises
    from disttrain.distributions.classes.categorical import Bernoulli, Categorical
    from disttrain.distributions.classes.ordinal import Ordinal, ordinal_logit, ordinal_probit
    from disttrain.distributions.composed.mixture import Independent, Mixture, weighted_mixture
    from disttrain.distributions.composed.truncated import Discretized, Truncated
    from disttrain.distributions.composed.zero_inflated import Hurdle, ZeroInflated
    from disttrain.distributions.core import functionals
    from disttrain.distributions.counts.binomial import BetaBinomial, Binomial, beta_binomial
    from disttrain.distributions.counts.com_poisson import ComPoisson
    from disttrain.distributions.counts.dispersed import GeneralizedPoisson, PoissonInverseGaussian, negative_binomial1
    from disttrain.distributions.counts.poisson_family import Geometric, NegativeBinomial, Poisson
    from disttrain.distributions.counts.skellam import Skellam
    from disttrain.distributions.positive.box_cox import BoxCoxColeGreen, BoxCoxT
    from disttrain.distributions.positive.gamma_exponential import Exponential, Gamma, LogNormal
    from disttrain.distributions.positive.generalized_pareto import GeneralizedPareto
    from disttrain.distributions.positive.inverse_gaussian import InverseGaussian
    from disttrain.distributions.positive.lifetimes import BirnbaumSaunders, Gompertz, HalfNormal, Rayleigh
    from disttrain.distributions.positive.log_scale import GeneralizedGamma, InverseGamma, LogLogistic, Weibull, gamma_mean
    from disttrain.distributions.positive.power_tails import Burr, Dagum, Frechet, Lomax, Pareto
    from disttrain.distributions.positive.tweedie import Tweedie
    from disttrain.distributions.real_line.extreme_value import GeneralizedExtremeValue
    from disttrain.distributions.real_line.johnson_sinh_arcsinh import JohnsonSU, SinhArcsinh
    from disttrain.distributions.real_line.location_scale import Cauchy, Gumbel, Laplace, Logistic, Normal, ReverseGumbel
    from disttrain.distributions.real_line.power_exponential_laplace import AsymmetricLaplace, PowerExponential
    from disttrain.distributions.real_line.skew_normal import ExGaussian, SkewNormal
    from disttrain.distributions.real_line.student_t import StudentT
    from disttrain.distributions.real_line.two_piece import SkewT, TwoPieceNormal
    from disttrain.distributions.unit_interval.beta import Beta
    from disttrain.distributions.unit_interval.continuous_bernoulli import ContinuousBernoulli
    from disttrain.distributions.unit_interval.inflated_beta import ZeroOneInflatedBeta
    from disttrain.distributions.unit_interval.other_shares import Kumaraswamy, LogitNormal, SimplexNormal, beta_mean
    from disttrain.distributions.vectors.continuous import Dirichlet, MultivariateNormal, MultivariateStudentT
    from disttrain.distributions.vectors.low_rank import LowRankMultivariateNormal
    from disttrain.distributions.vectors.multinomial import DirichletMultinomial, Multinomial

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
    "weighted_mixture",
    "functionals",
    "gamma_mean",
    "negative_binomial1",
    "ordinal_logit",
    "ordinal_probit",
]

_MODULES = {
    name: module
    for module, names in {
        "real_line.location_scale": "Normal Laplace Logistic Cauchy Gumbel ReverseGumbel",
        "real_line.student_t": "StudentT",
        "real_line.skew_normal": "SkewNormal ExGaussian",
        "real_line.two_piece": "TwoPieceNormal SkewT",
        "real_line.johnson_sinh_arcsinh": "JohnsonSU SinhArcsinh",
        "real_line.power_exponential_laplace": "PowerExponential AsymmetricLaplace",
        "real_line.extreme_value": "GeneralizedExtremeValue",
        "positive.gamma_exponential": "Exponential Gamma LogNormal",
        "positive.log_scale": "gamma_mean InverseGamma LogLogistic GeneralizedGamma Weibull",
        "positive.power_tails": "Burr Dagum Lomax Pareto Frechet",
        "positive.generalized_pareto": "GeneralizedPareto",
        "positive.inverse_gaussian": "InverseGaussian",
        "positive.lifetimes": "HalfNormal Rayleigh Gompertz BirnbaumSaunders",
        "positive.box_cox": "BoxCoxColeGreen BoxCoxT",
        "positive.tweedie": "Tweedie",
        "unit_interval.beta": "Beta",
        "unit_interval.other_shares": "beta_mean Kumaraswamy LogitNormal SimplexNormal",
        "unit_interval.inflated_beta": "ZeroOneInflatedBeta",
        "unit_interval.continuous_bernoulli": "ContinuousBernoulli",
        "circle.von_mises": "VonMises",
        "counts.poisson_family": "Poisson NegativeBinomial Geometric",
        "counts.dispersed": "negative_binomial1 GeneralizedPoisson PoissonInverseGaussian",
        "counts.com_poisson": "ComPoisson",
        "counts.binomial": "Binomial BetaBinomial beta_binomial",
        "counts.skellam": "Skellam",
        "classes.categorical": "Bernoulli Categorical",
        "classes.ordinal": "Ordinal ordinal_logit ordinal_probit",
        "vectors.continuous": "MultivariateNormal MultivariateStudentT Dirichlet",
        "vectors.multinomial": "Multinomial DirichletMultinomial",
        "vectors.low_rank": "LowRankMultivariateNormal",
        "composed.mixture": "Mixture Independent weighted_mixture",
        "composed.zero_inflated": "ZeroInflated Hurdle",
        "composed.truncated": "Truncated Discretized",
    }.items()
    for name in names.split()
}


@dataclass(frozen=True)
class _DeferredClass:
    """A proxy of the class or factory function `name` of this package; it imports the class on the first call."""

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
    return importlib.import_module(f"{__name__}.core.plain_values")


def deferred_class(name: str) -> _DeferredClass:
    """A callable that makes the distribution `name` from its parameters, and imports torch on the first call.

    Raises AttributeError at once for a name that is not a class of this package.
    """
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no distribution {name!r}")
    return _DeferredClass(name)


def __getattr__(name: str) -> Any:
    if name == "functionals":
        return importlib.import_module(f"{__name__}.core.functionals")
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _load(name)
