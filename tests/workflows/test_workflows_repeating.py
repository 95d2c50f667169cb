"""The same again is the same: seeds, resolved configs, formats of files, layouts of rows."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest

from disttrain.errors import DataError, OutputExists
from disttrain.validation.options import PredictOptions
from disttrain.workflows.predict import predict
from tests.small_runs import config_of, fitted, write_config, write_table


def as_ndjson(table, path):
    path.write_text(table.to_pandas().to_json(orient="records", lines=True, double_precision=15), encoding="utf-8")


WRITERS = {
    "parquet": pq.write_table,
    "csv": pyarrow.csv.write_csv,
    "feather": pyarrow.feather.write_feather,
    "ndjson": as_ndjson,
}


@pytest.fixture(scope="module")
def plain(table):
    """Features and a target whose text forms are exact, so that every format holds the same numbers."""
    rounded = {name: pa.array(np.round(table[name].to_numpy(), 6)) for name in ("x", "z", "gamma")}
    return pa.table({**rounded, "kind": table["kind"], "fold": table["fold"], "id": table["id"]})


@pytest.fixture(scope="module")
def run(plain, tmp_path_factory):
    folder = tmp_path_factory.mktemp("plain")
    document = config_of("gamma", str(write_table(folder / "plain.parquet", plain)))
    return fitted(write_config(folder / "plain.yaml", document), folder / "run")


def parameters_of(predictions):
    return {name: predictions[name].to_numpy() for name in predictions.column_names if name not in ("row", "split")}


def test_the_same_seed_gives_the_same_bytes_of_weights(run, tmp_path):
    assert fitted(run.folder.parent / "plain.yaml", tmp_path / "again").weights == run.weights


def test_another_seed_gives_other_weights(run, tmp_path):
    assert fitted(run.folder.parent / "plain.yaml", tmp_path / "other", "training.seed=1").weights != run.weights


@pytest.mark.slow
@pytest.mark.parametrize("overrides", [(), ("training.seed=3", "network.hidden=[4,4]", "training.optimizer.name=sgd")])
def test_fitting_the_resolved_config_repeats_the_run(run, overrides, tmp_path):
    first = fitted(run.folder.parent / "plain.yaml", tmp_path / "first", *overrides)
    second = fitted(first.folder / "config.resolved.yaml", tmp_path / "second")
    assert second.weights == first.weights
    assert second.predictions.select(["row", "split", "rate"]).equals(first.predictions.select(["row", "split", "rate"]))
    assert (second.folder / "config.resolved.yaml").read_bytes() == (first.folder / "config.resolved.yaml").read_bytes()


def test_the_config_is_kept_byte_for_byte(run):
    assert (run.folder / "config.yaml").read_bytes() == (run.folder.parent / "plain.yaml").read_bytes()


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_of_the_same_data_gives_the_same_predictions(form, plain, run, tmp_path):
    WRITERS[form](plain, tmp_path / f"data.{form}")
    found = parameters_of(run.predicted(tmp_path / f"data.{form}", tmp_path / "out.parquet"))
    for name, values in parameters_of(run.predictions).items():
        assert np.array_equal(found[name], values), name


@pytest.mark.parametrize("form", WRITERS)
def test_every_format_of_the_same_data_gives_the_same_fit(form, plain, run, tmp_path):
    WRITERS[form](plain, tmp_path / f"data.{form}")
    config = write_config(tmp_path / "same.yaml", config_of("gamma", f"data.{form}"))
    assert fitted(config, tmp_path / "run").weights == run.weights


@pytest.mark.parametrize("size", [1, 7, 399, 400])
def test_row_groups_do_not_matter(size, plain, run, tmp_path):
    pq.write_table(plain, tmp_path / "groups.parquet", row_group_size=size)
    found = run.predicted(tmp_path / "groups.parquet", tmp_path / "out.parquet")
    assert parameters_of(found).keys() == parameters_of(run.predictions).keys()
    assert np.array_equal(found["rate"], run.predictions["rate"])


def test_a_csv_in_two_files_is_the_same_data(plain, run, tmp_path):
    pyarrow.csv.write_csv(plain.slice(0, 150), tmp_path / "part-1.csv")
    pyarrow.csv.write_csv(plain.slice(150), tmp_path / "part-2.csv")
    found = run.predicted(tmp_path / "part-*.csv", tmp_path / "out.parquet")
    assert found["row"].to_pylist() == list(range(plain.num_rows))
    assert np.array_equal(found["rate"], run.predictions["rate"])


def test_a_row_predicted_alone_is_the_row_predicted_among_others(plain, run, tmp_path):
    alone = run.predicted(write_table(tmp_path / "one.parquet", plain.slice(123, 1)), tmp_path / "out.parquet")
    assert alone["concentration"][0] == run.predictions["concentration"][123]
    assert alone["q95"][0] == run.predictions["q95"][123]


def test_predicting_twice_gives_the_same_bytes(run, tmp_path):
    source = str(run.folder.parent / "plain.parquet")
    for name in ("a", "b"):
        predict(PredictOptions(run=run.folder, data=source, output=str(tmp_path / f"{name}.parquet"), samples=4), tmp_path)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


def test_predicting_a_runs_own_rows_again_gives_the_same_bytes(run, tmp_path):
    before = (run.folder / "predictions.parquet").read_bytes()
    predict(PredictOptions(run=run.folder), tmp_path)
    assert (run.folder / "predictions.parquet").read_bytes() == before


def test_the_target_need_not_be_there_to_predict(plain, run, tmp_path):
    bare = write_table(tmp_path / "bare.parquet", plain.drop_columns(["gamma", "fold"]))
    assert np.array_equal(run.predicted(bare, tmp_path / "out.parquet")["rate"], run.predictions["rate"])


def test_columns_may_come_in_another_order(plain, run, tmp_path):
    turned = write_table(tmp_path / "turned.parquet", plain.select(plain.column_names[::-1]))
    assert np.array_equal(run.predicted(turned, tmp_path / "out.parquet")["rate"], run.predictions["rate"])


def test_no_rows_give_a_file_without_rows(plain, run, tmp_path):
    empty = run.predicted(write_table(tmp_path / "empty.parquet", plain.slice(0, 0)), tmp_path / "out.parquet")
    assert empty.num_rows == 0
    assert empty.schema.names == [name for name in run.predictions.column_names if name != "split"]
    assert empty.schema.field("rate").type == pa.float64()
    assert b"disttrain" in empty.schema.metadata


@pytest.mark.slow
@pytest.mark.parametrize("most", [1 << 30, 1000])
def test_shards_together_are_the_whole(plain, run, tmp_path, monkeypatch, most):
    monkeypatch.setattr("disttrain.data.io.record_batches.MOST_BYTES", most)
    many = write_table(tmp_path / "many.parquet", pa.concat_tables([plain] * 400))
    whole = run.predicted(many, tmp_path / "whole.parquet")
    parts = []
    for number in range(2):
        output = tmp_path / f"{number}.parquet"
        predict(PredictOptions(run=run.folder, data=str(many), output=str(output), shard=(number, 2)), tmp_path)
        parts.append(pq.read_table(output))
    assert pa.concat_tables(parts).sort_by("row").equals(whole)


def test_nothing_is_overwritten_unasked(plain, run, tmp_path):
    (tmp_path / "out.parquet").write_text("mine")
    source = str(run.folder.parent / "plain.parquet")
    with pytest.raises(OutputExists):
        predict(PredictOptions(run=run.folder, data=source, output=str(tmp_path / "out.parquet")), tmp_path)
    assert (tmp_path / "out.parquet").read_text() == "mine"
    predict(PredictOptions(run=run.folder, data=source, output=str(tmp_path / "out.parquet"), overwrite=True), tmp_path)
    assert pq.read_table(tmp_path / "out.parquet").num_rows == plain.num_rows


def test_a_failed_prediction_leaves_no_file(plain, run, tmp_path):
    broken = plain.set_column(0, "x", pa.array([*plain["x"].to_pylist()[:-1], float("inf")]))
    with pytest.raises(DataError):
        run.predicted(write_table(tmp_path / "broken.parquet", broken), tmp_path / "out.parquet")
    assert {path.name for path in tmp_path.iterdir()} == {"broken.parquet"}


def test_missing_values_are_predicted_by_the_policy_of_the_fit(plain, run, tmp_path):
    holes = plain.set_column(plain.column_names.index("kind"), "kind", pa.array([None, "west", *plain["kind"].to_pylist()[2:]]))
    found = run.predicted(write_table(tmp_path / "holes.parquet", holes), tmp_path / "out.parquet")
    assert found["rate"].null_count == 0
    assert np.array_equal(found["rate"].to_numpy()[2:], run.predictions["rate"].to_numpy()[2:])


def test_a_kept_column_may_not_hide_a_predicted_one(plain, run, tmp_path):
    clashing = write_table(tmp_path / "clash.parquet", plain.append_column("rate", plain["x"]))
    request = PredictOptions(run=run.folder, data=str(clashing), output=str(tmp_path / "out.parquet"), keep=("all",))
    with pytest.raises(DataError, match="rate"):
        predict(request, tmp_path)
    predict(PredictOptions(**{**vars(request), "prefix": "pred_"}), tmp_path)
    kept = pq.read_table(tmp_path / "out.parquet")
    assert kept["rate"].equals(plain["x"])
    assert np.array_equal(kept["pred_rate"], run.predictions["rate"])


def test_renamed_and_chosen_columns(run, tmp_path):
    source = str(run.folder.parent / "plain.parquet")
    rename, columns = (("mean", "expected"),), ("mean", "variance", "median", "mode", "std")
    request = PredictOptions(
        run=run.folder, data=source, output=str(tmp_path / "out.parquet"), columns=columns, rename=rename, keep=("id",)
    )
    predict(request, tmp_path)
    found = pq.read_table(tmp_path / "out.parquet")
    assert found.column_names == ["row", "id", "expected", "variance", "median", "mode", "std"]
    assert found["std"].to_numpy() ** 2 == pytest.approx(found["variance"].to_numpy(), rel=1e-12)
    assert np.array_equal(found["expected"], run.predictions["mean"])
    assert np.array_equal(found["median"], run.predictions["q50"])


@pytest.mark.parametrize(("level", "name"), [(0.05, "q05"), (0.025, "q02_5"), (0.999, "q99_9"), (0.5, "q50")])
def test_quantile_columns_are_named_by_per_cent(level, name, run, tmp_path):
    source = str(run.folder.parent / "plain.parquet")
    predict(
        PredictOptions(run=run.folder, data=source, output=str(tmp_path / "o.parquet"), columns=("quantiles",), quantiles=(level,)),
        tmp_path,
    )
    assert pq.read_schema(tmp_path / "o.parquet").names == ["row", name]
