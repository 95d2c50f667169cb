"""Averages over rows: weighted means, their standard errors, roots and paired gains."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from disttrain.errors import DataError
from disttrain.metrics import METRICS, averages, weighted_mean

X = np.random.default_rng(0).gamma(2.0, size=400)
W = np.random.default_rng(1).uniform(0.2, 3.0, size=400)


def bootstrap(statistic: object, *columns: np.ndarray) -> float:
    generator = np.random.default_rng(2)
    picks = [generator.integers(0, len(X), size=len(X)) for _ in range(1500)]
    return float(np.std([statistic(*(column[pick] for column in columns)) for pick in picks]))  # type: ignore[operator]


def tensors(*columns: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(column) for column in columns]


def test_equal_weights_give_the_usual_standard_error() -> None:
    (x,) = tensors(X)
    expected = (X.mean(), X.std(ddof=1) / math.sqrt(len(X)))
    assert weighted_mean(x) == pytest.approx(expected, rel=1e-12)
    assert weighted_mean(x, torch.full_like(x, 1e300)) == pytest.approx(expected, rel=1e-12)


# 1,500 resamples know their spread to 1/sqrt(3000) = 1.8 %; four times that, and the 0.1 % by which 400 rows are not infinitely many.
BOOTSTRAP = 0.08


def test_the_standard_error_of_a_weighted_mean_is_that_of_resampling() -> None:
    found = weighted_mean(*tensors(X, W))
    assert found.value == pytest.approx(np.average(X, weights=W), rel=1e-12)
    assert found.standard_error == pytest.approx(bootstrap(lambda x, w: np.average(x, weights=w), X, W), rel=BOOTSTRAP)


def test_the_standard_error_of_a_root_mean_square_is_that_of_resampling() -> None:
    found = METRICS["rmse"].average(*tensors(X, W))
    assert found.value == pytest.approx(math.sqrt(np.average(X, weights=W)), rel=1e-12)
    expected = bootstrap(lambda x, w: math.sqrt(np.average(x, weights=w)), X, W)
    assert found.standard_error == pytest.approx(expected, rel=BOOTSTRAP)


@pytest.mark.parametrize("name", ["nll", "rmse"])
def test_the_standard_error_of_a_gain_is_that_of_resampling_pairs(name: str) -> None:
    baseline = X + np.random.default_rng(3).uniform(0.0, 0.5, size=len(X))
    finish = math.sqrt if name == "rmse" else float
    found = METRICS[name].gain(*tensors(X, baseline, W))

    def difference(x: np.ndarray, b: np.ndarray, w: np.ndarray) -> float:
        return finish(np.average(b, weights=w)) - finish(np.average(x, weights=w))

    assert found.value == pytest.approx(difference(X, baseline, W), rel=1e-12)
    assert found.standard_error == pytest.approx(bootstrap(difference, X, baseline, W), rel=BOOTSTRAP)
    alone = METRICS[name].average(*tensors(X, W))
    assert found.standard_error < alone.standard_error / 3


@pytest.mark.parametrize("weight", [None, W], ids=["alike", "weighted"])
@pytest.mark.parametrize("name", [name for name in METRICS if name != "concordance"])
def test_a_comparison_says_of_each_forecast_what_its_own_average_says(name: str, weight: np.ndarray | None) -> None:
    scores, baseline = tensors(X / 100, X[::-1].copy() / 100)
    weights = None if weight is None else torch.from_numpy(weight)
    found = METRICS[name].compared(scores, baseline, weights)
    assert found.forecast == METRICS[name].average(scores, weights)
    assert found.baseline == METRICS[name].average(baseline, weights)
    better = found.baseline.value - found.forecast.value
    assert found.gain.value == (better if METRICS[name].better == "lower" else -better)


def test_a_gain_is_positive_where_the_forecast_is_better() -> None:
    low, high = torch.zeros(5, dtype=torch.float64), torch.ones(5, dtype=torch.float64)
    assert METRICS["nll"].gain(low, high) == (1.0, 0.0)
    assert METRICS["accuracy"].gain(high, low) == (1.0, 0.0)
    assert METRICS["nll"].gain(high, high) == (0.0, 0.0)


def test_one_row_has_no_standard_error() -> None:
    single = weighted_mean(torch.tensor([3.0]))
    assert single.value == 3.0
    assert math.isnan(single.standard_error)


def test_a_row_without_weight_is_not_there() -> None:
    x, w = torch.tensor([1.0, 2.0, math.inf, math.nan]), torch.tensor([1.0, 3.0, 0.0, 0.0])
    assert weighted_mean(x, w) == weighted_mean(x[:2], w[:2])


def test_an_infinite_score_is_an_infinite_mean_and_nan_is_nan() -> None:
    assert weighted_mean(torch.tensor([1.0, math.inf])).value == math.inf
    assert math.isnan(weighted_mean(torch.tensor([1.0, math.nan])).value)


def test_errors_that_are_all_nought_have_a_root_of_nought() -> None:
    assert METRICS["rmse"].average(torch.zeros(4)) == (0.0, 0.0)


def test_small_scores_on_a_large_level_keep_their_digits() -> None:
    x = torch.arange(100_000).double() % 2 * 1e-3 + 1e7
    assert weighted_mean(x.double()).standard_error == pytest.approx(0.5e-3 / math.sqrt(99_999), rel=1e-5)


@pytest.mark.parametrize("weight", [[1.0, -1.0], [1.0, math.nan], [1.0, math.inf], [0.0, 0.0]])
def test_weights_that_are_none_are_refused(weight: list[float]) -> None:
    with pytest.raises(DataError):
        averages.average(averages.mean, torch.ones(2), torch.tensor(weight))
