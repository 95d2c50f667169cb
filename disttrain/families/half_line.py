"""Families of positive targets."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["exponential", "gamma", "inverse_gaussian", "log_normal", "weibull"]


def exponential() -> Family:
    """Waiting times without memory.

    density   r exp(-r y)
    loss      -log r + r y
    symbols   r = rate
    mean      1/r
    variance  1/r²
    crps      closed form
    scipy     expon(scale=1/rate)
    gamlss    EXP: mu = 1/rate
    instead   a hazard that rises or falls: weibull, gamma
    """
    return Family(
        "exponential",
        support=on.positive,
        parameters=(Parameter("rate", on.positive, role="rate"),),
        distribution=deferred_class("Exponential"),
    )


def gamma() -> Family:
    """Positive, right-skewed amounts: claim sizes, rainfall, waiting times.

    density   r^k y^(k-1) exp(-r y) / Γ(k)
    loss      -[ k log r + (k-1) log y - r y - log Γ(k) ]
    symbols   k = concentration, r = rate
    mean      k/r
    variance  k/r²
    crps      closed form
    scipy     gamma(a=concentration, scale=1/rate)
    gamlss    GA: mu = concentration/rate, sigma = 1/sqrt(concentration)
    drops     concentration fixed: log Γ(k) and (k-1) log y do not move the minimum; what is left is k (y/m + log m) with mean m = k/r
    instead   heavier tail: log_normal, inverse_gaussian · a hazard of its own: weibull
    """
    return Family(
        "gamma",
        support=on.positive,
        parameters=(Parameter("concentration", on.positive, role="shape"), Parameter("rate", on.positive, role="rate")),
        distribution=deferred_class("Gamma"),
    )


def log_normal() -> Family:
    """Positive amounts whose logarithm is normal: incomes, concentrations, sizes. Parameters are those of log y.

    density   exp(-(log y - μ)² / (2σ²)) / (y σ √(2π))
    loss      log y + log σ + ½ log 2π + (log y - μ)² / (2σ²)
    symbols   μ = loc, σ = scale
    mean      exp(μ + σ²/2)
    variance  (exp(σ²) - 1) exp(2μ + σ²)
    crps      closed form
    scipy     lognorm(s=scale, scale=exp(loc))
    gamlss    LOGNO: mu = loc, sigma = scale
    drops     scale fixed: log y and log σ do not move the minimum; what is left is (log y - μ)²: the mean squared error of log y
    instead   lighter tail: gamma, weibull
    """
    return Family(
        "log_normal",
        support=on.positive,
        parameters=(Parameter("loc", on.real, role="log_scale"), Parameter("scale", on.positive, role="shape")),
        distribution=deferred_class("LogNormal"),
    )


def weibull() -> Family:
    """Times to failure: concentration above 1 wears out, below 1 fails early.

    density   (k/λ) (y/λ)^(k-1) exp(-(y/λ)^k)
    loss      -log k + k log λ - (k-1) log y + (y/λ)^k
    symbols   λ = scale, k = concentration
    mean      λ Γ(1 + 1/k)
    variance  λ² [Γ(1 + 2/k) - Γ(1 + 1/k)²]
    crps      closed form
    scipy     weibull_min(c=concentration, scale=scale)
    gamlss    WEI: mu = scale, sigma = concentration
    instead   a hazard that rises and falls: log_normal · skewed amounts: gamma
    """
    return Family(
        "weibull",
        support=on.positive,
        parameters=(
            Parameter("scale", on.positive, role="scale", activation="exp"),
            Parameter("concentration", on.positive, role="shape"),
        ),
        distribution=deferred_class("Weibull"),
    )


def inverse_gaussian() -> Family:
    """Positive amounts with a long tail: first passage times, repair times, claim sizes.

    density   √(λ / (2π y³)) exp(-λ (y - μ)² / (2μ² y))
    loss      ½ log(2π y³/λ) + λ (y - μ)² / (2μ² y)
    symbols   μ = mean, λ = concentration
    mean      μ
    variance  μ³/λ
    crps      quadrature
    scipy     invgauss(mu=mean/concentration, scale=concentration)
    gamlss    IG: mu = mean, sigma = 1/sqrt(concentration)
    also      wald
    instead   lighter tail: gamma · close relative: log_normal
    """
    return Family(
        "inverse_gaussian",
        support=on.positive,
        parameters=(
            Parameter("mean", on.positive, role="scale", activation="exp"),
            Parameter("concentration", on.positive, role="scale"),
        ),
        distribution=deferred_class("InverseGaussian"),
    )
