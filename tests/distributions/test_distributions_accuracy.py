"""Against tables made with mpmath at 60 digits (see the make_*.py beside them): log-densities, gradients, tails, quantiles."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from distribution_examples import of, tensor

from disttrain import distributions

LOG_PROB = json.loads(Path(__file__).with_name("log_prob_reference.json").read_text())
TAILS = json.loads(Path(__file__).with_name("tail_reference.json").read_text())
# Error of log_prob as |got - reference| / max(1, |reference|): in the core range, and at the extremes.
TARGETS = {
    "Normal": (1e-13, 1e-13), "StudentT": (1e-12, 1e-9), "Gamma": (1e-12, 1e-9), "Beta": (1e-12, 1e-10),
    "NegativeBinomial": (1e-12, 1e-9), "Poisson": (1e-12, 1e-10), "Weibull": (1e-12, 1e-12), "LogNormal": (1e-12, 1e-12),
    "Laplace": (1e-12, 1e-12), "Logistic": (1e-12, 1e-12), "Gumbel": (1e-12, 1e-12), "Bernoulli": (1e-13, 1e-12),
    "Cauchy": (1e-12, 1e-12), "Exponential": (1e-12, 1e-12), "InverseGaussian": (1e-12, 1e-9), "Geometric": (1e-12, 1e-12),
}  # fmt: skip


def error(got: torch.Tensor, reference: torch.Tensor) -> float:
    return float(((got - reference).abs() / reference.abs().clamp(min=1.0)).max())


def scored(name: str, where: str) -> tuple[torch.Tensor, list[torch.Tensor], torch.Tensor, list[torch.Tensor]]:
    """log_prob and its gradient, ours and the reference."""
    table = LOG_PROB[name]
    columns = list(tensor(table[where]).T)
    count = len(table["parameters"])
    y, values = columns[0], [column.clone().requires_grad_() for column in columns[1 : count + 1]]
    score = getattr(distributions, name)(**dict(zip(table["parameters"], values, strict=True))).log_prob(y)
    slopes = torch.autograd.grad(score.sum(), values)
    return score.detach(), list(slopes), columns[count + 1], columns[count + 2 :]


@pytest.mark.parametrize("where", ["core", "extreme"])
@pytest.mark.parametrize("name", LOG_PROB)
def test_log_prob_and_its_gradient_are_those_of_fifty_digits(name, where):
    score, slopes, expected, expected_slopes = scored(name, where)
    target = TARGETS[name][where == "extreme"]
    assert error(score, expected) < target
    # A gradient loses a few more digits than the value where it is a small difference of large terms.
    assert all(error(got, reference) < max(target, 1e-11) for got, reference in zip(slopes, expected_slopes, strict=True))


def test_the_table_has_two_hundred_points_per_family():
    assert set(LOG_PROB) == set(TARGETS)
    assert all(len(table["core"]) + len(table["extreme"]) >= 200 for table in LOG_PROB.values())


@pytest.mark.parametrize("name", TAILS)
def test_both_tails_keep_their_digits(name):
    columns = list(tensor(TAILS[name]).T)
    distribution = getattr(distributions, name)(*columns[1:-2])
    for got, expected in zip((distribution.cdf(columns[0]), distribution.survival(columns[0])), columns[-2:], strict=True):
        kept = expected > 1e-290
        # 2e-12: where z² is 1200, the rounding of z alone is worth z² · 2e-16.
        assert float(((got - expected).abs() / expected)[kept].max()) < 2e-12
        assert float(got[~kept].abs().sum()) < 1e-280


@pytest.mark.parametrize("name", [name for name in TAILS if name not in ("Poisson", "NegativeBinomial", "Geometric")])
def test_quantiles_have_their_probability(name):
    columns = list(tensor(TAILS[name]).T)
    lower, upper = columns[-2:]
    p = torch.where(lower < upper, lower, 1.0 - upper)
    kept = (p > 1e-250) & (p < 1.0)
    distribution = getattr(distributions, name)(*(column[kept] for column in columns[1:-2]))
    q = distribution.icdf(p[kept])
    tail = torch.minimum(p[kept], 1.0 - p[kept])
    got = torch.where(p[kept] < 0.5, distribution.cdf(q), distribution.survival(q))
    # Near an upper end at 1 the quantile itself is rounded: half a float64 step there, times the density.
    rounding = distribution.log_prob(q).exp() * q.abs() * 2.0**-52
    assert bool(((got - tail).abs() <= 1e-10 * tail + rounding).all())


# What float32 and the naive formula make of these: how far torch is off (nats), and that ours is right.
TRAPS = [
    ("StudentT", {"df": 1e8, "loc": 0.0, "scale": 1.0}, 1.0, 0.5),
    ("Gamma", {"concentration": 1e8, "rate": 1e8}, 1.0, 1.0),
    ("Beta", {"concentration1": 1e8, "concentration0": 1e8}, 0.5, 1.0),
    ("Poisson", {"rate": 1e7}, 1e7, 1.0),
]


@pytest.mark.parametrize(("name", "parameters", "y", "off"), TRAPS, ids=[trap[0] for trap in TRAPS])
def test_ours_is_right_where_torch_in_float32_is_not(name, parameters, y, off):
    table = LOG_PROB[name]
    expected = next(row for row in table["extreme"] if row[: 1 + len(parameters)] == [y, *parameters.values()])[1 + len(parameters)]
    naive = getattr(torch.distributions, name)(*(torch.tensor([v]) for v in parameters.values()), validate_args=False)
    assert abs(float(naive.log_prob(torch.tensor([y]))) - expected) > off
    assert float(of(name, **parameters).log_prob(tensor(y))) == pytest.approx(expected, rel=1e-10)


def test_negative_binomial_tends_to_poisson_where_torch_in_float32_leaves_probability():
    y, mean = torch.arange(0.0, 40.0, dtype=torch.float64), 12.0
    poisson = of("Poisson", rate=mean).log_prob(y)
    # The difference of the two is ((y - mean)² - y) / (2 concentration).
    assert float((of("NegativeBinomial", mean=mean, concentration=1e8).log_prob(y) - poisson).abs().max()) < 1e-5
    assert float((of("NegativeBinomial", mean=mean, concentration=1e12).log_prob(y) - poisson).abs().max()) < 1e-9
    size = torch.tensor(1e8)
    naive = torch.distributions.NegativeBinomial(size, logits=(torch.tensor(mean) / size).log(), validate_args=False)
    assert float((naive.log_prob(y.float()) - poisson).abs().max()) > 1.0


def test_student_t_tends_to_the_normal():
    y = torch.linspace(-6.0, 6.0, 41, dtype=torch.float64)
    normal = of("Normal", loc=0.0, scale=1.0).log_prob(y)
    assert float((of("StudentT", df=1e14, loc=0.0, scale=1.0).log_prob(y) - normal).abs().max()) < 1e-11


def test_the_slope_in_the_degrees_of_freedom_keeps_its_digits_near_the_normal():
    df, z = tensor([1e6, 3e6, 1e7, 1e8]).requires_grad_(), 2.0
    (slope,) = torch.autograd.grad(distributions.StudentT(df, 0.0, 1.0).log_prob(tensor(z)).sum(), df)
    # Leading term of the expansion in 1/df; the next one is of relative size 1/df.
    expected = (z**4 - 2.0 * z**2 - 1.0) / (-4.0 * df.detach() ** 2)
    torch.testing.assert_close(slope, expected, rtol=1e-4, atol=0.0)


def test_weibull_stays_finite_where_the_power_form_does_not():
    y = torch.tensor(2.0)
    naive = torch.distributions.Weibull(torch.tensor(1.0), torch.tensor(200.0), validate_args=False).log_prob(y)
    assert not math.isfinite(float(naive))
    assert float(of("Weibull", scale=1.0, concentration=200.0).log_prob(y.double())) == pytest.approx(-(2.0**200), rel=1e-12)


def test_gumbel_and_inverse_gaussian_do_not_overflow():
    naive = torch.distributions.Gumbel(torch.tensor(0.0), torch.tensor(1.0), validate_args=False).log_prob(torch.tensor(-100.0))
    assert not math.isfinite(float(naive))
    assert float(of("Gumbel", loc=0.0, scale=1.0).log_prob(tensor(-100.0))) == pytest.approx(100.0 - math.exp(100.0), rel=1e-13)
    distribution = of("InverseGaussian", mean=1.0, concentration=1e4)
    assert float(distribution.cdf(tensor(1.0))) == pytest.approx(0.5 + 0.5 / math.sqrt(math.pi * 2e4), rel=1e-4)


def test_bernoulli_keeps_logits_where_probabilities_saturate():
    logit = torch.tensor(40.0)
    naive = torch.distributions.Bernoulli(probs=torch.sigmoid(logit), validate_args=False).log_prob(torch.tensor(0.0))
    assert float(naive) == pytest.approx(-15.94, abs=0.01)
    assert float(of("Bernoulli", logits=40.0).log_prob(tensor(0.0))) == -40.0
    assert float(of("Bernoulli", probs=1e-30).log_prob(tensor(1.0))) == pytest.approx(math.log(1e-30))
    assert of("Categorical", logits=[1e4, 0.0]).log_prob(tensor([0.0, 1.0])).tolist() == [0.0, -1e4]
    assert float(of("Categorical", probs=[1e-30, 1.0 - 1e-30]).log_prob(tensor(0.0))) == pytest.approx(math.log(1e-30))
