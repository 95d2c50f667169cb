"""How a fit ends, which weights it keeps, and what its folder says about it."""

from __future__ import annotations

import hashlib
import json
import math

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

import disttrain
from disttrain.preparation.prepare import prepare
from disttrain.training import initial_state, member_nll
from disttrain.validation.config import configuration
from disttrain.validation.options import EvaluateOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.fit import Epoch, Finished, Started, fit
from tests.small_runs import config_of, family_table, fitted, write_config, write_table

FILES = {"config.yaml", "config.resolved.yaml", "data.json", "environment.json", "history.parquet", "log.jsonl", "model", "run.json"}


@pytest.fixture
def config(tmp_path, table_file):
    return write_config(tmp_path / "small.yaml", config_of("gamma", str(table_file)))


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def record(folder, name="run.json"):
    return json.loads((folder / name).read_text())


def stopped(config, out, word, after):
    """The events of a fit that is told `word` at its batch number `after`."""
    asked = iter(range(10**9))
    return list(fit(configuration(config), out=out, stop=lambda: word if next(asked) >= after else None))


def scored(folder, split):
    return evaluate(EvaluateOptions(run=folder, split=split, metrics=("nll",)), folder).document["metrics"]["nll"]["value"]


def weights_of(model):
    return {name: value.detach().clone() for name, value in model.network.state_dict().items()}


@pytest.mark.parametrize(("word", "code"), [("interrupted", 130), ("terminated", 143)])
@pytest.mark.parametrize("after", [0, 12])
def test_a_word_ends_a_fit_cleanly(word, code, after, config, tmp_path, table):
    events = stopped(config, tmp_path / "run", word, after)
    finished = events[-1]
    assert (finished.status, finished.stopped_by, finished.evaluations) == ("stopped", word, {})
    assert finished.reason == f"{word} in epoch {finished.epochs}"
    found = record(tmp_path / "run")
    assert (found["status"], found["exit_code"], found["reason"]) == ("stopped", code, finished.reason)
    assert found["best_epoch"] == finished.best_epoch
    assert {path.name for path in (tmp_path / "run").iterdir()} == FILES | {"checkpoint"}
    run = disttrain.load(tmp_path / "run")
    assert run.predict(table.to_pandas()).notna().all(axis=None)
    assert math.isfinite(run.evaluate(table.to_pandas(), metrics=["nll"])["nll"]["value"])


def test_a_stopped_fit_keeps_the_best_epoch_it_had(config, tmp_path):
    events = stopped(config, tmp_path / "run", "interrupted", 30)
    epochs = [event for event in events if isinstance(event, Epoch)]
    assert pq.read_table(tmp_path / "run" / "history.parquet").num_rows == len(epochs)
    best = min(epochs, key=lambda epoch: epoch.validation_nll)
    assert events[-1].best_epoch == best.number
    assert scored(tmp_path / "run", "validation") == pytest.approx(best.validation_nll, rel=1e-5)


@pytest.mark.slow
def test_a_time_limit_ends_a_fit_that_counts_as_finished(tmp_path, table_file):
    config = write_config(tmp_path / "small.yaml", config_of("gamma", str(table_file)))
    run = fitted(config, tmp_path / "run", "training.epochs=100000", "training.time_limit=1", "training.early_stopping=null")
    assert (run.finished.status, run.finished.stopped_by) == ("finished", None)
    assert run.finished.reason == f"time limit reached in epoch {run.finished.epochs}"
    assert (record(run.folder)["status"], record(run.folder)["exit_code"]) == ("finished", 0)
    assert {path.name for path in run.folder.iterdir()} == FILES | {"metrics.json", "predictions.parquet", "checkpoint"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["adam", "lbfgs"])
@pytest.mark.parametrize("family", ["gamma", "normal", "categorical"])
def test_the_weights_kept_are_those_of_the_best_epoch(family, name, tmp_path, table_file):
    config = write_config(tmp_path / "small.yaml", config_of(family, str(table_file)))
    run = fitted(config, tmp_path / "run", "training.epochs=12", f"training.optimizer={name}")
    history = pq.read_table(run.folder / "history.parquet").to_pandas().set_index("epoch")
    lowest = history["validation_nll"].idxmin()
    assert run.finished.best_epoch == lowest
    # float32 outputs of the network, added up in another order than while training.
    assert scored(run.folder, "validation") == pytest.approx(history["validation_nll"][lowest], rel=1e-5)
    assert run.nll("validation") == scored(run.folder, "validation")


def test_without_validation_rows_the_training_rows_are_watched(config, tmp_path):
    run = fitted(config, tmp_path / "run", "data.validation=null", "training.epochs=6", "training.optimizer=lbfgs")
    history = pq.read_table(run.folder / "history.parquet")
    assert history["validation_nll"].null_count == history.num_rows
    best = history["train_nll"].to_pylist()[run.finished.best_epoch - 1]
    assert scored(run.folder, "train") == pytest.approx(best, rel=1e-9)
    assert set(run.finished.evaluations) == {"train", "test"}


