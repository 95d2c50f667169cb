"""Tweedie: a probability at 0 and a density above it, whose series is summed whole."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import special, stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import made, of, rows, tensor

EXAMPLES = rows(
    "Tweedie", None,
    *({"mean": m, "dispersion": f, "power": p} for m, f, p in (
        (1.0, 1.0, 1.5), (300.0, 329.0, 1.5), (5.0, 0.05, 1.2), (0.01, 0.3, 1.9), (2.0, 0.5, 1.02), (40.0, 0.01, 1.7))),
)  # fmt: skip
every = pytest.mark.parametrize("example", EXAMPLES, ids=str)
LEVELS = np.array([1e-8, 1e-3, 0.05, 0.3, 0.5, 0.62, 0.9, 0.999, 1 - 1e-8])


def parts(mean, dispersion, power):
    """The mean number of amounts, and the concentration and the scale of each."""
    rate = mean ** (2 - power) / (dispersion * (2 - power))
    return rate, (2 - power) / (power - 1), dispersion * (power - 1) * mean ** (power - 1)


def positive_points(example):
    y = functionals.quantile(made(example), tensor(LEVELS))
    return y[y > 0]


@every
def test_the_score_of_zero_is_the_probability_of_no_amount(example):
    rate, _, _ = parts(**example.parameters)
    distribution = made(example)
    assert float(distribution.log_prob(tensor(0.0))) == pytest.approx(-rate, rel=1e-14)
    assert float(functionals.cdf(distribution, 0.0)) == pytest.approx(math.exp(-rate), rel=1e-12)
    assert float(distribution.probability_at(tensor(0.0))) == pytest.approx(math.exp(-rate), rel=1e-14)
    assert float(distribution.probability_at(tensor(0.5))) == 0.0


@pytest.mark.slow
@every
def test_mass_and_density_make_one_and_have_the_mean_and_the_variance(example):
    distribution = made(example)
    # In log y the density is smooth and vanishes at both ends, where the trapezoidal rule converges faster than any power of its step.
    step, top = 0.004, 2.0 * float(positive_points(example)[-1])
    log_y = torch.arange(math.log(top), -200.0, -step, dtype=torch.float64)
    y = log_y.exp()
    weight = (distribution.log_prob(y) + log_y).exp() * step

    def integral(of_y):
        return float((weight * of_y(y)).sum())

    mean, variance = float(functionals.mean(distribution)), float(functionals.variance(distribution))
    mass = float(distribution.log_prob(tensor(0.0)).exp())
    assert mass + integral(torch.ones_like) == pytest.approx(1.0, abs=1e-7)
    assert integral(lambda y: y / mean) == pytest.approx(1.0, rel=1e-6)
    assert mass * mean**2 / variance + integral(lambda y: (y - mean) ** 2 / variance) == pytest.approx(1.0, rel=1e-5)
    assert variance == pytest.approx(example.parameters["dispersion"] * mean ** example.parameters["power"], rel=1e-14)


@every
def test_the_slope_of_the_cdf_is_the_density(example):
    distribution, y = made(example), positive_points(example)[1:-1]
    y = y[y > 1e-6 * example.parameters["mean"]]
    below, above = (functionals.cdf(distribution, y * (1.0 + sign * 1e-5)) for sign in (-1, 1))
    np.testing.assert_allclose((above - below) / (2e-5 * y), distribution.log_prob(y).exp(), rtol=1e-5)


@every
def test_cdf_and_survival_sum_to_one_and_logarithms_are_theirs(example):
    distribution = made(example)
    y = torch.cat([tensor([-1.0, 0.0]), positive_points(example)])
    cdf, survival = functionals.cdf(distribution, y), functionals.survival(distribution, y)
    np.testing.assert_allclose(cdf + survival, 1.0, atol=1e-13)
    np.testing.assert_allclose(functionals.log_cdf(distribution, y).exp(), cdf, rtol=1e-11)
    np.testing.assert_allclose(functionals.log_survival(distribution, y).exp(), survival, rtol=1e-11)


@pytest.mark.slow
@every
def test_quantiles_are_zero_up_to_its_probability_and_inverse_above(example):
    distribution = made(example)
    zero = float(functionals.cdf(distribution, 0.0))
    p = torch.linspace(0.0, 1.0, 23, dtype=torch.float64)
    q = functionals.quantile(distribution, p)
    assert bool((q[p <= zero] == 0).all())
    kept = (p > zero) & (p < 1)
    np.testing.assert_allclose(functionals.cdf(distribution, q[kept]), p[kept], rtol=1e-11)
    assert float(q[-1]) == math.inf


@pytest.mark.slow
@every
def test_samples_follow_it(example):
    size = 20_000
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        drawn = made(example).sample((size,)).sort().values
    assert drawn.dtype == torch.float64
    y = drawn[drawn > 0]
    share = float(functionals.cdf(made(example), 0.0))
    # Five standard errors of a share; then the distribution of what is above 0.
    assert abs(1.0 - len(y) / size - share) <= 5.0 * math.sqrt(share * (1.0 - share) / size) + 1e-9
    # At every tenth value: in between the empirical cdf grows by 10 / len(y), far less than the distance that the level allows.
    cdf = (functionals.cdf(made(example), y[::10]) - share) / (1.0 - share)
    upto = torch.arange(1, len(y) + 1, 10, dtype=torch.float64) / len(y)
    assert float((cdf - upto).abs().max()) < stats.kstwobign.isf(1e-4) / math.sqrt(len(y))


@pytest.mark.slow
@every
def test_gradients_of_score_and_tails_are_those_of_finite_differences(example):
    values = {name: tensor(value) for name, value in example.parameters.items()}
    y = torch.cat([tensor([0.0]), functionals.quantile(made(example), tensor([0.3, 0.62, 0.9, 0.99]))])

    def numbers(*factors):
        moved = of("Tweedie", **{name: value * factor for (name, value), factor in zip(values.items(), factors, strict=True)})
        return torch.cat([moved.log_prob(y), functionals.log_cdf(moved, y), functionals.log_survival(moved, y)])

    ones = [torch.ones((), dtype=torch.float64).requires_grad_() for _ in values]
    assert torch.autograd.gradcheck(numbers, ones, eps=1e-6, atol=1e-4, rtol=1e-4)


def test_the_slope_in_the_target_is_that_of_finite_differences():
    y = tensor([0.2, 1.0, 5.0]).requires_grad_()
    distribution = of("Tweedie", mean=1.0, dispersion=1.0, power=1.5)
    assert torch.autograd.gradcheck(distribution.log_prob, (y,), eps=1e-6, atol=1e-7, rtol=1e-6)


def test_the_density_is_that_of_wrights_function():
    for mean, dispersion, power, y in ((1.0, 1.0, 1.5, 0.1), (300.0, 329.0, 1.5, 2500.0), (5.0, 0.5, 1.3, 7.0), (0.1, 2.0, 1.8, 1.0)):
        rate, alpha, scale = parts(mean, dispersion, power)
        # Σ z^j / (j! Γ(jα)) is Wright's generalized Bessel function of (α, 0; z).
        expected = special.log_wright_bessel(alpha, 0.0, rate * (y / scale) ** alpha) - rate - y / scale - math.log(y)
        assert float(of("Tweedie", mean=mean, dispersion=dispersion, power=power).log_prob(tensor(y))) == pytest.approx(expected, rel=1e-11)


def test_a_fixed_number_of_terms_loses_the_density_where_amounts_are_many():
    mean, dispersion, power = 100.0, 1e-3, 1.5
    rate, alpha, scale = parts(mean, dispersion, power)
    j = np.arange(1, 1001)
    terms = stats.poisson.logpmf(j, rate) + stats.gamma.logpdf(mean, j * alpha, scale=scale)
    naive = special.logsumexp(terms)
    # The saddle point approximation is exact to 1/(8 · number of amounts) and better.
    saddle = -0.5 * math.log(2.0 * math.pi * dispersion * mean**power)
    assert naive < -1000.0
    assert float(of("Tweedie", mean=mean, dispersion=dispersion, power=power).log_prob(tensor(mean))) == pytest.approx(saddle, abs=1e-4)


def test_wide_steps_and_whole_numbers_meet_without_a_jump():
    # Every whole number is summed up to some seventy amounts, at a dispersion of 0.043, beyond that wider steps.
    dispersion = torch.linspace(0.03, 0.08, 4001, dtype=torch.float64)
    score = distributions.Tweedie(2.0, dispersion, 1.5).log_prob(tensor(2.3))
    # The fourth difference of the function itself is below 3e-13 at this step.
    assert float(score.diff(n=4).abs().max()) < 1e-12


def test_few_values_above_zero_cost_little_however_many_rows_there_are():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        y = torch.where(torch.rand(9000) < 0.07, torch.rand(9000) * 5000.0, 0.0).double()
    mean = torch.full_like(y, 300.0).requires_grad_()
    whole = distributions.Tweedie(mean, 329.0, 1.5).log_prob(y)
    (slope,) = torch.autograd.grad(whole.sum(), mean)
    alone = torch.stack([distributions.Tweedie(300.0, 329.0, 1.5).log_prob(value) for value in y[:60]])
    torch.testing.assert_close(whole[:60].detach(), alone, rtol=1e-13, atol=0.0)
    # d log f / d mean = (y - mean) / (dispersion mean^power), as in any exponential dispersion model.
    torch.testing.assert_close(slope, (y - 300.0) / (329.0 * 300.0**1.5), rtol=1e-9, atol=1e-15)


@pytest.mark.parametrize("power", [1.01, 1.5, 1.99])
def test_scores_and_gradients_are_finite_far_out(power):
    grid = torch.meshgrid(
        tensor([1e-6, 1.0, 1e20, 2.6e43]), tensor([1e-6, 1.0, 1e4]), tensor([0.0, 1e-290, 1e-6, 1.0, 1e12]), indexing="ij"
    )
    mean, dispersion, y = (axis.flatten().clone() for axis in grid)
    given = [mean.requires_grad_(), dispersion.requires_grad_(), torch.full_like(y, power).requires_grad_()]
    score = distributions.Tweedie(*given).log_prob(y)
    assert bool(score.isfinite().all())
    assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(score.sum(), given))
