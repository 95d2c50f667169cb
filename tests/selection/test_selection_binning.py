"""Groups of neighbours stand for a column of numbers: the same likelihood, members only, and nothing of a heavy value lost."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats

from disttrain.selection.binning import binned
from disttrain.selection.ranking import ranking
from tests.small_runs import write_table

FINE = 2_000


@pytest.mark.parametrize(
    "law", [scipy.stats.gamma(2.0, scale=500.0), scipy.stats.t(3.0, 10.0, 2.0), scipy.stats.beta(0.5, 4.0)], ids=["gamma", "t", "beta"]
)
def test_the_likelihood_of_groups_is_that_of_all_rows(law):
    y = law.rvs(50_000, random_state=np.random.default_rng(5))
    found = binned(y, None, FINE)
    assert len(found) < FINE
    for other in (law, scipy.stats.norm(y.mean(), y.std()), scipy.stats.cauchy(np.median(y), y.std())):
        # A group in the middle holds 1/400 of the rows: replacing them by one moves a mean of the order of its square.
        assert np.average(other.logpdf(found.values), weights=found.weight) == pytest.approx(other.logpdf(y).mean(), abs=3e-5)


def test_amounts_beside_a_heavy_zero_are_as_well_kept_as_without_it():
    rng = np.random.default_rng(10)
    y = np.where(rng.random(50_000) < 0.3, 0.0, rng.gamma(0.7, 500.0, 50_000))
    found, law = binned(y, None, FINE), scipy.stats.gamma(0.7, scale=500.0)
    dense = found.values > 0
    there = float(np.dot(found.weight[dense], law.logpdf(found.values[dense]))) / len(y)
    assert there == pytest.approx(law.logpdf(y[y > 0]).sum() / len(y), abs=3e-5)


def test_groups_are_members_in_order_and_carry_all_the_weight():
    rng = np.random.default_rng(6)
    y, weight = rng.normal(size=5_000), rng.uniform(0.1, 3.0, 5_000)
    found = binned(y, weight, FINE)
    assert np.all(np.diff(found.values) > 0)
    assert np.isin(found.values, y).all()
    assert found.weight.sum() == pytest.approx(weight.sum(), rel=1e-12)
    assert {y.min(), y.max()} <= set(found.values)


def test_a_weight_counts_as_repeated_rows():
    rng = np.random.default_rng(7)
    y, times = rng.gamma(2.0, 1.0, 4_000), rng.integers(1, 5, 4_000)
    one, other = binned(y, times.astype(float), FINE), binned(np.repeat(y, times), None, FINE)
    np.testing.assert_array_equal(one.values, other.values)
    np.testing.assert_allclose(one.weight, other.weight, rtol=1e-12)


def test_heavy_values_stand_alone_and_few_values_are_all_kept():
    rng = np.random.default_rng(8)
    y = np.concatenate([np.zeros(3_000), rng.gamma(2.0, 1.0, 7_000), np.full(500, 1.5)])
    found = binned(y, None, 250)
    assert dict(zip(found.values, found.weight, strict=True))[0.0] == 3_000
    assert dict(zip(found.values, found.weight, strict=True))[1.5] == 500
    counts = rng.poisson(3.0, 10_000).astype(float)
    few = binned(counts, None, 250)
    np.testing.assert_array_equal(few.values, np.unique(counts))
    np.testing.assert_array_equal(few.weight, np.unique(counts, return_counts=True)[1])


@pytest.mark.slow
def test_a_ranking_does_not_depend_on_the_order_or_the_repetition_of_rows(tmp_path):
    y = np.random.default_rng(9).negative_binomial(2, 0.3, 3_000)
    files = [write_table(tmp_path / f"{place}.parquet", pa.table({"y": part})) for place, part in enumerate([y, np.tile(y[::-1], 3)])]
    once, thrice = ({row.family: row.shape.nll for row in ranking(str(file), "y", support="count").ranked} for file in files)
    assert once == pytest.approx(thrice, abs=1e-9)
