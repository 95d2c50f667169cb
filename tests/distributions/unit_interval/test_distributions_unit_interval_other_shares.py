"""The traps of the distributions of shares: where the formula of the textbook fails, and ours does not."""

from __future__ import annotations

import math

import mpmath as mp
import pytest
import torch
from scipy import integrate, stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import of, tensor

MIXED = {"mean": 0.4, "precision": 5.0, "zero": 0.2, "one": 0.3}


def test_beta_mean_is_beta_with_that_mean_and_variance():
    made = of("beta_mean", mean=0.3, precision=6.0)
    assert float(made.mean) == pytest.approx(0.3)
    assert float(made.variance) == pytest.approx(0.3 * 0.7 / 7.0)
    assert float(made.log_prob(tensor(0.2))) == pytest.approx(stats.beta(1.8, 4.2).logpdf(0.2), rel=1e-13)


def test_inflated_beta_does_not_ask_the_beta_part_at_its_ends():
    y = tensor([0.0, 1.0, 0.5])
    mean = tensor(0.4).requires_grad_()
    beta = of("Beta", concentration1=2.0, concentration0=3.0)
    naive = torch.where(
        y == 0, math.log(0.2), torch.where(y == 1, math.log(0.3), math.log(0.5) + type(beta)(mean * 5, (1 - mean) * 5).log_prob(y))
    )
    (slope,) = torch.autograd.grad(naive.sum(), mean)
    assert not bool(slope.isfinite())
    score = of("ZeroOneInflatedBeta", **MIXED).log_prob(y)
    torch.testing.assert_close(score, torch.stack([tensor(0.2).log(), tensor(0.3).log(), tensor(0.5).log() + beta.log_prob(y[2])]))
    parameters = {name: tensor(value).requires_grad_() for name, value in MIXED.items()}
    slopes = torch.autograd.grad(of("ZeroOneInflatedBeta", **parameters).log_prob(y).sum(), parameters.values())
    assert all(bool(slope.isfinite()) for slope in slopes)


def test_inflated_beta_has_steps_at_both_ends_and_the_density_between():
    made = of("ZeroOneInflatedBeta", **MIXED)
    y = tensor([-1.0, 0.0, 0.5, 1.0, 2.0])
    between = 0.2 + 0.5 * stats.beta(2, 3).cdf(0.5)
    torch.testing.assert_close(functionals.cdf(made, y), tensor([0.0, 0.2, between, 1.0, 1.0]))
    torch.testing.assert_close(functionals.survival(made, y), tensor([1.0, 0.8, 1.0 - between, 0.0, 0.0]))
    assert made.probability_at(tensor([0.0, 0.5, 1.0])).tolist() == pytest.approx([0.2, 0.0, 0.3])
    assert functionals.quantile(made, tensor([0.0, 0.2, 0.7, 0.71, 1.0])).tolist() == [0.0, 0.0, 1.0, 1.0, 1.0]
    assert float(functionals.quantile(made, tensor(between))) == pytest.approx(0.5)
    inside = integrate.quad(lambda v: float(made.log_prob(tensor(v)).exp()), 0.0, 1.0)[0]
    assert inside + 0.2 + 0.3 == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize("zero", [-50.0, 0.0, 50.0, 700.0])
@pytest.mark.parametrize("one", [-50.0, 3.0, 50.0])
def test_inflated_beta_of_logits_keeps_a_rest_that_is_all_but_nothing(zero, one):
    logits = tensor([zero, one]).requires_grad_()
    made = distributions.ZeroOneInflatedBeta(tensor(0.4), tensor(5.0), zero_logits=logits[0], one_logits=logits[1])
    y = tensor([0.0, 1.0, 0.5])
    whole = float(mp.log(mp.exp(zero) + mp.exp(one) + 1))
    scores = made.log_prob(y)
    expected = [zero - whole, one - whole, stats.beta(2, 3).logpdf(0.5) - whole]
    assert scores.tolist() == pytest.approx(expected, rel=1e-13, abs=1e-15)
    # By the probabilities the rest is 1e-15 at best, and has no slope that leads away from there.
    (slopes,) = torch.autograd.grad(scores[2], logits)
    assert slopes.tolist() == pytest.approx([-math.exp(zero - whole), -math.exp(one - whole)], rel=1e-12)
    torch.testing.assert_close(made.expand((2,)).log_prob(y.unsqueeze(1))[:, 0], scores, rtol=1e-13, atol=1e-15)


