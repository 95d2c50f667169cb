"""What is written of lifetimes: survival and hazard at given times, the median; and what is told of each parameter's network."""

from __future__ import annotations

import json
import math

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.stats
from typer.testing import CliRunner

from disttrain.api import load
from disttrain.cli.app import app
from disttrain.errors import ConfigError, UsageError
from disttrain.validation.config import configuration
from disttrain.workflows.check import check
from disttrain.workflows.explain import explain
from tests.small_runs import fitted, linear, write_config, write_table

TIMES = (0.5, 2.0)


def lifetimes(rows=600):
    rng = np.random.default_rng(3)
    x = rng.normal(size=rows)
    y, end = rng.weibull(1.7, rows) * np.exp(0.4 * x), rng.uniform(0.2, 3.0, rows)
    columns = {
        "x": x,
        "z": rng.normal(size=rows),
        "time": np.minimum(y, end),
        "died": (y <= end).astype(int),
        "units": rng.uniform(0.5, 2, rows),
    }
    return pa.table(columns)


def document_of(path, **data):
    return linear(
        {
            "recipe": "plain",
            "distribution": {"family": "weibull", "parameters": {"concentration": {"features": []}}},
            "data": {"train": str(path), "target": "time", "features": ["x", "z"], "censoring": {"event": "died"}, **data},
            "predictions": {"columns": ["parameters", "median", "survival", "hazard"], "times": list(TIMES)},
        }
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("lifetimes")
    path = write_table(folder / "lifetimes.parquet", lifetimes())
    return fitted(write_config(folder / "config.yaml", document_of(path)), folder / "run")


def test_survival_hazard_and_median_are_those_of_the_written_parameters(run):
    made = run.predictions
    frozen = scipy.stats.weibull_min(made["concentration"].to_numpy(), scale=made["scale"].to_numpy())
    np.testing.assert_allclose(made["median"].to_numpy(), frozen.median(), rtol=1e-9)
    for time, name in zip(TIMES, ("0_5", "2"), strict=True):
        np.testing.assert_allclose(made[f"survival_{name}"].to_numpy(), frozen.sf(time), rtol=1e-10)
        np.testing.assert_allclose(made[f"hazard_{name}"].to_numpy(), frozen.pdf(time) / frozen.sf(time), rtol=1e-10)
    assert json.loads(made.schema.metadata[b"disttrain"])["times"] == {
        "survival_0_5": 0.5, "survival_2": 2.0, "hazard_0_5": 0.5, "hazard_2": 2.0,
    }  # fmt: skip


def test_the_python_face_takes_times(run):
    frame = lifetimes().to_pandas().head(5)
    made = load(run.folder).predict(frame, columns=["survival"], times=[1.0])
    assert list(made.columns) == ["survival_1"]
    with pytest.raises(UsageError, match="not a time"):
        load(run.folder).predict(frame, columns=["survival"], times=[-1.0])


@pytest.mark.parametrize(
    ("options", "place"),
    [(["--times", "0"], "--times"), (["--times", "soon"], "--times"), (["--columns", "survival", "--times", "inf"], "--times")],
)
def test_a_time_that_cannot_be_is_refused(options, place, run, tmp_path):
    result = CliRunner().invoke(app, ["predict", str(run.folder), "-o", str(tmp_path / "p.parquet"), *options])
    assert result.exit_code == 2
    assert place in result.stderr


def test_hazards_are_for_lifetimes_alone(tmp_path):
    path = write_table(tmp_path / "counts.parquet", pa.table({"x": np.arange(40.0), "n": np.arange(40) % 4}))
    document = {
        "recipe": "plain",
        "distribution": "poisson",
        "data": {"train": str(path), "target": "n", "features": ["x"]},
        "predictions": {"columns": ["hazard"], "times": [2]},
    }
    with pytest.raises(ConfigError, match="`hazard` does not exist for poisson"):
        check(configuration(write_config(tmp_path / "c.yaml", document)))


def test_check_counts_what_was_seen_and_shows_each_network(run, tmp_path):
    table = lifetimes()
    path = write_table(tmp_path / "lifetimes.parquet", table)
    remarks = check(configuration(write_config(tmp_path / "c.yaml", document_of(path, exposure="units", offset={"scale": "z"}))))
    told = [f"{remark.topic}: {remark.text}" for remark in remarks]
    died = int(np.sum(table["died"].to_numpy()))
    assert f"target: time: 600 used: {died:,} exact, {600 - died:,} right-censored" in told
    assert "network: scale: 2 inputs -> [] -> 1 + `z`" in told
    assert "network: concentration: one learned constant for all rows" in told
    assert any(line.startswith("exposure: exposure: `units`, 0.5") for line in told)


@pytest.mark.parametrize(
    ("network", "blocks", "expected"),
    [
        ({"hidden": [8]}, {}, {}),
        ({"hidden": [8], "heads": "separate"}, {}, {"scale": "2 inputs -> [8] (own network) -> 1"}),
        ({"hidden": [8]}, {"scale": {"hidden": [4]}}, {"scale": "2 inputs -> [8, 4], the last 1 its own -> 1"}),
        ({"hidden": [8]}, {"scale": {"features": ["z"]}}, {"scale": "1 inputs (z) -> [8] (own network) -> 1"}),
        ({"hidden": [8]}, {"concentration": {"fixed": 1.0}}, {}),
    ],
    ids=["shared", "separate", "own layers", "own features", "fixed"],
)
def test_explain_shows_the_network_of_each_parameter_where_they_differ(network, blocks, expected, tmp_path):
    path = write_table(tmp_path / "lifetimes.parquet", lifetimes(60))
    data = {"train": str(path), "target": "time", "features": ["x", "z"], "censoring": {"event": "died"}}
    document = {"recipe": "plain", "distribution": {"family": "weibull", "parameters": blocks}, "data": data, "network": network}
    lines = explain(configuration(write_config(tmp_path / "c.yaml", document))).lines
    shown = {name: text for line in lines for name, _, text in [line.strip().partition(": ")] if name in ("scale", "concentration")}
    shown = {name: text for name, text in shown.items() if "per row" not in text}
    assert expected.items() <= shown.items()
    assert bool(shown) == bool(expected) or "fixed" in str(blocks)
    assert any("`died` = 0" in line and "-log S(`time`)" in line for line in lines)


def test_a_hazard_beyond_the_end_of_a_support_does_not_exist(tmp_path):
    rng = np.random.default_rng(1)
    path = write_table(tmp_path / "shares.parquet", pa.table({"x": rng.normal(size=80), "share": rng.beta(2, 3, 80)}))
    document = linear({"recipe": "plain", "distribution": "beta", "data": {"train": str(path), "target": "share", "features": ["x"]}})
    document["predictions"] = {"columns": ["survival", "hazard"], "times": [0.5, 1.5]}
    run = fitted(write_config(tmp_path / "c.yaml", document), tmp_path / "run")
    assert run.predictions["survival_1_5"].to_pylist() == [0.0] * 80
    assert run.predictions["hazard_1_5"].null_count == 80
    assert all(math.isfinite(value) for value in run.predictions["hazard_0_5"].to_pylist())
    assert pq.read_schema(run.folder / "predictions.parquet").names[-4:] == ["survival_0_5", "survival_1_5", "hazard_0_5", "hazard_1_5"]
