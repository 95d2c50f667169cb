"""`data.features: []` is a model like any other: the constant one, at the maximum of its likelihood."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
import scipy.optimize
import scipy.special
import scipy.stats
from typer.testing import CliRunner

import disttrain
from disttrain.cli.app import app
from disttrain.validation.config import configuration
from disttrain.workflows.explain import explain
from tests.small_runs import fitted, write_config, write_table

N = 600


def run_of(folder, columns, family, **data):
    data = {"train": str(write_table(folder / "rows.parquet", pa.table(columns))), "features": [], "validation": None} | data
    return fitted(write_config(folder / "config.yaml", {"recipe": "plain", "distribution": family, "data": data}), folder / "run")


def rng():
    return np.random.default_rng(11)


def two_normals():
    draw = rng()
    return np.where(draw.random(N) < 0.3, draw.normal(-2.0, 0.5, N), draw.normal(1.0, 1.0, N))


def em(y, steps=2000):
    """The mean log-likelihood of two normals, by expectation and maximisation."""
    weights, loc, scale = np.array([0.5, 0.5]), np.quantile(y, [0.2, 0.8]), np.full(2, y.std())
    for _ in range(steps):
        logs = np.log(weights) + scipy.stats.norm.logpdf(y[:, None], loc, scale)
        share = scipy.special.softmax(logs, 1)
        weights = share.mean(0)
        loc = (share * y[:, None]).sum(0) / share.sum(0)
        scale = np.sqrt((share * (y[:, None] - loc) ** 2).sum(0) / share.sum(0))
    return scipy.special.logsumexp(logs, axis=1).mean(), np.sort(loc)


@pytest.mark.slow
def test_a_mixture_of_two_normals_is_that_of_the_em_algorithm(tmp_path):
    y = two_normals()
    run = run_of(tmp_path, {"y": y}, {"family": "mixture", "of": "normal", "components": 2}, target="y")
    best, loc = em(y)
    assert run.nll("train") == pytest.approx(-best, abs=1e-6)
    first = run.predictions.to_pylist()[0]
    np.testing.assert_allclose(sorted((first["loc_0"], first["loc_1"])), loc, atol=1e-2)
    assert run.finished.evaluations["train"].document["metrics"]["nll"]["gain"] == 0.0


def test_a_gamma_is_that_of_scipy(tmp_path):
    y = rng().gamma(2.0, 3.0, N)
    run = run_of(tmp_path, {"y": y}, "gamma", target="y")
    shape, _, scale = scipy.stats.gamma.fit(y, floc=0)
    assert run.nll("train") == pytest.approx(-scipy.stats.gamma.logpdf(y, shape, scale=scale).mean(), abs=1e-7)


def test_counts_per_exposure_are_their_totals_ratio(tmp_path):
    exposure = rng().uniform(0.5, 2.0, N)
    counts = rng().poisson(2.0 * exposure)
    run = run_of(tmp_path, {"n": counts, "years": exposure}, "poisson", target="n", exposure="years")
    rate = counts.sum() / exposure.sum()
    # The fit ends where a step changes less than 1e-11 nats: a share of 3e-6 of a rate of 2.
    np.testing.assert_allclose(run.predictions["rate"].to_numpy(), rate * exposure, rtol=5e-6)
    assert run.nll("train") == pytest.approx(-scipy.stats.poisson.logpmf(counts, rate * exposure).mean(), abs=1e-9)


def test_censored_lifetimes_have_the_maximum_of_their_likelihood(tmp_path):
    lifetime, end = 3.0 * rng().weibull(1.5, N), np.random.default_rng(12).uniform(0.0, 6.0, N)
    y, event = np.minimum(lifetime, end), (lifetime <= end).astype(int)
    run = run_of(tmp_path, {"y": y, "event": event}, "weibull", target="y", censoring={"event": "event"})

    def loss(raw):
        law = scipy.stats.weibull_min(np.exp(raw[0]), scale=np.exp(raw[1]))
        return -np.where(event == 1, law.logpdf(y), law.logsf(y)).mean()

    best = scipy.optimize.minimize(loss, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000})
    assert run.nll("train") == pytest.approx(best.fun, abs=1e-7)


@pytest.fixture(scope="module")
def constant(tmp_path_factory):
    """Two members, held-out rows, and every way of shaping a network, of which there is nothing to shape."""
    folder = tmp_path_factory.mktemp("constant")
    document = {
        "recipe": "plain",
        "distribution": "normal",
        "data": {
            "train": str(write_table(folder / "rows.parquet", pa.table({"y": two_normals()}))),
            "target": "y", "features": [], "validation": 0.2, "test": 0.1,
        },
        "network": {"hidden": [4], "members": 2, "linear_path": True, "normalization": "layer", "dropout": 0.1},
        "training": {"initialize": "auto"},
        "predictions": {"splits": ["validation"]},
    }  # fmt: skip
    return fitted(write_config(folder / "config.yaml", document), folder / "run")


def test_it_is_fitted_at_once_and_says_why(constant):
    finished = constant.finished
    assert (finished.best_epoch, finished.epochs, finished.warnings) == (0, 0, ())
    assert finished.reason == "no features: this is the fit of maximum likelihood without any"
    for evaluation in finished.evaluations.values():
        nll = evaluation.scores.total.metrics["nll"]
        assert nll.value == pytest.approx(nll.baseline, rel=1e-14)


@pytest.mark.slow
def test_the_rows_that_are_forecast_are_counted_in_the_file(constant, tmp_path):
    # A fifth of what the test rows leave.
    assert constant.predictions.num_rows == 108
    table = pa.table({"other": np.arange(70_000.0)})
    pq.write_table(table, tmp_path / "rows.parquet")
    pa.csv.write_csv(table, tmp_path / "rows.csv")
    pa.feather.write_feather(table, tmp_path / "rows.feather")
    (tmp_path / "rows.ndjson").write_text('{"other": 1}\n' * 70_000)
    for name in ("rows.parquet", "rows.csv", "rows.feather", "rows.ndjson"):
        made = constant.predicted(tmp_path / name, tmp_path / f"{name}.predictions.parquet")
        assert made.num_rows == 70_000
        assert len({tuple(value) for value in made["loc"].to_pylist()}) == 1


def test_it_is_scored_checked_and_explained(constant, tmp_path):
    rows = str(write_table(tmp_path / "more.parquet", pa.table({"y": two_normals()})))
    assert constant.evaluated("nll", data=rows).document["metrics"]["nll"]["gain"] == pytest.approx(0.0, abs=1e-14)
    assert constant.evaluated().document["split"] == "test"
    config = constant.folder.parent / "config.yaml"
    assert explain(configuration(config)).document["z"]
    done = CliRunner().invoke(app, ["check", str(config), "--json", "--strict"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)


def test_a_frame_needs_no_column_for_a_forecast(constant):
    run = disttrain.load(constant.folder)
    index = pd.Index(["a", "b", "c"])
    for frame in (pd.DataFrame(index=index), pd.DataFrame({"other": [1, 2, 3]}, index=index)):
        made = run.predict(frame)
        assert list(made.index) == list(index)
        assert made.notna().all(axis=None)
        assert run.distribution(frame).batch_shape == (3,)
    assert len(run.predict(pd.DataFrame({"other": np.arange(70_000)}))) == 70_000
    assert run.evaluate(pd.DataFrame({"y": [0.0, 1.0]}), metrics=["nll"])["nll"]["value"] > 0
