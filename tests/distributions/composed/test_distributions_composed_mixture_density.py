"""The log-density of mixtures of location-scale distributions is that of its definition, and so are its slopes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain import distributions
from disttrain.metrics.row_blocks import rows

CLASSES = {
    distributions.Normal: stats.norm,
    distributions.Logistic: stats.logistic,
    distributions.Laplace: stats.laplace,
    distributions.Cauchy: stats.cauchy,
}
EXAMPLES = pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)


def numbers(n: int = 40, components: int = 5) -> tuple[torch.Tensor, ...]:
    """Logits, locations and scales (n, K), and values (n,)."""
    generator = torch.Generator().manual_seed(3)
    logits, loc, raw = (torch.randn(n, components, generator=generator, dtype=torch.float64) for _ in range(3))
    return logits, 2.0 * loc, torch.nn.functional.softplus(raw) + 0.05, 4.0 * torch.randn(n, generator=generator, dtype=torch.float64)


def fused(cls, logits, loc, scale, value):
    return distributions.Mixture(cls(loc, scale), weight_logits=logits).log_prob(value)


def by_definition(cls, logits, loc, scale, value):
    return torch.logsumexp(torch.log_softmax(logits, -1) + cls(loc, scale).log_prob(value.unsqueeze(-1)), -1)


@EXAMPLES
def test_the_log_density_is_scipys(cls):
    logits, loc, scale, value = numbers()
    weights = torch.softmax(logits, -1).numpy()
    expected = np.log((weights * CLASSES[cls].pdf(value.numpy()[:, None], loc.numpy(), scale.numpy())).sum(-1))
    np.testing.assert_allclose(fused(cls, logits, loc, scale, value).numpy(), expected, rtol=1e-12, atol=1e-13)


@EXAMPLES
def test_the_slopes_are_those_of_the_definition(cls):
    inputs = [tensor.requires_grad_() for tensor in numbers()]
    weight = torch.linspace(-1.0, 2.0, 40, dtype=torch.float64)
    slopes = torch.autograd.grad((weight * fused(cls, *inputs)).sum(), inputs)
    expected = torch.autograd.grad((weight * by_definition(cls, *inputs)).sum(), inputs)
    for slope, other in zip(slopes, expected, strict=True):
        torch.testing.assert_close(slope, other, rtol=1e-11, atol=1e-13)


@pytest.mark.slow
@EXAMPLES
def test_first_and_second_slopes_are_finite_differences(cls):
    inputs = [tensor.requires_grad_() for tensor in numbers(6, 3)]
    assert torch.autograd.gradcheck(lambda *tensors: fused(cls, *tensors), inputs)
    # The density of Cauchy has no second derivative outside mixtures either.
    assert cls is distributions.Cauchy or torch.autograd.gradgradcheck(lambda *tensors: fused(cls, *tensors), inputs)


@EXAMPLES
def test_the_loss_of_a_step_is_one_node_of_the_graph(cls):
    logits, loc, scale, value = numbers()
    assert "LogDensity" in type(fused(cls, logits.requires_grad_(), loc, scale, value).grad_fn).__name__


def test_far_from_all_components_the_score_and_its_slopes_stay_exact():
    logits, loc, scale = (torch.tensor([row], dtype=torch.float64).requires_grad_() for row in ([0.0, 1.0], [-1.0, 3.0], [1.0, 0.5]))
    score = fused(distributions.Normal, logits, loc, scale, torch.tensor([1e6], dtype=torch.float64))
    assert score.item() == pytest.approx(-0.5 * (1e6 + 1.0) ** 2 - 0.5 * math.log(2 * math.pi) - math.log(1 + math.e), rel=1e-15)
    slope, by_scale = torch.autograd.grad(score.sum(), (loc, scale))
    assert slope.tolist() == [[1e6 + 1.0, 0.0]]
    assert by_scale.tolist() == [[(1e6 + 1.0) ** 2 - 1.0, 0.0]]


def test_a_component_of_weight_0_counts_for_nothing():
    _, loc, scale, value = numbers(components=2)
    weights = torch.tensor([1.0, 0.0], dtype=torch.float64).expand(40, 2)
    score = distributions.Mixture(distributions.Normal(loc, scale), weights).log_prob(value)
    torch.testing.assert_close(score, distributions.Normal(loc[:, 0], scale[:, 0]).log_prob(value), rtol=1e-14, atol=1e-14)


def test_rows_of_a_mixture_have_their_own_weights_after_those_of_all_were_computed():
    logits, loc, scale, value = numbers()
    mixture = distributions.Mixture(distributions.Normal(loc, scale), weight_logits=logits)
    with torch.no_grad():
        whole = mixture.cdf(value)
        first = rows(mixture, slice(10, 20))
        torch.testing.assert_close(first.cdf(value[10:20]), whole[10:20], rtol=0, atol=0)
        torch.testing.assert_close(rows(first, torch.tensor([3])).weights, mixture.weights[13:14], rtol=0, atol=0)
    # Weights of a call without a gradient do not take it from the next.
    assert distributions.Mixture(distributions.Normal(loc, scale), weight_logits=logits.requires_grad_()).weights.requires_grad
    assert mixture.weights.requires_grad
