"""What a fit on a GPU writes and scores is what the commands make of it there."""

from __future__ import annotations

import pyarrow.parquet as pq
import pytest
import torch

import disttrain
from disttrain.evaluation.scoring import on_device
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.predict import predict
from tests.small_runs import config_of


def test_a_network_is_on_the_device_of_its_training_while_it_is_scored_and_then_back_on_the_processor(family_run, monkeypatch):
    model, elsewhere, moves = disttrain.load(family_run("normal").folder).model, torch.device("cuda", 7), []
    monkeypatch.setattr("disttrain.training.device", lambda name: {"auto": elsewhere}[name])
    monkeypatch.setattr(model.network, "to", lambda device: moves.append(torch.device(device)))
    with on_device(model):
        assert moves == [elsewhere]
    assert moves == [elsewhere, torch.device("cpu")]
    with pytest.raises(ValueError, match="stopped"), on_device(model):
        raise ValueError("stopped")
    assert moves == 2 * [elsewhere, torch.device("cpu")]


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_a_fit_on_a_gpu_is_scored_and_predicted_there(table_file, tmp_path):
    document = config_of("gamma", str(table_file))
    run = disttrain.fit({**document, "training": {"epochs": 3, "device": "cuda"}}, out=tmp_path / "run")
    assert evaluate(EvaluateOptions(run=run.path), tmp_path).document["metrics"] == run.metrics["test"]["metrics"]
    written = pq.read_table(run.path / "predictions.parquet")
    predict(PredictOptions(run=run.path, output=str(tmp_path / "again.parquet")), tmp_path)
    assert pq.read_table(tmp_path / "again.parquet").equals(written)
    on_processor = evaluate(EvaluateOptions(run=run.path, device="cpu"), tmp_path).document["metrics"]["nll"]["value"]
    assert on_processor == pytest.approx(run.metrics["test"]["metrics"]["nll"]["value"], rel=1e-5)
