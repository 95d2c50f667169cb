"""Rows that carry the nll are named where they are few, cost what no right forecast would, and decide the mean."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy import stats

import disttrain
from disttrain.errors import DataWarning
from disttrain.evaluation.costly_rows import costly_rows
from tests.small_runs import fitted, write_config, write_table

ROWS = 600


def tensors(*columns):
    return [torch.from_numpy(np.asarray(column, float)) for column in columns]


def test_a_right_forecast_names_a_row_in_fewer_than_1_of_20_data_sets():
    rng, named = np.random.default_rng(0), 0
    for _ in range(400):
        x = rng.standard_t(3, size=200)
        y = x + 0.3 * rng.normal(size=200)
        nll, baseline = -stats.norm(x, 0.3).logpdf(y), -stats.norm(0, 1.8).logpdf(y)
        named += bool(len(costly_rows(*tensors(nll, baseline))))
    assert named < 20


def test_the_row_of_the_issue_is_named_and_moderate_ones_are_not():
    nll, baseline = np.full(957, 2.65), np.full(957, 3.4)
    for nats, named in ((336.0, [512]), (45.0, [512]), (3.4 + math.log(20 * 957) - 0.1, []), (3.0, [])):
        nll[512] = nats
        assert costly_rows(*tensors(nll, baseline)).tolist() == named
    # Where the other rows gain little, a row is named for what no right forecast would do.
    for nats, named in ((2.66 + math.log(20 * 957) - 0.1, []), (2.66 + math.log(20 * 957) + 0.1, [512])):
        nll[512] = nats
        assert costly_rows(*tensors(nll, np.full(957, 2.66))).tolist() == named
    # Beyond what a right forecast would do, and yet under 5 % of what the others gain: 957 · 30 nats.
    assert costly_rows(*tensors(nll, np.full(957, 30.0) + (np.arange(957) == 512) * (nats - 42.0))).tolist() == []


def test_the_most_expensive_row_is_first_and_many_rows_are_not_few():
    nll, baseline = np.full(100, 1.0), np.full(100, 2.0)
    nll[[3, 60, 9]] = 40.0, 90.0, math.inf
    assert costly_rows(*tensors(nll, baseline)).tolist() == [9, 60, 3]
    weight = np.ones(100)
    weight[[9, 60]] = 0.0, 0.1
    assert costly_rows(*tensors(nll, baseline, weight)).tolist() == [3, 60]
    nll[:50] = 40.0
    assert costly_rows(*tensors(nll, baseline)).tolist() == []


@pytest.fixture(scope="module")
def table():
    rng = np.random.default_rng(1)
    x = rng.normal(size=ROWS)
    y, split = 2 * x + 0.1 * rng.normal(size=ROWS), np.repeat([0, 1, 2], ROWS // 3)
    # One row of the test part that no forecast could know.
    y[2 * ROWS // 3 + 17] += 6.0
    return pa.table({"x": x, "y": y, "part": split})


@pytest.fixture(scope="module")
def config(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("costly")
    data = {
        "train": str(write_table(folder / "rows.parquet", table)), "target": "y", "features": ["x"],
        "validation": {"column": "part", "values": [1]}, "test": {"column": "part", "values": [2]},
    }  # fmt: skip
    training = {"epochs": 80, "batch_size": 32, "optimizer": {"name": "adamw", "lr": 1e-2}}
    return write_config(
        folder / "c.yaml", {"recipe": "plain", "distribution": "normal", "data": data, "network": {"hidden": [8]}, "training": training}
    )


@pytest.mark.slow
def test_fit_evaluate_and_python_name_the_row(config, table, tmp_path):
    run = fitted(config, tmp_path / "run")
    number = 2 * ROWS // 3 + 17
    note = next(text for text in run.finished.warnings if "carries" in text)
    score = run.finished.evaluations["test"].document["metrics"]["nll"]["value"]
    test = run.predictions.filter(pa.compute.equal(run.predictions["split"], "test"))
    nll = -stats.norm(test["loc"].to_numpy(), test["scale"].to_numpy()).logpdf(table["y"].to_numpy()[test["row"].to_numpy()])
    assert nll.mean() == pytest.approx(score)
    # A share of the nll where it is one; here the other rows' are below 0.
    size = f"{100 * nll.max() / nll.sum():.3g} %" if nll.max() <= nll.sum() else f"{nll.max() / 200:.4g} nats"
    assert note.startswith(f"1 of 200 test rows carries {size} of the nll: row {number}, {nll.max():,.4g} nats; ")
    assert "`forecast.marginal_share: auto`" in note
    assert "heavier tail" in note
    assert [text for text in run.evaluated("nll").scores.notes if "carries" in text] == [note.replace("test rows", "rows")]
    with pytest.warns(DataWarning, match="1 of 600 rows carries"):
        scores = disttrain.load(run.folder).evaluate(table)
    assert any(f"row {number}," in text for text in scores.notes)


@pytest.mark.slow
def test_a_share_of_the_constant_model_is_the_way_out(config, tmp_path):
    run = fitted(config, tmp_path / "run", "forecast.marginal_share=0.003")
    assert not [text for text in run.finished.warnings if "carries" in text]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        disttrain.load(run.folder)
    # A row costs the constant model - log 0.003 at most: under log(20 n) above it.
    assert -math.log(0.003) < math.log(20 * 200)
