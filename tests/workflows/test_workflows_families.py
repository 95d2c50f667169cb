"""Laws that hold for every family, on one small data set each."""

from __future__ import annotations

import json
import re

import numpy as np
import pyarrow.compute as pc
import pytest
import scipy.stats
from small_runs import LABELS, config_of, fitted, write_config, write_table

from disttrain.families import FAMILIES, build, facts

SCALED = {
    "normal", "student_t", "laplace", "logistic", "cauchy", "gumbel", "exponential", "gamma", "log_normal", "weibull", "inverse_gaussian",
}  # fmt: skip


def written_log_density(predictions, facts_of_file, y):
    """log q(y) of each row, by scipy.stats from the columns of a predictions file and its metadata: (n,)."""
    names = {name: [predictions[c].to_numpy() for c in columns] for name, columns in facts_of_file["parameters"].items()}
    if facts_of_file["labels"] is not None:
        place = {label: number for number, label in enumerate(facts_of_file["labels"])}
        outcome = np.eye(len(place))[[place[label] for label in y]]
        return np.array([scipy.stats.multinomial.logpmf(o, 1, p) for o, p in zip(outcome, np.stack(names["probs"], 1), strict=True)])
    known = {**vars(scipy.stats), "exp": np.exp, **{name: columns[0] for name, columns in names.items()}}
    distribution = eval(facts(facts_of_file["family"]).lines["scipy"], {"__builtins__": {}}, known)
    discrete = isinstance(distribution.dist, scipy.stats.rv_discrete)
    return (distribution.logpmf if discrete else distribution.logpdf)(y)


def described(table):
    return json.loads(table.schema.metadata[b"disttrain"])


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_nll_from_the_written_parameters_is_the_one_evaluate_gives(family, split, family_run, table):
    run = family_run(family)
    predictions = run.predictions
    part = predictions.filter(pc.equal(predictions["split"], split))
    y = np.array(table[family].take(part["row"]).to_pylist())
    again = -written_log_density(part, described(predictions), y).mean()
    assert run.evaluated("nll", split=split).document["metrics"]["nll"]["value"] == pytest.approx(again, rel=1e-9)


@pytest.mark.parametrize("family", ["normal", "poisson", "categorical"])
def test_a_weighted_nll_from_the_written_parameters_is_the_one_evaluate_gives(family, table, table_file, tmp_path):
    document = config_of(family, str(table_file))
    document["data"]["weight"] = "weight"
    run = fitted(write_config(tmp_path / "weighted.yaml", document), tmp_path / "run")
    part = run.predictions.filter(pc.equal(run.predictions["split"], "test"))
    density = written_log_density(part, described(part), np.array(table[family].take(part["row"]).to_pylist()))
    weight = table["weight"].take(part["row"]).to_numpy()
    again = -(weight * density).sum() / weight.sum()
    assert run.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(again, rel=1e-9)


@pytest.mark.parametrize("family", FAMILIES)
def test_three_epochs_beat_or_nearly_equal_the_marginal_fit(family, family_run):
    nll = family_run(family).finished.metrics["train"]["metrics"]["nll"]
    assert nll["value"] <= nll["baseline"] + 1e-3


@pytest.mark.parametrize("family", FAMILIES)
def test_columns_of_a_predictions_file_are_those_the_interface_names(family, family_run):
    run = family_run(family)
    columns = described(run.predictions)["parameters"]
    parameters = [name for parameter in build(family, {"classes": 3}).parameters for name in columns[parameter.name]]
    if family == "categorical":
        assert parameters == [f"probs_{label}" for label in sorted(LABELS)]
        assert run.predictions.column_names == ["row", "id", "split", *parameters]
    else:
        # A parameter that is the mean is written once.
        written = dict.fromkeys(["row", "id", "split", *parameters, "mean", "std", "q05", "q50", "q95"])
        assert run.predictions.column_names == list(written)
    assert [str(run.predictions.schema.field(name).type) for name in ("row", "split")] == ["int64", "string"]
    assert {str(run.predictions.schema.field(name).type) for name in run.predictions.column_names[3:]} == {"double"}


@pytest.mark.parametrize("family", FAMILIES)
def test_rows_keep_their_order_and_ids(family, family_run, table):
    predictions = family_run(family).predictions
    assert predictions["row"].to_pylist() == list(range(table.num_rows))
    assert predictions["id"].equals(table["id"])
    assert set(predictions["split"].to_pylist()) == {"train", "validation", "test"}
    assert [split == "test" for split in predictions["split"].to_pylist()] == [fold == 4 for fold in table["fold"].to_pylist()]


@pytest.mark.parametrize("family", FAMILIES)
def test_the_metadata_of_a_file_says_all_it_takes_to_read_it(family, family_run):
    run = family_run(family)
    found = described(run.predictions)
    stored = json.loads((run.folder / "model" / "model.json").read_text())
    assert found["family"] == family
    assert found["weights_sha256"] == stored["files"]["weights.safetensors"]["sha256"]
    assert re.fullmatch(r"[0-9a-f]{64}", found["weights_sha256"])
    assert found["activations"].keys() == found["parameters"].keys()


def test_a_moment_that_does_not_exist_is_null(family_run):
    predictions = family_run("cauchy").predictions
    assert predictions["mean"].null_count == predictions["std"].null_count == predictions.num_rows
    assert predictions["q50"].null_count == predictions["loc"].null_count == 0


@pytest.mark.parametrize("factor", [1e6, 1e-6])
@pytest.mark.parametrize("family", sorted(SCALED))
def test_scaling_a_target_moves_the_nll_of_a_refit_by_the_log_of_the_factor_only(family, factor, table, family_run, tmp_path):
    scaled = table.set_column(table.column_names.index(family), family, pc.multiply(table[family], factor))
    document = config_of(family, str(write_table(tmp_path / "scaled.parquet", scaled)))
    document["data"]["id"] = ["id"]
    run = fitted(write_config(tmp_path / "scaled.yaml", document), tmp_path / "run")
    assert run.predictions["split"].equals(family_run(family).predictions["split"])
    assert run.nll("test") - family_run(family).nll("test") == pytest.approx(np.log(factor), abs=1e-3)


def test_the_scaled_families_are_all_whose_parameters_have_units():
    families = [build(name, {"classes": 3}) for name in FAMILIES]
    assert {family.name for family in families if any(parameter.role for parameter in family.parameters)} == SCALED
