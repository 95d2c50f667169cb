"""The columns of predictions are known, and clashes refused, before any step and before any row."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.data import FORMATS, Source
from disttrain.prediction import layout
from disttrain.validation.options import PredictOptions
from tests.small_runs import config_of, family_table, write_config, write_table


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("layout")
    table = family_table()
    names = {"mean", "row", "split", "std", "q05", "loc", "median", "loc_0", "survival_2", "probs_red"}
    for name in names:
        table = table.append_column(name, table["id"])
    ids = [bytes([number % 256]) * 16 for number in range(400)]
    table = table.append_column("uuid", pa.array(ids, pa.uuid())).append_column("bytes", pa.array(ids, pa.binary()))
    table = table.append_column("listed", pa.array([[1, 2]] * 400))
    write_table(folder / "data.parquet", table)
    return folder


@pytest.fixture(autouse=True)
def here(folder, monkeypatch):
    monkeypatch.chdir(folder)


def command(code, *arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.stderr


CLASHES = {
    "mean": ("normal", []),
    "row": ("normal", []),
    "split": ("normal", []),
    "std": ("normal", []),
    "q05": ("normal", []),
    "loc": ("normal", []),
    "median": ("normal", ["predictions.columns=[median]"]),
    "survival_2": ("gamma", ["predictions.columns=[survival]", "predictions.times=[2]"]),
    "loc_0": ("normal", ["network.members=2"]),
    "probs_red": ("categorical", []),
}


@pytest.mark.parametrize("name", CLASHES)
def test_an_id_called_like_an_output_is_refused_before_training(name, folder):
    family, overrides = CLASHES[name]
    document = config_of(family, "data.parquet")
    document["data"]["id"] = ["id", name]
    write_config(folder / "clash.yaml", document)
    options = [part for override in overrides for part in ("--set", override)]
    for verb in ("check", "fit"):
        screen = command(3, verb, "clash.yaml", *options, *(["--out", f"clash-{name}"] if verb == "fit" else []))
        assert f"the id column `{name}` and a predicted column have the same name" in screen
        assert "(data.id)" in screen
        assert '--set "data.id=[id]"' in screen
    assert not (folder / f"clash-{name}").exists()
    command(0, "check", "clash.yaml", *options, "--set", "data.id=[id]")


@pytest.fixture(scope="module")
def run(folder):
    document = config_of("normal", str(folder / "data.parquet"))
    document["data"]["id"] = ["uuid"]
    document["network"] |= {"members": 2}
    write_config(folder / "small.yaml", document)
    command(0, "fit", folder / "small.yaml", "-q", "--out", folder / "run")
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMATS)
def test_every_format_is_named_by_its_suffix_and_by_the_option(form, run, folder):
    suffix = FORMATS[form].suffixes[0]
    command(0, "predict", run, "--data", "data.parquet", "-o", f"by-name{suffix}")
    command(0, "predict", run, "--data", "data.parquet", "-o", "by-option", "--format", form)
    assert (folder / f"by-name{suffix}").read_bytes() == (folder / "by-option").read_bytes()
    (folder / "by-option").unlink()
    assert sum(Source([folder / f"by-name{suffix}"], form).counts) == 400


@pytest.mark.parametrize("output", ["out.xlsx", "out", "out.csv.gz"])
def test_an_output_of_no_format_is_a_mistake_of_usage(output, run):
    screen = command(2, "predict", run, "--data", "nowhere.parquet", "-o", output)
    assert "error[unknown-format]" in screen
    assert "--format parquet" in screen
    assert "ndjson" in screen
    assert "data.format" not in screen
    command(2, "evaluate", run, "--rows-out", output)


def test_uuids_are_text_in_csv_and_lines(run, folder):
    expected = [f"{n % 256:02x}" * 4 + "-" + "-".join([f"{n % 256:02x}" * 2] * 3) + "-" + f"{n % 256:02x}" * 6 for n in range(400)]
    command(0, "predict", run, "--data", "data.parquet", "-o", "ids.csv")
    assert csv.read_csv(folder / "ids.csv")["uuid"].to_pylist() == expected
    command(0, "predict", run, "--data", "data.parquet", "-o", "ids.ndjson")
    assert [json.loads(line)["uuid"] for line in (folder / "ids.ndjson").read_text().splitlines()] == expected


@pytest.mark.parametrize(("column", "where"), [("listed", "column `listed`"), ("bytes", "row 128, column `bytes`")])
def test_what_csv_cannot_hold_is_refused_before_any_row(column, where, run, folder, monkeypatch):
    monkeypatch.setattr("disttrain.workflows.predict.written", None)
    for data in (["--data", "data.parquet"], []):
        screen = command(3, "predict", run, *data, "--keep", column, "-o", "refused.csv")
        assert where in screen
        assert "`--format parquet`" in screen
    monkeypatch.undo()
    command(0, "predict", run, "--data", folder / "data.parquet", "--keep", column, "-o", folder / "kept.parquet", "--overwrite")
    assert column in pq.read_schema(folder / "kept.parquet").names


def test_a_column_twice_in_csv_is_refused_and_in_parquet_is_none(run, folder):
    for output, code in (("twice.csv", 3), ("twice.parquet", 0)):
        command(code, "predict", run, "--data", "data.parquet", "--keep", "loc_0", "-o", output)
    assert not (folder / "twice.csv").exists()
    command(0, "predict", run, "--data", "data.parquet", "--keep", "loc_0", "-o", "twice.csv", "--prefix", "pred_")


def test_bytes_are_not_shown_on_a_terminal(run, monkeypatch):
    monkeypatch.setattr("disttrain.validation.options.is_terminal", lambda: True)
    for options in ([], ["--format", "arrow"], ["--format", "feather"]):
        assert "`--format csv`" in command(2, "predict", run, "-o", "-", *options)
    for form in ("csv", "ndjson"):
        command(0, "predict", run, "-o", "-", "--format", form)


def test_two_predicted_columns_never_share_a_name(run, folder):
    command(2, "predict", run, "--data", "data.parquet", "--quantiles", "0.05,0.0500000000001", "-o", "levels.parquet")
    command(2, "predict", run, "--data", "data.parquet", "--rename", "std=mean", "-o", "levels.parquet")
    command(0, "predict", run, "--data", "data.parquet", "--columns", "mean,mean", "--quantiles", "0.5,0.5", "-o", "levels.parquet")
    assert pq.read_schema(folder / "levels.parquet").names == ["row", "uuid", "mean", "q50"]


def test_a_list_of_members_takes_the_names_of_its_columns_in_csv(run):
    predict = ["predict", run, "--data", "data.parquet", "--columns", "parameters,mean", "--rename", "mean=loc_0", "-o"]
    screen = command(2, *predict, "named.csv")
    assert "two predicted columns would be called `loc_0` in csv" in screen
    assert "input" not in screen
    command(0, *predict, "named.parquet")


def test_the_columns_of_wide_files_are_laid_out_in_time_that_grows_with_their_number():
    names = [f"c{number}" for number in range(8_000)]
    schema = pa.schema([(name, pa.float64()) for name in names])
    model = SimpleNamespace(schema=SimpleNamespace(id=("c7",)))
    request = PredictOptions(keep=tuple(names), rename=tuple((f"s{number}", f"r{number}") for number in range(4_000)))
    made = {f"s{number}": 3 for number in range(8_000)}
    start = time.perf_counter()
    assert layout.select_kept_columns(schema, request, model)[:2] == ("c7", "c0")
    layout.require_layout(schema, names, made, "csv", request)
    table = layout.arranged(pa.Table.from_arrays([pa.nulls(1)] * 8_000, names), {name: pa.nulls(1) for name in made}, names, request)
    assert table.num_columns == 16_000
    # A pass over all names for each name would take half a minute.
    assert time.perf_counter() - start < 5
