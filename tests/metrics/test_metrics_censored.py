"""Rows not seen exactly: their PIT is uniform and their coverage unbiased where the forecast is right, and what cannot be scored is refused."""

from __future__ import annotations

import math

import mpmath
import numpy as np
import pytest
import scipy.stats
import torch

from disttrain import distributions as d
from disttrain import metrics
from disttrain.distributions.core import functionals
from disttrain.errors import UsageError
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome

N = 4000
OPEN = torch.full((N,), math.inf, dtype=torch.float64)


def tensor(*values: float) -> torch.Tensor:
    return torch.tensor(values, dtype=torch.float64)


def uniform(low: float, high: float, seed: int, n: int = N) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, n))


FORECASTS = {
    "normal": lambda: d.Normal(uniform(-3, 3, 1), uniform(0.2, 2, 2)),
    "weibull": lambda: d.Weibull(uniform(0.5, 5, 1), uniform(0.6, 3, 2)),
    "gamma": lambda: d.Gamma(uniform(0.3, 5, 1), uniform(0.2, 2, 2)),
    "hurdle": lambda: d.Hurdle(d.Gamma(uniform(0.5, 5, 1), uniform(0.2, 2, 2)), uniform(0.1, 0.4, 3)),
    "poisson": lambda: d.Poisson(uniform(0.5, 9, 1)),
    "rounded": lambda: d.Discretized(d.Normal(uniform(-3, 3, 1), uniform(0.2, 2, 2)), torch.full((N,), 0.5, dtype=torch.float64)),
}


# Every purpose has draws of its own: one stream for two would tie them together.
def drawn(forecast: torch.distributions.Distribution, late: bool) -> Outcome:
    """N draws from the forecast; `late` ones only above a random entry."""
    entry = functionals.quantile(forecast, uniform(0.0, 0.3, 4)) if late else None
    y = functionals.quantile(forecast, 1.0 - beyond(forecast, entry) * uniform(0.0, 1.0, 5))
    return Outcome(y, y, entry)


def beyond(forecast: torch.distributions.Distribution, entry: torch.Tensor | None) -> torch.Tensor | float:
    return 1.0 if entry is None else functionals.survival(forecast, entry)


def observed(forecast: torch.distributions.Distribution, kind: str, late: bool) -> Outcome:
    """What is seen of these draws: 40 % of them are right-censored, or a third each right-censored, left-censored and known to two units."""
    exact = drawn(forecast, late)
    y, rest = exact.value, beyond(forecast, exact.entry)
    high, low = (functionals.quantile(forecast, 1.0 - rest * uniform(*ends, 6)) for ends in ((0.0, 0.8), (0.2, 1.0)))
    right = torch.minimum(y, high), torch.where(y >= high, OPEN, y)
    if kind == "right":
        return Outcome(*right, exact.entry)
    turn = torch.arange(N) % 3
    step = getattr(forecast, "step", 1.0) if functionals.is_discrete(forecast) else 0.0
    pair = 2.0 * (y / 2.0).floor()
    lower = torch.where(turn == 1, torch.where(y <= low, -OPEN, y), torch.where(turn == 2, pair, right[0]))
    upper = torch.where(turn == 1, torch.maximum(y, low), torch.where(turn == 2, pair + 2.0 - step, right[1]))
    return Outcome(lower if exact.entry is None else torch.maximum(lower, exact.entry), upper, exact.entry)


every_way = pytest.mark.parametrize(
    ("name", "kind", "late"), [(name, kind, late) for name in FORECASTS for kind in ("right", "all") for late in (False, True)]
)


@every_way
def test_the_pit_of_the_truth_is_uniform(name: str, kind: str, late: bool) -> None:
    forecast = FORECASTS[name]()
    outcome = observed(forecast, kind, late)
    if kind == "right":
        assert 0.3 < float((~outcome.is_exact).double().mean()) < 0.6
    pit = metrics.pit(forecast, outcome, np.random.default_rng(77))
    residuals = metrics.quantile_residuals(forecast, outcome, np.random.default_rng(77))
    assert scipy.stats.kstest(pit.numpy(), "uniform").pvalue > 0.005
    torch.testing.assert_close(torch.special.ndtr(residuals), pit, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["weibull", "poisson"])
def test_the_pit_shows_what_is_wrong_of_censored_and_truncated_rows(name: str) -> None:
    forecast = FORECASTS[name]()
    outcome = observed(forecast, "right", True)
    for wrong in (Outcome.exact(outcome.lower), Outcome(outcome.lower, outcome.upper)):
        assert scipy.stats.kstest(metrics.pit(forecast, wrong).numpy(), "uniform").pvalue < 1e-6


