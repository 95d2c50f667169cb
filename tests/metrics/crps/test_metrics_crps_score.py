"""The CRPS: closed forms, quadrature and sums against each other, against scoringrules, and against the defining integral."""

from __future__ import annotations

import importlib
import itertools
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import scipy.integrate
import scoringrules
import torch
from torch.distributions import Categorical, MixtureSameFamily

from disttrain import distributions as d
from disttrain.distributions.core import functionals
from disttrain.errors import UsageError
from disttrain.metrics import crps
from disttrain.metrics.crps.adaptive import refined
from disttrain.metrics.crps.closed_forms import CLOSED_FORMS
from disttrain.metrics.crps.mixtures import CLOSED_FORMS_OF_MIXTURES
from disttrain.metrics.crps.score import crps_without_closed_form
from disttrain.metrics.row_blocks import rows
from disttrain.outcomes import Outcome

N = 60


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def log_uniform(low: float, high: float, seed: int) -> torch.Tensor:
    draws = np.random.default_rng(seed).uniform(math.log(low), math.log(high), N)
    return torch.from_numpy(np.exp(draws))


def places(seed: int) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=N))


def columns(draw: Callable[..., torch.Tensor], seed: int, *ends: float) -> torch.Tensor:
    """Two columns of draws, (N, 2)."""
    return torch.stack([draw(*ends, seed), draw(*ends, seed + 1)], 1)


INNER = ((places, 1), (log_uniform, 3, 0.01, 100))
FORECASTS: dict[str, Callable[[], torch.distributions.Distribution]] = {
    "normal": lambda: d.Normal(places(1), log_uniform(0.01, 100, 2)),
    "student_t": lambda: d.StudentT(log_uniform(1.1, 100, 0), places(1), log_uniform(0.01, 100, 2)),
    "laplace": lambda: d.Laplace(places(1), log_uniform(0.01, 100, 2)),
    "logistic": lambda: d.Logistic(places(1), log_uniform(0.01, 100, 2)),
    "cauchy": lambda: d.Cauchy(places(1), log_uniform(0.01, 100, 2)),
    "gumbel": lambda: d.Gumbel(places(1), log_uniform(0.01, 100, 2)),
    "exponential": lambda: d.Exponential(log_uniform(0.01, 100, 2)),
    "gamma": lambda: d.Gamma(log_uniform(0.1, 1000, 1), log_uniform(0.01, 100, 2)),
    "log_normal": lambda: d.LogNormal(places(1), log_uniform(0.05, 3, 2)),
    "weibull": lambda: d.Weibull(log_uniform(0.01, 100, 1), log_uniform(0.3, 20, 2)),
    "inverse_gaussian": lambda: d.InverseGaussian(log_uniform(0.1, 10, 1), log_uniform(0.1, 10, 2)),
    "beta": lambda: d.Beta(log_uniform(0.1, 100, 1), log_uniform(0.1, 100, 2)),
    "zero_one_inflated_beta": lambda: d.ZeroOneInflatedBeta(
        log_uniform(0.02, 0.98, 1), log_uniform(0.1, 100, 2), log_uniform(0.001, 0.4, 3), log_uniform(0.001, 0.5, 4)
    ),
    "poisson": lambda: d.Poisson(log_uniform(0.01, 1e5, 1)),
    "negative_binomial": lambda: d.NegativeBinomial(log_uniform(0.01, 1e4, 1), log_uniform(0.01, 1e4, 2)),
    "geometric": lambda: d.Geometric(log_uniform(1e-4, 0.99, 1)),
    "bernoulli": lambda: d.Bernoulli(probs=log_uniform(0.01, 0.99, 1)),
    "mixture of normals": lambda: d.Mixture(
        d.Normal(columns(places, 1), columns(log_uniform, 3, 0.01, 100)), columns(log_uniform, 5, 0.1, 1)
    ),
    "equal mixture of normals": lambda: d.weighted_mixture(d.Normal(columns(places, 1), columns(log_uniform, 3, 0.01, 100)), (0.5, 0.5)),
    "mixture of mixtures of normals": lambda: d.weighted_mixture(
        d.Mixture(
            d.Normal(*(torch.stack([columns(made, seed, *ends), columns(made, seed + 1, *ends)], 1) for made, seed, *ends in INNER)),
            torch.stack([columns(log_uniform, 5, 0.1, 1), columns(log_uniform, 8, 0.1, 1)], 1),
        ),
        (0.5, 0.5),
    ),
}

