"""Against tables made with mpmath at 60 digits (references/, see make_references.py): log-densities, gradients, both tails, quantiles."""

from __future__ import annotations

import math

import pytest
import torch

from disttrain import distributions
from tests.distributions.accuracy import REFERENCES, log_prob_errors, quantile_error, tail_errors
from tests.distributions.accuracy_table import END, README, START
from tests.distributions.distribution_examples import of, tensor

TAILS = [name for name, table in REFERENCES.items() if table.get("tails")]


@pytest.mark.parametrize("where", ["core", "extreme"])
@pytest.mark.parametrize("name", REFERENCES)
def test_log_prob_and_its_gradient_are_those_of_fifty_digits(name, where):
    error, slope_error = log_prob_errors(name, where)
    target = REFERENCES[name]["target"][where == "extreme"]
    assert error < target
    # A gradient loses a few more digits than the value where it is a small difference of large terms.
    assert slope_error < max(10.0 * target, 1e-11)


@pytest.mark.parametrize("name", REFERENCES)
def test_every_table_has_two_hundred_points(name):
    table = REFERENCES[name]
    assert len(table["core"]) + len(table["extreme"]) >= 200


def test_the_readme_shows_the_errors_of_every_table():
    rows = README.read_text(encoding="utf-8").split(START)[1].split(END)[0].strip().splitlines()[2:]
    assert [row.split("|")[1].strip() for row in rows] == list(REFERENCES)


@pytest.mark.parametrize("name", TAILS)
def test_both_tails_keep_their_digits(name):
    assert max(tail_errors(name)) < REFERENCES[name]["tail_target"]


@pytest.mark.parametrize("name", TAILS)
def test_quantiles_have_their_probability(name):
    assert quantile_error(name) < 1e-10


# What float32 and the naive formula make of these: how far torch is off (nats), and that ours is right.
TRAPS = [
    ("StudentT", {"df": 1e8, "loc": 0.0, "scale": 1.0}, 1.0, 0.5),
    ("Gamma", {"concentration": 1e8, "rate": 1e8}, 1.0, 1.0),
    ("Beta", {"concentration1": 1e8, "concentration0": 1e8}, 0.5, 1.0),
    ("Poisson", {"rate": 1e7}, 1e7, 1.0),
]


@pytest.mark.parametrize(("name", "parameters", "y", "off"), TRAPS, ids=[trap[0] for trap in TRAPS])
def test_ours_is_right_where_torch_in_float32_is_not(name, parameters, y, off):
    table = REFERENCES[name]
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
