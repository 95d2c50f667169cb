"""Families ranked on a column, and targets whose repeated values a density could turn into spikes."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import scipy.stats

from disttrain.errors import DataError
from disttrain.families import build
from disttrain.preparation.ties import tie_notes, ties
from disttrain.selection.ranking import ranking
from tests.small_runs import write_table

ROWS = 2_000


@pytest.fixture(scope="module")
def columns(tmp_path_factory):
    rng = np.random.default_rng(3)
    table = pa.table({"amount": rng.gamma(2.0, 3.0, ROWS), "count": rng.negative_binomial(2, 0.3, ROWS), "label": ["a", "b"] * (ROWS // 2)})
    return table, str(write_table(tmp_path_factory.mktemp("ranking") / "columns.parquet", table))


@pytest.mark.slow
def test_a_ranked_likelihood_is_scipys_maximum(columns):
    table, path = columns
    y = table["amount"].to_numpy()
    found = {row.family: row.shape.nll for row in ranking(path, "amount", support="positive").ranked}
    assert found["gamma"] == pytest.approx(-scipy.stats.gamma(*scipy.stats.gamma.fit(y, floc=0)).logpdf(y).mean(), abs=1e-5)
    assert found["log_normal"] == pytest.approx(-scipy.stats.lognorm(*scipy.stats.lognorm.fit(y, floc=0)).logpdf(y).mean(), abs=1e-5)
    assert found["gamma"] < found["log_normal"]


@pytest.mark.slow
def test_probabilities_and_densities_are_never_in_one_block(columns):
    found = ranking(columns[1], "count")
    assert {row.family for row in found.block("probabilities")} >= {"poisson", "negative_binomial", "zero_inflated(poisson)"}
    assert all(build(row.family, {}).support.discrete is False for row in found.block("densities") if "(" not in row.family)
    assert {row.family for row in found.block("mixed")} >= {"tweedie", "hurdle(gamma)"}
    for block in ("probabilities", "densities", "mixed"):
        assert min(row.delta_aic for row in found.block(block)) == 0.0
    assert found.notes


def test_text_and_unknown_columns_are_data_errors(columns):
    for target in ("label", "amont"):
        with pytest.raises(DataError):
            ranking(columns[1], target)


def test_heavy_ties_are_named_and_honest_data_are_not():
    rng = np.random.default_rng(4)
    normal = rng.normal(size=1_000)
    assert ties(normal) is None
    assert ties(np.round(normal, 3)) is None
    spiked = normal.copy()
    spiked[:300] = 0.5
    assert ties(spiked).commonest[0] == (0.5, 300)
    grades = rng.integers(3, 9, 1_600).astype(float)
    assert ties(grades).distinct == 6
    (note,) = tie_notes(build("normal", {}), "grade", grades)
    assert "`data.censoring.rounding: 1`" in note
    assert tie_notes(build("poisson", {}), "grade", grades) == ()
    zeros = np.where(rng.random(1_000) < 0.6, 0.0, rng.gamma(2.0, 1.0, 1_000))
    assert tie_notes(build("hurdle", {}), "claims", zeros) == ()


def test_a_header_alone_has_no_rows(tmp_path):
    (tmp_path / "bare.csv").write_text("x,y\n")
    with pytest.raises(DataError, match="the file has a header and no rows"):
        ranking(str(tmp_path / "bare.csv"), "y")
