"""Laws that hold for every family, on one small data set each."""

from __future__ import annotations

import json
import re
from itertools import product

import numpy as np
import pyarrow.compute as pc
import pytest
import scipy.special
import scipy.stats
import torch

from disttrain.families import FAMILIES, facts, positive, real_line
from tests.small_runs import LABELS, built, config_of, fitted, target_of, write_config, write_table

# Every parameter has a unit, and a target of another unit is of the same family.
SCALED = [name for name in FAMILIES if all(p.role and p.given is None for p in built(name).parameters) and not built(name).support.discrete]


def target_values(table, family):
    """The targets of a family: (n,), or (n, d) of vectors."""
    columns = target_of(family)
    return (
        np.stack([np.array(table[c].to_pylist()) for c in columns], 1)
        if isinstance(columns, list)
        else np.array(table[columns].to_pylist())
    )


def written_parameters(predictions, family, columns):
    """{parameter: (n, *shape)} from the columns {parameter: names} of a predictions file."""
    made = {}
    for parameter in family.parameters:
        values = np.stack([predictions[name].to_numpy() for name in columns[parameter.name]], 1)
        if parameter.support.kind == "triangle":
            made[parameter.name] = np.zeros((len(values), *parameter.shape))
            made[parameter.name][:, *np.tril_indices(parameter.shape[0])] = values
        else:
            made[parameter.name] = values.reshape(-1, *parameter.shape)
    return made


