"""Closed forms of the continuous ranked probability score ∫(F(t) - 1{y <= t})² dt, one function per distribution.

Each takes a distribution and `y`, both (n,) in float64, and returns (n,) in target units. They are written as
(y - m)(2F(y) - 1) plus a term of the density, minus half the mean distance of two draws, which does not cancel for large parameters.
Outside the support the score grows by the distance from it. Source unless said otherwise: Jordan, Krüger & Lerch (2019), Evaluating
Probabilistic Forecasts with scoringRules, Journal of Statistical Software 90(12), appendix A.
"""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions
from disttrain.distributions.core import functionals
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.unit_interval.other_shares import beta_mean
from disttrain.metrics.crps.mixtures import ClosedForm, closed_form_of_mixture
from disttrain.metrics.row_blocks import support_ends

_ROOT_PI = math.sqrt(math.pi)
_ROOT_2 = math.sqrt(2.0)
_EULER_GAMMA = 0.5772156649015329


def normal(d: distributions.Normal, y: Tensor) -> Tensor:
    z = (y - d.loc) / d.scale
    return d.scale * (z * torch.erf(z / _ROOT_2) + math.sqrt(2.0 / math.pi) * (-0.5 * z.square()).exp() - 1.0 / _ROOT_PI)


def laplace(d: distributions.Laplace, y: Tensor) -> Tensor:
    distance = (y - d.loc).abs() / d.scale
    return d.scale * (distance + (-distance).exp() - 0.75)


def logistic(d: distributions.Logistic, y: Tensor) -> Tensor:
    distance = (y - d.loc).abs() / d.scale
    return d.scale * (distance + 2.0 * (-distance).exp().log1p() - 1.0)


def cauchy(d: distributions.Cauchy, y: Tensor) -> Tensor:
    """The score is finite, though no mean exists: (2/π)(z arctan z - ½ log(1 + z²) + log 2), from the integral of 2F - 1 and ∫arctan(1/t)² dt = π log 2."""
    z = (y - d.loc) / d.scale
    return d.scale * (2.0 / math.pi) * (z * z.atan() - 0.5 * special.log1p_square(z) + math.log(2.0))


def gumbel(d: distributions.Gumbel, y: Tensor) -> Tensor:
    """-z + 2 E₁(exp(-z)) + γ - log 2. Source: Friederichs & Thorarinsdottir (2012), Environmetrics 23, appendix A."""
    z = (y - d.loc) / d.scale
    return d.scale * (2.0 * _exponential_integral(-z) - z + _EULER_GAMMA - math.log(2.0))


def student_t(d: distributions.StudentT, y: Tensor) -> Tensor:
    """The closed form for df > 1; below, it has no value, though the score exists down to df > ½."""
    z = (y - d.loc) / d.scale
    # |z| f(z) and z² f(z) stay exact where z² alone would overflow.
    density = (d.log_prob(y) + d.scale.log()).exp()
    slope = 2.0 * density * d.df / (d.df - 1.0) + 2.0 * (z * density) * z / (d.df - 1.0)
    # √df B(½, df - ½)/B(½, df/2)² in gamma functions half a step apart.
    gamma_ratio = (d.df / (d.df - 0.5)).sqrt() * (2.0 * special.half_step(0.5 * d.df) - special.half_step(d.df - 0.5)).exp()
    return d.scale * (z * (d.cdf(y) - d.survival(y)) + slope - gamma_ratio * d.df / (d.df - 1.0) / _ROOT_PI)


def exponential(d: distributions.Exponential, y: Tensor) -> Tensor:
    y, outside = _half_line(y)
    return outside + y + (2.0 * torch.expm1(-d.rate * y) + 0.5) / d.rate


def gamma(d: distributions.Gamma, y: Tensor) -> Tensor:
    y, outside = _half_line(y)
    mean = d.concentration / d.rate
    half_difference = _half_step(d.concentration) / (_ROOT_PI * d.rate)
    return outside + (y - mean) * _balance(d, y) + 2.0 * _times_density(d, y) / d.rate - half_difference