SCORINGRULES: dict[str, Callable[[torch.distributions.Distribution, np.ndarray], np.ndarray]] = {
    "normal": lambda q, y: scoringrules.crps_normal(y, q.loc.numpy(), q.scale.numpy()),
    "student_t": lambda q, y: scoringrules.crps_t(y, q.df.numpy(), q.loc.numpy(), q.scale.numpy()),
    "laplace": lambda q, y: scoringrules.crps_laplace(y, q.loc.numpy(), q.scale.numpy()),
    "logistic": lambda q, y: scoringrules.crps_logistic(y, q.loc.numpy(), q.scale.numpy()),
    "gumbel": lambda q, y: np.array(
        [float(scoringrules.crps_gev(v, 0.0, float(m), float(s))) for v, m, s in zip(y, q.loc, q.scale, strict=True)]
    ),
    "exponential": lambda q, y: scoringrules.crps_exponential(y, q.rate.numpy()),
    "gamma": lambda q, y: scoringrules.crps_gamma(y, q.concentration.numpy(), rate=q.rate.numpy()),
    "log_normal": lambda q, y: scoringrules.crps_lognormal(y, q.loc.numpy(), q.scale.numpy()),
    "beta": lambda q, y: scoringrules.crps_beta(y, q.concentration1.numpy(), q.concentration0.numpy()),
    "poisson": lambda q, y: scoringrules.crps_poisson(y, q.rate.numpy()),
    "mixture of normals": lambda q, y: scoringrules.crps_mixnorm(
        y, q.component.loc.numpy(), q.component.scale.numpy(), q.weights.numpy(), m_axis=-1
    ),
}


def drawn(name: str) -> tuple[torch.distributions.Distribution, torch.Tensor]:
    """A forecast of the table and values drawn from it by its quantiles."""
    forecast = FORECASTS[name]()
    levels = torch.from_numpy(np.random.default_rng(7).uniform(0.001, 0.999, N))
    return forecast, functionals.quantile(forecast, levels)


def integrated(forecast: torch.distributions.Distribution, y: float) -> float:
    """The defining integral of a forecast of one row by scipy, between quantiles far in the tails, split at y and at inner quantiles."""

    def integrand(t: float) -> float:
        value = functionals.cdf(forecast, t) if t < y else functionals.survival(forecast, t)
        return float(value.square())

    levels = (1e-12, 1e-6, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1 - 1e-6, 1 - 1e-12)
    knots = sorted([y, *(float(functionals.quantile(forecast, level)) for level in levels)])
    return sum(scipy.integrate.quad(integrand, a, b, epsabs=0, epsrel=1e-9)[0] for a, b in itertools.pairwise(knots))


@pytest.mark.parametrize("name", FORECASTS)
def test_the_closed_form_is_the_quadrature(name: str) -> None:
    forecast, y = drawn(name)
    # Both are good to 1e-10; quadrature misses the last digits where a density is singular at the end of its support.
    torch.testing.assert_close(crps(forecast, Outcome.exact(y)), crps_without_closed_form(forecast, y), rtol=1e-9, atol=0)


def test_every_closed_form_is_compared_with_the_quadrature() -> None:
    made = [make() for make in FORECASTS.values()]
    assert {type(forecast) for forecast in made} >= set(CLOSED_FORMS)
    assert {type(forecast.component) for forecast in made if isinstance(forecast, d.Mixture)} >= set(CLOSED_FORMS_OF_MIXTURES)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("name", SCORINGRULES)
def test_scoringrules_agrees(name: str) -> None:
    forecast, y = drawn(name)
    reference = torch.from_numpy(np.asarray(SCORINGRULES[name](forecast, y.numpy())))
    # Its Poisson overflows at a rate of 350.
    known = reference.isfinite()
    assert known.sum() > N / 3
    # Its forms subtract numbers of the size of y: what is left has an error of some 1e-13 y.
    torch.testing.assert_close(crps(forecast, Outcome.exact(y))[known], reference[known], rtol=1e-8, atol=1e-10)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gumbel", "gamma", "log_normal", "weibull", "inverse_gaussian", "beta"])
