"""cdf, survival, quantile, moments and mode of any torch distribution: its own, derived, or refused."""

from __future__ import annotations

import contextlib
import math

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain.distributions.core import functionals
from disttrain.errors import UsageError
from tests.distributions.distribution_examples import EXAMPLES, made, of, tensor

T = torch.distributions
LEVELS = tensor([0.001, 0.1, 0.5, 0.8, 0.999])


def mixture(name: str, weights: list[float], **parameters: list[float]) -> T.MixtureSameFamily:
    return T.MixtureSameFamily(T.Categorical(probs=tensor(weights)), of(name, **parameters), validate_args=False)


def skewed() -> T.TransformedDistribution:
    """A log-normal as torch builds it from transforms: with a cdf, without moments or mode."""
    return T.TransformedDistribution(T.Normal(tensor(0.3), tensor(0.5)), [T.ExpTransform()])


# torch's own distributions that lack a cdf, beside scipy's.
LACKING = [
    (T.StudentT(tensor(3.0), tensor(1.0), tensor(2.0)), stats.t(3.0, 1.0, 2.0)),
    (T.StudentT(tensor(1.0), tensor(1.0), tensor(2.0)), stats.t(1.0, 1.0, 2.0)),
    (T.Beta(tensor(2.0), tensor(5.0)), stats.beta(2.0, 5.0)),
    (T.Beta(tensor(0.5), tensor(0.7)), stats.beta(0.5, 0.7)),
    (T.Poisson(tensor(4.5)), stats.poisson(4.5)),
    (T.Binomial(tensor(20.0), tensor(0.3)), stats.binom(20, 0.3)),
    (T.NegativeBinomial(tensor(3.0), tensor(0.4)), stats.nbinom(3, 0.6)),
]


@pytest.mark.slow
@pytest.mark.parametrize("example", EXAMPLES, ids=str)
def test_what_a_distribution_knows_itself_is_passed_on(example):
    distribution = made(example)
    y = functionals.quantile(distribution, LEVELS)
    assert functionals.is_discrete(distribution) is example.discrete
    known = {
        "quantile": (lambda: distribution.icdf(LEVELS), y),
        "median": (lambda: distribution.icdf(tensor(0.5)), functionals.median(distribution)),
        "cdf": (lambda: distribution.cdf(y), functionals.cdf(distribution, y)),
        "survival": (lambda: distribution.survival(y), functionals.survival(distribution, y)),
        "mean": (lambda: distribution.mean, functionals.mean(distribution)),
        "std": (lambda: distribution.variance.sqrt(), functionals.std(distribution)),
    }
    for name, (own, passed_on) in known.items():
        # What it does not know is derived, and other tests compare that with scipy.
        with contextlib.suppress(NotImplementedError):
            np.testing.assert_array_equal(passed_on, own(), err_msg=name)


