"""The comparison on held-out rows: standard errors against statsmodels and simulation, and verdicts on forecasts of known defects."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats
import statsmodels.api as sm

from disttrain.selection.comparison import HeldOutScores, RowWeights, calibration_of, compared

ROWS = 600


def test_a_weighted_mean_over_clusters_has_the_cluster_robust_error_of_a_regression_on_a_constant():
    rng = np.random.default_rng(0)
    cluster, weight = rng.integers(0, 40, ROWS), rng.uniform(0.2, 3.0, ROWS)
    scores = rng.normal(size=40)[cluster] + rng.normal(size=ROWS)
    fit = sm.WLS(scores, np.ones(ROWS), weights=weight).fit(cov_type="cluster", cov_kwds={"groups": cluster, "df_correction": True})
    # statsmodels multiplies by (n - 1)/(n - k) as well, which is 1 for a constant.
    mean = RowWeights(weight, cluster).mean(scores)
    assert mean == pytest.approx((fit.params[0], fit.bse[0]), rel=1e-10)


def test_rows_of_no_weight_do_not_count_and_a_single_cluster_has_no_error():
    rng = np.random.default_rng(1)
    scores, weight = rng.normal(size=ROWS), np.where(np.arange(ROWS) < 500, 1.0, 0.0)
    scores[500:] = np.inf
    assert RowWeights(weight).mean(scores) == pytest.approx((scores[:500].mean(), scipy.stats.sem(scores[:500])), rel=1e-12)
    assert np.isnan(RowWeights(np.ones(ROWS), np.zeros(ROWS, dtype=np.int64)).mean(np.ones(ROWS)).error)


def test_the_error_of_a_paired_difference_covers_the_truth():
    """Of 2,000 pairs of candidates whose true difference is 0.1, 95 % lie within 1.96 standard errors, up to four errors of that share."""
    rng, covered = np.random.default_rng(2), 0
    for _ in range(2_000):
        shared = rng.exponential(size=200)
        scores = {
            name: HeldOutScores(np.arange(200), shared + gain + rng.normal(size=200), shared, None)
            for name, gain in (("a", 0.0), ("b", 0.1))
        }
        result = compared(scores, RowWeights(np.ones(200)))
        sign = 1.0 if result["a"].behind.value == 0.0 else -1.0
        worse = result["b" if sign > 0 else "a"].behind
        covered += abs(sign * worse.value - 0.1) <= 1.96 * worse.error
    assert covered / 2_000 == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / 2_000))


def test_the_best_is_first_and_those_within_one_error_are_tied_with_it():
    rng = np.random.default_rng(3)
    base, noise = rng.normal(size=ROWS), rng.normal(size=ROWS)
    near, far = base + 0.5 * noise.std() / np.sqrt(ROWS) + (noise - noise.mean()), base + 1.0
    scores = {name: HeldOutScores(np.arange(ROWS), nll, base, None) for name, nll in (("far", far), ("near", near), ("best", base))}
    result = compared(scores, RowWeights(np.ones(ROWS)))
    assert list(result) == ["best", "near", "far"]
    assert [one.tied for one in result.values()] == [True, True, False]
    assert result["far"].behind == pytest.approx((1.0, 0.0), abs=1e-12)
    assert result["far"].gain.value == pytest.approx(-1.0)


DEFECTS = {
    "calibrated": scipy.stats.norm(),
    "too narrow": scipy.stats.norm(scale=0.6),
    "too wide": scipy.stats.norm(scale=1.6),
    "too low": scipy.stats.norm(loc=-0.3),
    "too high": scipy.stats.norm(loc=0.3),
}


@pytest.mark.parametrize("verdict", DEFECTS)
def test_a_defect_of_the_forecast_is_named(verdict):
    y = np.random.default_rng(4).normal(size=1_000)
    assert calibration_of(DEFECTS[verdict].cdf(y), RowWeights(np.ones(1_000))).verdict == verdict


def test_a_wrong_shape_is_named_where_location_and_intervals_are_right():
    tails, middle = np.random.default_rng(5).random(400) * 0.1, np.linspace(0.25, 0.75, 3_600)
    pit = np.concatenate([np.where(tails < 0.05, tails, tails + 0.9), middle])
    assert calibration_of(pit, RowWeights(np.ones(4_000))).verdict == "wrong shape"


def test_a_true_forecast_is_rarely_blamed():
    """Each of the two tests has a level of 1 %: of 1,000 true forecasts at most 2 % are blamed, and four errors of that share."""
    rng = np.random.default_rng(6)
    blamed = sum(calibration_of(rng.random(300), RowWeights(np.ones(300))).verdict != "calibrated" for _ in range(1_000))
    assert blamed / 1_000 <= 0.02 + 4 * np.sqrt(0.02 * 0.98 / 1_000)


def test_the_calibration_error_is_the_distance_to_the_uniform_distribution():
    pit = np.random.default_rng(7).beta(2.0, 3.0, size=2_000)
    error = calibration_of(pit, RowWeights(np.ones(2_000))).pit_error
    assert error == pytest.approx(scipy.stats.wasserstein_distance(pit, (np.arange(200_000) + 0.5) / 200_000), abs=1e-4)
