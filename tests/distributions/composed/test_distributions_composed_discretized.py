"""Mean and variance of a rounded distribution are those of its probabilities."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain import distributions

ROWS = 7


@pytest.mark.parametrize("step", [0.03, 0.3, 5.0])
@pytest.mark.parametrize(
    ("make", "peer"),
    [
        (lambda a, b: distributions.Normal(a - 2.0, b), lambda a, b: stats.norm(a - 2.0, b)),
        (lambda a, b: distributions.Gamma(a, b), lambda a, b: stats.gamma(a, scale=1.0 / b)),
        (lambda a, b: distributions.Laplace(a, b), lambda a, b: stats.laplace(a, b)),
    ],
    ids=["normal", "gamma", "laplace"],
)
def test_moments_are_sums_over_the_grid(make, peer, step):
    first, second = torch.linspace(0.4, 4.0, ROWS, dtype=torch.float64), torch.linspace(0.3, 1.5, ROWS, dtype=torch.float64)
    distribution = distributions.Discretized(make(first, second), torch.tensor(step, dtype=torch.float64))
    for row in range(ROWS):
        base = peer(float(first[row]), float(second[row]))
        grid = step * np.arange(np.floor(base.ppf(1e-15) / step) - 2.0, np.ceil(base.isf(1e-15) / step) + 3.0)
        # In the nearer tail: the difference of two probabilities of nearly 1 would have lost its digits.
        lower, upper = grid - step / 2, grid + step / 2
        mass = np.where(grid > base.median(), base.sf(lower) - base.sf(upper), base.cdf(upper) - base.cdf(lower))
        mean = float(mass @ grid)
        # Beyond quantiles of 1e-13 nothing is added: of a variance that is 1e-13 of squares of some 30 scales.
        assert float(distribution.mean[row]) == pytest.approx(mean, rel=1e-10, abs=1e-10)
        assert float(distribution.variance[row]) == pytest.approx(float(mass @ (grid - mean) ** 2), rel=3e-10, abs=1e-12)


def test_moments_of_an_infinite_variance_stay_infinite():
    heavy = distributions.StudentT(torch.tensor([1.5, 0.9], dtype=torch.float64), 0.0, 1.0)
    distribution = distributions.Discretized(heavy, torch.tensor(0.5, dtype=torch.float64))
    assert distribution.variance[0].item() == float("inf")
    assert not distribution.mean[1].isfinite()
