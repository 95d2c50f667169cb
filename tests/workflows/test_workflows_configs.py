"""Every example config is fitted, predicted and evaluated; a few epochs are enough to see that it works."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest

from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.predict import predict
from tests.small_runs import CONFIGS, fitted

# Large data sets are cut to their first rows, but not so that a held-out fold in time order is lost.
FEWER = {
    "bike_sharing": ["data.filter=mnth == 1", "data.validation=0.2", "data.test=null"],
    "discretized": ["data.filter=cylinders == 8"],
    "doctor_visits": ["data.filter=lpi > 6.9"],
    "poisson": ["data.filter=rings > 9"],
}


@pytest.fixture(scope="module", params=sorted(CONFIGS.glob("*.yaml")), ids=lambda path: path.stem)
def config_run(request, tmp_path_factory):
    path = request.param
    overrides = ["training.epochs=2", *FEWER.get(path.stem, ())]
    return fitted(path, tmp_path_factory.mktemp(path.stem) / "run", *overrides)


@pytest.mark.slow
def test_a_config_leaves_a_complete_run(config_run):
    names = {path.name for path in config_run.folder.iterdir()}
    assert names >= {"run.json", "config.yaml", "config.resolved.yaml", "environment.json", "data.json", "model", "history.parquet"}
    assert names >= {"metrics.json", "predictions.parquet"}
    assert "checkpoint" not in names
    assert {path.name for path in (config_run.folder / "model").iterdir()} == {"weights.safetensors", "model.json"}
    record = json.loads((config_run.folder / "run.json").read_text())
    assert (record["status"], record["exit_code"]) == ("finished", 0)
    assert pq.read_metadata(config_run.folder / "history.parquet").num_rows == config_run.finished.epochs


@pytest.mark.slow
def test_a_config_can_be_predicted_again_and_gives_the_same_rows(config_run, tmp_path):
    done = predict(PredictOptions(run=config_run.folder, output=str(tmp_path / "again.parquet")), tmp_path)
    again = pq.read_table(tmp_path / "again.parquet")
    assert done.rows == config_run.finished.predictions == again.num_rows
    assert again.equals(config_run.predictions)


@pytest.mark.slow
def test_a_config_can_be_evaluated_and_scores_what_the_fit_reported(config_run, tmp_path):
    answer = evaluate(EvaluateOptions(run=config_run.folder), tmp_path).document
    reported = config_run.finished.evaluations[answer["split"]].document
    assert answer["rows"] == reported["rows"]
    assert answer["metrics"] == reported["metrics"]
    assert json.loads((config_run.folder / "metrics.json").read_text())[answer["split"]]["metrics"] == answer["metrics"]
