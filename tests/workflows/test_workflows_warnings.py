"""In Python a DataWarning says what the command line prints with a `!`, at the line of the user; and a run says what it is."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import disttrain
from disttrain.errors import DataError, RunUnreadable, UsageError
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.predict import predict
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture(scope="module")
def run(family_run):
    return disttrain.load(family_run("normal").folder)


@pytest.fixture
def holes(table):
    """A frame with rows without a value and with a category that training did not have."""
    frame = table.to_pandas()
    frame.loc[[3, 5], "x"] = np.nan
    frame.loc[7, "kind"] = "east"
    return frame


def texts(caught):
    """The warnings of ours, all of which point at this file."""
    ours = [warning for warning in caught if issubclass(warning.category, disttrain.DataWarning)]
    assert {warning.filename for warning in ours} <= {__file__}
    return [str(warning.message) for warning in ours]


def test_a_forecast_warns_of_what_the_command_line_prints(run, holes, tmp_path):
    file = write_table(tmp_path / "holes.parquet", pa.Table.from_pandas(holes))
    notes = predict(PredictOptions(run=run.path, data=str(file), output=str(tmp_path / "out.parquet")), tmp_path).notes
    assert len(notes) == 2
    for ask in (run.predict, run.distribution):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            ask(holes)
            line = caught[0].lineno
        assert texts(caught) == list(notes)
        assert "ask(holes)" in Path(__file__).read_text().splitlines()[line - 1]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for _ in run.predict_batches([holes.head(4), holes.tail(396)]):
            pass
    assert texts(caught) == list(notes)


def test_nothing_is_said_where_there_is_nothing_to_say(run, table):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(run.predict(table)) == 400
        assert run.evaluate(table.to_pandas()).notes == ()


def test_an_evaluation_warns_and_says_how_calibrated_it_is(table, tmp_path):
    """A forecast of a far too narrow tail, and a filter that leaves rows out."""
    rng = np.random.default_rng(0)
    many = pa.table({"x": rng.normal(size=3000), "y": rng.standard_t(2, 3000), "keep": np.arange(3000) % 10})
    file = write_table(tmp_path / "many.parquet", many)
    data = {"train": str(file), "target": "y", "features": ["x"], "filter": "keep > 0"}
    narrow = {"family": "normal", "parameters": {"scale": {"fixed": 1.0}}}
    run = disttrain.fit({"recipe": "plain", "distribution": narrow, "data": data, "training": {"epochs": 2}}, out=tmp_path / "run")
    answer = evaluate(EvaluateOptions(run=run.path, data=str(file)), tmp_path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        scores = run.evaluate(many)
    assert texts(caught) == list(answer.scores.notes) == list(scores.notes)
    assert any("left out" in note for note in scores.notes)
    assert any("upper tail" in note for note in scores.notes)
    calibration = answer.scores.calibration
    assert (scores.residuals, scores.histogram, scores.rows) == (calibration.residuals, calibration.histogram, 2700)
    assert scores == answer.document["metrics"]


def test_a_fit_warns_of_ties(tmp_path):
    rng = np.random.default_rng(0)
    file = write_table(tmp_path / "ties.parquet", pa.table({"x": rng.normal(size=400), "y": rng.normal(size=400).round(1)}))
    document = {
        "recipe": "plain",
        "distribution": "normal",
        "data": {"train": str(file), "target": "y", "features": ["x"]},
        "training": {"epochs": 1},
    }
    with pytest.warns(disttrain.DataWarning, match="repeat a value") as caught:
        disttrain.fit(document, out=tmp_path / "run")
    assert {warning.filename for warning in caught} == {__file__}


def test_one_name_stands_for_a_list_of_one(run, table):
    frame = table.slice(0, 50).to_pandas()
    assert run.evaluate(frame, metrics="nll") == run.evaluate(frame, metrics=["nll"])
    assert list(run.evaluate(frame, metrics="coverage", levels=0.8)["coverage"]["levels"]) == ["0.8"]
    assert list(run.predict(frame, columns="mean", quantiles=0.25).columns) == ["mean", "q25"]
    with pytest.raises(UsageError, match="`nlll` is not known"):
        run.evaluate(frame, metrics="nlll")


def test_a_run_says_what_it_is(run, family_run):
    said = repr(run)
    assert "\n" not in said
    assert len(said) - len(str(run.path)) < 160
    for part in ("FittedRun", "normal(loc, scale)", "3 features", "test nll", str(run.path)):
        assert part in said


def test_a_model_folder_alone_says_what_it_can(run, tmp_path):
    """It travels without the run that it comes from, which has the scores and the history."""
    model = disttrain.load(shutil.copytree(run.path / "model", tmp_path / "model"))
    assert "nll" not in repr(model)
    assert model.config["distribution"]["family"] == "normal"
    for name in ("metrics", "history"):
        with pytest.raises(RunUnreadable, match="has no"):
            getattr(model, name)


def test_a_run_has_its_config_its_scores_and_its_history(run, family_run, tmp_path):
    assert run.config["distribution"]["family"] == "normal"
    again = disttrain.fit(run.config, out=tmp_path / "again")
    assert (again.path / "model/weights.safetensors").read_bytes() == family_run("normal").weights
    assert run.metrics["test"]["metrics"]["nll"]["value"] == family_run("normal").nll("test")
    assert isinstance(run.history, pd.DataFrame)
    assert list(run.history["epoch"]) == [1, 2, 3]


def test_data_replace_the_training_rows(table, tmp_path):
    config = write_config(tmp_path / "c.yaml", {**config_of("normal", "nowhere.parquet"), "training": {"epochs": 1}})
    file = write_table(tmp_path / "here.parquet", table)
    run = disttrain.fit(config, data=file, out=tmp_path / "run")
    assert run.config["data"]["train"] == str(file)
    with pytest.raises(UsageError, match="`DataFrame`"):
        disttrain.fit(config, data=table.to_pandas(), out=tmp_path / "other")
    with pytest.raises(UsageError, match="`DataFrame`"):
        disttrain.fit(table.to_pandas(), out=tmp_path / "other")
    with pytest.raises(DataError):
        disttrain.fit(config, data=tmp_path / "absent.parquet", out=tmp_path / "other")
    with pytest.raises(UsageError, match=r"`s3:.* is not on this machine"):
        disttrain.fit(config, data="s3://bucket/other.csv", out=tmp_path / "other")
