"""Ordered classes: narrow and far away ones, and the ends."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import tensor

MAKE = {"logit": distributions.ordinal_logit, "probit": distributions.ordinal_probit}
CDF = {"logit": stats.logistic, "probit": stats.norm}
links = pytest.mark.parametrize("link", MAKE)
CUTPOINTS = [-1.0, 0.5, 2.0]


@links
def test_the_probabilities_are_differences_of_the_cdf_and_sum_to_one(link):
    loc = tensor([0.3, -2.0])
    made = MAKE[link](loc, tensor(CUTPOINTS))
    steps = CDF[link].cdf([[-math.inf, *CUTPOINTS, math.inf]] - loc.numpy()[:, None])
    torch.testing.assert_close(made.probs, tensor(steps).diff(dim=-1))
    codes = torch.arange(4.0, dtype=torch.float64).unsqueeze(1)
    torch.testing.assert_close(functionals.cdf(made, codes), tensor(steps[:, 1:]).T)
    torch.testing.assert_close(functionals.survival(made, codes), 1.0 - tensor(steps[:, 1:]).T)
    assert functionals.quantile(made, tensor([[0.0], [0.5], [1.0]])).tolist() == [[0.0, 0.0], [1.0, 0.0], [3.0, 3.0]]
    assert functionals.is_discrete(made)
    assert bool(functionals.mean(made).isnan().all())


@links
@pytest.mark.parametrize("loc", [-1e4, -40.0, 0.0, 40.0, 1e4])
def test_a_narrow_class_far_away_keeps_a_finite_score_and_slope(link, loc):
    where, cutpoints = tensor(loc).requires_grad_(), tensor([-1.0, -1.0 + 1e-6, 2.0]).requires_grad_()
    made = MAKE[link](where, cutpoints)
    score = made.log_prob(torch.arange(4.0, dtype=torch.float64))
    assert bool(score.isfinite().all())
    assert all(bool(slope.isfinite().all()) for slope in torch.autograd.grad(score.sum(), (where, cutpoints)))
    # The width times the density, as a straight line.
    assert float(score[1].detach()) == pytest.approx(math.log(1e-6) + CDF[link].logpdf(-1.0 - loc), abs=0.02)


@links
def test_the_difference_of_two_probabilities_near_one_is_lost(link):
    loc = -50.0
    naive = CDF[link].cdf(0.5 - loc) - CDF[link].cdf(-1.0 - loc)
    assert naive == 0.0
    lower, upper = CDF[link].logsf(-1.0 - loc), CDF[link].logsf(0.5 - loc)
    expected = lower + math.log1p(-math.exp(upper - lower))
    assert float(MAKE[link](tensor(loc), tensor(CUTPOINTS)).log_prob(tensor(1.0))) == pytest.approx(expected, rel=1e-12)


@links
def test_slopes_are_those_of_finite_differences(link):
    loc, cutpoints = tensor([0.3, -2.0]).requires_grad_(), tensor([CUTPOINTS, CUTPOINTS]).requires_grad_()
    for code in range(4):
        assert torch.autograd.gradcheck(lambda *values, code=code: MAKE[link](*values).log_prob(tensor(float(code))), (loc, cutpoints))


@links
def test_draws_follow_the_probabilities(link):
    made = MAKE[link](tensor(0.3), tensor(CUTPOINTS))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(6)
        drawn = made.sample((20_000,))
    shares = torch.stack([(drawn == code).double().mean() for code in range(4)])
    # Five standard errors.
    assert bool(((shares - made.probs).abs() < 5.0 * (made.probs * (1.0 - made.probs) / 20_000).sqrt()).all())
