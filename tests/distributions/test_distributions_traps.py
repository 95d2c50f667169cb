"""The traps of distributions made out of others: each naive formula written out and failing, and ours right."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import special

from disttrain import distributions
from disttrain.distributions.core import functionals
from tests.distributions.distribution_examples import of, tensor


def slope_of(score, leaf):
    """The gradient of a score in a parameter; nan and infinity pass through."""
    return torch.autograd.grad(score.sum(), leaf)[0]


def test_a_naive_zero_inflation_has_no_gradient_where_its_parts_vanish():
    y = tensor([0.0, 2.0])
    rate, logit = tensor(2000.0).requires_grad_(), tensor(-800.0).requires_grad_()
    gate = torch.sigmoid(logit)
    naive = torch.log(gate * (y == 0) + (1.0 - gate) * distributions.Poisson(rate).log_prob(y).exp())
    assert not bool(naive.isfinite().any())
    assert bool(slope_of(naive, rate).isnan())

    score = distributions.ZeroInflated(distributions.Poisson(rate), gate_logits=logit).log_prob(y)
    # At 0 the gate is by far the likelier of the two: exp(-800) against exp(-2000).
    assert score.tolist() == pytest.approx([-800.0, -2000.0 + 2.0 * math.log(2000.0) - math.log(2.0)], rel=1e-13)
    slopes = [torch.autograd.grad(score.sum(), leaf, retain_graph=True)[0] for leaf in (rate, logit)]
    assert float(slopes[0]) == pytest.approx(2.0 / 2000.0 - 1.0)
    assert float(slopes[1]) == pytest.approx(1.0)


def test_zero_inflation_has_a_gradient_where_the_base_cannot_be_positive():
    logits, gate = tensor([0.0, -math.inf]).requires_grad_(), tensor(0.3).requires_grad_()
    y = tensor([0.0, 1.0])
    base = distributions.Categorical(logits=logits)
    score = distributions.ZeroInflated(base, gate).log_prob(y)
    assert score.tolist() == [0.0, -math.inf]
    assert bool(slope_of(score[:1], gate).isfinite())


@pytest.mark.parametrize("logit", [-50.0, 50.0])
def test_gates_keep_their_digits_in_logits(logit):
    leaf = tensor(logit).requires_grad_()
    base = distributions.Poisson(tensor(3.0))
    for family in (distributions.ZeroInflated, distributions.Hurdle):
        naive = torch.log(1.0 - torch.sigmoid(leaf))
        score = family(base, gate_logits=leaf).log_prob(tensor([0.0, 4.0]))
        rest = -math.log1p(math.exp(logit)) if logit < 0 else -logit - math.log1p(math.exp(-logit))
        within = base.log_prob(tensor(4.0)) - (torch.log1p(-torch.exp(tensor(-3.0))) if family is distributions.Hurdle else 0.0)
        assert float(score[1].detach()) == pytest.approx(rest + float(within), rel=1e-13)
        if logit > 0:
            assert not bool(naive.isfinite())
        assert bool(slope_of(score, leaf).isfinite())


def test_where_lets_the_gradient_of_a_density_at_zero_through():
    y, gate = tensor([0.0, 1.5]), tensor(0.4)
    loc = tensor(0.2).requires_grad_()
    lognormal = -0.5 * (y.log() - loc) ** 2 - y.log() - 0.5 * math.log(2.0 * math.pi)
    naive = torch.where(y == 0, gate.log(), torch.log1p(-gate) + lognormal)
    assert bool(naive.isfinite().all())
    assert bool(slope_of(naive, loc).isnan())

    score = distributions.Hurdle(distributions.LogNormal(loc, tensor(1.0)), gate).log_prob(y)
    torch.testing.assert_close(score, naive.detach(), rtol=1e-13, atol=0.0)
    assert float(slope_of(score, loc)) == pytest.approx(math.log(1.5) - 0.2, rel=1e-12)


@pytest.mark.parametrize("base", ["Gamma", "Weibull", "InverseGaussian"])
def test_a_hurdle_never_asks_a_positive_density_at_zero(base):
    names = {"Gamma": ("concentration", "rate"), "Weibull": ("scale", "concentration"), "InverseGaussian": ("mean", "concentration")}
    parameters = {name: tensor(0.7).requires_grad_() for name in names[base]}
    made = distributions.Hurdle(getattr(distributions, base)(**parameters), tensor(0.25))
    score = made.log_prob(tensor([0.0, 0.0]))
    assert score.tolist() == [math.log(0.25)] * 2
    assert all(float(slope) == 0.0 for slope in torch.autograd.grad(score.sum(), parameters.values()))


def test_a_hurdle_of_tiny_counts_keeps_the_digits_of_its_normaliser():
    rate = tensor(1e-17).requires_grad_()
    naive = distributions.Poisson(rate).log_prob(tensor(1.0)) - torch.log(1.0 - torch.exp(-rate))
    assert not bool(naive.isfinite())
    score = distributions.Hurdle(distributions.Poisson(rate), tensor(0.5)).log_prob(tensor(1.0))
    # Nearly every count above 0 is a 1.
    assert float(score) == pytest.approx(math.log(0.5), rel=1e-13)
    assert bool(slope_of(score, rate).isfinite())


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_the_normaliser_of_a_truncation_far_out_is_a_difference_in_the_nearer_tail(side):
    loc = tensor(0.0).requires_grad_()
    lower, upper = sorted((30.0 * side, 32.0 * side))
    y = tensor([30.1 * side])
    normal = distributions.Normal(loc, tensor(1.0))
    mass = torch.special.ndtr(upper - loc) - torch.special.ndtr(lower - loc)
    naive = normal.log_prob(y) - mass.log()
    if side > 0:
        assert not bool(naive.isfinite().all())

    score = distributions.Truncated(normal, tensor(lower), tensor(upper)).log_prob(y)
    near, far = special.log_ndtr(-30.0), special.log_ndtr(-32.0)
    assert float(score) == pytest.approx(float(normal.log_prob(y)) - (near + math.log1p(-math.exp(far - near))), rel=1e-12)
    # The slope is y less the mean of what is left, which is about 30 + 1/30 out.
    density = [math.exp(-0.5 * at * at - near) / math.sqrt(2.0 * math.pi) for at in (30.0, 32.0)]
    mean = (density[0] - density[1]) / (1.0 - math.exp(far - near))
    assert float(slope_of(score, loc)) == pytest.approx(side * (30.1 - mean), rel=1e-9)
    middle = functionals.quantile(distributions.Truncated(of("Normal", loc=0.0, scale=1.0), tensor(lower), tensor(upper)), 0.5)
    assert float(middle) == pytest.approx(side * 30.0231, abs=1e-4)


def test_outside_its_ends_a_truncation_has_no_probability_and_no_gradient():
    rate = tensor(2.0).requires_grad_()
    score = distributions.Truncated(distributions.Exponential(rate), tensor(1.0), tensor(2.0)).log_prob(tensor([0.5, 1.5, -1.0]))
    assert score.tolist()[::2] == [-math.inf, -math.inf]
    assert bool(slope_of(score[1:2], rate).isfinite())


@pytest.mark.parametrize("far", [12.0, -12.0, 40.0])
def test_a_cell_far_out_keeps_its_probability(far):
    loc = tensor(0.0).requires_grad_()
    normal = distributions.Normal(loc, tensor(1.0))
    naive = torch.log(torch.special.ndtr(far + 0.5 - loc) - torch.special.ndtr(far - 0.5 - loc))
    if far > 0:
        assert not bool(naive.isfinite())
    score = distributions.Discretized(normal, tensor(1.0)).log_prob(tensor(far))
    near, beyond = special.log_ndtr(0.5 - abs(far)), special.log_ndtr(-0.5 - abs(far))
    assert float(score) == pytest.approx(near + math.log1p(-math.exp(beyond - near)), rel=1e-12)
    assert math.copysign(1.0, far) * float(slope_of(score, loc)) == pytest.approx(abs(far) - 0.5, abs=0.1)


def test_a_narrow_cell_has_its_density_times_the_step():
    normal = of("Normal", loc=0.0, scale=1.0)
    step, y = tensor(1e-9), tensor(6.0)
    naive = (torch.special.ndtr(y + 0.5 * step) - torch.special.ndtr(y - 0.5 * step)).log()
    expected = float(normal.log_prob(y)) + math.log(1e-9)
    assert abs(float(naive) - expected) > 0.01
    # The two tails differ by a share of 6e-9 of their own: nine digits are left.
    assert float(distributions.Discretized(normal, step).log_prob(y)) == pytest.approx(expected, abs=1e-6)


def test_a_mixture_survives_a_component_that_cannot_be():
    loc, logits = tensor([0.0, 1e200]).requires_grad_(), tensor([0.2, -0.3]).requires_grad_()
    weights = torch.softmax(logits, -1)
    parts = distributions.Normal(loc, tensor([1.0, 1e-10])).log_prob(tensor(0.5))
    assert float(parts[1]) == -math.inf or float(parts[1]) < -1e300
    naive = torch.log((weights * parts.exp()).sum())
    score = distributions.Mixture(distributions.Normal(tensor([0.0, 40.0]), tensor([1.0, 1e-3])), weight_logits=logits).log_prob(
        tensor(0.5)
    )
    assert float(score.detach()) == pytest.approx(float(naive.detach()), rel=1e-13)
    assert bool(slope_of(score, logits).isfinite().all())


def test_a_mixture_far_from_all_components_scores_where_the_naive_sum_is_zero():
    loc, scale = tensor([0.0, 1.0]).requires_grad_(), tensor([1.0, 1.0])
    naive = torch.log((0.5 * distributions.Normal(loc, scale).log_prob(tensor(60.0)).exp()).sum())
    assert float(naive.detach()) == -math.inf
    made = distributions.Mixture(distributions.Normal(loc, scale), tensor([0.5, 0.5]))
    score = made.log_prob(tensor(60.0))
    nearer, other = -0.5 * 59.0**2, -0.5 * 60.0**2
    expected = nearer + math.log1p(math.exp(other - nearer)) - 0.5 * math.log(2.0 * math.pi) + math.log(0.5)
    assert float(score.detach()) == pytest.approx(expected, rel=1e-13)
    assert slope_of(score, loc).tolist() == pytest.approx([0.0, 59.0], abs=1e-12)
    assert float(made.log_survival(tensor(60.0)).detach()) == pytest.approx(special.log_ndtr(-59.0) + math.log(0.5), rel=1e-13)


def test_a_mixture_has_finite_gradients_where_one_component_is_impossible():
    lower, rate = tensor([0.0, 5.0]), tensor([1.0, 1.0]).requires_grad_()
    made = distributions.Mixture(distributions.Truncated(distributions.Exponential(rate), lower, None), tensor([0.4, 0.6]))
    score = made.log_prob(tensor(2.0))
    assert float(score.detach()) == pytest.approx(math.log(0.4) - 2.0, rel=1e-13)
    assert slope_of(score, rate).tolist() == pytest.approx([-1.0, 0.0])


@pytest.mark.parametrize("logit", [50.0, -50.0, 800.0])
def test_weights_keep_their_digits_in_logits(logit):
    logits = tensor([logit, 0.0]).requires_grad_()
    component = distributions.Normal(tensor([0.0, 3.0]), tensor([1.0, 1.0]))
    made = distributions.Mixture(component, weight_logits=logits)
    terms = tensor([logit, 0.0]) + component.log_prob(tensor(1.0))
    expected = float(torch.logsumexp(terms, -1) - torch.logsumexp(tensor([logit, 0.0]), -1))
    score = made.log_prob(tensor(1.0))
    assert float(score.detach()) == pytest.approx(expected, rel=1e-11)
    assert bool(slope_of(score, logits).isfinite().all())
    # The weight that is left over, in the logarithm: 1 - w would be 0.
    assert float(made.log_weights.detach().min()) == pytest.approx(-abs(logit), abs=1e-12)