def log_normal(d: distributions.LogNormal, y: Tensor) -> Tensor:
    y, outside = _half_line(y)
    z = (torch.where(y > 0, y, 1.0).log() - d.loc) / d.scale
    z = torch.where(y > 0, z, -math.inf)
    log_mean = d.loc + 0.5 * d.scale.square()
    # The mean times a small number, taken together where the scale is large and the mean alone overflows.
    small = log_mean.exp() * (torch.erf((z - d.scale) / _ROOT_2) + torch.erf(0.5 * d.scale))
    partial, rest = (torch.special.log_ndtr(tail) for tail in (z - d.scale, -d.scale / _ROOT_2))
    large: Tensor = 2.0 * ((log_mean + partial).exp() - (log_mean + rest).exp())
    return outside + y * torch.erf(z / _ROOT_2) - torch.where(d.scale > 2.0, large, small)


def weibull(d: distributions.Weibull, y: Tensor) -> Tensor:
    """The partial mean is an incomplete gamma function, and the smaller of two draws is again Weibull, 2^(-1/k) as large."""
    y, outside = _half_line(y)
    shape = 1.0 + 1.0 / d.concentration
    mean = d.scale * torch.lgamma(shape).exp()
    hazard = (d.concentration * (torch.where(y > 0, y, 1.0) / d.scale).log()).exp()
    upper: Tensor = torch.special.gammaincc(shape, torch.where(y > 0, hazard, 0.0))
    return outside + y * _balance(d, y) - mean * (2.0 * (1.0 - upper) - torch.exp2(-1.0 / d.concentration))


def beta(d: distributions.Beta, y: Tensor) -> Tensor:
    inside = y.clamp(0.0, 1.0)
    a, b = d.concentration1, d.concentration0
    density = _times_density(d, inside) * (1.0 - inside)
    return (y - inside).abs() + (inside - a / (a + b)) * _balance(d, inside) + 2.0 * density / (a + b) - _beta_half_difference(d)


def _beta_half_difference(d: distributions.Beta) -> Tensor:
    """Half the mean distance of two draws."""
    a, b = d.concentration1, d.concentration0
    return _half_step(a) * _half_step(b) / (_ROOT_PI * (a + b) * _half_step(a + b))


def zero_one_inflated_beta(d: distributions.ZeroOneInflatedBeta, y: Tensor) -> Tensor:
    """Mean distance of y from 0, 1 and a draw of the beta part B, minus half that of two draws: of 0 from 1, of either from B, and in B.

    It is written with the score of B, which is the mean distance from B minus half that of two draws of it.
    """
    part = beta_mean(d.beta_mean, d.precision)
    inside, rest, centre = y.clamp(0.0, 1.0), 1.0 - d.zero - d.one, d.beta_mean
    half_difference = _beta_half_difference(part)
    distance = d.zero * (inside - rest * centre) + d.one * (1.0 - inside - rest * (1.0 - centre)) - d.zero * d.one
    return (y - inside).abs() + distance + rest * (beta(part, inside) + (d.zero + d.one) * half_difference)


def poisson(d: distributions.Poisson, y: Tensor) -> Tensor:
    """Source: Wei & Held (2014), Calibration tests for count data, TEST 23."""
    y, outside = _half_line(y)
    half_difference: Tensor = d.rate * (torch.special.i0e(2.0 * d.rate) + torch.special.i1e(2.0 * d.rate))
    count = y.floor()
    return outside + (y - d.rate) * _balance(d, count) + 2.0 * d.rate * d.log_prob(count).exp() - half_difference


def negative_binomial(d: distributions.NegativeBinomial, y: Tensor) -> Tensor:
    """The form of Wei & Held (2014), with the mean distance of two draws by quadrature, because its hypergeometric function cancels."""
    y, outside = _half_line(y)
    count = y.floor()
    mass = d.mean * (1.0 + count / d.concentration) * d.log_prob(count).exp()
    return outside + (y - d.mean) * _balance(d, count) + 2.0 * mass - _negative_binomial_half_difference(d.mean, d.concentration)


def geometric(d: distributions.Geometric, y: Tensor) -> Tensor:
    """Two geometric series: k - 2 q (1 - q^k)/p + q²/(1 - q²) at whole numbers k, with q = 1 - p."""
    y, outside = _half_line(y)
    count, failure = y.floor(), 1.0 - d.probs
    lower, upper = d.cdf(count), d.survival(count)
    score = count + 2.0 * failure * torch.expm1(torch.special.xlog1py(count, -d.probs)) / d.probs
    score = score + failure.square() / (d.probs * (2.0 - d.probs))
    return outside + score + (y - count) * (lower - upper)