@every_way
def test_what_the_truth_is_expected_to_cover_is_what_it_covers(name: str, kind: str, late: bool) -> None:
    forecast = FORECASTS[name]()
    exact = metrics.coverage(forecast, drawn(forecast, late), level=0.8)
    coverage = metrics.coverage(forecast, observed(forecast, kind, late), level=0.8)
    assert ((coverage >= 0) & (coverage <= 1)).all()
    bias = metrics.weighted_mean(coverage - exact)
    assert abs(bias.value) < 4 * bias.standard_error
    share = metrics.weighted_mean(exact)
    # Of counts, and where 0 has a probability of its own, an interval holds more.
    assert share.value > 0.8 - 4 * share.standard_error
    if name in ("normal", "weibull", "gamma"):
        assert share.value < 0.8 + 4 * share.standard_error


def test_the_coverage_of_an_interval_is_the_share_of_its_pit_inside_the_central_one() -> None:
    forecast = FORECASTS["weibull"]()
    outcome = observed(forecast, "all", False)
    start, end = functionals.cdf(forecast, outcome.lower.clamp(min=0)), functionals.cdf(forecast, outcome.upper)
    inside = (torch.minimum(end, tensor(0.95)) - torch.maximum(start, tensor(0.05))).clamp(min=0)
    expected = torch.where(outcome.is_exact, ((start >= 0.05) & (start <= 0.95)).double(), inside / (end - start))
    torch.testing.assert_close(metrics.coverage(forecast, outcome, level=0.9), expected, rtol=0, atol=1e-9)


@pytest.mark.parametrize("ask", [metrics.coverage, metrics.surprises])
@pytest.mark.parametrize("level", [0.5, 0.9])
def test_counts_known_to_an_interval_score_the_mean_of_the_counts_in_it(ask: object, level: float) -> None:
    rate = tensor(0.3, 4.0, 4.0, 11.0)
    lower, upper = tensor(0, 2, 0, 3), tensor(1, 9, 30, 12)
    forecast, outcome = d.Poisson(rate), Outcome(lower, upper)
    total, mass = torch.zeros(4, dtype=torch.float64), torch.zeros(4, dtype=torch.float64)
    for count in range(31):
        weight = torch.where((lower <= count) & (count <= upper), forecast.log_prob(tensor(count)).exp(), 0.0)
        total += weight * ask(forecast, Outcome.exact(tensor(*[count] * 4)), level=level)  # type: ignore[operator]
        mass += weight
    torch.testing.assert_close(ask(forecast, outcome, level=level), total / mass, rtol=1e-12, atol=0)  # type: ignore[operator]


@every_way
def test_the_truth_surprises_as_often_as_it_should(name: str, kind: str, late: bool) -> None:
    forecast = FORECASTS[name]()
    share = metrics.weighted_mean(metrics.surprises(forecast, observed(forecast, kind, late), level=0.95))
    # Counts step over the quantile, so fewer than 1 in 20 lie above it.
    assert share.value < 0.05 + 4 * share.standard_error
    if not functionals.is_discrete(forecast):
        assert abs(share.value - 0.05) < 4 * share.standard_error


def test_rows_score_the_same_beside_censored_ones() -> None:
    for name in ("normal", "poisson", "gamma"):
        forecast = FORECASTS[name]()
        outcome = observed(forecast, "right", False)
        exact = Outcome.exact(outcome.lower)
        for ask in (metrics.nll, metrics.pit, metrics.quantile_residuals, metrics.coverage, metrics.surprises, metrics.crps):
            mixed, alone = ask(forecast, outcome)[outcome.is_exact], ask(forecast, exact)[outcome.is_exact]
            torch.testing.assert_close(mixed, alone, rtol=1e-9, atol=1e-12)


def test_the_randomised_pit_does_not_depend_on_the_blocks() -> None:
    loc = uniform(-1, 1, 0, 90)
    outcome = Outcome(loc, torch.where(torch.arange(90) >= 45, math.inf, loc))
    whole = metrics.pit(d.Normal(loc * 0, loc.exp()), outcome, np.random.default_rng(5))
    generator = np.random.default_rng(5)
    blocks = [slice(0, 20), slice(20, 45), slice(45, 90)]
    parts = [metrics.pit(d.Normal(loc[rows] * 0, loc[rows].exp()), outcome[rows], generator) for rows in blocks]
    torch.testing.assert_close(torch.cat(parts), whole, rtol=0, atol=0)


