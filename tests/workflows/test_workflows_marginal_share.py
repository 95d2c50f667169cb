"""`forecast.marginal_share`: what a run says of it, and the file of predictions that rebuilds the mixture without this program."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy import special, stats

import disttrain
from disttrain.errors import ConfigError, DataError, RunUnreadable
from disttrain.validation.config import configuration_of
from disttrain.workflows.check import check
from disttrain.workflows.explain import explain
from tests.small_runs import config_of, family_table, fitted, target_of, write_config, write_table

SCIPY = {
    "normal": lambda p: stats.norm(p["loc"], p["scale"]),
    "gamma": lambda p: stats.gamma(p["concentration"], scale=1 / p["rate"]),
    "poisson": lambda p: stats.poisson(p["rate"]),
    "negative_binomial": lambda p: stats.nbinom(p["concentration"], p["concentration"] / (p["concentration"] + p["mean"])),
}
TRAINING = {"epochs": 60, "batch_size": 64, "optimizer": {"name": "adamw", "lr": 1e-2}}


@pytest.fixture(scope="module")
def table():
    rows, rng = family_table(), np.random.default_rng(5)
    rows = rows.append_column("years", [rng.uniform(0.2, 3.0, len(rows))])
    # A few rows that the features say nothing of, which a narrow forecast pays for and the constant model does not.
    y = 2 * rows["x"].to_numpy() + 0.1 * rng.normal(size=len(rows))
    y[::37] += rng.choice([-3.0, 3.0], len(y[::37]))
    return rows.append_column("wild", [y])


@pytest.fixture(scope="module")
def file(table, tmp_path_factory):
    return str(write_table(tmp_path_factory.mktemp("share") / "rows.parquet", table))


def document(target, file, share, *, family=None, members=1, **data):
    made = config_of(target, file, family=family)
    made["network"]["members"] = members
    return made | {"forecast": {"marginal_share": share}, "data": made["data"] | data, "training": TRAINING}


def sealed(document):
    document = {key: value for key, value in document.items() if key != "sha256"}
    return document | {"sha256": hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":")).encode()).hexdigest()}


def described(predictions):
    return json.loads(predictions.schema.metadata[b"disttrain"])


def law_of(predictions, family):
    """The log-density and the cdf of every row, by scipy, from the file alone."""
    facts = described(predictions)
    share = facts["marginal_share"]

    def columns(names):
        values = [np.array(predictions[name].to_pylist(), float).reshape(len(predictions), -1) for name in names]
        return np.stack(values, -1)[..., 0]

    parts = {name: columns(names) for name, names in facts["parameters"].items()}
    if facts["marginal"] is not None:
        constant = {name: np.full((len(predictions), 1), value) for name, value in facts["marginal"].items()}
    else:
        constant = {name: columns(names) for name, names in facts["marginal_columns"].items()}
    law = SCIPY[family]({name: np.concatenate([value, constant[name]], 1) for name, value in parts.items()})
    weights = np.array([(1 - share) / facts["members"]] * facts["members"] + [share])
    return law, weights


@pytest.mark.parametrize("exposure", [None, "years"])
@pytest.mark.parametrize("members", [1, 3])
@pytest.mark.parametrize("family", SCIPY)
def test_scipy_rebuilds_the_forecast_from_the_file_alone(family, members, exposure, file, table, tmp_path):
    if exposure and family == "normal":
        pytest.skip("no exposure")
    more = {} if exposure is None else {"exposure": exposure}
    made = document(family, file, 0.04, members=members, **more) | {"training": {"epochs": 5}}
    run = fitted(write_config(tmp_path / "c.yaml", made), tmp_path / "run")
    predictions = run.predictions
    law, weights = law_of(predictions, family)
    assert described(predictions)["marginal_share"] == 0.04
    assert (described(predictions)["marginal"] is None) is bool(exposure)
    stems = [name for name in predictions.column_names if name.startswith("marginal_")]
    assert bool(stems) is bool(exposure)
    lists = {name for name in predictions.column_names if pa.types.is_fixed_size_list(predictions.schema.field(name).type)}
    assert bool(lists) is (members > 1)
    assert not lists & set(stems)
    mean = law.mean() @ weights
    np.testing.assert_allclose(predictions["mean"], mean, rtol=1e-9)
    np.testing.assert_allclose(predictions["std"], np.sqrt((law.var() + law.mean() ** 2) @ weights - mean**2), rtol=1e-9)
    discrete = family in {"poisson", "negative_binomial"}
    for level, column in ((0.05, "q05"), (0.5, "q50"), (0.95, "q95")):
        q = predictions[column].to_numpy()[:, None]
        if discrete:
            assert (law.cdf(q) @ weights >= level - 1e-12).all()
            assert (law.cdf(q - 1) @ weights < level).all()
        else:
            np.testing.assert_allclose(law.cdf(q) @ weights, level, rtol=1e-7)
    y = np.array(table[target_of(family)].to_pylist(), float)[predictions["row"].to_numpy()][:, None]
    nll = -special.logsumexp((law.logpmf(y) if discrete else law.logpdf(y)) + np.log(weights), axis=1)
    test = pc.equal(predictions["split"], "test").to_numpy()
    assert run.evaluated("nll").document["metrics"]["nll"]["value"] == pytest.approx(nll[test].mean(), abs=1e-9)
    assert run.nll("test") == pytest.approx(nll[test].mean(), abs=1e-9)
    # Python gives the same distribution.
    loaded = disttrain.load(run.folder)
    np.testing.assert_allclose(loaded.distribution(table).mean.numpy(), mean[np.argsort(predictions["row"].to_numpy())], rtol=1e-9)


@pytest.mark.slow
def test_auto_finds_a_share_that_pays_and_a_run_says_it(file, tmp_path, capsys):
    plain = fitted(write_config(tmp_path / "p.yaml", document("wild", file, 0, family="normal")), tmp_path / "plain")
    run = fitted(write_config(tmp_path / "c.yaml", document("wild", file, "auto", family="normal")), tmp_path / "run")
    share = run.finished.marginal_share
    assert 0 < share <= 0.05
    # Nothing but the share differs.
    assert plain.weights == run.weights
    assert run.nll("validation") < plain.nll("validation")
    assert json.loads((run.folder / "run.json").read_text())["marginal_share"] == share
    assert json.loads((run.folder / "model" / "model.json").read_text())["marginal_share"] == share
    assert json.loads((run.folder / "log.jsonl").read_text().splitlines()[-1])["marginal_share"] == share
    assert run.finished.document["marginal_share"] == share
    assert disttrain.load(run.folder).model.marginal_share == share
    assert described(run.predictions)["marginal_share"] == share
    again = run.predicted(file, tmp_path / "again.parquet")
    by_row = run.predictions.sort_by("row")
    for column in ("loc", "scale", "mean", "std", "q05", "q95"):
        np.testing.assert_allclose(again[column], by_row[column], rtol=1e-12)


@pytest.mark.slow
def test_a_share_that_does_not_pay_is_0_and_leaves_no_trace(file, tmp_path):
    run = fitted(write_config(tmp_path / "c.yaml", document("gamma", file, "auto")), tmp_path / "run")
    plain = fitted(write_config(tmp_path / "p.yaml", document("gamma", file, 0)), tmp_path / "plain")
    assert run.finished.marginal_share == 0.0
    assert run.predictions.equals(plain.predictions)
    assert "marginal_share" not in described(run.predictions)
    assert (run.folder / "metrics.json").read_text().replace('"run": "run"', '"run": "plain"') == (
        plain.folder / "metrics.json"
    ).read_text()


@pytest.mark.slow
def test_without_held_out_rows_auto_says_so(file, tmp_path):
    made = document("wild", file, "auto", family="normal", validation=None)
    run = fitted(write_config(tmp_path / "c.yaml", made), tmp_path / "run")
    assert run.finished.marginal_share == 0.0
    texts = [text for text in run.events[0].warnings if "marginal_share" in text]
    assert len(texts) == 1
    remarks = [remark.text for remark in check(configuration_of(made)) if remark.warning and "marginal_share" in remark.text]
    assert remarks == texts
    assert not [
        remark for remark in check(configuration_of(document("wild", file, "auto", family="normal"))) if "marginal_share" in remark.text
    ]


def test_members_find_the_share_by_the_rows_that_each_holds_out(file, tmp_path):
    made = document("wild", file, "auto", family="normal", members=3, validation=0.2, split={"method": "per_member"})
    run = fitted(write_config(tmp_path / "c.yaml", made), tmp_path / "run")
    assert 0 < run.finished.marginal_share <= 0.05
    assert not run.events[0].warnings


def test_a_column_that_the_share_would_add_is_no_id(file, table, tmp_path):
    path = str(write_table(tmp_path / "rows.parquet", table.append_column("marginal_rate", [np.arange(len(table))])))
    made = document("poisson", path, "auto", exposure="years", id="marginal_rate")
    with pytest.raises(DataError, match="marginal_rate"):
        check(configuration_of(made))
    made["forecast"] = {"marginal_share": 0}
    check(configuration_of(made))


@pytest.mark.parametrize("share", [1, -0.1, 1.5, "sometimes", True, None, [0.1]])
def test_a_share_is_a_number_below_1_or_auto(share, file):
    with pytest.raises(ConfigError, match=r"forecast\.marginal_share"):
        configuration_of(document("normal", file, share))


@pytest.mark.slow
@pytest.mark.parametrize("share", [1.0, -0.1, "auto", None, True])
def test_a_model_with_an_impossible_share_is_refused(share, file, tmp_path):
    run = fitted(write_config(tmp_path / "c.yaml", document("normal", file, 0.01)), tmp_path / "run")
    path = run.folder / "model" / "model.json"
    stored = json.loads(path.read_text())
    path.write_text(json.dumps(sealed(stored | {"marginal_share": share})))
    with pytest.raises(RunUnreadable, match="marginal_share" if isinstance(share, float | bool) else "model"):
        disttrain.load(run.folder)
    # A model of an earlier version has none.
    path.write_text(json.dumps(sealed({key: value for key, value in stored.items() if key != "marginal_share"})))
    assert disttrain.load(run.folder).model.marginal_share == 0.0


def test_explain_says_what_the_forecast_is(file):
    assert "-log ε" in explain(configuration_of(document("normal", file, "auto"))).document["forecast"]
    assert "ε = 0.02" in explain(configuration_of(document("normal", file, 0.02))).document["forecast"]
    assert "forecast" not in explain(configuration_of(document("normal", file, 0))).document


def test_a_mean_that_is_a_parameter_is_not_the_mean_of_the_mixture(file, tmp_path):
    run = fitted(write_config(tmp_path / "c.yaml", document("negative_binomial", file, 0.04)), tmp_path / "run")
    predictions = pq.read_table(run.folder / "predictions.parquet")
    assert {"mean", "member_mean"} <= set(predictions.column_names)
    assert not np.allclose(predictions["mean"], predictions["member_mean"])