@pytest.mark.parametrize(("initialize", "models"), [("marginal", 1), ("linear", 2)])
def test_epoch_0_scores_each_model_that_it_chooses_from_once(initialize, models, tmp_path, table_file, monkeypatch):
    scored = []

    def counted(*arguments):
        scored.append(arguments)
        return member_nll(*arguments)

    monkeypatch.setattr(initial_state, "member_nll", counted)
    document = config_of("gamma", str(table_file))
    document["network"] |= {"linear_path": True}
    fitted(write_config(tmp_path / "c.yaml", document), tmp_path / "run", f"training.initialize={initialize}", "training.epochs=1")
    assert len(scored) == models


@pytest.mark.parametrize("initialize", ["marginal", "zero"])
def test_a_learning_rate_beyond_reason_leaves_the_constant_model(initialize, tmp_path, table_file):
    config = write_config(tmp_path / "small.yaml", config_of("normal", str(table_file)))
    overrides = ("training.optimizer={name: sgd, lr: 1.0e+3}", "training.schedule=constant", f"training.initialize={initialize}")
    run = fitted(config, tmp_path / "run", *overrides)
    assert run.finished.best_epoch == record(run.folder)["best_epoch"] == 0
    model = prepare(configuration(config, overrides)).model
    written = run.predictions
    for name, value in model.marginal_parameters(1).items():
        assert set(written[name].to_pylist()) == {float(value)}
    history = pq.read_table(run.folder / "history.parquet")
    assert run.nll("validation") <= min(history["validation_nll"].to_pylist())
    said = "no epoch was better than the constant model on validation: the constant model is kept, which looks at no feature"
    assert said in run.finished.warnings
    assert said in record(run.folder)["warnings"]


def test_patience_ends_a_fit_and_says_so(config, tmp_path):
    stopping = "training.early_stopping={metric: nll, patience: 2, min_delta: 1000.0}"
    run = fitted(config, tmp_path / "run", "training.epochs=50", stopping)
    assert (run.finished.epochs, run.finished.status) == (2, "finished")
    assert run.finished.reason == "stopped after epoch 2: validation nll did not fall by 1000 in 2 epochs"


def test_the_history_has_a_row_per_epoch(config, tmp_path):
    run = fitted(config, tmp_path / "run")
    history = pq.read_table(run.folder / "history.parquet").to_pandas()
    columns = ["epoch", "train_nll", "validation_nll", "learning_rate", "seconds", "rows_per_second"]
    assert list(history) == columns
    assert history["epoch"].tolist() == [1, 2, 3]
    epochs = [event for event in run.events if isinstance(event, Epoch)]
    for name in columns[1:]:
        assert history[name].tolist() == [getattr(epoch, name) for epoch in epochs]
    assert history["seconds"].is_monotonic_increasing
    assert np.isfinite(history.to_numpy()).all()


def test_events_come_as_start_epochs_end(config, tmp_path):
    run = fitted(config, tmp_path / "run")
    assert [type(event) for event in run.events] == [Started, Epoch, Epoch, Epoch, Finished]
    started = run.events[0]
    assert started.distribution == "gamma(concentration, rate)"
    assert sum(started.rows.values()) == 400
    assert started.rows["test"] == 80
    assert started.baseline == pytest.approx(run.finished.evaluations["validation"].document["metrics"]["nll"]["baseline"], rel=1e-12)


def test_the_record_of_a_run_says_how_it_was_made(config, tmp_path):
    events = list(fit(configuration(config), out=tmp_path / "run", command=["disttrain", "fit", "small.yaml"]))
    found = record(tmp_path / "run")
    assert found["command"] == ["disttrain", "fit", "small.yaml"]
    assert (found["status"], found["exit_code"], found["epochs"]) == ("finished", 0, 3)
    assert found["config"] == str(config)
    assert found["reason"] == events[-1].reason == "all 3 epochs done"
    assert found["scores"] == {split: each.scores.total.metrics["nll"].value for split, each in events[-1].evaluations.items()}
    assert (tmp_path / "run" / "config.yaml").read_bytes() == config.read_bytes()


def test_the_scores_of_a_run_are_those_of_its_splits(config, tmp_path):
    run = fitted(config, tmp_path / "run")
    found = record(run.folder, "metrics.json")
    assert found == json.loads(json.dumps(run.finished.document["metrics"]))
    assert list(found) == ["train", "validation", "test"]
    for split, scores in found.items():
        assert evaluate(EvaluateOptions(run=run.folder, split=split), run.folder).document == scores


