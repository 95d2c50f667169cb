"""Many targets through few factors, through the whole program: fit, predict, evaluate, explain, and which ranks are refused."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from scipy import stats

from disttrain.errors import ConfigError
from disttrain.selection.family_docs import described
from disttrain.validation.config import configuration
from disttrain.workflows.explain import explain
from tests.small_runs import fitted, linear, write_config, write_table

TARGETS = ["a", "b", "c", "d", "e"]
UNITS = np.array([1e3, 1e-3, 1.0, 20.0, 0.5])
ROWS, RANK = 600, 2


def table():
    """Five targets in units far apart that two causes move; how strongly the first does depends on x."""
    rng = np.random.default_rng(12)
    x = rng.uniform(-1.0, 1.0, ROWS)
    loading = np.array([[1.0, 0.2], [0.8, -0.5], [0.0, 1.0], [-0.6, 0.6], [0.3, 0.0]])
    causes = rng.normal(size=(ROWS, 2)) * np.stack([np.exp(0.5 * x), np.ones(ROWS)], 1)
    y = UNITS * (np.outer(x, [1.0, -1.0, 0.5, 0.0, 2.0]) + causes @ loading.T + 0.4 * rng.normal(size=(ROWS, 5)))
    return pa.table({"x": x, **dict(zip(TARGETS, y.T, strict=True))})


def document(data, rank=RANK, targets=TARGETS):
    section = {"train": str(data), "target": targets, "features": ["x"]}
    return {"distribution": {"family": "multivariate_normal", "rank": rank}, "data": section, "recipe": "plain"}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_table(tmp_path_factory.mktemp("data") / "many.parquet", table())


@pytest.fixture(scope="module")
def run(data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    made = linear(document(data)) | {"predictions": {"columns": ["parameters", "mean", "variance"]}}
    return fitted(write_config(folder / "many.yaml", made), folder / "run")


@pytest.mark.slow
def test_columns_are_named_by_target_and_numbered_by_factor(run):
    factors = [f"cov_factor_{name}_{place}" for name in TARGETS for place in range(RANK)]
    ends = [f"{start}_{name}" for start in ("loc", "cov_diag", "mean", "variance") for name in TARGETS]
    names = run.predictions.column_names
    assert names == ["row", "split", *ends[:5], *factors, *ends[5:]]
    assert not any(run.predictions[name].null_count for name in names)


def read(predictions):
    """The parameters of each row as the metadata of a file of predictions name them: {name: (n, numbers)}."""
    facts = json.loads(predictions.schema.metadata[b"disttrain"])
    assert (facts["family"], facts["distribution"]["rank"]) == ("multivariate_normal", RANK)
    return {name: np.stack([predictions[column].to_numpy() for column in columns], 1) for name, columns in facts["parameters"].items()}


def test_the_file_alone_gives_the_nll_that_is_reported(run, data):
    made, y = read(run.predictions), np.stack([table()[name].to_numpy() for name in TARGETS], 1)
    factor = made["cov_factor"].reshape(-1, 5, RANK)
    assert run.predictions["row"].to_pylist() == list(range(ROWS))
    rows = zip(y, made["loc"], factor @ factor.transpose(0, 2, 1), made["cov_diag"], strict=True)
    # The units of the targets are six digits apart, and scipy drops eigenvalues below 1e-10 of the largest: it is given one unit for all.
    nll = [
        np.log(UNITS).sum() - stats.multivariate_normal(m / UNITS, (c + np.diag(d)) / np.outer(UNITS, UNITS)).logpdf(v / UNITS)
        for v, m, c, d in rows
    ]
    assert run.nll("train") == pytest.approx(np.mean(nll), abs=1e-9)
    assert run.evaluated(data=data).document["metrics"]["nll"]["value"] == pytest.approx(np.mean(nll), abs=1e-9)
    torch_s = torch.distributions.LowRankMultivariateNormal(*(torch.from_numpy(v) for v in (made["loc"], factor, made["cov_diag"])))
    np.testing.assert_allclose(-torch_s.log_prob(torch.from_numpy(y)).numpy(), nll, rtol=1e-8)
    np.testing.assert_allclose(torch_s.variance.numpy(), np.stack([run.predictions[f"variance_{n}"].to_numpy() for n in TARGETS], 1))


@pytest.mark.slow
def test_predicting_again_gives_the_same(run, data, tmp_path):
    again = read(run.predicted(data, tmp_path / "again.parquet"))
    for name, value in read(run.predictions).items():
        np.testing.assert_array_equal(again[name], value)


def test_what_the_features_say_of_the_dependence_is_found(run):
    made, x = read(run.predictions), table()["x"].to_numpy()
    factor = made["cov_factor"].reshape(-1, 5, RANK) / UNITS[:, None]
    shared = np.einsum("nr,nr->n", factor[:, 0], factor[:, 1])
    truth = 0.8 * np.exp(x) - 0.1
    assert np.corrcoef(shared, truth)[0, 1] > 0.9
    assert shared.mean() == pytest.approx(truth.mean(), rel=0.2)


@pytest.mark.slow
def test_a_factor_of_zeros_leaves_targets_apart(data, tmp_path):
    fixed = linear(document(data, rank=1))
    # A variance that is linear in x before its softplus is another model than such a standard deviation: both are constants here.
    fixed["distribution"]["parameters"] = {"cov_factor": {"fixed": 0.0}, "cov_diag": {"features": []}}
    apart = linear(document(data) | {"distribution": {"family": "independent", "of": "normal", "parameters": {"scale": {"features": []}}}})
    one, other = (fitted(write_config(tmp_path / f"{n}.yaml", d), tmp_path / n) for n, d in (("fixed", fixed), ("apart", apart)))
    assert one.nll("train") == pytest.approx(other.nll("train"), abs=1e-5)


@pytest.mark.slow
def test_a_target_without_anything_of_its_own_stands_at_the_floor_and_is_counted(tmp_path):
    made = table()
    repeated = made.append_column("again", pa.array(3.0 * made["a"].to_numpy() + 1.0))
    path = write_table(tmp_path / "again.parquet", repeated)
    run = fitted(write_config(tmp_path / "c.yaml", linear(document(path, 2, [*TARGETS, "again"]))), tmp_path / "run")
    assert any("`cov_diag` stands at its floor (1e-06 of the target's squared spread)" in str(note) for note in run.finished.warnings)


@pytest.mark.slow
def test_bounds_of_a_vector_hold_in_the_units_of_each_target(data, tmp_path):
    made = linear(document(data), epochs=10)
    least, loc = 0.05 * float(UNITS[3]) ** 2, -0.5
    made["distribution"]["parameters"] = {"cov_diag": {"bounds": [least, None]}, "loc": {"bounds": [loc, None]}}
    written = read(fitted(write_config(tmp_path / "c.yaml", made), tmp_path / "run").predictions)
    # The first and the fourth target vary by more than that, the others have to.
    assert (written["cov_diag"].min(0) >= least * (1 - 1e-9)).all()
    np.testing.assert_allclose(written["cov_diag"][:, [1, 2, 4]], least, rtol=0.2)
    assert (written["loc"] >= loc - 1e-9 * UNITS).all()


def test_explain_and_families_say_its_own_formulas(data, tmp_path):
    text = "\n".join(explain(configuration(write_config(tmp_path / "c.yaml", document(data)), ())).lines)
    assert "multivariate_normal(loc = θ₁, cov_factor = θ₂, cov_diag = θ₃)" in text
    assert "cov_factor: 5 x 2 numbers per row, any real θ₂, in target units" in text
    assert "cov_diag: 5 numbers per row, θ₃ > 0, in squared target units" in text
    assert "Σ = θ₂ θ₂ᵀ + diag(θ₃)" in text
    assert "[rank]" not in text
    assert any("{family: multivariate_normal, rank: 3}" in line for line in described("multivariate_normal").lines)


@pytest.mark.parametrize("rank", [0, -1, 5, 6, 1.5, "two", True])
def test_a_rank_that_cannot_be_is_refused_where_it_stands(rank, data, tmp_path):
    with pytest.raises(ConfigError) as fault:
        configuration(write_config(tmp_path / "c.yaml", document(data, rank)), ())
    (found,) = fault.value.findings
    whole = isinstance(rank, int) and rank is not True
    assert found.what == (
        f"`rank: {rank}` is not a whole number from 1 to 4, one below the number of targets"
        if whole
        else f"`rank` must be a whole number, not `{rank}`"
    )
    assert "c.yaml:3" in str(found.where)


@pytest.mark.parametrize("target", ["a", ["a"]])
def test_one_target_has_no_rank(target, data, tmp_path):
    with pytest.raises(ConfigError, match="needs two target columns or more"):
        configuration(write_config(tmp_path / "c.yaml", document(data, 1, target)), ())


def test_other_families_take_no_rank(data, tmp_path):
    made = document(data)
    made["distribution"]["family"] = "multivariate_student_t"
    with pytest.raises(ConfigError, match="takes no option `rank`"):
        configuration(write_config(tmp_path / "c.yaml", made), ())
