"""Counts of trials obey the laws of all distributions; the traps of counts with a dispersion, of trials and of differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.special
import torch
from scipy import stats

from disttrain import distributions
from disttrain.distributions.core import functionals, lattice_sums
from tests.distributions import test_distributions_laws as laws
from tests.distributions.distribution_examples import of, tensor
from tests.distributions.examples_dispersed_counts import TRIALS

LAWS = [
    laws.test_log_prob_agrees_with_scipy,
    laws.test_cdf_and_survival_agree_with_scipy_and_sum_to_one,
    laws.test_cdf_and_survival_sum_to_one,
    laws.test_log_cdf_and_log_survival_are_the_logarithms_of_cdf_and_survival,
    laws.test_tails_far_out_are_finite_or_certain_and_their_gradients_finite,
    laws.test_the_quantile_is_the_smallest_count_that_reaches_the_level,
    laws.test_levels_zero_and_one_give_the_ends_of_the_support,
    laws.test_below_the_support_nothing_has_happened,
    laws.test_moments_are_those_of_scipy,
    laws.test_no_other_value_is_more_probable_than_the_mode,
    laws.test_the_mass_sums_to_one,
    laws.test_samples_follow_the_distribution,
    laws.test_parameters_are_readable_and_broadcast_over_rows,
    laws.test_float32_parameters_give_nearly_the_same_score,
]


@pytest.mark.parametrize("example", TRIALS, ids=str)
@pytest.mark.parametrize("check_law", LAWS, ids=lambda law: law.__name__)
def test_counts_of_trials_obey_the_laws(check_law, example):
    check_law(example)


@pytest.mark.parametrize("example", TRIALS, ids=str)
@pytest.mark.parametrize("score", ["log_prob", "log_cdf", "log_survival"])
def test_gradients_of_counts_of_trials_agree_with_finite_differences(score, example):
    total = example.parameters["total_count"]
    learned = {name: tensor(value).requires_grad_() for name, value in example.parameters.items() if name != "total_count"}
    y = torch.arange(total if score == "log_survival" else total + 1.0, dtype=torch.float64)[: -1 if score == "log_cdf" else None]

    def value(*values):
        made = getattr(distributions, example.name)(tensor(total), **dict(zip(learned, values, strict=True)))
        return getattr(made, score)(y)

    assert torch.autograd.gradcheck(value, tuple(learned.values()), eps=1e-6, atol=1e-5, rtol=1e-5)


def test_no_success_in_no_trial_is_certain():
    assert math.isnan(stats.betabinom(0, 0.0, 0.0).logpmf(0))
    total, probs = tensor([0.0, 3.0, 0.0]), tensor([0.3, 0.5, 0.9]).requires_grad_()
    for made in (distributions.Binomial(total, probs), distributions.BetaBinomial(total, probs, tensor(2.0))):
        score = made.log_prob(tensor([0.0, 1.0, 0.0]))
        (slope,) = torch.autograd.grad(score.sum() + made.log_cdf(tensor(0.0)).sum(), probs)
        assert score[[0, 2]].tolist() == slope[[0, 2]].tolist() == [0.0, 0.0]
        assert bool(slope.isfinite().all())
        assert functionals.quantile(made, 0.5)[[0, 2]].tolist() == functionals.mean(made)[[0, 2]].tolist() == [0.0, 0.0]


def test_a_binomial_of_logits_is_exact_where_the_probability_saturates():
    logits = tensor([50.0, -50.0, 1e4, -1e4]).requires_grad_()
    score = distributions.Binomial(10.0, logits=logits).log_prob(tensor([9.0, 1.0, 9.0, 1.0]))
    assert bool(torch.distributions.Binomial(10, torch.sigmoid(logits[0]), validate_args=False).log_prob(tensor(9.0)) > -36.0)
    torch.testing.assert_close(score, math.log(10.0) - logits.abs())
    (slope,) = torch.autograd.grad(score.sum(), logits)
    torch.testing.assert_close(slope, tensor([-1.0, 1.0, -1.0, 1.0]))


def test_a_binomial_of_ten_million_trials_keeps_its_digits():
    n = 1e7
    naive = torch.distributions.Binomial(torch.tensor(n), torch.tensor(0.5), validate_args=False).log_prob(torch.tensor(n / 2))
    expected = -0.5 * math.log(math.pi * n / 2.0) - 0.25 / n
    assert abs(float(naive) - expected) > 0.1
    assert float(distributions.Binomial(n, 0.5).log_prob(tensor(n / 2))) == pytest.approx(expected, abs=1e-14)


def test_a_beta_binomial_of_a_large_precision_is_the_binomial():
    y = torch.arange(0.0, 41.0, dtype=torch.float64)
    a, b = 0.3e16, 0.7e16
    naive = scipy.special.betaln(y + a, 40 - y + b) - scipy.special.betaln(a, b) + np.log(scipy.special.comb(40, y))
    binomial = distributions.Binomial(40.0, 0.3).log_prob(y)
    assert float((naive - binomial).abs().max()) > 1.0
    torch.testing.assert_close(distributions.BetaBinomial(40.0, 0.3, 1e16).log_prob(y), binomial, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["GeneralizedPoisson", "PoissonInverseGaussian"])
def test_without_dispersion_they_are_the_poisson(name):
    y = torch.tensor([0.0, 1.0, 20.0, 30.0, 31.0, 60.0, 99_000.0, 1e5], dtype=torch.float64)
    for mean in (25.0, 1e5):
        poisson = of("Poisson", rate=mean).log_prob(y)
        # The difference is at most the dispersion times half of ((y - mean)² + y), and y² of the generalized Poisson.
        made = of(name, mean=mean, dispersion=1e-25).log_prob(y)
        torch.testing.assert_close(made, poisson, rtol=1e-13, atol=1e-12)


def test_com_poisson_of_dispersion_one_is_the_poisson_and_of_none_the_geometric():
    y = torch.arange(0.0, 60.0, dtype=torch.float64)
    for mean in (1e-6, 0.3, 1.0, 12.5, 400.0):
        torch.testing.assert_close(
            of("ComPoisson", mean=mean, dispersion=1.0).log_prob(y), of("Poisson", rate=mean).log_prob(y), rtol=1e-12, atol=1e-12
        )
    flat = of("ComPoisson", mean=3.0, dispersion=1e-9).log_prob(y)
    torch.testing.assert_close(flat, of("Geometric", probs=0.25).log_prob(y), rtol=1e-6, atol=1e-6)


@pytest.mark.slow
def test_com_poisson_solves_every_row_as_if_it_were_alone():
    mean, dispersion = torch.linspace(0.05, 60.0, 400, dtype=torch.float64), torch.logspace(-2.0, 1.0, 400, dtype=torch.float64)
    mean = torch.cat([mean, mean.flip(0)])
    dispersion = dispersion.repeat(2)
    y = mean.floor()
    whole = distributions.ComPoisson(mean, dispersion).log_prob(y)
    alone = torch.cat(
        [distributions.ComPoisson(m, d).log_prob(k) for m, d, k in zip(mean.split(1), dispersion.split(1), y.split(1), strict=True)]
    )
    torch.testing.assert_close(whole, alone, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.3, 0.02), (8.0, 0.4), (25.0, 6.0), (60.0, 1.0)])
def test_com_poisson_tails_are_sums_of_its_mass(mean, dispersion):
    made, counts = of("ComPoisson", mean=mean, dispersion=dispersion), torch.arange(0.0, 1500.0, dtype=torch.float64)
    mass = made.log_prob(counts).exp()
    assert float((mass * counts).sum()) == pytest.approx(mean, rel=1e-12)
    assert float((mass * (counts - mean).square()).sum()) == pytest.approx(float(made.variance), rel=1e-11)
    near = mass > 1e-200
    torch.testing.assert_close(made.log_cdf(counts)[near], mass.cumsum(0).log().clamp(max=0.0)[near], rtol=1e-10, atol=1e-12)
    upper = mass.flip(0).cumsum(0).flip(0) - mass
    near &= upper > 1e-9 * mass
    torch.testing.assert_close(made.log_survival(counts)[near].exp(), upper[near], rtol=1e-6, atol=1e-15)


def test_com_poisson_series_and_expansion_meet():
    mean, dispersion = tensor([4e6, 2.0e6, 3e5]), tensor([0.26, 0.6, 2.9])
    for shift in (0.99, 1.01):
        made = distributions.ComPoisson(mean * shift, dispersion)
        y = (mean * shift).floor()
        # The leading term of the normaliser: half the logarithm of 2π mean/dispersion, less the next by 1/(mean · dispersion).
        leading = -0.5 * (2.0 * math.pi * mean * shift / dispersion).log()
        torch.testing.assert_close(made.log_prob(y), leading, rtol=0.0, atol=2e-6)


def test_com_poisson_is_finite_up_to_its_last_mean():
    mean, dispersion = (axis.flatten().requires_grad_() for axis in torch.meshgrid(
        tensor([1e-6, 0.3, 1.0, 7.0, 1e3, math.exp(20.0), math.exp(100.0)]), tensor([1e-6, 1e-3, 0.7, 1.0, 30.0, 1e4]), indexing="ij"))  # fmt: skip
    for y in (0.0, 1.0, 50.0, 1e7):
        score = distributions.ComPoisson(mean, dispersion).log_prob(tensor(y))
        slopes = torch.autograd.grad(score.sum(), (mean, dispersion))
        assert all(bool(values.isfinite().all()) for values in (score, *slopes))


def test_a_skellam_does_not_need_a_bessel_function_that_overflows():
    assert not np.isfinite(np.log(scipy.special.iv(3, 2e6)))
    made = of("Skellam", rate1=1e6, rate2=1e6)
    # Nearly normal with variance 2e6; the next term is of relative size 1/(8 · 2e6).
    assert float(made.log_prob(tensor(3.0))) == pytest.approx(-0.5 * math.log(4e6 * math.pi) - 9.0 / 4e6, abs=1e-7)
    assert np.isneginf(np.log(scipy.special.ive(400, 1e-3)))
    assert math.isfinite(float(of("Skellam", rate1=1e-3, rate2=1e-3).log_prob(tensor(-400.0))))


def test_a_skellam_reaches_below_zero():
    made = of("Skellam", rate1=2.0, rate2=9.0)
    assert float(functionals.quantile(made, 0.01)) == stats.skellam(2.0, 9.0).ppf(0.01) < 0
    assert float(functionals.mode(made)) == -7.0
    counts = torch.arange(-60.0, 40.0, dtype=torch.float64)
    torch.testing.assert_close(functionals.cdf(made, counts), made.log_prob(counts).exp().cumsum(0), rtol=1e-9, atol=1e-15)
    mirrored = of("Skellam", rate1=9.0, rate2=2.0)
    torch.testing.assert_close(mirrored.log_prob(-counts), made.log_prob(counts))


@pytest.mark.parametrize("length", [1, 7, 16, 31, 32, 100, 12_345, 1_000_003])
def test_sums_over_whole_numbers_are_exact_for_what_is_smooth_away_from_the_ends(length):
    places, log_weights = lattice_sums.nodes(tensor(float(length)))
    every = np.arange(length, dtype=float)
    for function in (
        lambda k: 1.0 + 0.0 * k,
        lambda k: k,
        lambda k: (k + 1.0) ** -1.5,
        lambda k: (length - k) ** 0.5,
        lambda k: np.exp(-k / 40.0),
    ):
        # Where a weight is 0 the place is, too.
        got = float((log_weights.exp() * function(places)).sum())
        assert got == pytest.approx(float(function(every).sum()), rel=1e-12)


def test_tails_of_large_counts_keep_their_digits():
    # Poisson as a generalized one. The last number is a sum in 30 digits: scipy's gammainc is off by 5e-6 there.
    made = of("GeneralizedPoisson", mean=1e6, dispersion=1e-22)
    y = tensor([9.9e5, 1e6])
    torch.testing.assert_close(functionals.cdf(made, y), functionals.cdf(of("Poisson", rate=1e6), y), rtol=1e-9, atol=0.0)
    assert float(functionals.survival(made, 1.005e6)) == pytest.approx(2.918892467003026878e-7, rel=1e-10)


def test_negative_binomial1_has_a_variance_in_proportion_to_its_mean():
    made = distributions.negative_binomial1(tensor([2.0, 40.0]), tensor(1.5))
    torch.testing.assert_close(made.variance, 2.5 * made.mean)


@pytest.mark.parametrize("mean", [1e-6, 0.4, 3.0, 30.0, 2000.0])
def test_poisson_inverse_gaussian_tails_by_recursion_are_sums_of_its_mass(mean):
    dispersion, count = torch.cartesian_prod(
        tensor([1e-9, 0.01, 0.3, 2.0, 20.0]), tensor([0.0, 1.0, 15.0, 16.0, 30.0, 31.0, 700.0, 3000.0])
    ).T
    tails = {}
    for learned in (False, True):
        # With a gradient the tails are sums of the log-probability, without one they are recursions.
        distribution = distributions.PoissonInverseGaussian(torch.full_like(count, mean).requires_grad_(learned), dispersion)
        tails[learned] = distribution.log_cdf(count).detach(), distribution.log_survival(count).detach()
    for recursion, direct in zip(*(tails[learned] for learned in (False, True)), strict=True):
        torch.testing.assert_close(recursion, direct, rtol=2e-14, atol=2e-14)


@pytest.mark.slow
def test_poisson_inverse_gaussian_rows_do_not_depend_on_the_rows_beside_them():
    generator = torch.Generator().manual_seed(1)
    mean, dispersion = (10.0 * torch.rand(50, generator=generator, dtype=torch.float64) + 0.1 for _ in range(2))
    count = torch.arange(50, dtype=torch.float64)
    together = distributions.PoissonInverseGaussian(mean, dispersion).cdf(count)
    alone = [distributions.PoissonInverseGaussian(*row[:2]).cdf(row[2]) for row in torch.stack([mean, dispersion, count], 1)]
    torch.testing.assert_close(together, torch.stack(alone), rtol=1e-13, atol=0)
