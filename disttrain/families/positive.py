"""More families of positive targets: the usual ones by their mean, and those with heavy tails."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = [
    "burr", "dagum", "frechet", "gamma_mean", "generalized_gamma", "inverse_gamma", "log_logistic", "lomax", "pareto",
]  # fmt: skip


def gamma_mean() -> Family:
    """The gamma by its mean, as a generalised linear model has it: claim sizes, rainfall, waiting times.

    density   (k/m)^k y^(k-1) exp(-k y/m) / Γ(k)
    loss      -[ k log(k/m) + (k-1) log y - k y/m - log Γ(k) ]
    symbols   m = mean, k = concentration
    mean      m
    variance  m²/k
    crps      closed form
    scipy     gamma(a=concentration, scale=mean/concentration)
    gamlss    GA: mu = mean, sigma = 1/sqrt(concentration)
    instead   by concentration and rate: gamma · heavier tail: log_normal, inverse_gaussian
    """
    return Family(
        "gamma_mean",
        support=on.positive,
        parameters=(Parameter("mean", on.positive, role="scale", activation="exp"), Parameter("concentration", on.positive, role="shape")),
        distribution=deferred_class("gamma_mean"),
    )


def inverse_gamma() -> Family:
    """One over a gamma: variances, and amounts with a tail that falls as a power.

    density   b^k y^(-k-1) exp(-b/y) / Γ(k)
    loss      -[ k log b - (k+1) log y - b/y - log Γ(k) ]
    symbols   k = concentration, b = rate
    mean      b/(k - 1)   (k > 1)
    variance  b²/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     invgamma(a=concentration, scale=rate)
    gamlss    IGAMMA: another parameterisation
    instead   lighter tail: gamma, log_normal
    """
    return Family(
        "inverse_gamma",
        support=on.positive,
        parameters=(Parameter("concentration", on.positive, role="shape"), Parameter("rate", on.positive, role="scale")),
        distribution=deferred_class("InverseGamma"),
    )


def _scale_and_shape(name: str, distribution: str) -> Family:
    return Family(
        name,
        support=on.nonnegative if name == "lomax" else on.positive,
        parameters=(
            Parameter("scale", on.positive, role="scale", activation="exp"),
            Parameter("concentration", on.positive, role="shape"),
        ),
        distribution=deferred_class(distribution),
    )


def log_logistic() -> Family:
    """Times whose hazard rises and falls again, and amounts with a power tail: the logarithm is logistic, the scale the median.

    density   (k/y) (y/s)^k / (1 + (y/s)^k)²
    loss      log(y/k) - k log(y/s) + 2 log(1 + (y/s)^k)
    symbols   s = scale, k = concentration
    mean      s (π/k)/sin(π/k)   (k > 1)
    variance  s² [(2π/k)/sin(2π/k) - (π/k)²/sin²(π/k)]   (k > 2)
    crps      quadrature
    scipy     fisk(c=concentration, scale=scale)
    gamlss    none
    instead   lighter tail: log_normal · one more shape: burr, dagum
    """
    return _scale_and_shape("log_logistic", "LogLogistic")


def generalized_gamma() -> Family:
    """Times and amounts when gamma, Weibull or log-normal is undecided: shape 0 is log-normal, 1 Weibull, scale gamma.

    density   |q| a^a exp(a (q w - exp(q w))) / (σ y Γ(a)),   w = (log y - μ)/σ, a = 1/q²
    loss      log(σ y) - log |q| - a log a + log Γ(a) - a (q w - exp(q w)),   w = (log y - μ)/σ, a = 1/q²
    symbols   μ = loc, σ = scale, q = shape
    mean      exp(μ) q^(2σ/q) Γ(a + σ/q)/Γ(a)   (q σ > -1)
    variance  by the second such moment   (q σ > -½)
    crps      quadrature
    scipy     gengamma(a=shape**-2, c=shape/scale, scale=exp(loc + scale/shape*log(shape**2)))
    gamlss    GG: mu = exp(loc), another sigma and nu
    instead   fewer shapes: gamma, weibull, log_normal
    """
    return Family(
        "generalized_gamma",
        support=on.positive,
        parameters=(
            Parameter("loc", on.real, role="log_scale"),
            Parameter("scale", on.positive, role="shape"),
            Parameter("shape", on.real, role="shape"),
        ),
        distribution=deferred_class("GeneralizedGamma"),
    )


def _three(name: str, distribution: str) -> Family:
    return Family(
        name,
        support=on.positive,
        parameters=(
            Parameter("scale", on.positive, role="scale", activation="exp"),
            Parameter("concentration1", on.positive, role="shape"),
            Parameter("concentration0", on.positive, role="shape"),
        ),
        distribution=deferred_class(distribution),
    )


def burr() -> Family:
    """Incomes, losses and lifetimes with a power tail of index c d (Burr XII, Singh-Maddala).

    density   (c d/y) (y/s)^c (1 + (y/s)^c)^(-d-1)
    loss      -log(c d/y) - c log(y/s) + (d + 1) log(1 + (y/s)^c)
    symbols   s = scale, c = concentration1, d = concentration0
    mean      s d B(d - 1/c, 1 + 1/c)   (c d > 1)
    variance  s² d B(d - 2/c, 1 + 2/c) - mean²   (c d > 2)
    crps      quadrature
    scipy     burr12(c=concentration1, d=concentration0, scale=scale)
    gamlss    none; GB2 with nu = 1
    instead   fewer shapes: log_logistic, lomax, weibull · a free lower tail: dagum
    """
    return _three("burr", "Burr")


def dagum() -> Family:
    """Incomes and wealth: a power tail of index c, and a lower end of its own (Burr III).

    density   (c d/y) (y/s)^(-c) (1 + (y/s)^(-c))^(-d-1)
    loss      -log(c d/y) + c log(y/s) + (d + 1) log(1 + (y/s)^(-c))
    symbols   s = scale, c = concentration1, d = concentration0
    mean      s d B(d + 1/c, 1 - 1/c)   (c > 1)
    variance  s² d B(d + 2/c, 1 - 2/c) - mean²   (c > 2)
    crps      quadrature
    scipy     burr(c=concentration1, d=concentration0, scale=scale)
    gamlss    none; GB2 with tau = 1
    instead   fewer shapes: log_logistic · a free upper tail: burr
    """
    return _three("dagum", "Dagum")


def lomax() -> Family:
    """Losses and waiting times with a power tail that begins at 0 (Pareto II).

    density   (k/s) (1 + y/s)^(-k-1)
    loss      log s - log k + (k + 1) log(1 + y/s)
    symbols   s = scale, k = concentration
    mean      s/(k - 1)   (k > 1)
    variance  s² k/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     lomax(c=concentration, scale=scale)
    gamlss    PARETO2: mu = scale, sigma = 1/concentration
    instead   lighter tail: exponential, gamma · a tail that may end: generalized_pareto
    """
    return _scale_and_shape("lomax", "Lomax")


def pareto(scale: float = 1.0) -> Family:
    """Sizes above a known least one: cities, fortunes, losses above a deductible. The option `scale` is the least size.

    density   (k/y) (y/s)^(-k)
    loss      log(y/k) + k log(y/s)
    symbols   k = concentration, s = scale
    mean      k s/(k - 1)   (k > 1)
    variance  s² k/((k - 1)² (k - 2))   (k > 2)
    crps      quadrature
    scipy     pareto(b=concentration, scale=scale)
    gamlss    none
    instead   no known least size: lomax, generalized_pareto
    """
    return Family(
        "pareto",
        support=on.greater_than(float(scale)),
        parameters=(
            Parameter("concentration", on.positive, role="shape"),
            Parameter("scale", on.positive, role="scale", given=float(scale)),
        ),
        distribution=deferred_class("Pareto"),
    )


def frechet() -> Family:
    """Largest values of heavy-tailed amounts: floods, losses, wind (extreme values of type II, inverse Weibull).

    density   (k/y) (y/s)^(-k) exp(-(y/s)^(-k))
    loss      log(y/k) + k log(y/s) + (y/s)^(-k)
    symbols   s = scale, k = concentration
    mean      s Γ(1 - 1/k)   (k > 1)
    variance  s² [Γ(1 - 2/k) - Γ(1 - 1/k)²]   (k > 2)
    crps      quadrature
    scipy     invweibull(c=concentration, scale=scale)
    gamlss    none
    instead   a tail of any kind: generalized_extreme_value · lighter tail: gumbel
    """
    return _scale_and_shape("frechet", "Frechet")