@pytest.mark.parametrize("entry", [5.0, 30.0, 45.0])
def test_beyond_a_far_entry_the_pit_keeps_its_digits(entry: float) -> None:
    y = entry + tensor(1e-6, 0.01, 0.3)
    forecast = d.Normal(torch.zeros_like(y), torch.ones_like(y))
    exact = metrics.pit(forecast, Outcome(y, y, torch.full_like(y, entry)))
    residuals = metrics.quantile_residuals(forecast, Outcome(y, y, torch.full_like(y, entry)))
    with mpmath.workdps(40):

        def above(z: float) -> mpmath.mpf:
            return mpmath.erfc(mpmath.mpf(z) / mpmath.sqrt(2)) / 2

        expected = [float((above(entry) - above(v)) / above(entry)) for v in y.tolist()]
    # The logarithms of tails of exp(-1000) are known to 1e-13, and the least of these probabilities is 5e-6.
    np.testing.assert_allclose(exact, expected, rtol=1e-7)
    np.testing.assert_allclose(residuals, scipy.stats.norm.ppf(expected), rtol=1e-7)
    shares = np.random.default_rng(0).random(3)
    censored = metrics.pit(forecast, Outcome(y, y + math.inf, torch.full_like(y, entry)), np.random.default_rng(0))
    np.testing.assert_allclose(censored, expected + shares * (1 - np.array(expected)), rtol=1e-7)


def test_residuals_of_intervals_far_out_stay_far_out() -> None:
    start = tensor(-30.0, 9.0, 36.0)
    residuals = metrics.quantile_residuals(d.Normal(start * 0, start * 0 + 1), Outcome(start, start + 1e-3))
    assert ((residuals >= start - 1e-9) & (residuals <= start + 1e-3 + 1e-9)).all()


def test_nan_stays_nan_and_what_a_forecast_rules_out_is_not_covered() -> None:
    below, unknown = Outcome(-OPEN[:2], tensor(-1.0, -1.0)), Outcome(tensor(0.5, 0.5), OPEN[:2])
    impossible = d.Weibull(tensor(1.0, 2.0), tensor(1.0, 3.0))
    assert metrics.coverage(impossible, below).tolist() == metrics.pit(impossible, below).tolist() == [0.0, 0.0]
    assert metrics.nll(impossible, below).isinf().all()
    lost = d.Normal(tensor(math.nan, math.nan), tensor(1.0, 1.0))
    for ask in (metrics.nll, metrics.pit, metrics.coverage, metrics.quantile_residuals, metrics.surprises, metrics.crps):
        assert ask(lost, unknown).isnan().all()


def test_the_nll_is_the_probability_of_what_was_seen() -> None:
    y = tensor(0.3, 1.0, 2.5, 4.0)
    scale, shape = tensor(1.0, 2.0, 0.5, 3.0), tensor(0.7, 1.0, 2.0, 1.4)
    forecast, known = d.Weibull(scale, shape), scipy.stats.weibull_min(shape.numpy(), scale=scale.numpy())
    entry = 0.5 * y
    rows = {
        "right": (Outcome(y, y + math.inf), known.logsf(y)),
        "left": (Outcome(y - math.inf, y), known.logcdf(y)),
        "interval": (Outcome(y, y + 1), np.log(known.sf(y) - known.sf(y + 1))),
        "late": (Outcome(y, y, entry), known.logpdf(y) - known.logsf(entry)),
        "late and right": (Outcome(y, y + math.inf, entry), known.logsf(y) - known.logsf(entry)),
    }
    for kind, (outcome, expected) in rows.items():
        np.testing.assert_allclose(metrics.nll(forecast, outcome), -expected, rtol=1e-9, atol=1e-12, err_msg=kind)
        np.testing.assert_allclose(metrics.deviance(forecast, outcome), -2 * expected, rtol=1e-9, atol=1e-12, err_msg=kind)


def test_the_truth_scores_best_of_censored_and_truncated_rows() -> None:
    forecast = FORECASTS["weibull"]()
    outcome = observed(forecast, "all", True)
    own = metrics.nll(forecast, outcome)
    for factors in ((1.3, 1.0), (0.75, 1.0), (1.0, 1.2), (1.0, 0.8)):
        wrong = d.Weibull(forecast.scale * factors[0], forecast.concentration * factors[1])
        gain = METRICS["nll"].gain(own, metrics.nll(wrong, outcome))
        assert gain.value > 2 * gain.standard_error, factors


