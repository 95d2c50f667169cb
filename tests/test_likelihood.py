"""Outcomes and their likelihood: one number per row, averaged in one place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain.distributions import Normal
from disttrain.errors import UsageError
from disttrain.likelihood import cross_entropy, log_likelihood, weighted_mean
from disttrain.outcomes import Outcome

Y = torch.linspace(-3.0, 4.0, 15, dtype=torch.float64)
WEIGHT = torch.arange(15, dtype=torch.float64)


def forecasts():
    return Normal(Y.flip(0) / 2, torch.linspace(0.5, 2.0, 15, dtype=torch.float64))


def test_the_likelihood_is_one_number_per_row():
    expected = stats.norm(Y.flip(0) / 2, np.linspace(0.5, 2.0, 15)).logpdf(Y)
    np.testing.assert_allclose(log_likelihood(forecasts(), Outcome.exact(Y)), expected, rtol=1e-12)


def test_the_cross_entropy_is_the_weighted_mean_of_the_negative_likelihood():
    nll = -log_likelihood(forecasts(), Outcome.exact(Y)).numpy()
    assert float(cross_entropy(forecasts(), Outcome.exact(Y))) == pytest.approx(nll.mean(), rel=1e-14)
    assert float(cross_entropy(forecasts(), Outcome.exact(Y), WEIGHT)) == pytest.approx(np.average(nll, weights=WEIGHT), rel=1e-14)


def test_weights_count_relative_to_each_other():
    first, second = (float(weighted_mean(Y, WEIGHT * factor)) for factor in (1.0, 1e-6))
    assert first == pytest.approx(second, rel=1e-12)


def test_means_are_taken_in_float64():
    values = torch.full((1_000_003,), 0.1, dtype=torch.float32)
    assert float(weighted_mean(values, None)) == pytest.approx(float(values[0]), rel=1e-12)


def test_a_part_of_an_outcome_is_the_outcome_of_the_part():
    outcome = Outcome.exact(Y)
    assert len(outcome) == 15
    assert torch.equal(outcome[3:7].value, Y[3:7])
    assert torch.equal(outcome[torch.tensor([5, 1])].value, Y[[5, 1]])
    assert outcome[3:7].all_exact
    assert torch.equal(outcome.to(torch.device("cpu")).value, Y)


def test_an_interval_with_equal_ends_is_exact():
    assert Outcome(Y, Y.clone()).all_exact
    assert not Outcome(Y, Y + 1.0).all_exact
    assert not Outcome(Y, Y, entry=Y - 1.0).all_exact
    assert torch.equal(Outcome(Y, Y + 1.0, Y - 1.0)[2:4].entry, Y[2:4] - 1.0)


@pytest.mark.parametrize(
    "outcome", [Outcome(Y, torch.full_like(Y, torch.inf)), Outcome(Y, Y, entry=Y - 1.0)], ids=["censored", "truncated"]
)
def test_a_row_that_was_not_seen_exactly_is_refused(outcome):
    with pytest.raises(UsageError, match="not available"):
        log_likelihood(forecasts(), outcome)
