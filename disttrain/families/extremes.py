"""Families of extremes, exceedances and lifetimes."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["birnbaum_saunders", "generalized_pareto", "gompertz", "half_normal", "rayleigh"]


def generalized_pareto(threshold: float = 0.0) -> Family:
    """What exceeds a high threshold: floods, losses, peaks over a limit. The option `threshold` is where it begins.

    density   (1/σ) (1 + ξz)^(-1/ξ - 1),   z = (y - u)/σ
    loss      log σ + (1 + 1/ξ) log(1 + ξz),   z = (y - u)/σ
    symbols   σ = scale, ξ = shape, u = threshold
    mean      u + σ/(1 - ξ)   (ξ < 1)
    variance  σ²/((1 - ξ)² (1 - 2ξ))   (ξ < ½)
    crps      quadrature
    scipy     genpareto(c=shape, loc=threshold, scale=scale)
    gamlss    GPO of gamlss.dist is another; evd: gpd
    instead   the whole of the data, not its tail: log_normal, gamma · largest values per year: generalized_extreme_value
    """
    return Family(
        "generalized_pareto",
        support=on.Support(lower=float(threshold), closed_lower=True),
        parameters=(
            Parameter("scale", on.positive, role="scale", activation="exp"),
            Parameter("shape", on.real, role="shape", activation="half_tanh"),
            Parameter("threshold", on.real, role="location", given=float(threshold)),
        ),
        distribution=deferred_class("GeneralizedPareto"),
    )


def half_normal() -> Family:
    """Sizes of errors: the absolute value of a normal around 0.

    density   √(2/π)/σ exp(-y²/(2σ²))
    loss      log σ + ½ log(π/2) + y²/(2σ²)
    symbols   σ = scale
    mean      σ √(2/π)
    variance  σ² (1 - 2/π)
    crps      quadrature
    scipy     halfnorm(scale=scale)
    gamlss    none
    instead   a peak away from 0: gamma, rayleigh · heavier tail: exponential, lomax
    """
    return Family(
        "half_normal",
        support=on.nonnegative,
        parameters=(Parameter("scale", on.positive, role="scale"),),
        distribution=deferred_class("HalfNormal"),
    )


def rayleigh() -> Family:
    """Lengths of random vectors in a plane: wind speed, wave height, distance from a target.

    density   y/σ² exp(-y²/(2σ²))
    loss      2 log σ - log y + y²/(2σ²)
    symbols   σ = scale
    mean      σ √(π/2)
    variance  σ² (2 - π/2)
    crps      quadrature
    scipy     rayleigh(scale=scale)
    gamlss    none; WEI with sigma = 2
    instead   a shape of its own: weibull
    """
    return Family(
        "rayleigh",
        support=on.positive,
        parameters=(Parameter("scale", on.positive, role="scale"),),
        distribution=deferred_class("Rayleigh"),
    )


def gompertz() -> Family:
    """Lifetimes whose hazard grows exponentially with age: human mortality, wear.

    density   c/b exp(y/b) exp(-c (exp(y/b) - 1))
    loss      log b - log c - y/b + c (exp(y/b) - 1)
    symbols   b = scale, c = concentration
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     gompertz(c=concentration, scale=scale)
    gamlss    GOMP of gamlss.demog
    instead   a hazard that grows as a power: weibull · that falls again: log_normal, log_logistic
    """
    return Family(
        "gompertz",
        support=on.nonnegative,
        parameters=(Parameter("scale", on.positive, role="scale"), Parameter("concentration", on.positive, role="shape")),
        distribution=deferred_class("Gompertz"),
    )


def birnbaum_saunders() -> Family:
    """Times until fatigue breaks a material under cyclic load.

    density   (√(y/b) + √(b/y)) / (2a y √(2π)) exp(-(√(y/b) - √(b/y))² / (2a²))
    loss      log(2a y √(2π)) - log(√(y/b) + √(b/y)) + (√(y/b) - √(b/y))² / (2a²)
    symbols   b = scale, a = concentration
    mean      b (1 + a²/2)
    variance  b² a² (1 + 5a²/4)
    crps      quadrature
    scipy     fatiguelife(c=concentration, scale=scale)
    gamlss    BS of other packages
    instead   close relatives: inverse_gaussian, log_normal
    """
    return Family(
        "birnbaum_saunders",
        support=on.positive,
        parameters=(Parameter("scale", on.positive, role="scale"), Parameter("concentration", on.positive, role="shape")),
        distribution=deferred_class("BirnbaumSaunders"),
    )
