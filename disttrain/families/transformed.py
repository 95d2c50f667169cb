"""Families of positive targets by a power transformation, and totals with exact zeros."""

from __future__ import annotations

from disttrain.distributions import deferred_class
from disttrain.families import on
from disttrain.families.family import Family, Parameter

__all__ = ["box_cox_cole_green", "box_cox_t", "tweedie"]

_BOX_COX = (
    Parameter("loc", on.positive, role="scale", activation="exp"),
    Parameter("scale", on.positive, role="shape"),
    Parameter("shape", on.real, role="shape"),
)


def box_cox_cole_green() -> Family:
    """Positive amounts with their own skewness: growth curves, reference centiles (the LMS method). shape 1 is normal, 0 log-normal.

    density   y^(ν-1) / (μ^ν σ √(2π)) exp(-z²/2) / Φ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    loss      z²/2 + log σ + ½ log 2π + log y - ν log(y/μ) + log Φ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    symbols   μ = loc, σ = scale, ν = shape
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    BCCG: mu = loc, sigma = scale, nu = shape
    instead   heavier tails: box_cox_t · one shape less: gamma, log_normal
    """
    return Family("box_cox_cole_green", support=on.positive, parameters=_BOX_COX, distribution=deferred_class("BoxCoxColeGreen"))


def box_cox_t() -> Family:
    """Positive amounts with their own skewness and tails: growth curves with outliers, incomes, rents.

    density   y^(ν-1) / (μ^ν σ) t_τ(z) / T_τ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    loss      -log t_τ(z) + log σ + log y - ν log(y/μ) + log T_τ(1/(σ|ν|)),   z = ((y/μ)^ν - 1)/(νσ)
    symbols   μ = loc, σ = scale, ν = shape, τ = df
    mean      by quadrature
    variance  by quadrature
    crps      quadrature
    scipy     none
    gamlss    BCT: mu = loc, sigma = scale, nu = shape, tau = df
    instead   light tails: box_cox_cole_green · fewer shapes: gamma, log_normal, generalized_gamma
    """
    return Family(
        "box_cox_t",
        support=on.positive,
        parameters=(*_BOX_COX, Parameter("df", on.positive, role="shape", activation="softplus_above_2")),
        distribution=deferred_class("BoxCoxT"),
    )


def tweedie() -> Family:
    """Totals of a random number of positive amounts, with exact zeros: claims per policy, rainfall per day, sales per shop.

    density   exp(-λ) where y = 0, Σ_j exp(-λ) λ^j/j! · gamma(y; jα, γ) above,   λ = μ^(2-p)/(φ(2-p)), α = (2-p)/(p-1), γ = φ(p-1)μ^(p-1)
    loss      λ where y = 0, λ - log Σ_j λ^j/j! · gamma(y; jα, γ) above,   λ = μ^(2-p)/(φ(2-p)), α = (2-p)/(p-1), γ = φ(p-1)μ^(p-1)
    symbols   μ = mean, φ = dispersion, p = power
    mean      μ
    variance  φ μ^p
    crps      quadrature
    scipy     none
    gamlss    none
    instead   zeros of a cause of their own: hurdle · no zeros: gamma_mean
    """
    return Family(
        "tweedie",
        support=on.nonnegative,
        parameters=(
            Parameter("mean", on.positive, role="mean", activation="exp"),
            Parameter("dispersion", on.positive, role="dispersion"),
            Parameter("power", on.interval(1.0, 2.0), role="shape", activation="sigmoid_1_to_2"),
        ),
        distribution=deferred_class("Tweedie"),
        atoms=(0.0,),
    )