def test_the_score_is_its_defining_integral(name: str) -> None:
    forecast, y = drawn(name)
    score = crps(forecast, Outcome.exact(y))
    for row in range(3):
        assert float(score[row]) == pytest.approx(integrated(rows(forecast, slice(row, row + 1)), float(y[row])), rel=1e-7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["poisson", "negative_binomial", "geometric", "bernoulli"])
def test_the_score_of_counts_is_the_sum_over_all_counts(name: str) -> None:
    forecast, y = drawn(name)
    few = functionals.mean(forecast) < 200
    forecast, y = rows(forecast, few.nonzero().squeeze(-1)), y[few]
    counts = torch.arange(10_000, dtype=torch.float64).unsqueeze(-1)
    square = torch.where(counts < y, functionals.cdf(forecast, counts), functionals.survival(forecast, counts)).square()
    torch.testing.assert_close(crps(forecast, Outcome.exact(y)), square.sum(0), rtol=1e-9, atol=1e-14)


@pytest.mark.parametrize("name", ["normal", "student_t", "laplace", "logistic", "cauchy", "gumbel"])
def test_the_score_of_a_scaled_forecast_of_a_scaled_target_is_scaled(name: str) -> None:
    forecast, y = drawn(name)
    stretched = {key: getattr(forecast, key) * (1000 if key in ("loc", "scale") else 1) for key in forecast.arg_constraints}
    scaled = crps(type(forecast)(**stretched), Outcome.exact(1000 * y))
    torch.testing.assert_close(scaled, 1000 * crps(forecast, Outcome.exact(y)), rtol=1e-11, atol=0)


@pytest.mark.parametrize("name", sorted(set(FORECASTS) - {"student_t", "cauchy"}))
def test_far_from_the_forecast_the_score_grows_by_the_distance(name: str) -> None:
    forecast, _ = drawn(name)
    high = functionals.quantile(forecast, 0.5) + 1e6 * (1.0 + functionals.std(forecast))
    further = crps(forecast, Outcome.exact(2 * high)) - crps(forecast, Outcome.exact(high))
    torch.testing.assert_close(further, high, rtol=1e-6, atol=0)


def normal_mixture(weights: list[float], loc: list[float], scale: list[float]) -> MixtureSameFamily:
    def row(values: list[float]) -> torch.Tensor:
        return tensor(*values).unsqueeze(0)

    return MixtureSameFamily(Categorical(probs=row(weights)), torch.distributions.Normal(row(loc), row(scale)), validate_args=False)


@pytest.mark.parametrize(
    ("weights", "loc", "scale", "y"),
    [
        ([0.3, 0.7], [-1.0, 2.0], [1.0, 0.5], 0.0),
        ([0.5, 0.5], [0.0, 10.0], [1e-3, 1e-3], 10.0),
        ([0.9999, 0.0001], [0.0, 1e6], [1.0, 1e-3], 3.0),
        ([0.2, 0.8], [0.0, 0.0], [1.0, 1e5], 1e7),
        ([0.5, 0.5], [-1e6, 1e6], [1e-3, 1.0], 1e6),
    ],
)
def test_a_mixture_of_normals_has_its_own_closed_form(weights: list[float], loc: list[float], scale: list[float], y: float) -> None:
    score = crps(normal_mixture(weights, loc, scale), Outcome.exact(tensor(y)))
    # Grimit et al. (2006), by the mean distances |N(m, v)| of normals, in 50 digits.
    with mpmath.workdps(50):

        def distance(m: mpmath.mpf, v: mpmath.mpf) -> mpmath.mpf:
            return m * mpmath.erf(m / mpmath.sqrt(2 * v)) + mpmath.sqrt(2 * v / mpmath.pi) * mpmath.exp(-m * m / (2 * v))

        w, m, s = ([mpmath.mpf(v) for v in values] for values in (weights, loc, scale))
        pairs = [(i, j) for i in range(2) for j in range(2)]
        to_y = sum(w[i] * distance(mpmath.mpf(y) - m[i], s[i] ** 2) for i in range(2))
        spread = sum(w[i] * w[j] * distance(m[i] - m[j], s[i] ** 2 + s[j] ** 2) for i, j in pairs)
        reference = float(to_y - spread / 2)
    assert float(score) == pytest.approx(reference, rel=1e-9)