def written_log_density(name, predictions, y):
    """log q(y) of each row from the columns of a predictions file and its metadata, by scipy.stats where it has the distribution: (n,)."""
    family, expression, facts_of_file = built(name), facts(name).lines["scipy"], described(predictions)
    values = written_parameters(predictions, family, facts_of_file["parameters"])
    if facts_of_file["labels"] is not None:
        place = {label: number for number, label in enumerate(facts_of_file["labels"])}
        y = np.array([place[label] for label in y])
    if expression == "none":
        made = family.distribution(**{name: torch.from_numpy(value) for name, value in values.items()}, validate_args=False)
        return made.log_prob(torch.from_numpy(y).double()).numpy()
    if "classes" in family.parameters[0].axes:
        outcome = np.eye(len(LABELS))[y]
        return np.array([scipy.stats.multinomial.logpmf(o, 1, p) for o, p in zip(outcome, values["probs"], strict=True)])
    # scipy.stats has an exp and a log of its own, of random variables.
    words = {**vars(scipy.stats), "special": scipy.special, "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "pi": np.pi}
    if family.event:
        rows = [eval(expression, {"__builtins__": {}}, words | {key: value[row] for key, value in values.items()}) for row in range(len(y))]
        return np.array([row.logpdf(vector) for row, vector in zip(rows, y, strict=True)])
    distribution = eval(expression, {"__builtins__": {}}, words | values)
    return (distribution.logpmf if family.support.discrete else distribution.logpdf)(y)


def described(table):
    return json.loads(table.schema.metadata[b"disttrain"])


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("split", ["train", "test"])
def test_the_nll_from_the_written_parameters_is_the_one_evaluate_gives(family, split, family_run, table):
    run = family_run(family)
    predictions = run.predictions
    part = predictions.filter(pc.equal(predictions["split"], split))
    y = target_values(table.take(part["row"]), family)
    again = -written_log_density(family, part, y).mean()
    assert run.evaluated("nll", split=split).document["metrics"]["nll"]["value"] == pytest.approx(again, rel=1e-9)


@pytest.mark.parametrize("family", ["normal", "poisson", "categorical"])
def test_a_weighted_nll_from_the_written_parameters_is_the_one_evaluate_gives(family, table, table_file, tmp_path):
    document = config_of(family, str(table_file))
    document["data"]["weight"] = "weight"
    run = fitted(write_config(tmp_path / "weighted.yaml", document), tmp_path / "run")
    part = run.predictions.filter(pc.equal(run.predictions["split"], "test"))
    density = written_log_density(family, part, target_values(table.take(part["row"]), family))
    weight = table["weight"].take(part["row"]).to_numpy()
    again = -(weight * density).sum() / weight.sum()
    assert run.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(again, rel=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_three_epochs_beat_or_nearly_equal_the_marginal_fit(family, family_run):
    nll = family_run(family).finished.evaluations["train"].document["metrics"]["nll"]
    assert nll["value"] <= nll["baseline"] + 1e-3


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_columns_of_a_predictions_file_are_those_the_interface_names(family, family_run):
    run, made, target = family_run(family), built(family), target_of(family)
    found = described(run.predictions)
    parameters = [name for parameter in made.parameters for name in found["parameters"][parameter.name]]
    ends = {"classes": sorted(LABELS), "targets": target, "components": range(2), "": range(2)}
    for parameter in made.parameters:
        stem, places = parameter.column or parameter.name, product(*(ends[axis] for axis in parameter.axes or ("",) * len(parameter.shape)))
        names = ["_".join([stem, *map(str, place)]) for place in places]
        # Of a triangle, what is above its diagonal is not written.
        upper = [f"{stem}_{target[0]}_{target[1]}"] if parameter.support.kind == "triangle" else []
        assert list(found["parameters"][parameter.name]) == [name for name in names if name not in upper]
    if made.event:
        moments = [f"{moment}_{column}" for moment in ("mean", "std") for column in target]
    else:
        moments = ["mean", "std", "q05", "q50", "q95"] if found["labels"] is None else []
    # A parameter that is the mean is written once.
    assert run.predictions.column_names == list(dict.fromkeys(["row", "id", "split", *parameters, *moments]))
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
    assert found["family"] == built(family).name
    assert found["weights_sha256"] == stored["files"]["weights.safetensors"]["sha256"]
    assert re.fullmatch(r"[0-9a-f]{64}", found["weights_sha256"])
    assert found["activations"].keys() == found["parameters"].keys()


def test_a_moment_that_does_not_exist_is_null(family_run):
    predictions = family_run("cauchy").predictions
    assert predictions["mean"].null_count == predictions["std"].null_count == predictions.num_rows
    assert predictions["q50"].null_count == predictions["loc"].null_count == 0


def atoms_in(y, family):
    """Which targets have a probability of their own: (n,)."""
    return np.isin(y, built(family).atoms) if built(family).atoms else np.zeros(len(y), bool)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("family", "factor"),
    [(name, 1e6) for name in SCALED] + [(name, 1e-6) for name in SCALED if name in real_line.__all__ + positive.__all__],
)
def test_scaling_a_target_moves_the_nll_of_a_refit_by_the_log_of_the_factor_only(family, factor, table, family_run, tmp_path):
    columns, scaled = target_of(family), table
    for column in columns if isinstance(columns, list) else [columns]:
        scaled = scaled.set_column(scaled.column_names.index(column), column, pc.multiply(scaled[column], factor))
    document = config_of(family, str(write_table(tmp_path / "scaled.parquet", scaled)))
    document["data"]["id"] = ["id"]
    run = fitted(write_config(tmp_path / "scaled.yaml", document), tmp_path / "run")
    assert run.predictions["split"].equals(family_run(family).predictions["split"])
    y = target_values(table.filter(pc.equal(table["fold"], 4)), family)
    # A density is per unit of the target, in each of its dimensions; the probability of a single value is not.
    densities = 1 - atoms_in(y, family).mean() if y.ndim == 1 else y.shape[1]
    assert run.nll("test") - family_run(family).nll("test") == pytest.approx(densities * np.log(factor), abs=1e-3)


def test_the_first_families_of_the_real_and_the_half_line_are_scaled():
    assert set(SCALED) >= {"normal", "student_t", "cauchy", "gumbel", "exponential", "gamma", "log_normal", "weibull", "inverse_gaussian"}
    assert not set(SCALED) & {"poisson", "beta", "categorical", "pareto", "discretized"}
