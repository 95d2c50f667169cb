"""CRPS, PIT and mode of distributions whose values are negative counts or multiples of a step, against sums over all of them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest
import scipy.stats
import torch
from torch.distributions import Distribution

from disttrain import distributions as d
from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.outcomes import Outcome


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


class _Stepped(Distribution):
    """A Skellam in units of `step` (n,): the least that a distribution on another lattice has."""

    arg_constraints: ClassVar = {}
    support: ClassVar = d.Skellam.support

    def __init__(self, base: Distribution, step: torch.Tensor) -> None:
        self.base, self.step = base, step
        super().__init__(base.batch_shape, validate_args=False)

    def _place(self, value: torch.Tensor) -> torch.Tensor:
        return (value / self.step + 1e-9).floor()

    def log_prob(self, value: torch.Tensor) -> torch.Tensor:
        return self.base.log_prob((value / self.step).round())

    def cdf(self, value: torch.Tensor) -> torch.Tensor:
        return self.base.cdf(self._place(value))

    def survival(self, value: torch.Tensor) -> torch.Tensor:
        return self.base.survival(self._place(value))

    def icdf(self, value: torch.Tensor) -> torch.Tensor:
        return self.base.icdf(value) * self.step


def skellam() -> Distribution:
    return d.Skellam(tensor(0.3, 4.0, 90.0, 2.0), tensor(0.8, 9.0, 30.0, 2e-6))


FORECASTS = {
    "skellam": skellam,
    "generalized_poisson": lambda: d.GeneralizedPoisson(tensor(0.3, 4.0, 20.0, 2.0), tensor(0.5, 0.1, 0.02, 1e-6)),
    "poisson_inverse_gaussian": lambda: d.PoissonInverseGaussian(tensor(0.3, 4.0, 20.0, 2.0), tensor(0.5, 0.7, 0.02, 1e-6)),
    "com_poisson": lambda: d.ComPoisson(tensor(0.3, 4.0, 20.0, 2.0), tensor(0.5, 0.7, 2.0, 1.0)),
    "binomial": lambda: d.Binomial(tensor(1.0, 7.0, 400.0, 0.0), tensor(0.5, 0.1, 0.4, 0.3)),
    "beta_binomial": lambda: d.BetaBinomial(tensor(1.0, 7.0, 400.0, 0.0), tensor(0.5, 0.1, 0.4, 0.3), tensor(2.0, 0.5, 30.0, 2.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", FORECASTS)
def test_the_score_of_counts_is_the_sum_over_all_counts(name: str) -> None:
    forecast = FORECASTS[name]()
    counts = torch.arange(-300.0, 600.0, dtype=torch.float64).unsqueeze(-1)
    cdf, survival = functionals.cdf(forecast, counts), functionals.survival(forecast, counts)
    # What is left out of the sum is the square of less than this, times a count or two.
    assert float(torch.maximum(cdf[0], survival[-1]).max()) < 1e-9
    for level in (1e-4, 0.3, 0.9999):
        y = functionals.quantile(forecast, level)
        square = torch.where(counts < y, cdf, survival).square()
        torch.testing.assert_close(metrics.crps(forecast, Outcome.exact(y)), square.sum(0), rtol=1e-9, atol=1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("step", [0.1, 0.5, 3.0])
def test_a_lattice_of_another_step_scores_as_whole_numbers_in_that_unit(step: float) -> None:
    steps = tensor(step, step, 2.0 * step, step)
    whole, stepped = skellam(), _Stepped(skellam(), steps)
    for level in (1e-4, 0.3, 0.9999):
        count = functionals.quantile(whole, level)
        here, there = Outcome.exact(count), Outcome.exact(count * steps)
        torch.testing.assert_close(metrics.crps(stepped, there), steps * metrics.crps(whole, here), rtol=1e-11, atol=0.0)
        torch.testing.assert_close(metrics.pit(stepped, there), metrics.pit(whole, here), rtol=1e-11, atol=0.0)
        torch.testing.assert_close(metrics.surprises(stepped, there), metrics.surprises(whole, here), rtol=0.0, atol=0.0)


def test_the_mode_of_a_lattice_may_lie_below_zero() -> None:
    whole, steps = skellam(), tensor(0.1, 0.5, 2.0, 1.0)
    counts = torch.arange(-100.0, 200.0, dtype=torch.float64).unsqueeze(-1)
    expected = counts.squeeze(-1)[whole.log_prob(counts).argmax(0)]
    assert torch.equal(functionals.mode(whole), expected)
    torch.testing.assert_close(functionals.mode(_Stepped(whole, steps)), expected * steps)


@pytest.mark.slow
def test_the_pit_of_negative_counts_is_uniform() -> None:
    rate1, rate2 = tensor(*[0.7] * 4000), tensor(*[2.5] * 4000)
    forecast = d.Skellam(rate1, rate2)
    y = functionals.quantile(forecast, torch.from_numpy(np.random.default_rng(1).uniform(size=4000)))
    pit = metrics.pit(forecast, Outcome.exact(y), np.random.default_rng(2))
    assert scipy.stats.kstest(pit.numpy(), "uniform").pvalue > 0.01
