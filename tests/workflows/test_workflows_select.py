"""The selection of a family and of its parameters: known truth is found, tables hold comparable scores only, and a killed one goes on."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain.data import TEST, assign
from disttrain.errors import ConfigError, DataError, FitFailed, OutputExists, UsageError
from disttrain.validation.config import configuration
from disttrain.validation.options import EvaluateOptions
from disttrain.validation.select_options import SelectOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.fit import Finished, fit
from disttrain.workflows.select import Begun, Interrupted, Selection, TrialEnded, select
from disttrain.workflows.select_trial import SCORES, scores_of
from tests.small_runs import write_config, write_table

ROWS = 1_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("select")
    rng = np.random.default_rng(0)
    x, z = rng.normal(size=(2, ROWS))
    mean = np.exp(1.0 + 0.5 * x)
    table = pa.table({
        "x": x, "z": z, "group": np.arange(ROWS) % 30, "part": np.arange(ROWS) % 10, "day": np.arange(ROWS),
        "amount": rng.gamma(3.0, mean / 3.0), "count": rng.poisson(mean), "even": 2.0 * x + rng.normal(size=ROWS),
        "uneven": 2.0 * x + np.exp(0.7 * z) * rng.normal(size=ROWS),
    })  # fmt: skip
    write_table(folder / "rows.parquet", table)
    return folder


def config_in(folder, target, family, **data):
    """A linear model fitted to convergence: what a family is worth, and nothing of how a network is trained."""
    document = {
        "recipe": "plain",
        "distribution": family,
        "data": {"train": "rows.parquet", "target": target, "features": ["x", "z"], "validation": None, **data},
        "network": {"hidden": []},
        "training": {"epochs": 30, "optimizer": "lbfgs", "early_stopping": None, "averaging": 0},
    }
    return write_config(folder / f"{target}.yaml", document)


def selected(path, out, *names, folds=3, overrides=(), **options):
    """The events of a selection, the last of which is its result."""
    families = names or (() if options.get("parameters") else ("auto",))
    return list(select(configuration(path, overrides), SelectOptions(families, folds=folds, out=out, **options)))


@pytest.fixture(scope="module")
def amounts(folder):
    # The mean is exponential in x, and so is the rate; the concentration is constant.
    family = {"family": "gamma", "parameters": {"rate": {"activation": "exp"}}}
    path = config_in(folder, "amount", family, test={"column": "part", "values": [9]})
    events = selected(path, folder / "amounts", "gamma", "log_normal", "weibull", "generalized_gamma", "normal", parameters=True)
    return path, events


@pytest.mark.slow
def test_the_family_of_the_data_is_best_or_one_error_behind(amounts):
    rows = {row.name: row.scores for row in amounts[1][-1].families}
    assert next(iter(rows)) in ("gamma", "generalized_gamma")
    assert rows["gamma"].tied
    for other in ("log_normal", "weibull", "normal"):
        assert rows[other].behind.value > 2 * rows[other].behind.error
    assert rows["gamma"].calibration.verdict == "calibrated"
    assert rows["normal"].calibration.verdict != "calibrated"


@pytest.mark.slow
def test_the_scores_are_those_of_models_that_never_saw_the_rows(folder, amounts):
    """The rows of a trial are its fold, and its run folder forecasts them with the same likelihood; the test rows of the config are in none."""
    everyone = []
    for fold in (1, 2, 3):
        trial = folder / "amounts" / f"gamma-fold-{fold}"
        scores = scores_of(trial)
        evaluation = evaluate(EvaluateOptions(run=trial, metrics=("nll", "pit", "coverage"), split="test"), trial)
        assert evaluation.scores.total.metrics["nll"].value == pytest.approx(scores.nll.mean(), rel=1e-12)
        assert evaluation.scores.total.metrics["nll"].baseline == pytest.approx(scores.constant.mean(), rel=1e-12)
        predictions = pq.read_table(trial / "predictions.parquet", columns=["row"])["row"].to_numpy()
        assert set(predictions) == set(scores.row)
        everyone.append(scores.row)
    joined = np.concatenate(everyone)
    assert len(joined) == len(set(joined)) == ROWS * 9 // 10
    assert (joined % 10 != 9).all()
    pooled = np.concatenate([scores_of(folder / "amounts" / f"gamma-fold-{fold}").nll for fold in (1, 2, 3)])
    row = next(row for row in amounts[1][-1].families if row.name == "gamma")
    assert row.scores.nll.value == pytest.approx(pooled.mean(), rel=1e-12)


@pytest.mark.slow
def test_the_selection_ends_in_a_config_that_fits(folder, amounts):
    result = amounts[1][-1]
    assert result.path == folder / "amounts" / "selected.yaml"
    finished = list(fit(configuration(result.path), out=folder / "run"))[-1]
    assert isinstance(finished, Finished)
    assert json.loads((folder / "amounts" / "result.json").read_text())["family"] == result.family
    assert result.config["data"]["test"] == {"column": "part", "values": [9]}


@pytest.mark.slow
def test_a_finished_selection_is_shown_again_and_other_questions_are_refused(folder, amounts):
    path, events = amounts
    names = ("gamma", "log_normal", "weibull", "generalized_gamma", "normal")
    again = selected(path, folder / "amounts", *names, parameters=True, resume=True)
    assert again[-1].document == events[-1].document
    assert not [event for event in again if isinstance(event, TrialEnded)]
    with pytest.raises(UsageError, match="--folds"):
        selected(path, folder / "amounts", *names, parameters=True, resume=True, folds=4)
    with pytest.raises(ConfigError, match="epochs"):
        selected(path, folder / "amounts", *names, parameters=True, resume=True, overrides=["training.epochs=5"])
    with pytest.raises(OutputExists):
        selected(path, folder / "amounts", *names)


@pytest.mark.slow
def test_parameters_of_known_truth_gain_and_others_do_not(folder):
    uneven = selected(config_in(folder, "uneven", "normal"), folder / "uneven", parameters=True)[-1]
    even = selected(config_in(folder, "even", "student_t"), folder / "even", parameters=True)[-1]
    assert [row.step.label for row in uneven.parameters[1:]] == ["location only", "+ scale"]
    assert all(row.gain.value > 3 * row.gain.error for row in uneven.parameters[1:])
    assert uneven.parameters[-1].chosen
    assert uneven.config["distribution"] == "normal"
    _none, location, scale, shape = even.parameters
    assert location.gain.value > 3 * location.gain.error
    assert scale.gain.value < scale.gain.error
    assert shape.gain.value < shape.gain.error
    assert location.chosen
    assert even.config["distribution"]["parameters"] == {"scale": {"features": []}, "df": {"features": []}}


@pytest.mark.slow
def test_densities_and_probabilities_are_never_in_one_table(folder):
    path = config_in(folder, "count", "poisson")
    result = selected(path, folder / "counts", "poisson", "normal", "tweedie", "discretized(normal)", folds=2)[-1]
    tables = {name: {row.name for row in result.block(name)} for name in ("probabilities", "densities", "mixed")}
    assert tables == {"probabilities": {"poisson", "discretized(normal)"}, "densities": {"normal"}, "mixed": {"tweedie"}}
    for name in tables:
        assert result.block(name)[0].scores.behind.value == 0.0
    # Of the tables, that of the config's family decides.
    assert result.family == "poisson"


@pytest.mark.slow
def test_groups_stay_whole_and_are_the_units_of_the_errors(folder):
    path = config_in(folder, "even", "normal", split={"method": "group", "by": "group"})
    result = selected(path, folder / "groups", "normal", "laplace")[-1]
    groups = [set(scores_of(folder / "groups" / f"normal-fold-{fold}").row % 30) for fold in (1, 2, 3)]
    assert not groups[0] & groups[1]
    assert not groups[1] & groups[2]
    nll = {}
    for name in ("normal", "laplace"):
        parts = [scores_of(folder / "groups" / f"{name}-fold-{fold}") for fold in (1, 2, 3)]
        nll[name] = np.empty(ROWS)
        for part in parts:
            nll[name][part.row] = part.nll
    difference = nll["laplace"] - nll["normal"]
    sums = np.bincount(np.arange(ROWS) % 30, weights=difference - difference.mean())
    behind = next(row for row in result.families if row.name == "laplace").scores.behind
    assert abs(behind.value) == pytest.approx(abs(difference.mean()), rel=1e-9)
    assert behind.error == pytest.approx(np.sqrt((sums**2).sum() * 30 / 29) / ROWS, rel=1e-9)


@pytest.mark.slow
def test_by_time_no_later_row_is_trained_on(folder):
    path = config_in(folder, "even", "normal", split={"method": "time", "by": "day"})
    result = selected(path, folder / "times", "normal", "laplace")[-1]
    starts = []
    for fold in (1, 2, 3):
        run = json.loads((folder / "times" / f"normal-fold-{fold}" / "data.json").read_text())
        rows = scores_of(folder / "times" / f"normal-fold-{fold}").row
        assert run["rows"]["train"] == rows.min()
        starts.append(rows.min())
    assert starts == [ROWS // 4, ROWS // 2, 3 * ROWS // 4]
    assert result.families[0].rows == 3 * ROWS // 4


@pytest.mark.slow
def test_a_family_that_fails_is_listed_and_the_others_go_on(folder):
    """A constant huge scale parameter cannot be fitted where its fixed value makes the likelihood of a row zero."""
    path = config_in(folder, "even", {"family": "laplace", "parameters": {"scale": {"fixed": 1e-300}}})
    events = selected(path, folder / "failing", "laplace", "normal", folds=2)
    assert [row.name for row in events[-1].families] == ["normal"]
    assert set(events[-1].failed) | set(events[-1].candidates.failed) == {"laplace"}
    with pytest.raises((FitFailed, DataError)):
        selected(path, folder / "all-failing", "laplace", folds=2)


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing_and_a_stop_is_gone_on_from(folder):
    path = config_in(folder, "even", "normal")
    names = ("normal", "laplace", "student_t")
    one = selected(path, folder / "one", *names, folds=2, workers=1)[-1]
    two = selected(path, folder / "two", *names, folds=2, workers=2)[-1]
    asked = []
    stopped = []
    for event in select(
        configuration(path), SelectOptions(names, folds=2, out=folder / "halted"), stop=lambda: "interrupted" if asked else None
    ):
        stopped.append(event)
        if isinstance(event, TrialEnded):
            asked.append(event)
    assert isinstance(stopped[0], Begun)
    assert isinstance(stopped[-1], Interrupted)
    resumed = selected(path, folder / "halted", *names, folds=2, resume=True)
    assert len([event for event in resumed if isinstance(event, TrialEnded)]) < 6
    for other in (two, resumed[-1]):
        assert isinstance(other, Selection)
        assert other.document["families"] == one.document["families"]


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT])
def test_a_selection_that_was_killed_ends_in_the_same_table(folder, number):
    path = config_in(folder, "amount", "gamma")
    command = [sys.executable, "-m", "disttrain", "select", str(path), "--families", "gamma,weibull,log_normal", "--folds", "2"]
    command += ["--no-progress", "--set", "training.epochs=20", "--set", "network.hidden=[16]"]
    whole, killed = folder / f"whole-{number}", folder / f"killed-{number}"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(Path(__file__).parents[2])}
    subprocess.run([*command, "-o", str(whole)], check=True, capture_output=True, env=environment)
    running = subprocess.Popen([*command, "-o", str(killed)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
    until = time.monotonic() + 120
    while time.monotonic() < until and not list(killed.glob(f"*/{SCORES}")):
        time.sleep(0.05)
    running.send_signal(number)
    _, said = running.communicate(timeout=60)
    assert running.returncode == (-9 if number == signal.SIGKILL else 130), said
    assert b"Traceback" not in said
    assert not (killed / "result.json").exists()
    # Processes whose parent is gone end after their batch; the runs are free then.
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and list(killed.glob("*/.lock")):
        time.sleep(0.1)
    subprocess.run([*command, "-o", str(killed), "--resume"], check=True, capture_output=True, env=environment)
    tables = [json.loads((one / "result.json").read_text())["families"] for one in (whole, killed)]
    assert tables[0] == tables[1]


def test_a_fold_of_a_trial_is_what_assign_says(folder):
    """The rows of a fold depend on features and seed alone, so that all families have the same."""
    from disttrain.config import FoldSplit

    table = pq.read_table(folder / "rows.parquet").select(["x", "z", "even"])
    other = table.set_column(2, "even", pa.array([str(value) for value in table["even"].to_pylist()]))
    fold = FoldSplit(fold=2, folds=5)
    parts = [assign(one, test=fold, exclude=("even",)) == TEST for one in (table, other)]
    assert np.array_equal(*parts)
