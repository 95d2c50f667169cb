"""With 40 % of the rows right-censored, maximum likelihood finds the truth; taking them for exact ones does not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, stats

from disttrain.distributions import Gamma, LogNormal, NegativeBinomial, Normal, Weibull
from disttrain.likelihood import log_likelihood
from disttrain.outcomes import Outcome

ROWS = 20_000
# scipy's distribution, ours of raw numbers, and the truth as raw numbers.
TRUTHS = {
    "weibull": (stats.weibull_min(1.4, scale=3.0), lambda a, b: Weibull(a.exp(), b.exp()), np.log([3.0, 1.4])),
    "log_normal": (stats.lognorm(0.8, scale=np.exp(1.2)), lambda a, b: LogNormal(a, b.exp()), [1.2, np.log(0.8)]),
    "gamma": (stats.gamma(2.5, scale=1 / 0.7), lambda a, b: Gamma(a.exp(), b.exp()), np.log([2.5, 0.7])),
    "normal": (stats.norm(-2.0, 1.5), lambda a, b: Normal(a, b.exp()), [-2.0, np.log(1.5)]),
    "negative_binomial": (stats.nbinom(1.5, 1.5 / 9.5), lambda a, b: NegativeBinomial(a.exp(), b.exp()), np.log([8.0, 1.5])),
}


def fitted(make, outcome, start):
    """The maximum-likelihood estimates and their standard errors, from the curvature there."""
    # Counts repeat: each different outcome is scored once.
    pairs, times = torch.stack([outcome.lower, outcome.upper], 1).unique(dim=0, return_counts=True)
    outcome, share = Outcome(pairs[:, 0], pairs[:, 1]), times / ROWS

    def loss(point):
        raw = torch.tensor(point, dtype=torch.float64, requires_grad=True)
        nll = -(share * log_likelihood(make(*raw.unsqueeze(1)), outcome)).sum()
        return float(nll.detach()), torch.autograd.grad(nll, raw)[0].numpy()

    best = optimize.minimize(loss, start, jac=True, method="BFGS", options={"gtol": 1e-7}).x
    curvature = np.array([(loss(best + move)[1] - loss(best - move)[1]) / 2e-4 for move in 1e-4 * np.eye(2)])
    return best, np.sqrt(np.diag(np.linalg.inv(curvature)) / ROWS)


@pytest.mark.parametrize("name", TRUTHS)
def test_the_truth_is_recovered_from_censored_rows_and_not_when_the_censoring_is_ignored(name):
    theirs, make, truth = TRUTHS[name]
    y = torch.from_numpy(theirs.rvs(ROWS, random_state=11).astype(float))
    limit = float(theirs.ppf(0.6))
    seen = y.clamp(max=limit)
    censored = Outcome(seen, torch.where(y >= limit, torch.inf, seen))
    assert float((y >= limit).double().mean()) == pytest.approx(0.4, abs=0.05)
    estimate, error = fitted(make, censored, np.zeros(2))
    assert (np.abs(estimate - truth) < 4 * error).all()
    ignored, narrow = fitted(make, Outcome.exact(seen), np.zeros(2))
    assert (np.abs(ignored - truth) > 10 * np.maximum(error, narrow)).any()