def test_the_data_of_a_run_can_be_recognised(config, tmp_path, table_file, table):
    run = fitted(config, tmp_path / "run", "data.filter=x > -1")
    found, y = record(run.folder, "data.json"), table["gamma"].to_numpy()[table["x"].to_numpy() > -1]
    assert [file["path"] for file in found["files"]] == [str(table_file)]
    assert found["files"][0]["rows"] == 400
    assert found["files"][0]["size"] == table_file.stat().st_size
    assert found["files"][0]["sha256"] == hashlib.sha256(table_file.read_bytes()).hexdigest()
    assert found["limit"] is None
    assert found["schema"] == {field.name: str(field.type) for field in table.schema}
    assert found["rows"] == {**run.events[0].rows, "filtered": 400 - len(y)}
    target = found["target"]
    assert (target["columns"], target["labels"]) == (["gamma"], None)
    assert (target["min"], target["max"], target["distinct"]) == (y.min(), y.max(), len(np.unique(y)))
    np.testing.assert_allclose([target["mean"], target["std"]], [y.mean(), y.std()], rtol=1e-12)


def test_the_labels_of_classes_are_recorded(family_run):
    assert record(family_run("categorical").folder, "data.json")["target"]["labels"] == ["blue", "green", "red"]


def test_the_environment_of_a_run_is_recorded(config, tmp_path):
    run = fitted(config, tmp_path / "run", "training.seed=7", "training.device=cpu")
    found = record(run.folder, "environment.json")
    assert (found["seed"], found["device"], found["gpu"]) == (7, "cpu", None)
    assert found["threads"] == run.events[0].threads
    assert found["packages"]["torch"] == torch.__version__.split("+")[0] or found["packages"]["torch"] == torch.__version__
    assert {"disttrain", "numpy", "pandas", "pyarrow", "scipy"} <= found["packages"].keys()


def test_the_log_tells_the_story_of_a_run(config, tmp_path):
    run = fitted(config, tmp_path / "run")
    lines = [json.loads(line) for line in (run.folder / "log.jsonl").read_text().splitlines()]
    assert [line["event"] for line in lines] == ["started", "finished"]
    assert all(line["time"].endswith("+00:00") for line in lines)
    assert lines[0]["baseline"] == run.events[0].baseline
    assert lines[1]["scores"] == record(run.folder)["scores"]
    stopped(config, tmp_path / "other", "interrupted", 3)
    assert [json.loads(line)["event"] for line in (tmp_path / "other" / "log.jsonl").read_text().splitlines()] == ["started", "stopped"]


def test_a_fault_is_logged_with_its_traceback(config, tmp_path):
    events = fit(configuration(config), out=tmp_path / "run", stop=lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        list(events)
    assert (record(tmp_path / "run")["status"], record(tmp_path / "run")["exit_code"]) == ("failed", 70)
    last = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[-1])
    assert last["event"] == "failed"
    assert "ZeroDivisionError" in last["traceback"]


@pytest.mark.usefixtures("two_threads")
@pytest.mark.parametrize("steps", [0, 1, 2, 100])
def test_the_settings_of_torch_are_as_before_after_a_fit(steps, config, tmp_path):
    """Also where nobody listens to the end; what a run that was left behind says of itself is that it was stopped."""
    before = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    events = fit(configuration(config, ["training.deterministic=true"]), out=tmp_path / "run")
    for _, _event in zip(range(steps), events, strict=False):
        pass
    events.close()
    assert (torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()) == before[:2] == (2, False)
    assert torch.equal(torch.get_rng_state(), before[2])
    if 0 < steps < 100:
        assert (record(tmp_path / "run")["status"], record(tmp_path / "run")["exit_code"]) == ("stopped", 130)
    if steps > 1:
        assert pq.read_table(tmp_path / "run" / "history.parquet").num_rows == min(steps - 1, 3)


@pytest.mark.usefixtures("two_threads")
def test_the_settings_of_torch_are_as_before_after_a_fault(config, tmp_path):
    with pytest.raises(ZeroDivisionError):
        list(fit(configuration(config), out=tmp_path / "run", stop=lambda: 1 / 0))
    assert torch.get_num_threads() == 2


def test_a_fit_that_nobody_starts_leaves_nothing(config, tmp_path):
    fit(configuration(config), out=tmp_path / "run").close()
    assert not (tmp_path / "run").exists()


def test_rows_in_a_pandas_file_and_a_plain_one_are_the_same_rows(config, tmp_path):
    """The weights of a fit depend on the values of its rows, not on who wrote the file."""
    run = fitted(config, tmp_path / "run")
    plain = write_table(tmp_path / "plain.parquet", family_table())
    other = fitted(config, tmp_path / "other", f"data.train={plain}")
    assert other.weights == run.weights
