"""Calibration: the PIT of the truth is uniform, residuals are standard normal and stay so far out in the tails."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats
import torch

from disttrain import distributions as d
from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.outcomes import Outcome

N = 5000


def full(value: float, n: int = N) -> torch.Tensor:
    return torch.full((n,), value, dtype=torch.float64)


FORECASTS = {
    "normal": lambda: d.Normal(full(1.0), full(2.0)),
    "student_t": lambda: d.StudentT(full(3.0), full(1.0), full(2.0)),
    "gamma": lambda: d.Gamma(full(0.3), full(2.0)),
    "beta": lambda: d.Beta(full(0.5), full(2.0)),
    "poisson": lambda: d.Poisson(full(0.7)),
    "negative_binomial": lambda: d.NegativeBinomial(full(5.0), full(0.5)),
    "geometric": lambda: d.Geometric(full(0.4)),
    "bernoulli": lambda: d.Bernoulli(probs=full(0.2)),
    "torch_poisson": lambda: torch.distributions.Poisson(full(0.7)),
}


def draws(forecast: torch.distributions.Distribution, seed: int = 1) -> Outcome:
    levels = torch.from_numpy(np.random.default_rng(seed).uniform(size=N))
    return Outcome.exact(functionals.quantile(forecast, levels))


@pytest.mark.parametrize("name", FORECASTS)
def test_the_pit_of_the_truth_is_uniform(name: str) -> None:
    forecast = FORECASTS[name]()
    pit = metrics.pit(forecast, draws(forecast), np.random.default_rng(2))
    assert scipy.stats.kstest(pit.numpy(), "uniform").pvalue > 0.01


@pytest.mark.parametrize("name", FORECASTS)
def test_the_residuals_of_the_truth_are_standard_normal(name: str) -> None:
    forecast = FORECASTS[name]()
    residuals = metrics.quantile_residuals(forecast, draws(forecast), np.random.default_rng(2))
    assert scipy.stats.kstest(residuals.numpy(), "norm").pvalue > 0.01


@pytest.mark.parametrize("name", FORECASTS)
def test_residuals_are_the_normal_quantiles_of_the_pit(name: str) -> None:
    forecast = FORECASTS[name]()
    outcome = draws(forecast)
    residuals = metrics.quantile_residuals(forecast, outcome)
    torch.testing.assert_close(torch.special.ndtr(residuals), metrics.pit(forecast, outcome), rtol=1e-9, atol=1e-12)


def test_the_pit_of_counts_lies_between_the_steps_of_the_cdf() -> None:
    forecast = d.Poisson(full(3.0))
    outcome = draws(forecast)
    pit = metrics.pit(forecast, outcome)
    assert ((pit >= forecast.cdf(outcome.value - 1) - 1e-14) & (pit <= forecast.cdf(outcome.value) + 1e-14)).all()


def test_the_randomised_pit_does_not_depend_on_the_blocks() -> None:
    forecast = d.Poisson(full(3.0))
    y = draws(forecast).value
    whole = metrics.pit(forecast, Outcome.exact(y), np.random.default_rng(5))
    generator = np.random.default_rng(5)
    parts = [metrics.pit(d.Poisson(full(3.0, len(part))), Outcome.exact(part), generator) for part in y.split([1, 7, 1000, N - 1008])]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)
    again = metrics.pit(forecast, Outcome.exact(y), np.random.default_rng(6))
    assert (again != whole).any()


def test_the_pit_touches_no_global_generator() -> None:
    forecast = d.Poisson(full(3.0))
    before, numpy_before = torch.random.get_rng_state(), np.random.get_state()[1].copy()
    metrics.pit(forecast, draws(forecast))
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(numpy_before, np.random.get_state()[1])


def test_nine_sigma_above_is_as_far_as_nine_sigma_below() -> None:
    z = torch.tensor([-37.0, -9.0, -1.0, 0.0, 1.0, 9.0, 37.0], dtype=torch.float64)
    forecast = d.Normal(full(0.0, 7), full(1.0, 7))
    torch.testing.assert_close(metrics.quantile_residuals(forecast, Outcome.exact(z)), z, rtol=1e-10, atol=1e-12)


def test_a_residual_is_finite_where_the_tail_has_no_probability_left() -> None:
    y = torch.tensor([-1e6, 1e6], dtype=torch.float64)
    far = metrics.quantile_residuals(d.Normal(full(0.0, 2), full(1.0, 2)), Outcome.exact(y))
    assert far.isfinite().all()
    assert float(far[0]) == -float(far[1]) < -38
    counts = metrics.quantile_residuals(d.Poisson(full(1.0, 1)), Outcome.exact(full(1e4, 1)))
    assert 37 < float(counts) < 39


def test_nan_stays_nan() -> None:
    forecast = d.Normal(full(math.nan, 2), full(1.0, 2))
    outcome = Outcome.exact(full(0.0, 2))
    for ask in (metrics.pit, metrics.quantile_residuals, metrics.surprises):
        assert ask(forecast, outcome).isnan().all()


def test_the_calibration_error_is_the_distance_to_the_uniform() -> None:
    pit = torch.from_numpy(np.random.default_rng(0).beta(2, 3, size=400))
    error = metrics.calibration_error(pit)
    fine = (np.arange(400_000) + 0.5) / 400_000
    # The midpoints of 400 steps stand for the uniform: 1/(4 · 400²) per row at most, and only where the distances change sign.
    assert error.value == pytest.approx(scipy.stats.wasserstein_distance(pit.numpy(), fine), abs=1e-4)


@pytest.mark.parametrize(("pit", "error"), [((np.arange(100) + 0.5) / 100, 0.0), (np.full(100, 0.5), 0.25), (np.zeros(100), 0.5)])
def test_the_calibration_error_is_nought_when_flat_and_a_half_at_worst(pit: np.ndarray, error: float) -> None:
    assert metrics.calibration_error(torch.from_numpy(pit)).value == pytest.approx(error, abs=1e-12)


def test_a_weight_of_two_is_a_row_twice_in_the_calibration_error() -> None:
    pit = torch.from_numpy(np.random.default_rng(0).beta(2, 3, size=300))
    twice = torch.arange(300) % 2 == 0
    weighted = metrics.calibration_error(pit, 1.0 + twice.double())
    repeated = metrics.calibration_error(torch.cat([pit, pit[twice]]))
    # Half of a row's own weight counts as below it, so a doubled row stands at one point instead of two.
    assert weighted.value == pytest.approx(repeated.value, abs=1e-4)


def test_the_standard_error_of_the_calibration_error_is_that_of_resampling() -> None:
    generator = np.random.default_rng(3)
    pit = generator.beta(2, 3, size=500)
    error = metrics.calibration_error(torch.from_numpy(pit))
    resampled = [metrics.calibration_error(torch.from_numpy(generator.choice(pit, size=500))).value for _ in range(400)]
    # 400 resamples know their spread to 1/sqrt(800) = 3.5 %; four times that.
    assert error.standard_error == pytest.approx(float(np.std(resampled)), rel=0.15)


def test_the_histogram_counts_every_row_once() -> None:
    pit = torch.tensor([0.0, 0.05, 0.1, 0.55, 0.999, 1.0], dtype=torch.float64)
    assert metrics.pit_histogram(pit).tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 2]
    weight = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], dtype=torch.float64)
    assert metrics.pit_histogram(pit, weight, bins=2).tolist() == [6, 15]


def test_the_moments_are_those_of_scipy() -> None:
    x = np.random.default_rng(0).gamma(2.0, size=1000)
    found = metrics.moments(torch.from_numpy(x))
    expected = (x.mean(), x.var(), scipy.stats.skew(x), scipy.stats.kurtosis(x, fisher=False))
    assert found == pytest.approx(expected, rel=1e-12)
    weighted = metrics.moments(torch.from_numpy(x[:500]), full(3.0, 500))
    assert weighted == pytest.approx(metrics.moments(torch.from_numpy(x[:500])), rel=1e-12)
    assert math.isnan(metrics.moments(full(1.0, 3)).skewness)


@pytest.mark.parametrize("rows", [1, 2, 3, 4])
def test_a_moment_that_is_the_same_for_any_so_few_rows_is_none(rows: int) -> None:
    for seed in range(3):
        x = torch.from_numpy(np.random.default_rng(seed).normal(size=9))
        weight = torch.zeros(9, dtype=torch.float64)
        weight[:rows] = 2.0
        for told in (metrics.moments(x[:rows]), metrics.moments(x, weight)):
            assert [math.isfinite(value) for value in told] == [True, rows > 1, rows > 2, rows > 3]


@pytest.mark.parametrize("name", ["normal", "gamma", "student_t", "poisson", "geometric", "torch_poisson"])
@pytest.mark.parametrize("level", [0.9, 0.999])
def test_a_surprise_lies_above_the_quantile(name: str, level: float) -> None:
    forecast = FORECASTS[name]()
    outcome = draws(forecast)
    expected = outcome.value > functionals.quantile(forecast, level)
    torch.testing.assert_close(metrics.surprises(forecast, outcome, level), expected.double())


def test_a_thousandth_of_the_rows_surprises_the_truth() -> None:
    forecast = d.Normal(full(0.0, 200_000), full(1.0, 200_000))
    y = torch.from_numpy(np.random.default_rng(0).normal(size=200_000))
    share = metrics.weighted_mean(metrics.surprises(forecast, Outcome.exact(y)))
    assert abs(share.value - 0.001) < 4 * share.standard_error