def test_inflated_beta_has_the_moments_of_the_whole_and_its_draws_too():
    made = of("ZeroOneInflatedBeta", **MIXED)
    assert float(made.mean) == pytest.approx(0.3 + 0.5 * 0.4)
    assert float(made.beta_mean) == pytest.approx(0.4)
    second = 0.3 + 0.5 * stats.beta(2, 3).moment(2)
    assert float(made.variance) == pytest.approx(second - 0.25)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        drawn = made.sample((40_000,))
    # Five standard errors.
    assert float((drawn == 0).double().mean()) == pytest.approx(0.2, abs=5 * math.sqrt(0.16 / 40_000))
    assert float((drawn == 1).double().mean()) == pytest.approx(0.3, abs=5 * math.sqrt(0.21 / 40_000))
    assert float(drawn.mean()) == pytest.approx(0.5, abs=5 * math.sqrt(float(made.variance) / 40_000))


def test_kumaraswamy_is_finite_at_the_last_share_below_one():
    y, a, b = tensor(1.0 - 2.0**-53), tensor(0.1).requires_grad_(), 3.0
    naive = (a * b).log() + (a - 1.0) * y.log() + (b - 1.0) * (1.0 - y**a).log()
    assert not bool(naive.isfinite())
    score = of("Kumaraswamy", concentration1=a, concentration0=b).log_prob(y)
    # 1 - y^a is a 2^-53 there.
    assert float(score.detach()) == pytest.approx(math.log(0.3) + 2.0 * math.log(0.1 * 2.0**-53), rel=1e-12)
    assert bool(torch.autograd.grad(score, a)[0].isfinite())


def test_kumaraswamy_quantiles_near_one_keep_their_probability():
    a, b, p = 0.014, 2.5e-6, tensor(7e-5)
    made = of("Kumaraswamy", concentration1=a, concentration0=b)
    naive = (1.0 - (1.0 - p) ** (1.0 / b)) ** (1.0 / a)
    wanted = (1.0 - (1.0 - 7e-5) ** (1.0 / b), made.icdf(p))
    assert abs(float(functionals.cdf(made, naive)) / 7e-5 - 1.0) > 1e-7
    # One float64 step of the quantile, times the density.
    rounding = float(made.log_prob(wanted[1]).exp()) * 2.0**-52 / 7e-5
    assert abs(float(functionals.cdf(made, wanted[1])) / 7e-5 - 1.0) < 1e-10 + rounding


def test_the_tails_of_simplex_normal_do_not_overflow_where_the_dispersion_is_small():
    m, s = 0.3, 1e-3
    y = tensor(m)
    naive = 0.5 + (1.0 - 2.0 * m) * tensor(2.0 / (s * s * m * (1.0 - m))).exp() * torch.special.ndtr(
        tensor(-2.0 / (s * math.sqrt(m * (1.0 - m))))
    )
    assert not bool(naive.isfinite())
    # Φ(-v) exp(v²/2) is φ(0)/v up to 1/v².
    expected = 0.5 + (1.0 - 2.0 * m) * s * math.sqrt(m * (1.0 - m)) / 2.0 / math.sqrt(2.0 * math.pi)
    assert float(functionals.cdf(of("SimplexNormal", mean=m, dispersion=s), y)) == pytest.approx(expected, rel=1e-9)


def test_continuous_bernoulli_has_no_hole_at_one_half():
    probs = tensor([0.5 - 1e-9, 0.5, 0.5 + 1e-9]).requires_grad_()
    naive = (2.0 * torch.atanh(1.0 - 2.0 * probs) / (1.0 - 2.0 * probs)).log() + 0.3 * probs.log() + 0.7 * torch.log1p(-probs)
    assert not bool(naive.isfinite().all())
    score = of("ContinuousBernoulli", probs=probs).log_prob(tensor(0.3))
    torch.testing.assert_close(score.detach(), torch.zeros(3, dtype=torch.float64), atol=1e-8, rtol=0.0)
    # The slope in the logit is y - ½, and a logit is four times a probability.
    torch.testing.assert_close(torch.autograd.grad(score.sum(), probs)[0], torch.full((3,), -0.8, dtype=torch.float64), atol=1e-7, rtol=0.0)
