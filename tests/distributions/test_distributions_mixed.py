"""Laws of distributions that have probabilities and a density, or are made out of others: zeros of their own, mixtures, cuts, grids."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from scipy import integrate, stats

from disttrain import distributions
from disttrain.distributions.core import functionals
from disttrain.distributions.core.derived import bounds
from disttrain.metrics.calibration import pit
from disttrain.metrics.crps.score import crps, crps_without_closed_form
from disttrain.outcomes import Outcome
from tests.distributions.distribution_examples import tensor


class Case(NamedTuple):
    """Values of parameters, what makes the distribution of them, its atoms, and the step of its grid (0: real numbers)."""

    name: str
    make: Callable[..., Any]
    parameters: dict[str, Any]
    atoms: tuple[float, ...] = ()
    step: float = 0.0

    def __str__(self) -> str:
        return self.name


def hurdle_gamma(gate, concentration, rate):
    return distributions.Hurdle(distributions.Gamma(concentration, rate), gate)


def hurdle_poisson(gate, rate):
    return distributions.Hurdle(distributions.Poisson(rate), gate)


def zero_inflated(gate, mean, concentration):
    return distributions.ZeroInflated(distributions.NegativeBinomial(mean, concentration), gate)


def mixture(loc, scale, logits):
    return distributions.Mixture(distributions.Normal(loc, scale), weight_logits=logits)


def mixture_of_counts(rate, weights):
    return distributions.Mixture(distributions.Poisson(rate), weights)


def truncated(loc, scale):
    return distributions.Truncated(distributions.Normal(loc, scale), tensor(-0.5), tensor(2.5))


def truncated_gamma(concentration, rate):
    return distributions.Truncated(distributions.Gamma(concentration, rate), tensor(0.7), None)


def truncated_poisson(rate):
    return distributions.Truncated(distributions.Poisson(rate), tensor(2.0), tensor(11.0))


def discretized(step):
    return lambda loc, scale: distributions.Discretized(distributions.Logistic(loc, scale), tensor(step))


CASES = [
    Case("tweedie", distributions.Tweedie, {"mean": 2.0, "dispersion": 1.5, "power": 1.4}, (0.0,)),
    Case("tweedie-dense", distributions.Tweedie, {"mean": 20.0, "dispersion": 0.3, "power": 1.7}, (0.0,)),
    Case("inflated-beta", distributions.ZeroOneInflatedBeta, {"mean": 0.4, "precision": 6.0, "zero": 0.2, "one": 0.1}, (0.0, 1.0)),
    Case("hurdle-gamma", hurdle_gamma, {"gate": 0.35, "concentration": 2.0, "rate": 0.5}, (0.0,)),
    Case("hurdle-poisson", hurdle_poisson, {"gate": 0.35, "rate": 3.0}, step=1.0),
    Case("zero-inflated", zero_inflated, {"gate": 0.25, "mean": 4.0, "concentration": 2.5}, step=1.0),
    Case("mixture", mixture, {"loc": [-1.0, 3.0], "scale": [0.5, 1.5], "logits": [0.3, -0.4]}),
    Case("mixture-poisson", mixture_of_counts, {"rate": [1.0, 9.0], "weights": [0.3, 0.7]}, step=1.0),
    Case("truncated", truncated, {"loc": 0.4, "scale": 1.3}),
    Case("truncated-gamma", truncated_gamma, {"concentration": 2.0, "rate": 1.1}),
    Case("truncated-poisson", truncated_poisson, {"rate": 4.0}, step=1.0),
    Case("discretized-fine", discretized(0.1), {"loc": 0.3, "scale": 0.4}, step=0.1),
    Case("discretized-coarse", discretized(5.0), {"loc": 0.3, "scale": 4.0}, step=5.0),
]
REAL, WHOLE = [case for case in CASES if not case.step], [case for case in CASES if case.step]
every = pytest.mark.parametrize("case", CASES, ids=str)
real = pytest.mark.parametrize("case", REAL, ids=str)
whole = pytest.mark.parametrize("case", WHOLE, ids=str)
LEVELS = tensor([1e-6, 1e-3, 0.05, 0.3, 0.5, 0.62, 0.9, 0.999, 1 - 1e-6])


def made(case: Case, rows: int = 0) -> Any:
    """The distribution of a case, or a batch of equal rows."""
    parameters = {name: tensor(value) for name, value in case.parameters.items()}
    if rows:
        parameters = {name: value.expand(rows, *value.shape) for name, value in parameters.items()}
    return case.make(**parameters)


def drawn(case: Case, size: int, rows: int = 0) -> torch.Tensor:
    """Draws with a seed of their own."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(31)
        return (made(case, rows).sample() if rows else made(case).sample((size,))).double()


