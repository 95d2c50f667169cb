"""Samples of a row are its own: the same whatever rows, blocks, shards and further samples there are, in Python and in files."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from scipy import stats

import disttrain
from disttrain.validation.options import PredictOptions
from disttrain.workflows.predict import predict
from tests.small_runs import config_of, write_config, write_table

FAMILIES = (
    "normal", "ex_gaussian", "tweedie", "poisson", "generalized_poisson", "bernoulli", "categorical", "ordinal", "von_mises", "mixture",
    "hurdle", "truncated", "dirichlet", "multinomial", "multivariate_normal", "multivariate_student_t",
)  # fmt: skip


def samples_of(table):
    """The columns of samples alone."""
    frame = table if isinstance(table, pd.DataFrame) else table.to_pandas()
    return frame[[name for name in frame.columns if name.startswith("sample_")]].reset_index(drop=True)


def assert_same(left, right):
    pd.testing.assert_frame_equal(left, right, check_exact=True)


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_a_sample_depends_on_its_row_alone(family, family_run, table, tmp_path):
    run, frame = disttrain.load(family_run(family).folder), table.slice(0, 50).to_pandas()
    whole = samples_of(run.predict(frame, columns=[], samples=3))
    assert_same(samples_of(run.predict(frame.head(7), columns=[], samples=3)), whole.head(7))
    one = samples_of(run.predict(frame.head(33), columns=[], samples=1))
    assert_same(one, whole.head(33)[list(one.columns)])
    file = write_table(tmp_path / "some.parquet", table.slice(0, 50))
    predict(PredictOptions(run=run.path, data=str(file), output=str(tmp_path / "out.parquet"), columns=(), samples=3), tmp_path)
    assert_same(samples_of(pq.read_table(tmp_path / "out.parquet")), whole)


def test_blocks_and_shards_do_not_change_a_sample(family_run, table, tmp_path):
    run = disttrain.load(family_run("normal").folder)
    many = pa.concat_tables([table] * 350).select(["x", "z", "kind", "id"])
    file = write_table(tmp_path / "many.parquet", many)
    parts = []
    for number in range(3):
        request = PredictOptions(
            run=run.path, data=str(file), output=str(tmp_path / f"{number}.parquet"), columns=(), samples=2, shard=(number, 3)
        )
        predict(request, tmp_path)
        parts.append(pq.read_table(request.output))
    made = run.predict(many.to_pandas(), samples=2)
    assert_same(samples_of(pa.concat_tables(parts).sort_by("row")), samples_of(made))
    # The rows of one forecast have draws of their own, and the draws of a row are two: 140,000 numbers follow the forecast.
    z = (made[["sample_0001", "sample_0002"]].to_numpy() - made[["loc"]].to_numpy()) / made[["scale"]].to_numpy()
    assert stats.kstest(z.ravel(), "norm").pvalue > 1e-3
    assert abs(np.corrcoef(z.T)[0, 1]) < 4.5 / np.sqrt(len(z))


def test_rows_of_several_sources_have_draws_of_their_own(table, tmp_path):
    """The first rows of training and test files are different rows."""
    paths = [str(write_table(tmp_path / f"{name}.parquet", table)) for name in ("train", "test")]
    document = config_of("normal", paths[0])
    document["data"] |= {"test": paths[1]}
    run = disttrain.fit({**document, "training": {"epochs": 1}}, out=tmp_path / "run")
    predict(PredictOptions(run=run.path, output=str(tmp_path / "out.parquet"), samples=1), tmp_path)
    made = pq.read_table(tmp_path / "out.parquet").to_pandas()
    z = (made["sample_0001"] - made["loc"]) / made["scale"]
    train, test = (z[made["split"].isin(names)].to_numpy() for names in (("train", "validation"), ("test",)))
    assert len(train) == len(test)
    assert np.abs(train - test).min() > 0


def test_samples_of_several_networks_are_those_of_their_mixture(table, table_file, tmp_path):
    document = config_of("normal", str(table_file))
    run = disttrain.fit({**document, "network": {"hidden": [8], "members": 3}, "training": {"epochs": 1}}, out=tmp_path / "run")
    frame = table.to_pandas()
    made = samples_of(run.predict(frame, columns=[], samples=2))
    assert_same(samples_of(run.predict(frame.head(5), columns=[], samples=2)), made.head(5))


@pytest.mark.parametrize("family", ["bernoulli", "categorical", "ordinal"])
def test_samples_of_labels_are_labels(family, family_run, table):
    run = disttrain.load(family_run(family).folder)
    made = run.predict(table.to_pandas(), columns=["mode"], samples=20)
    if run.model.labels is not None:
        assert set(made.to_numpy().ravel()) <= {str(label) for label in run.model.labels}
    assert made["sample_0001"].nunique() > 1


@pytest.mark.slow
def test_a_row_of_many_features_is_forecast_alike_alone_and_among_others(tmp_path):
    numbers = np.random.default_rng(0).normal(size=(600, 5000))
    table = pa.table({**{f"x{place}": column for place, column in enumerate(numbers.T)}, "y": numbers[:, 0]})
    write_table(tmp_path / "wide.parquet", table)
    document = {
        "recipe": "plain",
        "data": {"train": "wide.parquet", "target": "y", "features": ["*"], "validation": None}, "distribution": "normal",
        "network": {"hidden": [16]},
        "training": {"epochs": 1},
    }  # fmt: skip
    model = disttrain.fit(write_config(tmp_path / "c.yaml", document), out=tmp_path / "run").model
    together = model.parameters(table)
    for rows in (slice(0, 1), slice(505, 520), slice(599, 600)):
        alone = model.parameters(table.slice(rows.start, rows.stop - rows.start))
        assert all(torch.equal(alone[name], together[name][rows]) for name in together)
