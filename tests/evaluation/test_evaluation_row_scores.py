"""Scores come block by block, and what they come to does not depend on the blocks."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from typer.testing import CliRunner

import disttrain
from disttrain.cli.app import app
from disttrain.distributions import Normal
from disttrain.errors import DataWarning, UsageError
from disttrain.evaluation import scoring
from disttrain.evaluation.result import Evaluation
from disttrain.evaluation.row_scores import RowScores, Settings
from disttrain.families import build
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome
from disttrain.preparation.prepare import prepare
from disttrain.validation.config import configuration_of
from disttrain.validation.options import EvaluateOptions
from disttrain.workflows import evaluate as evaluation
from disttrain.workflows.evaluate import evaluate
from tests.small_runs import config_of, write_table

FAMILIES = ("normal", "poisson", "hurdle", "bernoulli", "categorical", "multivariate_normal")


def documents(question, monkeypatch, blocks=(64, 100_000)):
    """The answers to one question in blocks of several sizes, and the files of scores of each row, where there are any."""
    for rows in blocks:
        monkeypatch.setattr(evaluation, "BLOCK", rows)
        answer = evaluate(question, question.run)
        yield replace(answer, newest=False), None if question.rows_out is None else pq.read_table(question.rows_out)


def assert_near(one, other):
    """Equal but for the rounding of the last rows of a block, which torch computes one by one: 1e-12 of a sum of a few hundred."""
    flat = [
        list(numbers(made.document if isinstance(made, Evaluation) else made.to_pydict() if isinstance(made, pa.Table) else made))
        for made in (one, other)
    ]
    assert [name for name, _ in flat[0]] == [name for name, _ in flat[1]]
    for (name, left), (_, right) in zip(*flat, strict=True):
        assert left == (pytest.approx(right, rel=1e-11, abs=1e-13) if isinstance(right, float) else right), name


def numbers(value, name=""):
    """What a document holds, with its path."""
    if isinstance(value, dict | list):
        for key, part in value.items() if isinstance(value, dict) else enumerate(value):
            yield from numbers(part, f"{name}.{key}")
    else:
        yield name, value


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_file_is_scored_in_blocks_as_at_once(family, family_run, table_file, tmp_path, monkeypatch):
    question = EvaluateOptions(
        run=family_run(family).folder, data=str(table_file), by=("kind",), rows_out=str(tmp_path / "rows.parquet"), overwrite=True
    )
    few, many = documents(question, monkeypatch)
    assert_near(few[0], many[0])
    assert_near(few[1], many[1])


def test_rows_that_are_left_out_do_not_move_the_numbers_of_others(table, tmp_path, monkeypatch):
    holes = table.set_column(0, "x", pa.array([None if row % 7 == 3 else x for row, x in enumerate(table["x"].to_pylist())]))
    file = write_table(tmp_path / "holes.parquet", holes)
    document = config_of("poisson", str(file))
    document["data"] |= {"missing": "drop", "filter": "fold > 0"}
    run = disttrain.fit({**document, "training": {"epochs": 1}}, out=tmp_path / "run")
    question = EvaluateOptions(run=run.path, data=str(file), rows_out=str(tmp_path / "rows.parquet"), overwrite=True)
    few, many = documents(question, monkeypatch, (50, 100_000))
    assert_near(few[0], many[0])
    assert_near(few[1], many[1])
    kept = [row for row in range(table.num_rows) if row % 7 != 3 and row % 5 > 0]
    assert few[1]["row"].to_pylist() == kept
    assert few[0].document["rows"] == len(kept)
    assert "rows were left out" in few[0].scores.notes[0]


def test_blocks_of_which_no_row_is_left_are_passed_over(table, tmp_path, monkeypatch):
    file = write_table(tmp_path / "all.parquet", table)
    document = config_of("normal", str(file))
    document["data"] |= {"filter": "id >= 9200"}
    run = disttrain.fit({**document, "training": {"epochs": 1}}, out=tmp_path / "run")
    few, many = documents(EvaluateOptions(run=run.path, data=str(file)), monkeypatch)
    assert few[0].document["rows"] == 200
    assert_near(few[0], many[0])
    assert_near(dict(run.evaluate(table)), few[0].document["metrics"])


def test_a_frame_is_not_warned_of_groups_that_nobody_sees(table, tmp_path):
    file = write_table(tmp_path / "all.parquet", table)
    document = {**config_of("normal", str(file)), "training": {"epochs": 1}}
    document["evaluation"] = {"by": ["kind"]}
    run = disttrain.fit(document, out=tmp_path / "run")
    assert run.evaluate(table.slice(0, 20)).notes == ()
    assert any(
        "fewer than" in note
        for note in evaluate(EvaluateOptions(run=run.path, data=str(write_few(table, tmp_path))), tmp_path).scores.notes
    )


def write_few(table, folder):
    return write_table(folder / "few.parquet", table.slice(0, 20))


def test_a_fit_is_scored_in_blocks_as_at_once(table_file, tmp_path, monkeypatch):
    scores = []
    for number, rows in enumerate((37, 100_000)):
        monkeypatch.setattr(scoring, "BLOCK", rows)
        run = disttrain.fit({**config_of("hurdle", str(table_file)), "training": {"epochs": 1}}, out=tmp_path / str(number))
        scores.append({split: part["metrics"] for split, part in run.metrics.items()})
    assert_near(scores[0], scores[1])


@pytest.mark.slow
@pytest.mark.parametrize("quick", [0.0, 3600.0])
def test_a_limit_that_is_far_away_moves_no_bit_of_a_score(quick, table_file, tmp_path, monkeypatch):
    monkeypatch.setattr(scoring, "_FIRST", 7)
    monkeypatch.setattr(scoring, "_QUICK", quick)
    scores = []
    for number, limit in enumerate((None, "1h")):
        document = {**config_of("hurdle", str(table_file)), "training": {"epochs": 1, "time_limit": limit}}
        run = disttrain.fit(document, out=tmp_path / str(number))
        scores.append({split: part["metrics"] for split, part in run.metrics.items()})
    assert_near(scores[0], scores[1])


def test_scores_that_there_was_no_time_for_are_left_out_and_named(table_file, tmp_path, monkeypatch):
    monkeypatch.setattr("disttrain.workflows.stop_rule._LEAST", 0.0)
    document = config_of("normal", str(table_file))
    document |= {"training": {"epochs": 5, "time_limit": 1e-6}, "evaluation": {"metrics": ["crps", "nll", "coverage", "pinball"]}}
    with pytest.warns(DataWarning, match="time limit"):
        run = disttrain.fit(document, out=tmp_path / "run")
    assert {split: list(part["metrics"]) for split, part in run.metrics.items()} == {
        key: ["nll"] for key in ("train", "validation", "test")
    }
    said = "the time limit left no time for `crps`, `coverage`, `pinball` of the test rows: `disttrain evaluate --split test` scores them"
    assert said in json.loads((tmp_path / "run" / "run.json").read_text())["warnings"]
    assert pq.read_metadata(tmp_path / "run" / "predictions.parquet").num_rows == pq.read_metadata(table_file).num_rows
    again = CliRunner().invoke(app, ["evaluate", str(tmp_path / "run"), "--split", "test", "--json"])
    assert list(json.loads(again.stdout)["metrics"]) == ["crps", "nll", "coverage", "pinball"]


def test_where_time_is_short_the_rows_that_nothing_was_learned_from_come_first(table_file, tmp_path, monkeypatch):
    """Time is up at the crps of the training rows."""
    crps, seen = METRICS["crps"], []

    def slow(distribution, outcome):
        seen.append(len(outcome))
        return crps.score(distribution, outcome)

    monkeypatch.setitem(METRICS, "crps", replace(crps, score=slow))
    monkeypatch.setattr("disttrain.evaluation.row_scores.time.perf_counter", lambda: float(len(seen)))
    document = config_of("normal", str(table_file))
    prepared = prepare(configuration_of({**document, "evaluation": {"metrics": ["crps"]}}))
    evaluations = scoring.split_scores(prepared, "run", end=3.0)
    assert list(evaluations) == ["train", "validation", "test"]
    assert [list(each.scores.total.metrics) for each in evaluations.values()] == [["nll"], ["nll", "crps"], ["nll", "crps"]]
    assert [len(each.scores.notes) for each in evaluations.values()] == [1, 0, 0]
    assert "`crps` of the train rows" in evaluations["train"].scores.notes[0]


def test_scores_of_blocks_are_the_weighted_means_of_the_metrics():
    rng = np.random.default_rng(0)
    loc, y, weight = (torch.from_numpy(rng.normal(size=90)) for _ in range(3))
    weight, scale = weight.abs() + 0.1, torch.ones(90, dtype=torch.float64)
    forecast, baseline, outcome = Normal(loc, scale), Normal(0 * loc, scale), Outcome.exact(y)
    rows = RowScores(Settings(("nll", "coverage", "rmse", "pinball"), (0.5, 0.8)), 90)
    for part in torch.arange(90).split(40):
        rows.add(Normal(loc[part], scale[part]), Normal(0 * loc[part], scale[part]), outcome[part], weight[part])
    made, group = (total.metrics for total in rows.totals([None, torch.arange(10)]))
    for name in ("nll", "rmse"):
        own, other, gain = METRICS[name].compared(METRICS[name].score(forecast, outcome), METRICS[name].score(baseline, outcome), weight)
        assert [made[name].value, made[name].baseline, made[name].gain] == [own.value, other.value, gain.value]
    half = METRICS["coverage"].average(METRICS["coverage"].score(forecast, outcome, level=0.5), weight)
    assert (made["coverage"].levels["0.5"].value, made["coverage"].levels["0.5"].level) == (half.value, 0.5)
    assert (made["coverage"].value, made["coverage"].level) == (made["coverage"].levels["0.8"].value, 0.8)
    assert group["nll"].value == METRICS["nll"].average(METRICS["nll"].score(Normal(loc[:10], scale[:10]), outcome[:10]), weight[:10]).value


def test_scores_that_begin_as_whole_numbers_keep_their_digits():
    """The first block misses by 1 exactly, the second by thirds."""
    y = torch.cat([torch.ones(40, dtype=torch.float64), torch.full((50,), 1 / 3, dtype=torch.float64)])
    zero, one = torch.zeros(90, dtype=torch.float64), torch.ones(90, dtype=torch.float64)
    rows = RowScores(Settings(("mae", "pit"), (0.9,)), 90)
    for part in torch.arange(90).split(40):
        rows.add(Normal(zero[part], one[part]), Normal(zero[part], one[part]), Outcome.exact(y[part]), None)
    assert rows.totals()[0].metrics["mae"].value == pytest.approx(float(y.mean()), rel=1e-14)


def test_the_quantiles_of_pinball_are_the_ends_of_the_levels_and_the_median():
    assert Settings(("pinball",), (0.5, 0.9)).quantiles == (0.05, 0.25, 0.5, 0.75, 0.95)
    assert Settings(("pinball",), (0.8,)).quantiles == (0.1, 0.5, 0.9)


def test_the_quantiles_that_are_written_do_not_move_a_score(table_file, tmp_path):
    values = []
    for number, quantiles in enumerate(([0.5], [0.01, 0.2, 0.99])):
        document = {**config_of("normal", str(table_file)), "training": {"epochs": 1}}
        document |= {"evaluation": {"metrics": ["pinball"]}, "predictions": {"quantiles": quantiles}}
        run = disttrain.fit(document, out=tmp_path / str(number))
        values.append(run.metrics["test"]["metrics"]["pinball"])
    assert values[0] == values[1]


def test_a_fit_is_scored_by_its_nll_whatever_its_config_names(table_file, tmp_path):
    document = {**config_of("normal", str(table_file)), "training": {"epochs": 1}, "evaluation": {"metrics": ["mae"]}}
    run = disttrain.fit(document, out=tmp_path / "run")
    assert list(run.metrics["test"]["metrics"]) == ["nll", "mae"]


def test_the_device_of_an_evaluation_is_named_or_refused(family_run):
    run = family_run("normal").folder
    assert evaluate(EvaluateOptions(run=run, device="cpu"), run).document == evaluate(EvaluateOptions(run=run), run).document
    if not torch.cuda.is_available():
        with pytest.raises(UsageError, match="no device `cuda`"):
            evaluate(EvaluateOptions(run=run, device="cuda"), run)


def test_a_score_that_no_row_has_is_no_number():
    scale = torch.full((4,), 1.0, dtype=torch.float64)
    rows = RowScores(Settings(("rmse",), (0.9,)), 4)
    outcome = Outcome.exact(torch.zeros(4, dtype=torch.float64))
    cauchy = build("cauchy", {}).distribution(loc=0 * scale, scale=scale)
    rows.add(cauchy, Normal(0 * scale, scale), outcome, None)
    entry = rows.totals()[0].metrics["rmse"]
    assert (entry.value, entry.baseline) == (None, 0.0)