def grid(case: Case) -> torch.Tensor:
    """All multiples of the step that have a probability that counts."""
    low, high = (float(functionals.quantile(made(case), level)) for level in (1e-13, 1.0 - 1e-13))
    return case.step * torch.arange(round(low / case.step), round(high / case.step) + 1, dtype=torch.float64)


def density_integral(case: Case, start: float, end: float, power: int = 0) -> float:
    """∫ y^power f(y) dy from start to end, without atoms, in pieces between quantiles."""
    distribution = made(case)
    inner = [float(value) for value in functionals.quantile(distribution, LEVELS)]
    edges = [start, *sorted({value for value in inner if start < value < end}), end]

    def height(y: float) -> float:
        return 0.0 if y in case.atoms else y**power * float(distribution.log_prob(tensor(y)).exp())

    return sum(integrate.quad(height, a, b, epsabs=1e-11, epsrel=1e-10, limit=200)[0] for a, b in pairwise(edges))


def ends(case: Case) -> tuple[float, float]:
    """Ends of the support, infinite ones replaced by quantiles that leave out 1e-13."""
    lower, upper = (float(end) for end in bounds(made(case)))
    low, high = (float(functionals.quantile(made(case), level)) for level in (1e-13, 1.0 - 1e-13))
    return lower if math.isfinite(lower) else low, upper if math.isfinite(upper) else high


def masses(case: Case) -> dict[float, float]:
    return {atom: float(functionals.probability_at(made(case), tensor(atom))) for atom in case.atoms}


@pytest.mark.slow
@real
def test_probabilities_and_density_together_are_one(case):
    assert sum(masses(case).values()) + density_integral(case, *ends(case)) == pytest.approx(1.0, abs=1e-8)


@pytest.mark.slow
@real
def test_the_cdf_is_the_integral_of_the_density_and_the_probabilities_below(case):
    low, _ = ends(case)
    for y in functionals.quantile(made(case), tensor([0.45, 0.62, 0.85])).tolist():
        below = sum(mass for atom, mass in masses(case).items() if atom <= y)
        assert float(functionals.cdf(made(case), tensor(y))) == pytest.approx(below + density_integral(case, low, y), abs=1e-8)


@whole
def test_probabilities_sum_to_one_and_to_the_cdf(case):
    y = grid(case)
    probability = made(case).log_prob(y).exp()
    assert float(probability.sum()) == pytest.approx(1.0, abs=1e-11)
    torch.testing.assert_close(functionals.cdf(made(case), y), probability.cumsum(0), rtol=0.0, atol=1e-11)


@every
def test_the_quantile_is_the_least_value_that_reaches_the_level(case):
    distribution = made(case)
    q = functionals.quantile(distribution, LEVELS)
    reached = functionals.cdf(distribution, q)
    assert bool((reached >= LEVELS - 1e-11).all())
    mass = functionals.probability_at(distribution, q)
    # Below the atom or the step the level is not reached; a density has no such gap.
    assert bool((reached - mass <= LEVELS + 1e-11).all())


