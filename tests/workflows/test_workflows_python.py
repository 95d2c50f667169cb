"""The Python face says what the command line says, on pandas frames."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

import disttrain
from disttrain.errors import ConfigError, DataError, RunUnreadable, UsageError
from disttrain.families import FAMILIES
from disttrain.validation.options import EvaluateOptions, PredictOptions
from disttrain.workflows.evaluate import evaluate
from disttrain.workflows.predict import predict
from tests.small_runs import config_of, write_config, write_table

PUBLIC = [
    "Conditions", "CrossEntropy", "DataWarning", "DisttrainError", "Evaluation", "Family", "FittedRun", "Outcome", "Parameter", "fit", "load",
]  # fmt: skip

# What warns is held in test_workflows_warnings.
pytestmark = pytest.mark.filterwarnings("ignore::disttrain.errors.DataWarning")

# One family of each kind of target and of distribution: what differs between others does not pass through Python.
ONE_OF_A_KIND = [
    name
    for name in FAMILIES
    if name
    in (
        "normal",
        "student_t",
        "gamma",
        "beta",
        "poisson",
        "bernoulli",
        "categorical",
        "ordinal",
        "von_mises",
        "dirichlet",
        "multivariate_normal",
        "mixture",
        "hurdle",
        "truncated",
        "discretized",
        "binomial",
        "pareto",
    )
]


@pytest.fixture(scope="session")
def frame(table):
    return table.to_pandas()


@pytest.fixture(scope="session")
def few(table):
    """The first rows, which every family says and scores fast."""
    return table.slice(0, 40)


@pytest.fixture(scope="session")
def few_file(tmp_path_factory, few):
    return write_table(tmp_path_factory.mktemp("few") / "few.parquet", few)


@pytest.fixture(scope="module")
def typed():
    """A frame with a feature of every kind, some values missing, and a target that all of them move."""
    rng, rows = np.random.default_rng(3), 300
    x, sold = rng.normal(size=rows), rng.random(rows) < 0.4
    made = {
        "x": np.where(rng.random(rows) < 0.1, np.nan, x),
        "count": rng.integers(0, 9, rows),
        "kind": pd.Categorical(rng.choice(["a", "b", "c"], rows)),
        "sold": sold,
        "day": pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 700, rows), "D"),
        "weight": rng.uniform(0.5, 2.0, rows),
        "id": np.arange(rows) + 100,
    }
    return pd.DataFrame(made | {"y": 2 * x + sold + rng.normal(size=rows)})


@pytest.fixture(scope="module")
def typed_run(typed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("typed")
    typed.to_parquet(folder / "typed.parquet", index=False)
    document = config_of("normal", str(folder / "typed.parquet"))
    data = {"train": document["data"]["train"], "target": "y", "features": ["x", "count", "kind", "sold", "day"]}
    return disttrain.fit({**document, "data": {**data, "weight": "weight", "id": "id"}}, out=folder / "run")


def numbers(run, file, tmp_path, **asked):
    """What the command line writes for a file, without the columns that say which row it is."""
    output = tmp_path / "out.parquet"
    predict(PredictOptions(run=run, data=str(file), output=str(output), overwrite=True, **asked), tmp_path)
    written = pq.read_table(output).to_pandas()
    return written.drop(columns=[name for name in ("row", "id") if name in written])


def assert_same(left, right):
    pd.testing.assert_frame_equal(left.reset_index(drop=True), right.reset_index(drop=True), check_exact=True)


def test_the_public_names_are_these():
    assert disttrain.__all__ == PUBLIC
    assert dir(disttrain) == PUBLIC
    assert [name for name in PUBLIC if getattr(disttrain, name) is None] == []
    with pytest.raises(AttributeError, match="nothing"):
        _ = disttrain.nothing


def test_importing_the_package_costs_nothing():
    code = "import sys, disttrain; print([m for m in ('torch', 'pandas', 'pyarrow', 'numpy', 'scipy', 'pydantic') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.slow
@pytest.mark.parametrize("family", ONE_OF_A_KIND)
def test_a_frame_gets_the_numbers_of_the_file(family, family_run, few, few_file, tmp_path):
    folder = family_run(family).folder
    assert_same(disttrain.load(folder).predict(few.to_pandas()), numbers(folder, few_file, tmp_path))


@pytest.mark.parametrize("family", ONE_OF_A_KIND)
def test_a_distribution_has_the_parameters_that_are_predicted(family, family_run, frame):
    run = disttrain.load(family_run(family).folder)
    made = run.distribution(frame)
    assert isinstance(made, torch.distributions.Distribution)
    assert made.batch_shape == (len(frame),)
    predicted = run.predict(frame, columns=["parameters"])
    for parameter in run.model.family.parameters:
        # A distribution in another parameterisation, or made of another one, has not all of them; its mean is that of the forecast.
        value = None if parameter.column else getattr(made, parameter.name, None)
        if value is None:
            continue
        value = value[..., *np.tril_indices(value.shape[-1])] if parameter.support.kind == "triangle" else value
        value = np.broadcast_to(value.numpy(), (len(frame), *value.shape[1:])).reshape(len(frame), -1)
        # torch divides probabilities by their sum once more, which may move the last digit.
        np.testing.assert_allclose(value, predicted[list(run.model.columns_of(parameter.name))].to_numpy(), rtol=1e-15, atol=0)


@pytest.mark.parametrize("family", ONE_OF_A_KIND)
def test_a_frame_is_scored_as_the_file_is(family, family_run, few, few_file):
    folder = family_run(family).folder
    answer = evaluate(EvaluateOptions(run=folder, data=str(few_file)), folder)
    assert disttrain.load(folder).evaluate(few.to_pandas()) == answer.document["metrics"]


def test_columns_quantiles_and_samples_are_those_of_the_command_line(family_run, frame, table_file, tmp_path):
    folder = family_run("gamma").folder
    made = disttrain.load(folder).predict(frame, columns=["mean", "quantiles"], quantiles=[0.025, 0.5], samples=3)
    assert list(made.columns) == ["mean", "q02_5", "q50", "sample_0001", "sample_0002", "sample_0003"]
    assert_same(made, numbers(folder, table_file, tmp_path, columns=("mean", "quantiles"), quantiles=(0.025, 0.5), samples=3))
    # Levels and times stand for their columns.
    made = disttrain.load(folder).predict(frame, columns=["mean"], quantiles=[0.5], times=[2])
    assert list(made.columns) == ["mean", "q50", "survival_2"]
    assert_same(made, numbers(folder, table_file, tmp_path, columns=("mean",), quantiles=(0.5,), times=(2,)))


@pytest.mark.parametrize(
    "index",
    [
        pd.Index([f"row {n}" for n in range(400)], name="who"),
        pd.RangeIndex(400, 0, -1),
        pd.MultiIndex.from_product([range(20), range(20)], names=["a", "b"]),
        pd.Index([7] * 400),
    ],
    ids=["text", "reversed", "nested", "repeated"],
)
def test_a_forecast_keeps_the_index_of_its_frame(family_run, frame, index):
    run = disttrain.load(family_run("normal").folder)
    made = run.predict(frame.set_axis(index))
    pd.testing.assert_index_equal(made.index, index)
    assert_same(made, run.predict(frame))


def test_a_row_is_forecast_alone_as_among_others(family_run, frame):
    run = disttrain.load(family_run("student_t").folder)
    whole = run.predict(frame)
    for part in ([17], [399, 3, 3], []):
        pd.testing.assert_frame_equal(run.predict(frame.iloc[part]), whole.iloc[part], check_exact=True, check_dtype=bool(part))


def test_a_frame_is_left_as_it_was(family_run, frame):
    given = frame.copy()
    run = disttrain.load(family_run("normal").folder)
    run.predict(given)
    run.evaluate(given)
    pd.testing.assert_frame_equal(given, frame)


def test_a_frame_needs_its_features_alone_to_be_predicted(family_run, frame):
    run = disttrain.load(family_run("normal").folder)
    assert_same(run.predict(frame[["kind", "z", "x"]]), run.predict(frame))


def test_every_missing_column_is_named(family_run, frame):
    run = disttrain.load(family_run("normal").folder)
    with pytest.raises(DataError) as caught:
        run.predict(frame.drop(columns=["x", "kind"]))
    told = str(caught.value)
    assert "`x`" in told
    assert "`kind`" in told
    with pytest.raises(DataError, match="normal"):
        run.evaluate(frame.drop(columns=["normal"]))
    with pytest.raises(DataError):
        run.distribution(frame.assign(x="tall"))


def test_a_row_that_cannot_be_forecast_is_named_by_its_place_in_the_frame(table_file, frame, tmp_path):
    document = config_of("normal", str(table_file))
    document["data"] |= {"filter": "fold > 0", "unknown_category": "error"}
    run = disttrain.fit(write_config(tmp_path / "strict.yaml", document), set={"training.epochs": 1}, out=tmp_path / "run")
    strange = frame.assign(kind=["east" if row == 7 else kind for row, kind in enumerate(frame["kind"])])
    for asked in (run.predict, run.distribution, run.evaluate):
        with pytest.raises(DataError) as caught:
            asked(strange)
        found = caught.value.findings[0]
        assert found.where.startswith("frame, column `kind`")
        assert found.excerpt[0].split()[:2] == ["row", "7"]


def test_metrics_that_cannot_score_the_family_are_refused(family_run, frame):
    run = disttrain.load(family_run("normal").folder)
    assert list(run.evaluate(frame, metrics=["nll", "crps"])) == ["nll", "crps"]
    with pytest.raises(UsageError):
        run.evaluate(frame, metrics=["accuracy"])
    with pytest.raises(UsageError):
        run.evaluate(frame, metrics=["nlll"])
    with pytest.raises(UsageError):
        run.predict(frame, columns=["meen"])
    with pytest.raises(UsageError):
        run.predict(frame, quantiles=[1.5])


def test_features_of_every_kind_come_out_as_from_the_file(typed, typed_run, tmp_path):
    typed.to_parquet(tmp_path / "typed.parquet", index=False)
    assert_same(typed_run.predict(typed), numbers(typed_run.path, tmp_path / "typed.parquet", tmp_path))
    answer = evaluate(EvaluateOptions(run=typed_run.path, data=str(tmp_path / "typed.parquet")), tmp_path)
    assert typed_run.evaluate(typed) == answer.document["metrics"]


RETYPED = {
    "category as text": ("kind", lambda column: column.astype(str)),
    "category as string": ("kind", lambda column: column.astype("string")),
    "more categories than met": ("kind", lambda column: column.cat.add_categories(["never"])),
    "bool as nullable": ("sold", lambda column: column.astype("boolean")),
    "bool as object": ("sold", lambda column: column.astype(object)),
    "datetime in seconds": ("day", lambda column: column.astype("datetime64[s]")),
    "number as float": ("count", lambda column: column.astype(float)),
    "number as nullable": ("count", lambda column: column.astype("Int64")),
    "nan as null": ("x", lambda column: column.astype("Float64")),
}


@pytest.mark.parametrize("change", RETYPED)
def test_a_pandas_dtype_does_not_change_a_value(change, typed, typed_run):
    name, retyped = RETYPED[change]
    assert_same(typed_run.predict(typed.assign(**{name: retyped(typed[name])})), typed_run.predict(typed))


@pytest.mark.parametrize("nothing", [np.nan, None], ids=["nan", "none"])
@pytest.mark.parametrize("name", ["x", "kind", "sold", "day", "count"])
def test_a_missing_value_is_imputed(name, nothing, typed, typed_run):
    part = typed.head(20).copy()
    part[name] = part[name].astype(object) if name in ("sold", "count") else part[name]
    part.loc[3, name] = nothing
    made = typed_run.predict(part)
    assert made.notna().all(axis=None)
    assert_same(made.drop(index=3), typed_run.predict(typed.head(20)).drop(index=3))


def test_rows_left_out_of_a_fit_are_left_out_of_its_scores(typed, tmp_path):
    """With `missing: drop` and a filter, a frame is scored on the very rows that the command line scores."""
    typed.to_parquet(tmp_path / "typed.parquet", index=False)
    document = config_of("normal", str(tmp_path / "typed.parquet"))
    document["data"] = {
        "train": document["data"]["train"],
        "target": "y",
        "features": ["x", "sold"],
        "missing": "drop",
        "filter": "count > 1",
    }
    run = disttrain.fit(document, out=tmp_path / "run")
    answer = evaluate(EvaluateOptions(run=run.path, data=str(tmp_path / "typed.parquet")), tmp_path)
    assert run.evaluate(typed) == answer.document["metrics"]
    made = run.predict(typed)
    pd.testing.assert_series_equal(made["loc"].isna(), typed["x"].isna(), check_names=False)
    with pytest.raises(DataError, match="count"):
        run.evaluate(typed.drop(columns=["count"]))


@pytest.mark.slow
def test_a_file_a_mapping_and_keys_set_make_the_same_model(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    document = config_of("gamma", "data.parquet")
    path = write_config(tmp_path / "small.yaml", document)
    longer = {**document, "training": {"epochs": 4, "optimizer": {"name": "adam", "lr": 0.01}}}
    runs = [
        disttrain.fit(longer),
        disttrain.fit(path, set={"training.epochs": 4, "training.optimizer": {"name": "adam", "lr": 0.01}}),
        disttrain.fit(str(path), set={"training": longer["training"]}, out="here/run"),
        disttrain.fit(document, set={"training.epochs": 4, "training.optimizer.name": "adam", "training.optimizer.lr": 0.01}),
    ]
    assert len({(run.path / "model" / "weights.safetensors").read_bytes() for run in runs}) == 1
    assert runs[2].path.resolve() == tmp_path / "here" / "run"
    assert runs[1].name == "small-001"
    assert runs[1].path.resolve() == tmp_path / "runs" / "small-001"
    assert json.loads((runs[1].path / "run.json").read_text())["status"] == "finished"


def test_load_takes_a_run_a_model_folder_or_the_newest(table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunUnreadable):
        disttrain.load()
    write_table(tmp_path / "data.parquet", table)
    fitted = [disttrain.fit(config_of(name, "data.parquet")) for name in ("gamma", "weibull")]
    frame = table.to_pandas()
    for path in (None, fitted[1].path, str(fitted[1].path), fitted[1].path / "model"):
        run = disttrain.load(path)
        assert run.model.family.name == "weibull"
        assert_same(run.predict(frame), fitted[1].predict(frame))
    assert disttrain.load(fitted[0].path).model.family.name == "gamma"
    with pytest.raises(RunUnreadable):
        disttrain.load(tmp_path / "nowhere")


def test_mistakes_are_those_of_the_command_line(table_file, tmp_path):
    document = config_of("gamma", str(table_file))
    with pytest.raises(ConfigError, match="gama"):
        disttrain.fit({**document, "distribution": "gama"}, out=tmp_path / "run")
    with pytest.raises(ConfigError, match="epoch"):
        disttrain.fit(document, set={"training.epoch": 3}, out=tmp_path / "run")
    with pytest.raises(DataError):
        disttrain.fit(document, set={"data.target": "normal"}, out=tmp_path / "run")
    assert not (tmp_path / "run").exists()


def test_a_table_of_arrow_strings_is_a_frame_like_any_other(family_run, table):
    run = disttrain.load(family_run("normal").folder)
    arrow = table.to_pandas(types_mapper={pa.string(): pd.ArrowDtype(pa.string()), pa.float64(): pd.ArrowDtype(pa.float64())}.get)
    assert_same(run.predict(arrow), run.predict(table.to_pandas()))


def test_a_frame_of_which_no_category_is_known_is_refused_unless_it_is_said(tmp_path, table):
    small = table.slice(0, 60).append_column("region", pa.array(["north", "south"] * 30))
    write_table(tmp_path / "t.parquet", small)
    document = config_of("normal", "t.parquet")
    document["data"]["features"] = ["region"]
    run = disttrain.fit(write_config(tmp_path / "c.yaml", document), out=tmp_path / "run")
    name = next(feature.name for feature in run.model.schema.features if feature.kind == "categorical")
    frame = small.to_pandas().assign(**{name: "never seen"})
    for call in (run.predict, run.evaluate):
        with pytest.raises(DataError, match="is a category that training had"):
            call(frame)
        assert len(call(frame, unknown="ok"))
    with pytest.raises(UsageError):
        run.predict(frame, unknown="maybe")
    with pytest.raises(UsageError) as refusal:
        run.predict(frame, columns="cheese", samples=-1, unknown="maybe")
    assert len(refusal.value.findings) == 3
    with pytest.raises(UsageError, match="mapping of keys"):
        disttrain.fit(tmp_path / "c.yaml", set=["training.epochs=1"])