def test_a_mixture_of_equal_components_scores_as_the_component() -> None:
    for make in (
        lambda shape: d.Gamma(tensor(0.4).expand(shape), tensor(2.0).expand(shape)),
        lambda shape: d.Poisson(tensor(4e4).expand(shape)),
    ):
        single, parts = make((1,)), make((1, 3))
        mixture = MixtureSameFamily(Categorical(probs=tensor(0.2, 0.3, 0.5).unsqueeze(0)), parts, validate_args=False)
        outcome = Outcome.exact(functionals.quantile(single, 0.8))
        torch.testing.assert_close(crps(mixture, outcome), crps(single, outcome), rtol=1e-9, atol=0)


def test_the_sum_over_counts_does_not_grow_with_the_counts() -> None:
    forecast = d.Poisson(tensor(1e3, 1e9, 1e12, 5.0))
    y = tensor(1010, 1e9 + 4e4, 1e12 - 2e6, 1e12)
    torch.testing.assert_close(crps_without_closed_form(forecast, y), crps(forecast, Outcome.exact(y)), rtol=1e-8, atol=0)


@pytest.mark.slow
@pytest.mark.parametrize("df", [0.6, 0.8, 1.0])
def test_a_score_exists_where_the_mean_does_not(df: float) -> None:
    score = crps(d.StudentT(tensor(df), tensor(0.0), tensor(1.0)), Outcome.exact(tensor(2.0)))
    with mpmath.workdps(20):
        # On the scale of t = exp(x) a power tail is exponential; beyond x = 200 it holds less than 1e-17.
        def upper(t: mpmath.mpf) -> mpmath.mpf:
            x = mpmath.mpf(df) / (df + t * t)
            return mpmath.betainc(mpmath.mpf(df) / 2, 0.5, 0, x, regularized=True) / 2

        def tail(lowest: float) -> mpmath.mpf:
            return mpmath.quad(lambda x: (upper(lowest + mpmath.expm1(x)) ** 2) * mpmath.exp(x), [0, 1, 2, 4, 8, 16, 32, 64, 128, 200])

        inner = mpmath.quad(lambda t: 1 - 2 * upper(t), [0, 1, 2])
        reference = float(2 * tail(0.0) + inner)
    assert float(score) == pytest.approx(reference, rel=1e-8)


def test_a_score_that_does_not_exist_is_infinite() -> None:
    heavy = d.StudentT(tensor(0.3, 0.5), tensor(0.0, 0.0), tensor(1.0, 1.0))
    assert crps(heavy, Outcome.exact(tensor(0.0, 3.0))).isinf().all()
    assert crps(d.Normal(tensor(0.0, 0.0), tensor(1.0, 1.0)), Outcome.exact(tensor(math.inf, -math.inf))).isinf().all()


def test_nan_stays_nan() -> None:
    for forecast in (d.Normal(tensor(math.nan, 0.0), tensor(1.0, 1.0)), d.InverseGaussian(tensor(math.nan, 1.0), tensor(1.0, 1.0))):
        assert crps(forecast, Outcome.exact(tensor(1.0, math.nan))).isnan().all()


@pytest.mark.parametrize(
    ("forecast", "y", "reference"),
    [
        (d.Gamma(tensor(1e8), tensor(1.0)), 1e8, 1e4 * (math.sqrt(2) - 1) / math.sqrt(math.pi)),
        (d.Poisson(tensor(1e8)), 1e8, 1e4 * (math.sqrt(2) - 1) / math.sqrt(math.pi)),
        (d.NegativeBinomial(tensor(1e8), tensor(1e16)), 1e8, 1e4 * (math.sqrt(2) - 1) / math.sqrt(math.pi)),
        (d.StudentT(tensor(1e8), tensor(0.0), tensor(1.0)), 0.0, (math.sqrt(2) - 1) / math.sqrt(math.pi)),
        (d.Beta(tensor(1e10), tensor(1e10)), 0.5, math.sqrt(0.125e-10) * (math.sqrt(2) - 1) / math.sqrt(math.pi)),
    ],
)
def test_large_parameters_score_as_the_normal_they_tend_to(forecast: torch.distributions.Distribution, y: float, reference: float) -> None:
    # The distance of these to the normal is of the order of 1/shape.
    assert float(crps(forecast, Outcome.exact(tensor(y)))) == pytest.approx(reference, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["gamma", "inverse_gaussian", "negative_binomial"])