@every
def test_cdf_and_survival_are_their_logarithms_and_sum_to_one(case):
    distribution = made(case)
    y = functionals.quantile(distribution, LEVELS)
    below, above = functionals.cdf(distribution, y), functionals.survival(distribution, y)
    torch.testing.assert_close(below + above, torch.ones_like(y), rtol=0.0, atol=1e-12)
    torch.testing.assert_close(functionals.log_cdf(distribution, y).exp(), below, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(functionals.log_survival(distribution, y).exp(), above, rtol=1e-9, atol=1e-14)


@every
@pytest.mark.parametrize("score", ["log_prob", "log_cdf", "log_survival"])
def test_gradients_agree_with_finite_differences(case, score):
    y = functionals.quantile(made(case), tensor([0.02, 0.3, 0.44, 0.62, 0.97])).unique()
    # log P(Y <= last) = 0 and log P(Y > last) = -inf are certain.
    y = y[y < bounds(made(case))[1]] if score != "log_prob" else y

    def scores(*values: torch.Tensor) -> torch.Tensor:
        distribution = case.make(**dict(zip(case.parameters, values, strict=True)))
        return getattr(distribution, score)(y)

    values = tuple(tensor(value).requires_grad_() for value in case.parameters.values())
    assert torch.autograd.gradcheck(scores, values, eps=1e-6, atol=1e-5, rtol=1e-5)


@pytest.mark.slow
@every
def test_moments_are_those_of_draws(case):
    size = 40_000
    values = drawn(case, size)
    mean, variance = float(functionals.mean(made(case))), float(functionals.variance(made(case)))
    square = (values - mean).square()
    assert abs(float(values.mean()) - mean) < 5.0 * float(values.std()) / math.sqrt(size)
    assert abs(float(square.mean()) - variance) < 5.0 * float(square.std()) / math.sqrt(size)


@pytest.mark.slow
@every
def test_moments_are_sums_or_integrals(case):
    if case.step:
        y, probability = grid(case), made(case).log_prob(grid(case)).exp()
        mean, second = float((y * probability).sum()), float((y.square() * probability).sum())
    else:
        atoms = masses(case)
        mean, second = (
            density_integral(case, *ends(case), power) + sum(mass * atom**power for atom, mass in atoms.items()) for power in (1, 2)
        )
    assert float(functionals.mean(made(case))) == pytest.approx(mean, rel=1e-7)
    assert float(functionals.variance(made(case))) == pytest.approx(second - mean**2, rel=1e-6)


@every
def test_draws_follow_the_cdf(case):
    size = 20_000
    values = drawn(case, size)
    for y in (*case.atoms, *functionals.quantile(made(case), tensor([0.1, 0.3, 0.5, 0.62, 0.9, 0.99])).tolist()):
        share = float(functionals.cdf(made(case), tensor(y)))
        # Half a grid step, as a multiple of 0.1 is rounded in more than one way.
        seen = float((values <= y + 0.5 * case.step).double().mean())
        assert abs(seen - share) <= 4.5 * math.sqrt(share * (1.0 - share) / size) + 1e-12


@every
def test_pit_is_uniform(case):
    size = 3000
    outcome = exact(drawn(case, 0, rows=size))
    shares = pit(made(case, size), outcome, np.random.default_rng(5))
    assert stats.kstest(shares.numpy(), "uniform").pvalue > 1e-3


@pytest.mark.slow
@every
def test_crps_is_that_of_draws(case):
    size = 100_000
    first, second = drawn(case, size).split(size // 2)
    spread = 0.5 * (first - second).abs()
    y = functionals.quantile(made(case), tensor([0.02, 0.4, 0.9]))
    scores = crps(made(case, len(y)), exact(y))
    for value, score in zip(y, scores.tolist(), strict=True):
        expected = (first - value).abs() - spread
        assert abs(float(expected.mean()) - score) < 5.0 * float(expected.std()) / math.sqrt(size // 2)


def test_crps_of_a_fine_grid_is_nearly_that_of_the_density():
    base, y = distributions.Normal(tensor([0.3, -1.0]), tensor([1.0, 2.0])), tensor([0.5, 2.0])
    rounded = distributions.Discretized(base, tensor([1e-4, 1e-4]))
    torch.testing.assert_close(crps_without_closed_form(rounded, y), crps(base, exact(y)), rtol=1e-7, atol=0.0)


def exact(y: torch.Tensor) -> Outcome:
    return Outcome(y, y)
