"""Vectors of targets through the whole program: fit, predict, evaluate, and what is said of data that do not suit."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from disttrain.errors import ConfigError, DataError, UsageError
from disttrain.families import FAMILIES, needs
from disttrain.validation.distribution import distribution_problems
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.predict import predict
from tests.small_runs import built, fitted, linear, options_of, write_config, write_table

ROWS = 300
TARGETS = {
    "multivariate_normal": ["a", "b"],
    "multivariate_student_t": ["a", "b"],
    "dirichlet": ["sand", "silt", "clay"],
    "multinomial": ["red", "green", "blue"],
    "dirichlet_multinomial": ["red", "green", "blue"],
}
COLUMNS = {
    "multivariate_normal": ["loc_a", "loc_b", "scale_tril_a_a", "scale_tril_b_a", "scale_tril_b_b"],
    "multivariate_student_t": ["df", "loc_a", "loc_b", "scale_tril_a_a", "scale_tril_b_a", "scale_tril_b_b"],
    "dirichlet": ["concentration_sand", "concentration_silt", "concentration_clay"],
    "multinomial": ["probs_red", "probs_green", "probs_blue"],
    "dirichlet_multinomial": ["concentration_red", "concentration_green", "concentration_blue"],
}


def vector_table():
    rng = np.random.default_rng(11)
    x = rng.normal(size=ROWS)
    a = 1000.0 + 200.0 * x + 50.0 * rng.normal(size=ROWS)
    b = 0.01 * x + 0.002 * ((a - 1000.0 - 200.0 * x) / 50.0) + 0.001 * rng.normal(size=ROWS)
    shares = np.array([rng.dirichlet([2.0 * np.exp(0.4 * v), 3.0, 4.0]) for v in x])
    counts = np.array([rng.multinomial(n, p) for n, p in zip(rng.integers(0, 20, ROWS), shares, strict=True)])
    columns = {"x": x, "a": a, "b": b}
    columns |= dict(zip(TARGETS["dirichlet"], shares.T, strict=True)) | dict(zip(TARGETS["multinomial"], counts.T, strict=True))
    return pa.table(columns)


def document(data, family, target=None):
    section = {"train": str(data), "target": target or TARGETS[family], "features": ["x"]}
    return linear({"recipe": "plain", "distribution": {"family": family, "parameters": {}}, "data": section})


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("vectors") / "vectors.parquet", vector_table())


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    folder, made = tmp_path_factory.mktemp("runs"), {}

    def run(family):
        if family not in made:
            made[family] = fitted(write_config(folder / f"{family}.yaml", document(data, family)), folder / family)
        return made[family]

    return run


@pytest.mark.slow
@pytest.mark.parametrize("family", TARGETS)
def test_predictions_have_a_column_for_each_target(family, runs):
    targets, names = TARGETS[family], runs(family).predictions.column_names
    assert names == ["row", "split", *COLUMNS[family], *(f"mean_{name}" for name in targets), *(f"std_{name}" for name in targets)]
    assert not any(runs(family).predictions[name].null_count for name in names)


@pytest.mark.slow
@pytest.mark.parametrize("family", TARGETS)
def test_a_run_can_be_read_again_and_predicts_the_same(family, runs, data, tmp_path):
    again = runs(family).predicted(data, tmp_path / "again.parquet")
    for name in COLUMNS[family]:
        np.testing.assert_array_equal(again[name].to_numpy(), runs(family).predictions[name].to_numpy())
    assert json.loads((runs(family).folder / "model" / "model.json").read_text())["family"] == family


@pytest.mark.slow
def test_the_truth_is_found_in_the_units_of_each_target(runs, data):
    table, made = pq.read_table(data), runs("multivariate_normal").predictions
    x = table["x"].to_numpy()
    assert np.abs(made["loc_a"].to_numpy() - (1000 + 200 * x)).max() < 30
    assert made["std_a"].to_numpy().mean() == pytest.approx(50, rel=0.15)
    assert made["std_b"].to_numpy().mean() == pytest.approx(np.hypot(0.002, 0.001), rel=0.15)
    slope = made["scale_tril_b_a"].to_numpy().mean() / made["std_b"].to_numpy().mean()
    assert slope == pytest.approx(2 / np.sqrt(5), abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize("family", TARGETS)
def test_only_scores_of_whole_rows_are_usual(family, runs):
    answer = runs(family).evaluated()
    assert list(answer.document["metrics"]) == ["nll"]
    assert answer.scores.calibration is None
    assert answer.document["metrics"]["nll"]["value"] == pytest.approx(runs(family).nll("train"), rel=1e-12)
    deviance = runs(family).evaluated("deviance").document["metrics"]["deviance"]["value"]
    assert deviance == pytest.approx(2 * answer.document["metrics"]["nll"]["value"])


@pytest.mark.slow
@pytest.mark.parametrize("metric", ["crps", "pit", "coverage", "pinball", "interval", "brier", "accuracy", "mae", "rmse"])
def test_other_metrics_are_refused_with_a_reason(metric, runs):
    with pytest.raises(UsageError) as fault:
        runs("multivariate_normal").evaluated(metric)
    assert "each row is a vector" in str(fault.value.findings[0].why)


def test_rows_out_has_the_targets_by_name(runs, data, tmp_path):
    run = runs("dirichlet")
    evaluate(EvaluateOptions(run=run.folder, data=str(data), rows_out=str(tmp_path / "rows.parquet")), run.folder)
    rows = pq.read_table(tmp_path / "rows.parquet")
    assert rows.column_names == ["row", "target_sand", "target_silt", "target_clay", "nll"]
    assert np.mean(rows["nll"].to_numpy()) == pytest.approx(run.nll("train"), rel=1e-12)


@pytest.mark.parametrize("column", ["quantiles", "median", "mode"])
def test_what_a_vector_does_not_have_is_refused_when_asked_for(column, runs, data, tmp_path):
    run = runs("multivariate_normal")
    with pytest.raises(UsageError, match="each row is a vector"):
        predict(PredictOptions(run=run.folder, data=str(data), output=str(tmp_path / "out.parquet"), columns=(column,)), run.folder)


@pytest.mark.slow
@pytest.mark.parametrize("family", TARGETS)
def test_samples_are_whole_rows_and_repeat(family, runs, data, tmp_path):
    run, made = runs(family), []
    for number in (1, 2):
        output = str(tmp_path / f"{number}.parquet")
        predict(PredictOptions(run=run.folder, data=str(data), output=output, columns=("parameters",), samples=2), run.folder)
        made.append(pq.read_table(output))
    assert made[0].equals(made[1])
    names = [name for name in made[0].column_names if name.startswith("sample_")]
    assert names == [f"sample_{number:04d}_{target}" for number in (1, 2) for target in TARGETS[family]]
    if family != "dirichlet":
        return
    total = sum(made[0][name].to_numpy() for name in names[:3])
    assert total == pytest.approx(np.ones(ROWS), rel=1e-12)


def refused(tmp_path, table, family, target=None, kind=DataError):
    data = write_table(tmp_path / "bad.parquet", table)
    with pytest.raises(kind) as fault:
        fitted(write_config(tmp_path / "bad.yaml", document(data, family, target)), tmp_path / "run")
    found = fault.value.findings[0]
    return f"{found.what} {' '.join(found.hints)} {fault.value}"


def changed(name, row, value):
    table = vector_table()
    values = table[name].to_numpy().astype(float).copy()
    values[row] = value
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_one_column_is_too_few(tmp_path):
    assert "`data.target` names one" in refused(tmp_path, vector_table(), "multivariate_normal", "a", ConfigError)


def test_several_columns_are_too_many_for_a_number(tmp_path):
    said = refused(tmp_path, vector_table(), "normal", ["a", "b"], ConfigError)
    assert "takes one target column" in said
    assert "multivariate_normal" in said


def test_shares_rounded_to_two_digits_are_divided_by_their_sum(tmp_path):
    table = vector_table()
    for name in TARGETS["dirichlet"]:
        table = table.set_column(table.column_names.index(name), name, pa.array(np.round(table[name].to_numpy(), 2).clip(0.01)))
    run = fitted(write_config(tmp_path / "c.yaml", document(write_table(tmp_path / "d.parquet", table), "dirichlet")), tmp_path / "run")
    assert np.isfinite(run.nll("train"))


def test_shares_that_do_not_sum_to_one_are_refused_with_their_sums(tmp_path):
    said = refused(tmp_path, changed("sand", 7, 3.0), "dirichlet")
    assert "1 row of the 3 target columns do not sum to 1" in said
    assert "divide each row by its sum" in said


def test_a_share_of_exactly_zero_is_refused_with_a_way_out(tmp_path):
    table = changed("sand", 7, 0.0)
    table = table.set_column(table.column_names.index("silt"), "silt", pa.array(1.0 - table["sand"].to_numpy() - table["clay"].to_numpy()))
    said = refused(tmp_path, table, "dirichlet")
    assert "1 row that dirichlet cannot produce" in said
    assert "merge columns" in said


@pytest.mark.parametrize("value", [-1.0, 2.5])
def test_counts_that_are_none_are_refused(value, tmp_path):
    said = refused(tmp_path, changed("red", 3, value), "multinomial")
    assert "1 row that multinomial cannot produce" in said
    assert "families that can: " in said


def test_a_missing_element_is_a_missing_target(tmp_path):
    assert "1 row has no target" in refused(tmp_path, changed("a", 3, np.nan), "multivariate_normal")


def test_a_file_without_rows_has_the_columns_of_vectors(tmp_path):
    rng = np.random.default_rng(5)
    columns = {"x": rng.normal(size=60), "a": rng.normal(size=60), "b": rng.normal(size=60)}
    path = write_table(tmp_path / "rows.parquet", pa.table(columns))
    document = {
        "recipe": "plain",
        "distribution": "multivariate_normal",
        "data": {"train": str(path), "target": ["a", "b"], "features": ["x"]},
    }
    run = fitted(write_config(tmp_path / "c.yaml", {**document, "training": {"epochs": 1}}), tmp_path / "run")
    empty = write_table(tmp_path / "empty.parquet", pa.table(columns).slice(0, 0))
    made = run.predicted(empty, tmp_path / "made.parquet")
    assert made.num_rows == 0
    assert {"loc_a", "scale_tril_b_a"} <= set(made.column_names)


@pytest.mark.parametrize("family", FAMILIES)
def test_only_families_of_vectors_and_of_labels_take_several_target_columns(family):
    document = {"recipe": "plain", "distribution": {"family": family, **options_of(family)}, "data": {"target": ["a", "b"]}}
    refused = "target-columns" in {problem.code for problem in distribution_problems(document)}
    assert refused == (not built(family).event and "classes" not in needs(family, {}))