def test_a_row_scores_the_same_in_any_block(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    forecast, y = drawn(name)
    whole = crps(forecast, Outcome.exact(y))
    module = importlib.import_module("disttrain.metrics.crps.score")
    monkeypatch.setattr(module, "_CLOSED_ROWS", 7)
    monkeypatch.setattr(module, "_DERIVED_ROWS", 7)
    torch.testing.assert_close(crps(forecast, Outcome.exact(y)), whole, rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    "forecast",
    [
        d.Categorical(probs=torch.full((2, 3), 1 / 3, dtype=torch.float64)),
        torch.distributions.MultivariateNormal(torch.zeros(2, 2), torch.eye(2)),
    ],
)
def test_classes_and_vectors_are_refused_in_plain_words(forecast: torch.distributions.Distribution) -> None:
    with pytest.raises(UsageError) as raised:
        crps(forecast, Outcome.exact(torch.zeros(2, *forecast.event_shape)))
    assert raised.value.findings[0].code == "metric-does-not-apply"
    assert raised.value.findings[0].why


@pytest.mark.parametrize("name", FORECASTS)
def test_some_rows_of_a_distribution_are_those_rows(name: str) -> None:
    forecast, y = drawn(name)
    index = torch.tensor([5, 0, 5, 59])
    torch.testing.assert_close(rows(forecast, index).log_prob(y[index]), forecast.log_prob(y)[index], rtol=0, atol=0)
    assert rows(forecast, slice(3, 9)).batch_shape == (6,)


def test_rows_reach_into_mixtures_and_transformed_distributions() -> None:
    base = torch.distributions
    loc, scale, y = torch.randn(5, 3).double(), torch.rand(5, 3).double() + 0.1, torch.randn(5).double()
    shift = base.transforms.AffineTransform(loc[:, 0], scale[:, 0])
    index = torch.tensor([4, 1])
    for forecast in (
        MixtureSameFamily(Categorical(logits=loc), base.Normal(loc, scale)),
        base.TransformedDistribution(base.Normal(loc[:, 1], scale[:, 1]), [shift]),
        base.StudentT(scale[:, 0], loc[:, 0], scale[:, 1]),
    ):
        torch.testing.assert_close(rows(forecast, index).log_prob(y[index]), forecast.log_prob(y)[index], rtol=0, atol=0)


def test_a_log_normal_is_scored_where_its_mean_overflows() -> None:
    score = crps(d.LogNormal(tensor(1.0), tensor(40.0)), Outcome.exact(tensor(3.0)))
    with mpmath.workdps(500):
        z, scale = (mpmath.log(3) - 1) / 40, mpmath.mpf(40)
        rest = mpmath.ncdf(z - scale) + mpmath.ncdf(scale / mpmath.sqrt(2)) - 1
        reference = 3 * (2 * mpmath.ncdf(z) - 1) - 2 * mpmath.exp(1 + scale**2 / 2) * rest
    # exp(401): a rounding of the exponent is one of 401 · 2^-53.
    assert float(score) == pytest.approx(float(reference), rel=1e-11)


def test_halving_ends_where_rounding_is_all_that_is_left() -> None:
    asked = 0
    noise = torch.Generator().manual_seed(0)

    def rule(row: torch.Tensor, start: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        nonlocal asked
        asked += len(row)
        # x² with a jump of 1 at ⅓, of rows 0 and 1; the second as a cdf gives it that is good to nine digits.
        jump = (start + length - 1.0 / 3.0).clamp(min=0.0).minimum(length)
        exact = ((start + length) ** 3 - start**3) / 3.0 + jump
        return exact + length * 1e-9 * torch.randn(len(row), dtype=torch.float64, generator=noise) * (row == 1)

    zero = torch.zeros(2, dtype=torch.float64)
    total = refined(rule, torch.tensor([0, 1]), zero, torch.ones(2, dtype=torch.float64), zero)
    torch.testing.assert_close(total, torch.full((2,), 1.0, dtype=torch.float64), rtol=1e-8, atol=0.0)
    assert asked < 5000
