"""Families of targets that can be any real number."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["cauchy", "gumbel", "laplace", "logistic", "normal", "student_t"]


def _location_scale(name: str, distribution: str) -> Family:
    return Family(
        name,
        support=on.real,
        parameters=(Parameter("loc", on.real, role="location"), Parameter("scale", on.positive, role="scale")),
        distribution=deferred_class(distribution),
    )


def normal() -> Family:
    """Symmetric errors with light tails: measurement noise, sums of many small effects.

    density   exp(-(y - μ)² / (2σ²)) / (σ √(2π))
    loss      log σ + ½ log 2π + (y - μ)² / (2σ²)
    symbols   μ = loc, σ = scale
    mean      μ
    variance  σ²
    crps      closed form
    scipy     norm(loc=loc, scale=scale)
    gamlss    NO: mu = loc, sigma = scale
    drops     scale fixed: log σ + ½ log 2π is the same for all rows; what is left to minimise is (y - μ)²: the mean squared error
    also      gaussian, gauss
    instead   heavier tails: student_t, laplace, logistic · positive amounts: gamma, log_normal
    """
    return _location_scale("normal", "Normal")


def student_t() -> Family:
    """Symmetric errors with heavy tails: returns, measurements with outliers. By default df stays above 2, so that the variance exists.

    density   Γ((ν+1)/2) / (Γ(ν/2) √(νπ) σ) · (1 + z²/ν)^(-(ν+1)/2),   z = (y - μ)/σ
    loss      log σ + ½ log(νπ) + log Γ(ν/2) - log Γ((ν+1)/2) + (ν+1)/2 · log(1 + ((y - μ)/σ)²/ν)
    symbols   ν = df, μ = loc, σ = scale
    mean      μ   (ν > 1)
    variance  σ² ν/(ν - 2)   (ν > 2)
    crps      closed form
    scipy     t(df=df, loc=loc, scale=scale)
    gamlss    TF: mu = loc, sigma = scale, nu = df
    instead   no mean at all: cauchy, or activation softplus for df · lighter tails: logistic, normal
    """
    return Family(
        "student_t",
        support=on.real,
        parameters=(
            Parameter("df", on.positive, role="shape", activation="softplus_above_2"),
            Parameter("loc", on.real, role="location"),
            Parameter("scale", on.positive, role="scale"),
        ),
        distribution=deferred_class("StudentT"),
    )


def laplace() -> Family:
    """Symmetric errors with a sharp peak; its best loc is the median, so the loss is the mean absolute error up to constants.

    density   exp(-|y - μ|/b) / (2b)
    loss      log 2b + |y - μ|/b
    symbols   μ = loc, b = scale
    mean      μ
    variance  2b²
    crps      closed form
    scipy     laplace(loc=loc, scale=scale)
    gamlss    LO has no counterpart; PE with nu = 1
    drops     scale fixed: log 2b is the same for all rows; what is left to minimise is |y - μ|: the mean absolute error
    instead   smooth at the peak: logistic, student_t
    """
    return _location_scale("laplace", "Laplace")


def logistic() -> Family:
    """Symmetric errors with tails a little heavier than the normal's.

    density   exp(-z) / (σ (1 + exp(-z))²),   z = (y - μ)/σ
    loss      log σ + z + 2 log(1 + exp(-z)),   z = (y - μ)/σ
    symbols   μ = loc, σ = scale
    mean      μ
    variance  π²σ²/3
    crps      closed form
    scipy     logistic(loc=loc, scale=scale)
    gamlss    LO: mu = loc, sigma = scale
    instead   heavier tails: student_t · lighter tails: normal
    """
    return _location_scale("logistic", "Logistic")


def cauchy() -> Family:
    """Symmetric errors with tails so heavy that no mean exists: ratios, resonance.

    density   1 / (πσ (1 + z²)),   z = (y - μ)/σ
    loss      log πσ + log(1 + ((y - μ)/σ)²)
    symbols   μ = loc, σ = scale
    mean      does not exist
    variance  does not exist
    crps      closed form
    scipy     cauchy(loc=loc, scale=scale)
    gamlss    TF with nu = 1
    instead   a mean is wanted: student_t
    """
    return _location_scale("cauchy", "Cauchy")


def gumbel() -> Family:
    """Largest values of many: yearly maxima of floods, winds, loads.

    density   exp(-(z + exp(-z))) / β,   z = (y - μ)/β
    loss      log β + z + exp(-z),   z = (y - μ)/β
    symbols   μ = loc, β = scale
    mean      μ + 0.5772 β
    variance  π²β²/6
    crps      closed form
    scipy     gumbel_r(loc=loc, scale=scale)
    gamlss    RG: mu = loc, sigma = scale
    instead   symmetric: normal, logistic · positive: weibull
    """
    return _location_scale("gumbel", "Gumbel")
