"""The CRPS of rows not seen exactly: its two integrals against brute force, and together the ordinary score."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable

import mpmath
import numpy as np
import pytest
import scipy.integrate
import torch
from torch.distributions import Categorical, MixtureSameFamily

from disttrain import distributions as d
from disttrain.distributions.core import functionals
from disttrain.errors import UsageError
from disttrain.metrics import METRICS, crps
from disttrain.metrics.row_blocks import rows
from disttrain.outcomes import Outcome

N = 8


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def log_uniform(low: float, high: float, seed: int) -> torch.Tensor:
    return torch.from_numpy(np.exp(np.random.default_rng(seed).uniform(math.log(low), math.log(high), N)))


def mixture() -> MixtureSameFamily:
    weights = torch.rand(N, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    parts = torch.distributions.Normal(torch.stack([log_uniform(0.1, 9, 1), -log_uniform(0.1, 9, 2)], -1), 0.1 + weights)
    return MixtureSameFamily(Categorical(probs=weights), parts, validate_args=False)


CONTINUOUS: dict[str, Callable[[], torch.distributions.Distribution]] = {
    "normal": lambda: d.Normal(log_uniform(0.01, 100, 1), log_uniform(0.01, 100, 2)),
    "student_t": lambda: d.StudentT(log_uniform(1.1, 100, 0), log_uniform(0.01, 100, 1), log_uniform(0.01, 100, 2)),
    "weibull": lambda: d.Weibull(log_uniform(0.01, 100, 1), log_uniform(0.3, 20, 2)),
    "log_normal": lambda: d.LogNormal(log_uniform(0.01, 5, 1), log_uniform(0.05, 3, 2)),
    "gamma": lambda: d.Gamma(log_uniform(0.1, 1000, 1), log_uniform(0.01, 100, 2)),
    "inverse_gaussian": lambda: d.InverseGaussian(log_uniform(0.1, 10, 1), log_uniform(0.1, 10, 2)),
    "log_logistic": lambda: d.LogLogistic(log_uniform(0.1, 10, 1), log_uniform(1.2, 10, 2)),
    "beta": lambda: d.Beta(log_uniform(0.3, 100, 1), log_uniform(0.3, 100, 2)),
    "hurdle": lambda: d.Hurdle(d.Gamma(log_uniform(0.3, 100, 1), log_uniform(0.1, 10, 2)), log_uniform(0.05, 0.8, 3)),
    "mixture": mixture,
}
COUNTS: dict[str, Callable[[], torch.distributions.Distribution]] = {
    "poisson": lambda: d.Poisson(log_uniform(0.01, 1e5, 1)),
    "negative_binomial": lambda: d.NegativeBinomial(log_uniform(0.01, 1e4, 1), log_uniform(0.1, 1e4, 2)),
    "skellam": lambda: d.Skellam(log_uniform(0.1, 30, 1), log_uniform(0.1, 30, 2)),
    "rounded": lambda: d.Discretized(d.Normal(log_uniform(0.01, 9, 1), log_uniform(0.1, 9, 2)), log_uniform(0.1, 2, 3)),
}
FORECASTS = CONTINUOUS | COUNTS


def levels(low: float = 0.001, high: float = 0.999, seed: int = 7) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, N))


def below(y: torch.Tensor) -> torch.Tensor:
    return torch.full_like(y, -math.inf)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORECASTS)
def test_what_is_scored_of_either_side_is_together_the_ordinary_score(name: str) -> None:
    forecast = FORECASTS[name]()
    y = functionals.quantile(forecast, levels())
    right, left = crps(forecast, Outcome(y, -below(y))), crps(forecast, Outcome(below(y), y))
    # The quadrature is good to 1e-9 where a density is singular at the end of its support.
    torch.testing.assert_close(right + left, crps(forecast, Outcome.exact(y)), rtol=1e-8, atol=1e-14)
    assert ((right >= 0) & (left >= 0)).all()


@pytest.mark.slow
@pytest.mark.parametrize("name", FORECASTS)
def test_an_interval_scores_what_its_two_ends_do(name: str) -> None:
    forecast = FORECASTS[name]()
    lower, upper = (functionals.quantile(forecast, level) for level in (levels(0.001, 0.6), levels(0.6, 0.999)))
    right, left = crps(forecast, Outcome(lower, -below(lower))), crps(forecast, Outcome(below(lower), upper))
    interval = torch.where(lower == upper, upper + 1.0, upper)
    apart = right + crps(forecast, Outcome(below(lower), interval))
    torch.testing.assert_close(crps(forecast, Outcome(lower, interval)), apart, rtol=1e-9, atol=1e-14)
    assert ((right + left) >= apart - 1e-9).all()
    unknown = crps(forecast, Outcome(below(lower), -below(lower)))
    assert (unknown == 0).all()


def integrated(
    function: Callable[[torch.distributions.Distribution, torch.Tensor], torch.Tensor], one: object, knots: list[float]
) -> float:
    """The integral of the square between the knots, by scipy; between quantiles a cdf is smooth."""

    def integrand(t: np.ndarray) -> np.ndarray:
        return function(one, torch.from_numpy(t)).square().numpy()  # type: ignore[arg-type]

    return sum(scipy.integrate.fixed_quad(integrand, a, b, n=80)[0] for a, b in itertools.pairwise(knots))


@pytest.mark.parametrize("name", CONTINUOUS)
@pytest.mark.parametrize("level", [1e-6, 0.2, 0.97])
def test_each_side_is_its_defining_integral(name: str, level: float) -> None:
    forecast = rows(FORECASTS[name](), slice(0, 2))
    y = functionals.quantile(forecast, level)
    inner = (1e-13, 1e-9, 1e-6, 1e-3, 0.1, 0.3, 0.5, 0.7, 0.9, 0.999, 1 - 1e-6, 1 - 1e-9, 1 - 1e-12)
    scores = crps(forecast, Outcome(y, -below(y))), crps(forecast, Outcome(below(y), y))
    places = [functionals.quantile(forecast, p).tolist() for p in inner]
    for row in (0, 1):
        one, end = rows(forecast, slice(row, row + 1)), float(y[row])
        lower = integrated(functionals.cdf, one, sorted({*(p[row] for p in places if p[row] < end), end}))
        upper = integrated(functionals.survival, one, sorted({*(p[row] for p in places if p[row] > end), end}))
        assert float(scores[0][row]) == pytest.approx(lower, rel=1e-6, abs=1e-14)
        # A power tail beyond 1 - 1e-12 still holds a little.
        assert float(scores[1][row]) == pytest.approx(upper, rel=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", COUNTS)
@pytest.mark.parametrize("level", [1e-6, 0.2, 0.97])
def test_each_side_is_its_sum_over_the_lattice(name: str, level: float) -> None:
    forecast = FORECASTS[name]()
    few = (functionals.quantile(forecast, 1 - 1e-9) < 150).nonzero().squeeze(-1)
    forecast = rows(forecast, few)
    step = getattr(forecast, "step", torch.ones(len(few), dtype=torch.float64))
    y = functionals.quantile(forecast, level)
    values = torch.arange(-100, 300, dtype=torch.float64).unsqueeze(-1) * step
    at = values + 1e-6 * step
    lower = (step * torch.where(at < y, functionals.cdf(forecast, at), 0.0).square()).sum(0)
    upper = (step * torch.where(at > y, functionals.survival(forecast, at), 0.0).square()).sum(0)
    torch.testing.assert_close(crps(forecast, Outcome(y, -below(y))), lower, rtol=1e-9, atol=1e-14)
    torch.testing.assert_close(crps(forecast, Outcome(below(y), y)), upper, rtol=1e-9, atol=1e-14)


def test_far_in_a_tail_a_side_keeps_its_digits() -> None:
    y = tensor(-30.0, -8.0, 8.0)
    score = crps(d.Normal(0 * y, 1 + 0 * y), Outcome(y, y + math.inf))
    # ∫Φ² from -∞ to y = yΦ² + 2φΦ - Φ(√2 y)/√π; in 50 digits, as it cancels.
    with mpmath.workdps(50):
        expected = []
        for value in map(mpmath.mpf, y.tolist()):
            phi, area = mpmath.npdf(value), mpmath.ncdf(value)
            expected.append(float(value * area**2 + 2 * phi * area - mpmath.ncdf(mpmath.sqrt(2) * value) / mpmath.sqrt(mpmath.pi)))
    np.testing.assert_allclose(score, expected, rtol=1e-9)


def test_beyond_the_support_a_side_grows_by_the_distance() -> None:
    forecast = d.Beta(tensor(2.0, 2.0), tensor(3.0, 3.0))
    near, far = (crps(forecast, Outcome(tensor(end, end), tensor(math.inf, math.inf))) for end in (1.0, 5.0))
    torch.testing.assert_close(far - near, tensor(4.0, 4.0), rtol=1e-9, atol=0)
    low, lower = (crps(forecast, Outcome(tensor(-math.inf, -math.inf), tensor(end, end))) for end in (0.0, -5.0))
    torch.testing.assert_close(lower - low, tensor(5.0, 5.0), rtol=1e-9, atol=0)


def test_rows_of_all_kinds_together_score_as_they_do_apart() -> None:
    forecast = FORECASTS["weibull"]()
    y = functionals.quantile(forecast, levels())
    turn = torch.arange(N) % 4
    lower = torch.where(turn == 1, -math.inf, y)
    upper = torch.where(turn == 2, math.inf, torch.where(turn == 3, 2 * y, y))
    score = crps(forecast, Outcome(lower, upper))
    for kind in range(4):
        part = (turn == kind).nonzero().squeeze(-1)
        torch.testing.assert_close(score[part], crps(rows(forecast, part), Outcome(lower[part], upper[part])), rtol=1e-12, atol=0)


def test_a_side_whose_integral_does_not_exist_is_infinite_and_the_other_is_not() -> None:
    heavy = d.LogLogistic(tensor(1.0), tensor(0.4))
    assert float(crps(heavy, Outcome(tensor(-math.inf), tensor(1.0)))) == math.inf
    assert math.isfinite(float(crps(heavy, Outcome(tensor(1.0), tensor(math.inf)))))


def test_the_score_of_censored_rows_favours_short_tails_as_the_nll_does_not() -> None:
    generator = np.random.default_rng(0)
    time, end = torch.from_numpy(generator.exponential(size=4000)), torch.from_numpy(generator.uniform(0.0, 2.5, 4000))
    outcome = Outcome(torch.minimum(time, end), torch.where(time > end, math.inf, time))
    truth, short = (d.Exponential(torch.full((4000,), rate, dtype=torch.float64)) for rate in (1.0, 1.25))
    gains = {name: METRICS[name].gain(*(METRICS[name].score(q, outcome) for q in (truth, short))) for name in ("crps", "nll")}
    assert gains["crps"].value < -3 * gains["crps"].standard_error
    assert gains["nll"].value > 3 * gains["nll"].standard_error


def test_rows_with_an_entry_are_refused() -> None:
    with pytest.raises(UsageError) as raised:
        crps(d.Exponential(tensor(1.0)), Outcome(tensor(2.0), tensor(2.0), entry=tensor(1.0)))
    assert "entry" in raised.value.findings[0].why
