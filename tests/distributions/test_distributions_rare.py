"""Probabilities that are all but 0 or all but 1, where the formula that is first written down has no digits left."""

from __future__ import annotations

import mpmath as mp
import pytest
import torch

from disttrain import distributions
from tests.distributions.distribution_examples import tensor


def test_a_truncated_count_far_out_has_a_probability_and_none_beyond_its_ends():
    made = distributions.Truncated(distributions.Poisson(tensor(1.0)), tensor(300.0), tensor(310.0))
    y = tensor([299.0, 300.0, 301.0, 311.0])
    assert float(distributions.Poisson(tensor(1.0)).log_prob(tensor(300.0)).exp()) == 0.0
    # Of the counts from 300 on, a share of 1 / (1 + 1/301 + 1/(301·302) + ...) is 300.
    first = 1.0 / (1.0 + 1.0 / 301.0 + 1.0 / (301.0 * 302.0) + 1.0 / (301.0 * 302.0 * 303.0))
    torch.testing.assert_close(made.probability_at(y), tensor([0.0, first, first / 301.0, 0.0]), rtol=1e-9, atol=0.0)
    mixture = distributions.Mixture(
        distributions.Truncated(distributions.Poisson(tensor([1.0, 1.0])), tensor([2.0, 0.0]), tensor([9.0, 1.0])), tensor([0.5, 0.5])
    )
    torch.testing.assert_close(mixture.probability_at(tensor(1.0)), tensor(0.25), rtol=1e-12, atol=0.0)
    gamma = distributions.Gamma(tensor(2.0), tensor(1.0))
    assert float(distributions.Truncated(gamma, tensor(800.0)).probability_at(tensor(801.0))) == 0.0
    assert float(distributions.Truncated(distributions.Hurdle(gamma, tensor(0.5)), tensor(1.0)).probability_at(tensor(0.0))) == 0.0


def log_factorials(*counts: float) -> list[mp.mpf]:
    return [mp.loggamma(mp.mpf(count) + 1) for count in counts]


@mp.workdps(60)
def test_many_trials_of_a_class_that_is_nearly_certain_keep_their_digits():
    counts, logits = [1.0, 14.0, 72298000.0], [-0.0015608, 4.7979, 19.904]
    whole = mp.log(sum(mp.exp(mp.mpf(score)) for score in logits))
    front, *each = log_factorials(sum(counts), *counts)
    exact = front - sum(each) + sum(k * (mp.mpf(score) - whole) for k, score in zip(counts, logits, strict=True))
    made = distributions.Multinomial(logits=tensor(logits))
    assert float(made.log_prob(tensor(counts))) == pytest.approx(float(exact), rel=1e-13)
    assert made.log_prob(tensor([0.0, 0.0, 0.0])) == 0.0


@mp.workdps(60)
def test_counts_and_concentrations_that_are_both_large_do_not_cancel():
    counts, a = [4391100.0, 1.0, 0.0], [12812000.0, 4.6414, 1.7711e-05]
    trials, total = mp.mpf(sum(counts)), mp.fsum(map(mp.mpf, a))
    front, *each = log_factorials(sum(counts), *counts)
    exact = front - sum(each) + mp.loggamma(total) - mp.loggamma(total + trials)
    exact += sum(mp.loggamma(mp.mpf(p) + k) - mp.loggamma(mp.mpf(p)) for p, k in zip(a, counts, strict=True))
    assert float(distributions.DirichletMultinomial(tensor(a)).log_prob(tensor(counts))) == pytest.approx(float(exact), rel=1e-13)


def test_the_width_of_a_narrow_class_does_not_depend_on_how_far_away_it_is():
    cutpoints = tensor([-1.0, -0.999999, 2.0]).requires_grad_()
    slopes = torch.autograd.grad(distributions.Ordinal(tensor(1e4), cutpoints).log_prob(tensor(1.0)), cutpoints)[0]
    # d/dw log(1 - exp(-w)) of the width, and the slope 1 of the lower tail at the upper cutpoint.
    width = -0.999999 + 1.0
    expected = 1.0 / float(mp.expm1(width))
    assert slopes.tolist() == pytest.approx([-expected, expected + 1.0, 0.0], rel=1e-12)


@mp.workdps(50)
def test_the_upper_tail_of_a_small_concentration_has_the_slope_of_fifty_digits():
    a, y = tensor([0.01, 0.05, 0.2]).requires_grad_(), tensor([0.01, 0.2, 3.0])
    (slopes,) = torch.autograd.grad(distributions.Gamma(a, tensor(1.0)).log_survival(y).sum(), a)
    exact = [
        float(mp.diff(lambda shape, at=at: mp.log(mp.gammainc(shape, at, mp.inf, regularized=True)), shape, h=mp.mpf(10) ** -12))
        for shape, at in zip(a.tolist(), y.tolist(), strict=True)
    ]
    assert slopes.tolist() == pytest.approx(exact, rel=2e-10)