def bernoulli(d: distributions.Bernoulli, y: Tensor) -> Tensor:
    inside = y.clamp(0.0, 1.0)
    failure = d.cdf(torch.zeros_like(y))
    return (y - inside).abs() + inside * failure.square() + (1.0 - inside) * d.probs.square()


CLOSED_FORMS: dict[type, ClosedForm] = {
    distributions.Normal: normal,
    distributions.StudentT: student_t,
    distributions.Laplace: laplace,
    distributions.Logistic: logistic,
    distributions.Cauchy: cauchy,
    distributions.Gumbel: gumbel,
    distributions.Exponential: exponential,
    distributions.Gamma: gamma,
    distributions.LogNormal: log_normal,
    distributions.Weibull: weibull,
    distributions.Beta: beta,
    distributions.ZeroOneInflatedBeta: zero_one_inflated_beta,
    distributions.Poisson: poisson,
    distributions.NegativeBinomial: negative_binomial,
    distributions.Geometric: geometric,
    distributions.Bernoulli: bernoulli,
}


def closed_form(distribution: Distribution) -> ClosedForm | None:
    """The closed form of a distribution; None if there is none."""
    if isinstance(distribution, distributions.Mixture):
        return closed_form_of_mixture(distribution)
    return CLOSED_FORMS.get(type(distribution))


def _half_line(y: Tensor) -> tuple[Tensor, Tensor]:
    """`y` moved into the positive half line, and the distance of the move."""
    return y.clamp(min=0.0), (-y).clamp(min=0.0)


def _balance(d: Distribution, y: Tensor) -> Tensor:
    """2F(y) - 1."""
    return functionals.cdf(d, y) - functionals.survival(d, y)


def _times_density(d: Distribution, y: Tensor) -> Tensor:
    """y f(y); 0 at the ends of the support for any density there."""
    inside = (y > 0) & (y < support_ends(d)[1])
    safe = torch.where(inside, y, 0.5)
    return torch.where(inside, (d.log_prob(safe) + safe.log()).exp(), 0.0)


def _half_step(x: Tensor) -> Tensor:
    """Γ(x + ½)/Γ(x)."""
    return x.sqrt() * special.half_step(x).exp()


def _exponential_integral(log_x: Tensor) -> Tensor:
    """E₁(exp(log_x)), by its series if exp(log_x) is close to 0."""
    x = log_x.clamp(max=700.0).exp()
    return torch.where(log_x < -40.0, -_EULER_GAMMA - log_x, tensors.on_arrays(scipy.special.exp1, x))


def _negative_binomial_half_difference(mean: Tensor, concentration: Tensor) -> Tensor:
    """Half the mean distance of two draws: (1/2π) ∫ [1 - (1 + 4V t²/(r (1 + t²)))^(-r)]/t² dt over t > 0, with variance V and r.

    It is the integral of the characteristic function of the difference; every term is positive. On the scale of log t the trapezoid
    rule converges exponentially; the ends, where the integrand is 4V t and C/t to rounding, are geometric series.
    """
    variance = mean * (1.0 + mean / concentration)
    peak = -0.5 * (4.0 * variance / concentration * concentration.clamp(min=1.0)).log().clamp(min=0.0)
    step, half_width = 0.15, 13.5
    first, last = peak - half_width, torch.minimum(peak + 40.0, torch.full_like(peak, half_width))
    nodes = ((last - first) / step).ceil()
    total = 4.0 * variance * first.exp() / math.expm1(step)
    for j in range(int(torch.nan_to_num(nodes).max()) + 1):
        x = first + step * j
        square = torch.exp(2.0 * x)
        rise = -torch.expm1(-concentration * torch.log1p(4.0 * variance / concentration * square / (1.0 + square)))
        # The last node stands for all that follow.
        share = (nodes > j).double() + (nodes == j).double() / -math.expm1(-step)
        total = total + share * rise * (-x).exp()
    return total * step / (2.0 * math.pi)
