"""Harrell's C: that of lifelines, its standard error that of resampling, its pairs weighted."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from lifelines.utils import concordance_index

from disttrain import distributions as d
from disttrain import metrics
from disttrain.errors import UsageError
from disttrain.metrics import METRICS, concordance
from disttrain.outcomes import Outcome

METRIC = METRICS["concordance"]


def rows(n: int, ties: bool, seed: int = 0, censored: float = 0.4) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores (n, 3) of a forecast that knows something of the times, many of them equal if `ties`, and weights (n,)."""
    generator = np.random.default_rng(seed)
    time, forecast = generator.exponential(size=n), generator.exponential(size=n)
    time, forecast = (np.round(4 * v) / 4 if ties else v for v in (time + forecast, forecast))
    seen = generator.uniform(size=n) >= censored
    return torch.from_numpy(np.stack([time, seen, forecast], -1)), torch.from_numpy(generator.uniform(0.2, 3.0, n))


def pairs(scores: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    """Which pairs are known (n, n), and what their forecasts are worth: 1, ½ or 0. Every unordered pair stands on both sides."""
    time, seen, forecast = (column[:, None] for column in scores.numpy().T)
    first = (seen == 1) & ((time < time.T) | ((time == time.T) & (seen.T == 0)))
    worth = first * ((forecast < forecast.T) + 0.5 * (forecast == forecast.T))
    return (first + first.T).astype(float), worth + worth.T


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("censored", [0.0, 0.4, 0.9])
def test_the_index_is_that_of_lifelines(ties: bool, censored: float) -> None:
    for seed in range(5):
        scores, _ = rows(200, ties, seed, censored)
        time, seen, forecast = scores.numpy().T
        assert METRIC.average(scores).value == pytest.approx(concordance_index(time, forecast, seen), rel=1e-13)


@pytest.mark.parametrize("ties", [False, True])
def test_a_pair_counts_with_the_product_of_its_weights(ties: bool) -> None:
    scores, weight = rows(150, ties)
    known, worth = pairs(scores)
    w = weight.numpy()
    assert METRIC.average(scores, weight).value == pytest.approx((w @ worth @ w) / (w @ known @ w), rel=1e-13)
    twice = torch.cat([scores, scores[:70]])
    doubled = torch.ones(150, dtype=torch.float64)
    doubled[:70] = 2.0
    # A row twice makes no pair with itself.
    assert METRIC.average(scores, doubled).value == pytest.approx(METRIC.average(twice).value, rel=1e-13)


def test_the_influence_is_the_slope_in_the_weight_of_a_row() -> None:
    scores, weight = rows(60, True)
    _, influence = concordance_share(scores, weight)
    for row in (0, 7, 33):
        moved = [weight.clone(), weight.clone()]
        moved[0][row] -= 1e-4
        moved[1][row] += 1e-4
        low, high = (concordance_share(scores, w)[0] for w in moved)
        assert float(influence[row] / weight.sum()) == pytest.approx(float(high - low) / 2e-4, rel=1e-5)


def concordance_share(scores: torch.Tensor, weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return METRIC.summary(scores, weight)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_standard_errors_are_those_of_resampling(weighted: bool) -> None:
    n = 400
    scores, weight = rows(n, False)
    weight = weight if weighted else torch.ones_like(weight)
    other = scores.clone()
    other[:, 2] += torch.from_numpy(np.random.default_rng(8).exponential(2.0, n))
    drawn = np.random.default_rng(1).multinomial(n, np.full(n, 1 / n), size=1500) * weight.numpy()

    def resampled(columns: torch.Tensor) -> np.ndarray:
        known, worth = pairs(columns)
        return ((drawn @ worth) * drawn).sum(1) / ((drawn @ known) * drawn).sum(1)

    own, gain = METRIC.average(scores, weight), METRIC.gain(scores, other, weight)
    # 1,500 resamples know their spread to 1.8 %; the pairs of a row with itself, which they lose, are 1 in 400.
    assert own.standard_error == pytest.approx(float(resampled(scores).std()), rel=0.1)
    assert gain.value == pytest.approx(own.value - METRIC.average(other, weight).value, rel=1e-12)
    assert gain.value > 0
    assert gain.standard_error == pytest.approx(float((resampled(scores) - resampled(other)).std()), rel=0.1)


def test_the_same_forecast_for_all_rows_is_worth_a_half() -> None:
    scores, weight = rows(101, True)
    scores[:, 2] = 3.0
    assert METRIC.average(scores, weight) == pytest.approx((0.5, 0.0), abs=1e-15)
    time = scores[:, 0] + 0.1
    outcome = Outcome(time, torch.where(scores[:, 1] == 1, time, math.inf))
    for family in (d.Weibull, d.LogNormal, d.Gamma, d.InverseGaussian):
        same = family(torch.full((101,), 1.3, dtype=torch.float64), torch.full((101,), 0.7, dtype=torch.float64))
        assert METRIC.average(METRIC.score(same, outcome)).value == 0.5


def test_the_order_of_the_medians_is_all_that_counts() -> None:
    scores, weight = rows(300, False)
    reversed_ = torch.stack([scores[:, 0], scores[:, 1], -scores[:, 2]], -1)
    value = METRIC.average(scores, weight).value
    assert METRIC.average(reversed_, weight).value == pytest.approx(1.0 - value, rel=1e-12)
    stretched = torch.stack([1e3 * scores[:, 0], scores[:, 1], scores[:, 2].exp().exp()], -1)
    assert METRIC.average(stretched, weight).value == value
    perfect = torch.stack([scores[:, 0], scores[:, 1], scores[:, 0]], -1)
    assert METRIC.average(perfect, weight).value == 1.0


def test_large_numbers_of_rows_are_counted_exactly() -> None:
    scores, _ = rows(20_000, True)
    time, seen, forecast = scores.numpy().T
    assert METRIC.average(scores).value == pytest.approx(concordance_index(time, forecast, seen), rel=1e-13)


def test_the_score_is_the_time_whether_it_was_seen_and_the_median() -> None:
    time = torch.tensor([1.0, 2.0], dtype=torch.float64)
    found = concordance(d.Exponential(time), Outcome(time, torch.tensor([1.0, math.inf], dtype=torch.float64)))
    expected = [[1.0, 1.0, math.log(2)], [2.0, 0.0, math.log(2) / 2]]
    torch.testing.assert_close(found, torch.tensor(expected, dtype=torch.float64))


def test_an_index_without_a_known_pair_or_with_a_lost_forecast_is_nan() -> None:
    scores, _ = rows(20, False)
    censored, lost = scores.clone(), scores.clone()
    censored[:, 1], lost[3, 2] = 0.0, math.nan
    for columns in (censored, lost, scores[:1]):
        assert math.isnan(METRIC.average(columns).value)
    endless = scores.clone()
    endless[:5, 2] = math.inf
    assert math.isfinite(METRIC.average(endless).value)


def test_only_positive_real_numbers_are_times() -> None:
    number = torch.ones(2, dtype=torch.float64)
    for forecast in (d.Normal(number, number), d.Poisson(number), d.Bernoulli(probs=number / 2)):
        assert "times until something happens" in METRIC.objection(forecast)
        with pytest.raises(UsageError):
            metrics.concordance(forecast, Outcome.exact(number))
    assert METRIC.applies(d.Weibull(number, number))


def test_what_may_have_ended_with_an_atom_is_no_pair_and_what_is_larger_is_one() -> None:
    one = torch.ones(3, dtype=torch.float64)
    forecast = d.Hurdle(d.Gamma(one, one * torch.tensor([3.0, 2.0, 1.0])), gate=0.2 * one)
    y, upper = torch.tensor([0.0, 0.0, 1.0], dtype=torch.float64), torch.tensor([0.0, math.inf, 1.0], dtype=torch.float64)
    larger = METRIC.average(concordance(forecast, Outcome(y, upper, above=torch.tensor([False, True, False]))))
    reached = concordance(forecast, Outcome(y, upper))
    assert reached[:, 1].tolist() == [1.0, -1.0, 1.0]
    # Pairs: 0 before the censored row and before 1 where that is larger than 0; only the latter where it may be 0 too.
    assert larger.value == METRIC.average(reached).value == 1.0
    worse = reached.clone()
    worse[1, 2] = -1.0
    assert METRIC.average(worse).value == 1.0
    worse[1, 1] = 0.0
    assert METRIC.average(worse).value == 0.5
