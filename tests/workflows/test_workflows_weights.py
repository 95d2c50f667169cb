"""Weights: a row of weight 3 counts as three rows, one of weight 0 as none, in the units, the fit and the scores; in any unit."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

from disttrain.errors import DataError
from disttrain.preparation.prepare import prepare
from disttrain.training import Epoch, NotFinite
from disttrain.validation.config import configuration
from disttrain.workflows.fit_events import not_finite
from tests.small_runs import fitted, linear, write_config, write_table

ROWS = 120


def table():
    """Features of every kind, some missing, and two targets; every fifth row weighs nothing, and one category is that of such a row alone."""
    rng = np.random.default_rng(3)
    x, times = rng.gamma(2.0, size=ROWS).round(2), np.arange(ROWS) % 5
    kind = rng.choice(["a", "b", "c"], ROWS)
    kind[0] = "only here"
    days = np.datetime64("2019-01-01") + rng.integers(0, 1500, ROWS).astype("timedelta64[D]")
    y = np.exp(0.3 * x - 0.5 * (kind == "b") + rng.normal(size=ROWS)).round(3) + 0.001
    missing = pa.array(np.where(np.arange(ROWS) % 9 == 4, np.nan, x), from_pandas=True)
    return pa.table({"x": missing, "kind": kind, "day": days, "y": y, "n": rng.poisson(y / 4), "times": times, "third": times / 3})


def fit_of(folder, rows, target="y", family="gamma_mean", training=None, network=None, **data):
    folder.mkdir()
    source = write_table(folder / "data.parquet", rows)
    section = {"train": str(source), "target": target, "features": ["x", "kind", "day"], "validation": None, **data}
    # A spread of its own for each row would take many more rounds to converge.
    parameters = {"scale": {"features": []}} if family == "normal" and training is None else {}
    document = linear({"recipe": "plain", "distribution": {"family": family, "parameters": parameters}, "data": section}, 12) | {
        "data": section
    }
    document |= {key: value for key, value in (("training", training), ("network", network)) if value is not None}
    run = fitted(write_config(folder / "c.yaml", document), folder / "run", "evaluation.metrics=[nll]")
    return run, json.loads((run.folder / "model" / "model.json").read_text())


@pytest.mark.slow
@pytest.mark.parametrize("scaling", ["standard", "quantile"])
@pytest.mark.parametrize(("target", "family"), [("y", "gamma_mean"), ("y", "normal"), ("n", "poisson")])
def test_repeated_rows_and_weights_are_the_same_model(target, family, scaling, tmp_path):
    rows = table()
    repeated = rows.take(pa.array(np.repeat(np.arange(ROWS), rows["times"].to_numpy())))
    expected, model = fit_of(tmp_path / "repeated", repeated, target, family, scaling=scaling)
    for weight in ("times", "third"):
        run, other = fit_of(tmp_path / weight, rows, target, family, scaling=scaling, weight=weight)
        for ours, theirs in zip(other["encoder"]["parts"], model["encoder"]["parts"], strict=True):
            for key, value in theirs.items():
                numbers = key in ("centre", "spread", "fill", "quantiles", "scores")
                assert ours[key] == (pytest.approx(value, rel=1e-12, abs=1e-12) if numbers else value), (ours["name"], key)
        for key, value in model["scaling"].items():
            assert other["scaling"][key] == pytest.approx(value, rel=1e-14)
        nll, other_nll = (each.finished.evaluations["train"].document["metrics"]["nll"] for each in (expected, run))
        assert other_nll["value"] == pytest.approx(nll["value"], abs=1e-7)
        assert other_nll["baseline"] == pytest.approx(nll["baseline"], abs=1e-9)


MEMBERS = {"hidden": [4], "members": 3, "numeric_embedding": "piecewise_linear", "linear_path": True}
ADAM = {"epochs": 4, "batch_size": 16, "optimizer": {"name": "adam", "lr": 0.01}, "initialize": "auto"}


@pytest.mark.slow
@pytest.mark.parametrize("data", [{}, {"split": {"method": "per_member"}, "validation": 0.2}], ids=["all rows", "own rows"])
def test_rows_without_a_weight_change_no_bit_of_a_fit(data, tmp_path):
    rows = table()
    parts = (rows, rows.filter(pa.compute.greater(rows["times"], 0)))
    runs = [fit_of(tmp_path / str(len(part)), part, "y", "normal", ADAM, MEMBERS, weight="times", **data)[0] for part in parts]
    assert runs[0].weights == runs[1].weights
    histories = [[(epoch.train_nll, epoch.best) for epoch in run.events if isinstance(epoch, Epoch)] for run in runs]
    assert histories[0] == histories[1]
    assert len(histories[0]) == 4


def test_a_row_that_goes_wrong_is_named_by_its_place_in_the_file(tmp_path):
    source = write_table(tmp_path / "data.parquet", table())
    data = {"train": str(source), "target": "y", "features": ["x"], "validation": None, "weight": "times"}
    prepared = prepare(configuration(write_config(tmp_path / "c.yaml", {"recipe": "plain", "distribution": "normal", "data": data})))
    found = not_finite(NotFinite(1, 1, 5, "loc", np.nan), prepared, "nowhere")
    # Rows 0 and 5 weigh nothing.
    assert "on row 7" in found.findings[0].excerpt[0]


def test_training_rows_that_all_weigh_nothing_are_refused_before_anything_is_fitted(tmp_path):
    with pytest.raises(DataError, match="all weights of the train rows are 0"):
        fit_of(tmp_path / "none", table(), weight="times", test={"column": "times", "values": [1, 2, 3, 4]})
