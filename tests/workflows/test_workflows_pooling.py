"""`network.pooling: family`: members as one distribution per row, in every column, score and file."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
import torch
from scipy import stats

import disttrain
from disttrain.errors import ConfigError
from disttrain.evaluation.scoring import Forecast
from disttrain.families import FAMILIES
from disttrain.preparation.prepare import prepare
from disttrain.validation.config import configuration, configuration_of
from disttrain.workflows.explain import explain
from tests.small_runs import config_of, family_table, fitted, write_config, write_table

MEMBERS = 3
REFUSED = ("mixture", "truncated")


@pytest.fixture(scope="module")
def table():
    return family_table().slice(0, 120)


@pytest.fixture(scope="module")
def file(table, tmp_path_factory):
    return str(write_table(tmp_path_factory.mktemp("pooling") / "rows.parquet", table))


def document(target, file, pooling="family", parameters=None, **data):
    made = config_of(target, file, parameters=parameters)
    made["network"] = {"hidden": [6], "members": MEMBERS, "pooling": pooling}
    made["training"] = {"epochs": 10, "batch_size": 32, "optimizer": {"name": "adamw", "lr": 1e-2}}
    return made | {"data": made["data"] | {"validation": None} | data}


@pytest.mark.parametrize("family", [name for name in FAMILIES if name not in REFUSED])
def test_every_family_is_forecast_by_one_distribution_of_its_own_class(family, file, tmp_path):
    path = write_config(tmp_path / "c.yaml", document(family, file))
    prepared = prepare(configuration(path))
    model, generator = prepared.model, torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in model.network.parameters():
            weight += 0.1 * torch.randn(weight.shape, generator=generator)
    observed, x = prepared.part("test"), prepared.splits["test"].x
    parameters = model.parameters_of(x, observed.conditions)
    distribution = Forecast(model.forecaster, parameters).distribution()
    assert model.forecaster is model.family
    assert type(distribution) is type(model.example())
    assert {name: value.shape[1:] for name, value in parameters.items()} == {p.name: torch.Size(p.shape) for p in model.family.parameters}
    assert bool(distribution.log_prob(observed.outcome.value).isfinite().all())


@pytest.mark.parametrize(
    "distribution", ["mixture", "truncated", {"family": "discretized", "of": {"family": "truncated", "of": "gamma", "lower": 1}}]
)
def test_a_family_without_a_rule_is_refused_by_name(distribution, file):
    made = document("gamma", file) | {"distribution": distribution}
    with pytest.raises(ConfigError, match=r"members cannot be pooled into one distribution of \w+") as caught:
        configuration_of(made)
    assert "network.pooling" in str(caught.value)
    configuration_of(made | {"network": {"members": 3}})


def test_a_low_rank_is_refused(file):
    made = document("multivariate_normal", file)
    made["distribution"] = {"family": "multivariate_normal", "rank": 1}
    with pytest.raises(ConfigError, match="low rank"):
        configuration_of(made)


def test_the_file_has_one_number_per_parameter_with_the_moments_of_the_mixture(file, table, tmp_path):
    one = fitted(write_config(tmp_path / "f.yaml", document("normal", file)), tmp_path / "one")
    many = fitted(write_config(tmp_path / "m.yaml", document("normal", file, "mixture")), tmp_path / "many")
    # The members are the same.
    assert one.weights == many.weights
    assert all(one.predictions.schema.field(name).type == pa.float64() for name in ("loc", "scale"))
    for name in ("mean", "std"):
        np.testing.assert_allclose(one.predictions[name], many.predictions[name], rtol=1e-12)
    np.testing.assert_allclose(one.predictions["loc"], np.array(many.predictions["loc"].to_pylist()).mean(1), rtol=1e-12)
    law = stats.norm(one.predictions["loc"].to_numpy(), one.predictions["scale"].to_numpy())
    np.testing.assert_allclose(one.predictions["q95"], law.ppf(0.95), rtol=1e-6)
    facts = json.loads(one.predictions.schema.metadata[b"disttrain"])
    assert (facts["members"], facts["pooling"]) == (MEMBERS, "family")
    assert "pooling" not in json.loads(many.predictions.schema.metadata[b"disttrain"])
    test = pc.equal(one.predictions["split"], "test").to_numpy()
    nll = -law.logpdf(table["normal"].to_numpy()[one.predictions["row"].to_numpy()])[test].mean()
    assert one.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(nll, abs=1e-9)
    loaded = disttrain.load(one.folder)
    assert type(loaded.distribution(table)).__name__ == "Normal"
    again = one.predicted(file, tmp_path / "again.parquet")
    np.testing.assert_allclose(again["scale"], one.predictions.sort_by("row")["scale"], rtol=1e-12)


def test_a_fixed_parameter_keeps_its_value_and_a_bound_holds(file, tmp_path):
    parameters = {"scale": {"fixed": 1.5}}
    run = fitted(write_config(tmp_path / "f.yaml", document("normal", file, parameters=parameters)), tmp_path / "fixed")
    assert set(run.predictions["scale"].to_pylist()) == {1.5}
    free = fitted(write_config(tmp_path / "n.yaml", document("normal", file)), tmp_path / "free")
    bound = float(np.quantile(free.predictions["scale"], 0.3))
    run = fitted(
        write_config(tmp_path / "b.yaml", document("normal", file, parameters={"scale": {"bounds": [None, bound]}})), tmp_path / "b"
    )
    assert max(run.predictions["scale"].to_pylist()) <= bound


def test_a_share_of_the_constant_model_stands_beside_the_pooled_one(file, table, tmp_path):
    made = document("poisson", file) | {"forecast": {"marginal_share": 0.1}}
    run = fitted(write_config(tmp_path / "c.yaml", made), tmp_path / "run")
    facts = json.loads(run.predictions.schema.metadata[b"disttrain"])
    rate = run.predictions["rate"].to_numpy()
    np.testing.assert_allclose(run.predictions["mean"], 0.9 * rate + 0.1 * facts["marginal"]["rate"], rtol=1e-9)
    y = table["poisson"].to_numpy()[run.predictions["row"].to_numpy()]
    nll = -np.log(0.9 * stats.poisson(rate).pmf(y) + 0.1 * stats.poisson(facts["marginal"]["rate"]).pmf(y))
    test = pc.equal(run.predictions["split"], "test").to_numpy()
    assert run.nll("test") == pytest.approx(nll[test].mean(), abs=1e-9)


@pytest.mark.slow
def test_exposure_and_trials_belong_to_each_row(table, tmp_path):
    rng = np.random.default_rng(0)
    rows = table.append_column("years", [rng.uniform(0.5, 3.0, len(table))])
    path = str(write_table(tmp_path / "rows.parquet", rows))
    made = document("negative_binomial", path, exposure="years")
    one = fitted(write_config(tmp_path / "f.yaml", made), tmp_path / "one")
    many = fitted(write_config(tmp_path / "m.yaml", document("negative_binomial", path, "mixture", exposure="years")), tmp_path / "many")
    for name in ("mean", "std"):
        np.testing.assert_allclose(one.predictions[name], many.predictions[name], rtol=1e-7)


def test_one_member_is_what_it_is(file, tmp_path):
    made = document("gamma", file)
    made["network"]["members"] = 1
    one = fitted(write_config(tmp_path / "f.yaml", made), tmp_path / "one")
    made["network"]["pooling"] = "mixture"
    assert fitted(write_config(tmp_path / "m.yaml", made), tmp_path / "m").predictions.equals(one.predictions)


def test_explain_says_how_members_are_pooled(file):
    assert "their equal mixture" in explain(configuration_of(document("normal", file, "mixture"))).document["z"]
    assert "the moments of their mixture" in explain(configuration_of(document("normal", file))).document["z"]
