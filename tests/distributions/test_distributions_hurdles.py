"""Hurdles whose zeros are all but certain or all but impossible, and whose counts are all but 0."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import tensor

GATE = math.exp(-50.0) / (1.0 + math.exp(-50.0))


def hurdle(base, logits=-50.0):
    return distributions.Hurdle(base, gate_logits=tensor(logits))


def test_a_rare_zero_keeps_its_probability_where_that_of_all_others_is_one():
    for base in (distributions.Poisson(tensor(3.0)), distributions.Gamma(tensor(0.5), tensor(1.0))):
        logits = tensor(-50.0).requires_grad_()
        made = distributions.Hurdle(base, gate_logits=logits)
        score = made.log_cdf(tensor(0.0))
        assert 1.0 - float(functionals.survival(made, 0.0)) == 0.0
        assert float(score.detach()) == pytest.approx(-50.0, rel=1e-15)
        assert float(functionals.cdf(made, 0.0)) == pytest.approx(GATE, rel=1e-14)
        assert float(torch.autograd.grad(score, logits)[0]) == pytest.approx(1.0, rel=1e-14)


def test_the_lower_tail_above_a_rare_zero_is_that_of_the_base():
    rate = tensor(1e3)
    made, y = hurdle(distributions.Poisson(rate)), tensor([1.0, 700.0, 1e3])
    poisson = stats.poisson(1e3)
    expected = GATE + (poisson.cdf(y) - poisson.pmf(0))
    torch.testing.assert_close(functionals.cdf(made, y), tensor(expected), rtol=1e-11, atol=0.0)
    amounts, y = hurdle(distributions.Gamma(tensor(20.0), tensor(1.0))), tensor([0.05, 0.5, 20.0])
    torch.testing.assert_close(functionals.cdf(amounts, y), tensor(GATE + stats.gamma(20.0).cdf(y)), rtol=1e-11, atol=0.0)


@pytest.mark.slow
def test_counts_that_are_nearly_always_zero_have_finite_quantiles_and_draws_beyond_the_hurdle():
    made = hurdle(distributions.Poisson(tensor(1e-12)))
    # P(Y > 1) is half the rate: 5e-13.
    assert functionals.quantile(made, tensor([1e-23, 0.5, 1.0 - 6e-13, 1.0 - 4e-13])).tolist() == [0.0, 1.0, 1.0, 2.0]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        assert bool((made.sample((300_000,)) <= 2.0).all())
