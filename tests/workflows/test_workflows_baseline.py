"""A fit never ends worse than its own baseline: the constant model is a candidate like any epoch."""

from __future__ import annotations

import math
import re

import pyarrow as pa
import pytest

import disttrain
from disttrain.errors import FitFailed
from tests.small_runs import FittedRun, fitted, write_config, write_table
from tests.workflows.random_problems import COUNT, problem

# Problems that a learning rate of up to 10, or a start at 0 with targets far out, sends out of the numbers: their fits say so, and no others.
DIVERGING = {11, 73, 83, 84, 95, 145, 156, 169}
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
    evaluations = run.finished.evaluations
    return evaluations["validation" if "validation" in evaluations else "train"].document["metrics"]["nll"]


def require_no_worse(nll):
    assert math.isfinite(nll["value"])
    assert nll["value"] <= nll["baseline"] + ROUNDING * max(1.0, abs(nll["baseline"]))


def require_true(failure, folder, document, columns):
    """A fit that could not go on says where, in words that fit its config and its rows, and its best epoch is there."""
    (finding,), section = failure.findings, document["training"]
    assert (failure.exit_code, finding.code) == (4, "not-finite")
    epoch, batch = map(int, re.fullmatch(r"the (?:loss|gradient) became NaN.* in epoch (\d+), batch (\d+)", finding.what).groups())
    rows = len(next(iter(columns.values())))
    assert 1 <= epoch <= section["epochs"]
    assert 1 <= batch <= math.ceil(rows / section["batch_size"])
    parameter, row = re.search(r"`(\w+)`.* on row (\d+)", finding.excerpt[0]).groups()
    model = disttrain.load(folder).model
    assert parameter in {output.parameter.name for output in model.outputs}
    assert int(row) < rows
    # Before the first step no learning rate is to blame, and after it one may be.
    assert ("a lower learning rate" in " ".join(finding.hints)) == ((epoch, batch) != (1, 1))
    split = None if "split" in document["data"] else "validation" if document["data"]["validation"] else "train"
    if split is not None:
        require_no_worse(FittedRun(folder, ()).evaluated("nll", split=split).document["metrics"]["nll"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(COUNT))
def test_a_small_problem_ends_no_worse_than_its_baseline(seed, tmp_path):
    document, columns = problem(seed)
    run, failure = attempted(tmp_path, document, columns)
    assert (failure is not None) == (seed in DIVERGING)
    if failure is not None:
        require_true(failure, tmp_path / "run", document, columns)
        return
    nll = watched(run)
    require_no_worse(nll)
    constant = [line for line in run.finished.warnings if line.endswith("the constant model is kept, which looks at no feature")]
    if constant:
        assert run.finished.best_epoch == 0
        assert nll["value"] == pytest.approx(nll["baseline"], rel=ROUNDING, abs=ROUNDING)


def test_the_problems_are_of_many_families():
    assert len({problem(seed)[0]["distribution"]["family"] for seed in range(COUNT)}) >= 40