ROWS = {
    "exact": Outcome.exact(tensor(1.0, 2.0, 3.0)),
    "right": Outcome(tensor(1.0, 2.0, 3.0), tensor(1.0, math.inf, math.inf)),
    "left": Outcome(tensor(1.0, -math.inf, 3.0), tensor(1.0, 2.0, 3.0)),
    "interval": Outcome(tensor(1.0, 2.0, 2.0), tensor(1.0, 2.0, 3.0)),
    "late": Outcome(*[tensor(1.0, 2.0, 3.0)] * 2, entry=tensor(0.5, -math.inf, 0.5)),
}
ACCEPTED = {
    "exact": {"nll", "crps", "pit", "coverage", "pinball", "interval", "concordance", "mae", "rmse", "deviance"},
    "right": {"nll", "crps", "pit", "coverage", "concordance", "deviance"},
    "left": {"nll", "crps", "pit", "coverage", "deviance"},
    "interval": {"nll", "crps", "pit", "coverage", "deviance"},
    "late": {"nll", "pit", "coverage", "deviance"},
}


@pytest.mark.parametrize("kind", ROWS)
def test_a_metric_objects_to_the_outcomes_that_it_does_not_score(kind: str) -> None:
    forecast, outcome = d.Weibull(tensor(1.0, 2.0, 3.0), tensor(1.0, 2.0, 3.0)), ROWS[kind]
    ahead = Outcome(tensor(), tensor(), None if outcome.entry is None else tensor(), outcome.kinds)
    for name, metric in METRICS.items():
        if metric.applies(forecast, outcome):
            metric.require(forecast, outcome)
            assert metric.score(forecast, outcome).isfinite().all(), name
        else:
            with pytest.raises(UsageError) as asked:
                metric.require(forecast, outcome)
            with pytest.raises(UsageError) as scored:
                metric.score(forecast, outcome)
            assert asked.value.findings[0].why == scored.value.findings[0].why == metric.objection(forecast, outcome), name
        # Before there are rows their kinds are known.
        assert metric.applies(forecast, ahead) == metric.applies(forecast, outcome), name
    assert {name for name, metric in METRICS.items() if metric.applies(forecast, outcome)} == ACCEPTED[kind]


def test_an_objection_counts_the_rows_and_names_the_way_out() -> None:
    forecast = d.Weibull(tensor(1.0, 2.0, 3.0), tensor(1.0, 2.0, 3.0))
    assert "2 of 3 targets are only known to lie in an interval; use nll" in METRICS["mae"].objection(forecast, ROWS["right"])
    assert "1 of 3 targets are" in METRICS["concordance"].objection(forecast, ROWS["left"])
    assert "2 of 3 targets are only seen as they lie above their entry; use nll" in METRICS["crps"].objection(forecast, ROWS["late"])


def test_a_distribution_without_log_tails_is_refused_for_rows_not_seen_exactly() -> None:
    forecast = torch.distributions.Normal(tensor(0.0, 0.0, 0.0), tensor(1.0, 1.0, 1.0))
    for name in ("nll", "pit", "coverage", "deviance"):
        assert METRICS[name].applies(forecast, ROWS["exact"])
        assert "no gradient" in METRICS[name].objection(forecast, ROWS["right"])
        with pytest.raises(UsageError):
            METRICS[name].score(forecast, ROWS["right"])


@pytest.mark.parametrize("name", ["hurdle", "poisson", "rounded"])
def test_a_row_that_is_larger_than_its_value_has_its_pit_above_that_of_the_value(name: str) -> None:
    forecast = FORECASTS[name]()
    y = functionals.quantile(forecast, uniform(0.0, 0.9, 8))
    above = torch.ones(N, dtype=torch.bool)
    larger, reached = Outcome(y, OPEN, above=above), Outcome(y, OPEN)
    below, at = functionals.cdf(forecast, y), functionals.probability_at(forecast, y)
    assert bool((metrics.pit(forecast, larger) >= below - 1e-12).all())
    share = (metrics.pit(forecast, larger) - below) / (1.0 - below)
    np.testing.assert_allclose(metrics.pit(forecast, reached), below - at + share * (1.0 - below + at), atol=1e-9)
    # Nothing of what is larger lies at or below the upper end of an interval that ends at the value.
    level = float((2.0 * below[0] - 1.0).clamp(0.01, 0.99))
    upper = functionals.quantile(forecast, 0.5 + 0.5 * level)
    ended = upper <= y
    assert bool((metrics.coverage(forecast, larger, level)[ended] == 0.0).all())


@pytest.mark.parametrize("name", ["poisson", "rounded"])
def test_the_crps_of_what_is_larger_is_that_of_what_reaches_the_next_value(name: str) -> None:
    forecast = FORECASTS[name]()
    y = functionals.quantile(forecast, uniform(0.05, 0.9, 8))
    step = 0.5 if name == "rounded" else 1.0
    larger = metrics.crps(forecast, Outcome(y, OPEN, above=torch.ones(N, dtype=torch.bool)))
    torch.testing.assert_close(larger, metrics.crps(forecast, Outcome(y + step, OPEN)), rtol=1e-12, atol=1e-12)
