"""A fit never ends worse than its own baseline: the constant model is a candidate like any epoch."""

from __future__ import annotations

import math

import pyarrow as pa
import pytest
from random_problems import COUNT, problem
from small_runs import FittedRun, fitted, write_config, write_table

import disttrain
from disttrain.errors import FitFailed

# Two ways to the same mean of some tens of rows; of several members the equal mixture of equal ones.
ROUNDING = 1e-12


def fit_of(folder, document, columns) -> FittedRun:
    document["data"]["train"] = str(write_table(folder / "rows.parquet", pa.table(columns)))
    return fitted(write_config(folder / "config.yaml", document), folder / "run")


def attempted(folder, document, columns):
    """A fit, or how it failed."""
    try:
        return fit_of(folder, document, columns), None
    except FitFailed as failure:
        return None, failure


def watched(run):
    """The score of the rows that the best epoch is told by."""
    metrics = run.finished.metrics
    return metrics["validation" if "validation" in metrics else "train"]["metrics"]["nll"]


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_small_problem_ends_no_worse_than_its_baseline(seed, tmp_path):
    document, columns = problem(seed)
    run, failure = attempted(tmp_path, document, columns)
    if run is None:
        assert (failure.exit_code, failure.findings[0].code) == (4, "not-finite")
        assert disttrain.load(tmp_path / "run").model.members == document["network"]["members"]
        return
    nll = watched(run)
    assert math.isfinite(nll["value"])
    assert nll["value"] <= nll["baseline"] + ROUNDING * max(1.0, abs(nll["baseline"]))
    constant = [line for line in run.finished.warnings if line.endswith("the constant model is kept, which looks at no feature")]
    if constant:
        assert run.finished.best_epoch == 0
        assert nll["value"] == pytest.approx(nll["baseline"], rel=ROUNDING, abs=ROUNDING)


def test_the_problems_are_of_many_families():
    assert len({problem(seed)[0]["distribution"]["family"] for seed in range(COUNT)}) >= 40
