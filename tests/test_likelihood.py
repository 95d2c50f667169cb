"""Outcomes and their likelihood: one number per row, averaged in one place."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import stats

from disttrain.distributions import Normal
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


def open_above(y):
    return torch.full_like(y, torch.inf)


SEEN = {
    "right": (Outcome(Y, open_above(Y)), lambda q: q.logsf(Y)),
    "left": (Outcome(-open_above(Y), Y), lambda q: q.logcdf(Y)),
    "interval": (Outcome(Y - 0.5, Y + 0.5), lambda q: np.log(q.cdf(Y + 0.5) - q.cdf(Y - 0.5))),
    "entry": (Outcome(Y, Y, entry=Y - 1.0), lambda q: q.logpdf(Y) - q.logsf(Y - 1.0)),
    "left after entry": (Outcome(-open_above(Y), Y, entry=Y - 1.0), lambda q: np.log(q.cdf(Y) - q.cdf(Y - 1.0)) - q.logsf(Y - 1.0)),
    "right after entry": (Outcome(Y, open_above(Y), entry=Y - 1.0), lambda q: q.logsf(Y) - q.logsf(Y - 1.0)),
    "unknown": (Outcome(-open_above(Y), open_above(Y)), lambda q: 0.0 * q.cdf(Y)),
}


@pytest.mark.parametrize("kind", SEEN)
def test_what_was_seen_of_a_row_has_its_probability(kind):
    outcome, expected = SEEN[kind]
    known = expected(stats.norm(Y.flip(0) / 2, np.linspace(0.5, 2.0, 15)))
    np.testing.assert_allclose(log_likelihood(forecasts(), outcome), known, rtol=1e-9, atol=1e-12)


def test_rows_of_all_kinds_together_score_as_they_do_apart():
    outcomes = [SEEN[kind][0] for kind in ("right", "left", "interval")] + [Outcome.exact(Y)]
    q = forecasts()
    together = Outcome(torch.cat([o.lower for o in outcomes]), torch.cat([o.upper for o in outcomes]))
    apart = torch.cat([log_likelihood(q, outcome) for outcome in outcomes])
    torch.testing.assert_close(log_likelihood(Normal(q.loc.repeat(4), q.scale.repeat(4)), together), apart, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize(("kind", "middle"), [("right", Y), ("left", Y), ("interval", Y), ("unknown", torch.zeros_like(Y))])
def test_every_row_has_one_finite_value_to_stand_for_it(kind, middle):
    assert torch.equal(SEEN[kind][0].value, middle)