@pytest.mark.parametrize(("distribution", "oracle"), LACKING, ids=lambda d: type(d).__name__)
def test_a_missing_cdf_is_derived_from_the_density(distribution, oracle):
    y = tensor(oracle.ppf([0.001, 0.2, 0.5, 0.9, 0.9999]))
    np.testing.assert_allclose(functionals.cdf(distribution, y), oracle.cdf(y), rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(functionals.survival(distribution, y), oracle.sf(y), rtol=1e-5, atol=1e-8)
    levels = tensor([0.013, 0.5, 0.97])
    np.testing.assert_allclose(functionals.quantile(distribution, levels), oracle.ppf(levels), rtol=1e-5)


def test_derived_numbers_keep_rows_apart():
    distribution = T.Beta(tensor([2.0, 0.5, 30.0]), tensor([5.0, 0.5, 3.0]))
    oracle = stats.beta([2.0, 0.5, 30.0], [5.0, 0.5, 3.0])
    y = tensor(oracle.ppf([0.3, 0.6, 0.05]))
    np.testing.assert_allclose(functionals.cdf(distribution, y), [0.3, 0.6, 0.05], atol=1e-7)
    np.testing.assert_allclose(functionals.quantile(distribution, 0.25), oracle.ppf(0.25), rtol=1e-5)
    assert functionals.cdf(distribution, tensor([[0.1], [0.2]])).shape == (2, 3)


def test_a_mixture_has_exact_tails_and_quantiles():
    two = mixture("Normal", [0.3, 0.7], loc=[-2.0, 3.0], scale=[0.5, 1.0])
    y = tensor([-20.0, -2.0, 0.5, 3.0, 14.0])
    upper = 0.3 * stats.norm(-2, 0.5).sf(y) + 0.7 * stats.norm(3, 1).sf(y)
    np.testing.assert_allclose(functionals.survival(two, y), upper, rtol=1e-10)
    p = tensor([1e-12, 0.01, 0.3, 0.5, 1 - 1e-12])
    q = functionals.quantile(two, p)
    got = torch.where(p < 0.5, functionals.cdf(two, q), functionals.survival(two, q))
    np.testing.assert_allclose(got, torch.minimum(p, 1 - p), rtol=1e-10)
    assert float(functionals.mean(two)) == pytest.approx(1.5)
    assert float(functionals.mode(two)) == pytest.approx(3.0, abs=1e-4)


def test_a_mixture_of_counts_has_the_smallest_count_as_quantile():
    two = mixture("Poisson", [0.4, 0.6], rate=[0.5, 12.0])
    counts = torch.arange(30.0, dtype=torch.float64)
    jumps = functionals.cdf(two, counts)
    assert torch.equal(functionals.quantile(two, jumps), counts)
    assert float(functionals.mode(two)) == float(two.log_prob(counts).argmax())


def test_missing_moments_and_modes_are_derived():
    distribution, oracle = skewed(), stats.lognorm(0.5, scale=math.exp(0.3))
    assert float(functionals.mean(distribution)) == pytest.approx(oracle.mean(), rel=1e-8)
    assert float(functionals.variance(distribution)) == pytest.approx(oracle.var(), rel=1e-8)
    assert float(functionals.std(distribution)) == pytest.approx(oracle.std(), rel=1e-8)
    assert float(functionals.mode(distribution)) == pytest.approx(math.exp(0.3 - 0.25), rel=1e-5)


def test_moments_of_a_vector_of_independent_elements_are_those_of_each():
    base = T.TransformedDistribution(T.Normal(tensor([[0.3, 1.0]]), tensor(0.5)), [T.ExpTransform()])
    vector, oracle = T.Independent(base, 1), stats.lognorm(0.5, scale=np.exp([[0.3, 1.0]]))
    for moment, expected in ((functionals.mean, oracle.mean()), (functionals.variance, oracle.var()), (functionals.std, oracle.std())):
        np.testing.assert_allclose(moment(vector).numpy(), expected, rtol=1e-6)


def test_a_moment_that_does_not_exist_is_nan():
    heavy = T.TransformedDistribution(T.Cauchy(tensor(0.0), tensor(1.0)), [T.AffineTransform(1.0, 2.0)])
    assert math.isnan(float(functionals.mean(heavy)))
    assert math.isnan(float(functionals.variance(heavy)))
    assert math.isnan(float(functionals.mean(of("Cauchy", loc=0.0, scale=1.0))))
    assert [float(functionals.variance(of("StudentT", df=df, loc=0.0, scale=1.0))) for df in (1.5, 3.0)] == [math.inf, 3.0]


@pytest.mark.parametrize(
    "ask",
    [
        lambda: functionals.cdf(T.VonMises(tensor(0.0), tensor(1.0)), 0.5),
        lambda: functionals.quantile(T.Dirichlet(tensor([1.0, 2.0])), 0.5),
        lambda: functionals.mode(T.Dirichlet(tensor([1.0, 2.0]))),
        lambda: functionals.cdf(T.Poisson(tensor(1e9)), 1e9),
        lambda: functionals.variance(T.TransformedDistribution(T.Beta(tensor(2.0), tensor(2.0)), [T.ExpTransform()])),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(ask):
    with pytest.raises(UsageError) as refusal:
        ask()
    assert refusal.value.findings[0].code == "not-supported"


def test_a_mistake_of_the_caller_is_not_taken_for_a_missing_method():
    with pytest.raises(RuntimeError):
        functionals.cdf(of("Normal", loc=[0.0, 1.0], scale=1.0), tensor([1.0, 2.0, 3.0]))


def test_levels_outside_of_zero_and_one_are_nan():
    two = mixture("Normal", [0.5, 0.5], loc=[0.0, 1.0], scale=[1.0, 1.0])
    assert functionals.quantile(two, tensor([-0.1, 1.1, math.nan])).isnan().all()
    assert functionals.quantile(two, tensor([0.0, 1.0])).tolist() == [-math.inf, math.inf]
    assert of("Poisson", rate=3.0).icdf(tensor([-0.1, 1.1, math.nan])).isnan().all()
