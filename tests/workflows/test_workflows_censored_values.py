"""Fits of censored rows where single values have a probability: the maximum of the stated likelihood, in numbers and in words."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from scipy import optimize, stats

from disttrain.errors import DataError
from disttrain.validation.config import configuration
from disttrain.validation.options import EvaluateOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.explain import explain
from disttrain.workflows.fit import fit
from tests.small_runs import fitted, write_config

RNG = np.random.default_rng(3)
ROWS = 600
X = RNG.normal(size=ROWS)


def run_of(tmp_path, columns, distribution, censoring, target="y"):
    """The fit of the constant model of a family."""
    pq.write_table(pa.table({"x": X[: len(next(iter(columns.values())))], **columns}), tmp_path / "data.parquet")
    names = {"geometric": ["probs"], "poisson": ["rate"], "bernoulli": ["probs"]}
    parameters = {name: {"features": []} for name in names.get(distribution["family"], [])}
    document = {
        "recipe": "plain",
        "distribution": {**distribution, "parameters": distribution.get("parameters", parameters)},
        "data": {"train": "data.parquet", "validation": None, "target": target, "features": ["x"], "censoring": censoring},
        "network": {"hidden": []},
        "training": {"epochs": 8, "optimizer": "lbfgs", "early_stopping": None},
    }
    return fitted(write_config(tmp_path / "c.yaml", document), tmp_path / "run")


def durations():
    months = stats.geom(0.2, loc=-1).rvs(ROWS, random_state=RNG)
    until = RNG.integers(0, 9, ROWS)
    return np.minimum(months, until).astype(float), (months <= until)


@pytest.mark.parametrize("kind", ["0/1", "boolean", "float"])
def test_a_geometric_of_censored_months_reaches_its_closed_maximum(kind, tmp_path):
    y, ended = durations()
    column = {"0/1": ended.astype(int), "boolean": ended, "float": ended.astype(float)}[kind]
    run = run_of(tmp_path, {"y": y, "ended": column}, {"family": "geometric"}, {"event": "ended"})
    p = ended.sum() / (y.sum() + ROWS)
    law = stats.geom(p, loc=-1)
    nll = -np.where(ended, law.logpmf(y), law.logsf(y)).mean()
    assert run.predictions["probs"][0].as_py() == pytest.approx(p, abs=1e-6)
    scores = run.finished.evaluations["train"].document["metrics"]["nll"]
    assert scores["value"] == pytest.approx(nll, abs=1e-7)
    assert scores["baseline"] == pytest.approx(nll, abs=1e-6)
    told = evaluate(EvaluateOptions(str(run.folder), metrics=("nll", "pit", "coverage", "crps")), tmp_path)
    # The PIT of censored rows lies above F(y), so that it is as calibrated as that of all rows together.
    assert told.document["metrics"]["pit"]["value"] < 0.05
    assert abs(told.scores.calibration.residuals.mean) < 0.15


def test_months_that_reach_a_limit_are_at_least_that(tmp_path):
    months = stats.poisson(4.0).rvs(ROWS, random_state=RNG).astype(float)
    run = run_of(tmp_path, {"y": np.minimum(months, 5.0)}, {"family": "poisson"}, {"limit": 5})
    best = optimize.minimize_scalar(
        lambda rate: -np.where(months >= 5, stats.poisson(rate).logsf(4), stats.poisson(rate).logpmf(months)).mean(), bounds=(1, 9)
    )
    assert run.predictions["rate"][0].as_py() == pytest.approx(best.x, abs=1e-4)
    assert run.finished.evaluations["train"].document["metrics"]["nll"]["value"] == pytest.approx(best.fun, abs=1e-7)


@pytest.mark.slow
def test_a_hurdle_of_shares_in_classes_reaches_the_maximum_of_scipy(tmp_path):
    edges = np.array([0.0, 0.05, 0.25, 0.5, 0.75, 1.0])
    share = stats.beta(1.5, 2.5).rvs(ROWS, random_state=RNG)
    place = np.searchsorted(edges, share) - 1
    none = RNG.random(ROWS) < 0.25
    lower, upper = np.where(none, 0.0, edges[place]), np.where(none, 0.0, edges[place + 1])
    lower, upper = (np.where(~none & (np.arange(ROWS) % 3 == 0), share, end) for end in (lower, upper))
    upper = np.where(~none & (np.arange(ROWS) % 7 == 1), np.nan, upper)
    distribution = {
        "family": "hurdle",
        "of": "beta",
        "parameters": {n: {"features": []} for n in ("concentration1", "concentration0", "gate")},
    }
    columns = {"low": pa.array(lower), "high": pa.array(upper, from_pandas=True)}
    run = run_of(tmp_path, columns, distribution, {"lower": "low", "upper": "high"}, target="high")

    def nll(theta):
        law, gate = stats.beta(*np.exp(theta[:2])), 1.0 / (1.0 + math.exp(-theta[2]))
        top = np.where(np.isnan(upper), 1.0, upper)
        exact = lower == upper
        within = np.where(exact, law.pdf(np.where(none, 0.5, lower)), law.cdf(top) - law.cdf(np.where(exact, 0.0, lower)))
        # An interval from 0 on holds the zeros too.
        return -np.where(none, math.log(gate), np.log((1.0 - gate) * within + gate * (lower == 0.0))).mean()

    best = optimize.minimize(nll, [0.3, 0.8, -1.0], method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12, "maxiter": 4000})
    score = run.finished.evaluations["train"].document["metrics"]["nll"]
    assert score["value"] == pytest.approx(best.fun, abs=1e-7)
    assert score["baseline"] == pytest.approx(best.fun, abs=1e-5)


@pytest.mark.parametrize(
    ("family", "lines"),
    [
        ("poisson", ("-log P(Y > `y`)", "+ log P(Y > `late`)")),
        ({"family": "hurdle", "of": "gamma"}, ("-log P(Y > `y`)", "+ log P(Y > `late`)")),
        ("tweedie", ("-log P(Y > `y`)", "+ log P(Y > `late`)")),
        ("zero_one_inflated_beta", ("-log P(Y > `y`)", "+ log P(Y > `late`)")),
        ("gamma", ("-log S(`y`)", "+ log S(`late`)")),
        ("beta", ("-log S(`y`)", "+ log S(`late`)")),
    ],
)
def test_explain_prints_the_formula_that_holds(family, lines, tmp_path):
    document = {"recipe": "plain", "distribution": family, "data": {"train": "none.parquet", "target": "y", "features": ["x"]}}
    for censoring, expected in (
        ({"event": "seen", "entry": "late"}, lines),
        ({"limit": "cap"}, (lines[0].replace("> `y`", "≥ `cap`").replace("S(`y`)", "S(`cap`)"),)),
        ({"lower": "a", "upper": "b"}, ("-log P(`a` ≤ Y ≤ `b`)" if "P(" in lines[0] else "-log (F(`b`) - F(`a`))",)),
    ):
        config = write_config(tmp_path / "c.yaml", document | {"data": {**document["data"], "censoring": censoring}})
        text = "\n".join(explain(configuration(config, ())).lines)
        assert all(line in text for line in expected), text


@pytest.mark.parametrize(
    ("distribution", "more"),
    [({"family": "bernoulli"}, {}), ({"family": "binomial", "total_count": 1}, {}), ({"family": "binomial"}, {"trials": "n"})],
)
def test_nothing_exceeds_the_largest_value(distribution, more, tmp_path):
    columns = {"x": X[:40], "y": np.tile([0.0, 1.0], 20), "seen": np.repeat([1, 0], 20), "n": np.ones(40)}
    pq.write_table(pa.table(columns), tmp_path / "data.parquet")
    data = {"train": "data.parquet", "target": "y", "features": ["x"], "censoring": {"event": "seen"}, **more}
    config = write_config(tmp_path / "c.yaml", {"recipe": "plain", "distribution": distribution, "data": data})
    with pytest.raises(DataError) as refused:
        tuple(fit(configuration(config, ()), out=tmp_path / "run"))
    finding = refused.value.findings[0]
    assert "10 right-censored values (event 0) that no value" in finding.what
    assert "data.censoring.limit" in " ".join(finding.hints)


def test_a_row_above_its_limit_reaches_it_whatever_its_event(tmp_path):
    y, ended = durations()
    run = run_of(tmp_path, {"y": y, "ended": ended}, {"family": "geometric"}, {"event": "ended", "limit": 4})
    p = run.predictions["probs"][0].as_py()

    def nll(p):
        law = stats.geom(p, loc=-1)
        above = np.where((y >= 4) & ~((y == 4) & ~ended), law.logsf(3), law.logsf(y))
        return -np.where(ended & (y < 4), law.logpmf(y), above).mean()

    best = optimize.minimize_scalar(nll, bounds=(0.01, 0.9), method="bounded", options={"xatol": 1e-9})
    assert p == pytest.approx(best.x, abs=1e-4)
