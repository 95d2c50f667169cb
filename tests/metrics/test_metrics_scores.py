"""Scores per row: proper, in the right unit, equal to those of other libraries, and refused where they mean nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scoringrules
import torch

from disttrain import distributions as d
from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.errors import DataError, UsageError
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome

N = 4000


def full(value: float, n: int = N) -> torch.Tensor:
    return torch.full((n,), value, dtype=torch.float64)


def draws(forecast: torch.distributions.Distribution, seed: int = 0) -> Outcome:
    levels = torch.from_numpy(np.random.default_rng(seed).uniform(size=forecast.batch_shape[0]))
    return Outcome.exact(functionals.quantile(forecast, levels))


NUMBERS = {
    "normal": (lambda loc, scale: d.Normal(full(loc), full(scale)), (1.0, 2.0)),
    "gamma": (lambda shape, rate: d.Gamma(full(shape), full(rate)), (2.0, 3.0)),
    "negative_binomial": (lambda mean, shape: d.NegativeBinomial(full(mean), full(shape)), (7.0, 2.0)),
}
PROPER = ("nll", "crps", "pinball", "interval", "deviance")


@pytest.mark.parametrize("name", PROPER)
@pytest.mark.parametrize("family", NUMBERS)
def test_the_truth_scores_best_in_the_mean(name: str, family: str) -> None:
    make, truth = NUMBERS[family]
    outcome = draws(make(*truth))
    own = METRICS[name].score(make(*truth), outcome)
    for factors in ((1.4, 1.0), (0.7, 1.0), (1.0, 1.6), (1.0, 0.6)):
        wrong = METRICS[name].score(make(*(p * f for p, f in zip(truth, factors, strict=True))), outcome)
        gain = METRICS[name].gain(own, wrong)
        assert gain.value > 2 * gain.standard_error, (factors, gain)


def test_the_true_probabilities_score_best_in_the_mean() -> None:
    probs = torch.tensor([0.6, 0.3, 0.1], dtype=torch.float64)
    code = torch.from_numpy(np.random.default_rng(0).choice(3, size=N, p=probs.numpy())).double()

    def scored(p: torch.Tensor) -> torch.Tensor:
        return metrics.brier(d.Categorical(probs=p.expand(N, 3)), Outcome.exact(code))

    for wrong in ([0.5, 0.4, 0.1], [0.7, 0.2, 0.1], [0.6, 0.1, 0.3]):
        gain = METRICS["brier"].gain(scored(probs), scored(torch.tensor(wrong, dtype=torch.float64)))
        assert gain.value > 2 * gain.standard_error


@pytest.mark.parametrize("name", METRICS)
def test_every_metric_gives_one_number_per_row_of_what_it_applies_to(name: str) -> None:
    metric = METRICS[name]
    forecasts = [make(*truth) for make, truth in NUMBERS.values()]
    forecasts += [d.Exponential(full(0.3)), d.Bernoulli(probs=full(0.3)), d.Categorical(logits=torch.zeros(N, 3, dtype=torch.float64))]
    scored = 0
    for forecast in filter(metric.applies, forecasts):
        scores = metric.score(forecast, draws(forecast))
        # What a metric of pairs needs of each row are three numbers.
        assert scores.shape == ((N, 3) if name == "concordance" else (N,))
        assert scores.dtype == torch.float64
        assert not scores.requires_grad
        assert math.isfinite(metric.average(scores).value)
        scored += 1
    assert scored >= 2
    assert metric.name == name
    assert metric.source


@pytest.mark.parametrize("name", ["crps", "pinball", "interval", "mae", "rmse"])
def test_a_metric_in_target_units_scales_with_the_target(name: str) -> None:
    metric, outcome = METRICS[name], draws(d.Normal(full(1.0), full(2.0)))
    small = metric.average(metric.score(d.Normal(full(0.5), full(1.5)), outcome))
    large = metric.average(metric.score(d.Normal(full(500.0), full(1500.0)), Outcome.exact(1000 * outcome.value)))
    assert metric.unit == "target"
    assert large == pytest.approx((1000 * small.value, 1000 * small.standard_error), rel=1e-12)


def test_scaling_the_target_moves_the_nll_by_the_log_of_the_scale() -> None:
    outcome = draws(d.Normal(full(1.0), full(2.0)))
    moved = metrics.nll(d.Normal(full(1000.0), full(2000.0)), Outcome.exact(1000 * outcome.value))
    torch.testing.assert_close(moved, metrics.nll(d.Normal(full(1.0), full(2.0)), outcome) + math.log(1000), rtol=0, atol=1e-12)


def test_deviance_is_twice_the_nll() -> None:
    forecast = d.Gamma(full(2.0), full(3.0))
    torch.testing.assert_close(metrics.deviance(forecast, draws(forecast)), 2 * metrics.nll(forecast, draws(forecast)))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.99])
def test_the_interval_and_quantile_scores_are_those_of_scoringrules(level: float) -> None:
    forecast = d.Gamma(full(2.0), full(3.0))
    outcome, tail = draws(d.Gamma(full(2.0), full(2.0))), (1 - level) / 2
    y, lower, upper = (t.numpy() for t in (outcome.value, forecast.icdf(full(tail)), forecast.icdf(full(1 - tail))))
    winkler = scoringrules.interval_score(y, lower, upper, 1 - level)
    np.testing.assert_allclose(metrics.interval(forecast, outcome, level=level), winkler, rtol=1e-10)
    by_hand = (scoringrules.quantile_score(y, lower, tail) + scoringrules.quantile_score(y, upper, 1 - tail)) / 2
    np.testing.assert_allclose(metrics.pinball(forecast, outcome, levels=(tail, 1 - tail)), by_hand, rtol=1e-10)


def test_the_crps_is_twice_the_pinball_score_of_all_levels() -> None:
    forecast = d.Normal(full(1.0, 5), full(2.0, 5))
    outcome = draws(forecast)
    levels = [(i + 0.5) / 4000 for i in range(4000)]
    # The midpoint rule over levels leaves out 1e-4 of the tails' share.
    torch.testing.assert_close(2 * metrics.pinball(forecast, outcome, levels=levels), metrics.crps(forecast, outcome), rtol=1e-3, atol=0)


@pytest.mark.parametrize("family", ["normal", "gamma"])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_the_truth_covers_what_it_says(family: str, level: float) -> None:
    make, truth = NUMBERS[family]
    covered = METRICS["coverage"].average(metrics.coverage(make(*truth), draws(make(*truth)), level=level))
    assert abs(covered.value - level) < 4 * covered.standard_error


def test_counts_are_covered_at_least_as_often_as_they_should() -> None:
    make, truth = NUMBERS["negative_binomial"]
    covered = METRICS["coverage"].average(metrics.coverage(make(*truth), draws(make(*truth)), level=0.8))
    assert covered.value > 0.8 - 4 * covered.standard_error


def test_brier_and_accuracy_are_sums_over_the_classes() -> None:
    generator = np.random.default_rng(0)
    probs, code = generator.dirichlet(np.ones(4), size=50), generator.integers(0, 4, size=50)
    forecast, outcome = d.Categorical(probs=torch.from_numpy(probs)), Outcome.exact(torch.from_numpy(code).double())
    np.testing.assert_allclose(metrics.brier(forecast, outcome), ((probs - np.eye(4)[code]) ** 2).sum(1), rtol=1e-12)
    np.testing.assert_array_equal(metrics.accuracy(forecast, outcome), probs.argmax(1) == code)
    onehot = torch.distributions.OneHotCategorical(probs=torch.from_numpy(probs))
    hot = Outcome.exact(torch.from_numpy(np.eye(4)[code]))
    torch.testing.assert_close(metrics.brier(onehot, hot), metrics.brier(forecast, outcome))
    torch.testing.assert_close(metrics.accuracy(onehot, hot), metrics.accuracy(forecast, outcome))


def test_brier_of_two_classes_is_half_of_that_of_a_categorical_of_two() -> None:
    p = torch.rand(50, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    outcome = Outcome.exact((torch.arange(50) % 2).double())
    two = d.Categorical(probs=torch.stack([1 - p, p], -1))
    torch.testing.assert_close(2 * metrics.brier(d.Bernoulli(probs=p), outcome), metrics.brier(two, outcome))
    torch.testing.assert_close(metrics.accuracy(d.Bernoulli(probs=p), outcome), metrics.accuracy(two, outcome))


def test_the_median_and_the_mean_are_the_point_forecasts() -> None:
    forecast = d.LogNormal(full(0.0, 2), full(1.0, 2))
    outcome = Outcome.exact(torch.tensor([1.0, 3.0], dtype=torch.float64))
    torch.testing.assert_close(metrics.absolute_error(forecast, outcome), torch.tensor([0.0, 2.0], dtype=torch.float64))
    mean = math.exp(0.5)
    torch.testing.assert_close(
        metrics.squared_error(forecast, outcome), torch.tensor([(1 - mean) ** 2, (3 - mean) ** 2], dtype=torch.float64)
    )


ORDERED = ("crps", "pit", "coverage", "pinball", "interval", "mae", "rmse")


def test_metrics_say_in_plain_words_whom_they_cannot_score() -> None:
    classes, number = d.Categorical(probs=torch.full((3, 2), 0.5)), d.Normal(full(0.0, 3), full(1.0, 3))
    vector = torch.distributions.MultivariateNormal(torch.zeros(3, 2), torch.eye(2))
    cauchy = d.Cauchy(full(0.0, 3), full(1.0, 3))
    refused = [(name, classes) for name in ORDERED] + [(name, vector) for name in ORDERED]
    refused += [(name, forecast) for name in ("brier", "accuracy") for forecast in (number, vector)] + [("rmse", cauchy)]
    for name, forecast in refused:
        assert not METRICS[name].applies(forecast), name
        assert len(METRICS[name].refusal(forecast).split()) > 5
        with pytest.raises(UsageError):
            METRICS[name].require(forecast)
    accepted = [("mae", cauchy), ("crps", cauchy), ("nll", vector), ("brier", classes), ("crps", d.Bernoulli(probs=full(0.5, 3)))]
    for name, forecast in accepted:
        assert METRICS[name].applies(forecast), name


@pytest.mark.parametrize("level", [0.0, 1.0, 90.0, math.nan])
def test_a_level_outside_the_unit_interval_is_refused(level: float) -> None:
    forecast, outcome = d.Normal(full(0.0, 1), full(1.0, 1)), Outcome.exact(full(0.0, 1))
    for ask in (
        lambda: metrics.coverage(forecast, outcome, level=level),
        lambda: metrics.interval(forecast, outcome, level=level),
        lambda: metrics.pinball(forecast, outcome, levels=[0.5, level]),
        lambda: metrics.pinball(forecast, outcome, levels=[]),
    ):
        with pytest.raises(UsageError):
            ask()


def test_no_rows_have_no_average() -> None:
    forecast = d.Normal(full(0.0, 0), full(1.0, 0))
    scores = metrics.crps(forecast, Outcome.exact(full(0.0, 0)))
    assert scores.shape == (0,)
    with pytest.raises(DataError):
        METRICS["crps"].average(scores)
