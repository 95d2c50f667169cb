"""What `evaluate` answers: which rows, which groups, which baseline, and the file of rows."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from disttrain.errors import AnswerIsNo, DataError, DisttrainError, UsageError
from disttrain.evaluation.requirements import require_met
from disttrain.validation.options import EvaluateOptions
from disttrain.workflows.evaluate import evaluate
from tests.small_runs import config_of, fitted, write_config


@pytest.fixture
def run(family_run):
    return family_run("gamma")


def asked(run, **question):
    return evaluate(EvaluateOptions(run=run.folder, **question), run.folder)


def test_the_document_has_the_shape_that_programs_rely_on(run):
    document = asked(run).document
    assert list(document) == ["run", "data", "split", "rows", "metrics"]
    assert (document["run"], document["data"], document["split"], document["rows"]) == ("run", None, "test", 80)
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    for entry in document["metrics"].values():
        assert {"value", "se", "baseline", "gain"} <= entry.keys()
        assert entry["se"] >= 0


def test_a_gain_is_what_the_model_has_over_its_baseline(run):
    nll = asked(run, metrics=("nll",)).document["metrics"]["nll"]
    assert nll["gain"] == pytest.approx(nll["baseline"] - nll["value"], rel=1e-9)


def test_group_scores_average_to_the_score_of_all(run):
    document = asked(run, metrics=("nll", "crps"), by=("kind",), data=None).document
    groups = document["by"]["kind"]
    assert set(groups) == {"north", "south"}
    assert sum(group["rows"] for group in groups.values()) == document["rows"]
    for metric in ("nll", "crps"):
        total = sum(group["rows"] * group["metrics"][metric]["value"] for group in groups.values())
        assert total / document["rows"] == pytest.approx(document["metrics"][metric]["value"], rel=1e-9)


def test_rows_can_be_grouped_by_a_column_that_is_no_feature(run, table_file):
    groups = asked(run, metrics=("nll",), by=("fold",), data=str(table_file)).document["by"]["fold"]
    assert {name: group["rows"] for name, group in groups.items()} == dict.fromkeys("01234", 80)


def test_a_split_is_scored_on_its_own_rows(run):
    counts = {split: asked(run, split=split, metrics=("nll",)).document for split in ("train", "validation", "test")}
    assert {split: document["split"] for split, document in counts.items()} == {split: split for split in counts}
    assert sum(document["rows"] for document in counts.values()) == 400


def test_rows_named_with_data_are_scored_all(run, table_file):
    document = asked(run, data=str(table_file), metrics=("nll",)).document
    parts = [asked(run, split=split, metrics=("nll",)).document for split in ("train", "validation", "test")]
    mean = sum(part["rows"] * part["metrics"]["nll"]["value"] for part in parts) / 400
    assert document["rows"] == 400
    assert document["split"] is None
    assert document["metrics"]["nll"]["value"] == pytest.approx(mean, rel=1e-9)


def test_without_test_rows_the_validation_rows_are_scored_and_it_is_said(table_file, tmp_path):
    document = config_of("gamma", str(table_file))
    del document["data"]["test"]
    run = fitted(write_config(tmp_path / "no_test.yaml", document), tmp_path / "run")
    answer = asked(run, metrics=("nll",))
    assert (answer.document["split"], answer.document["rows"]) == ("validation", 60)
    assert any("validation" in note for note in answer.scores.notes)
    with pytest.raises(DataError, match="test"):
        asked(run, split="test")


@pytest.mark.parametrize("family", ["gamma", "poisson", "categorical", "cauchy"])
def test_the_file_of_rows_averages_to_the_scores(family, family_run, table, tmp_path):
    run = family_run(family)
    metrics = ("nll",) if family == "categorical" else ("nll", "crps")
    answer = asked(run, rows_out=str(tmp_path / "rows.parquet"), metrics=metrics)
    rows = pq.read_table(tmp_path / "rows.parquet")
    more = [] if family == "categorical" else ["pit", "quantile_residual", "crps"]
    assert rows.column_names == ["row", "target", "nll", *more]
    assert rows["target"].to_pylist() == table[family].take(rows["row"]).to_pylist()
    for metric in metrics:
        value = answer.document["metrics"][metric]["value"]
        if value is not None and math.isfinite(pc.mean(rows[metric]).as_py() or math.nan):
            assert pc.mean(rows[metric]).as_py() == pytest.approx(value, rel=1e-9)
    if more:
        assert np.all((rows["pit"].to_numpy() >= 0) & (rows["pit"].to_numpy() <= 1))


def test_levels_of_intervals_are_those_asked_for(run):
    coverage = asked(run, metrics=("coverage",), levels=(0.5, 0.8)).document["metrics"]["coverage"]
    assert set(coverage["levels"]) == {"0.5", "0.8"}
    assert coverage["level"] == 0.8
    assert coverage["levels"]["0.5"]["value"] <= coverage["levels"]["0.8"]["value"]


def test_a_level_that_is_asked_for_twice_is_one_level(run):
    twice, once = (asked(run, metrics=("coverage", "pinball"), levels=levels).document for levels in ((0.5, 0.50), (0.5,)))
    assert twice == once


def test_a_run_gains_nothing_over_itself(run):
    nll = asked(run, metrics=("nll",), baseline=str(run.folder)).document["metrics"]["nll"]
    assert nll["gain"] == pytest.approx(0, abs=1e-12)


def test_a_baseline_may_see_other_columns_but_must_predict_the_same_target(run, family_run, table_file, tmp_path):
    document = config_of("gamma", str(table_file))
    document["data"]["features"] = ["log_normal"]
    rival = fitted(write_config(tmp_path / "rival.yaml", document), tmp_path / "rival")
    own, given = (asked(run, metrics=("nll",), baseline=str(rival.folder), **where).document for where in ({}, {"data": str(table_file)}))
    assert own["metrics"]["nll"]["baseline"] == pytest.approx(rival.nll("test"), rel=1e-12)
    assert given["metrics"]["nll"]["baseline"] != own["metrics"]["nll"]["baseline"]
    with pytest.raises(UsageError, match="is no baseline: it predicts `log_normal`, and this run `gamma`"):
        asked(run, baseline=str(family_run("log_normal").folder))


@pytest.mark.parametrize(("text", "met"), [("nll<100", True), ("nll<-100", False), ("nll>=-1e3", True), ("coverage_90>1", False)])
def test_a_requirement_is_met_or_the_answer_is_no(text, met, run):
    answer = asked(run, require=(text,))
    if met:
        require_met(answer, (text,))
    else:
        with pytest.raises(AnswerIsNo):
            require_met(answer, (text,))


def test_a_metric_that_does_not_fit_the_family_is_refused_with_exit_code_2(family_run):
    with pytest.raises(DisttrainError) as fault:
        asked(family_run("categorical"), metrics=("crps",))
    assert fault.value.exit_code == 2


def test_a_requirement_that_cannot_be_scored_names_its_option(run):
    with pytest.raises(UsageError) as fault:
        asked(run, require=("accuracy>0.5",))
    assert [found.where for found in fault.value.findings] == ["--require"]


def test_a_column_to_group_by_must_be_there(run):
    with pytest.raises(DataError, match="nowhere"):
        asked(run, by=("nowhere",))
