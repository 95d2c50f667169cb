"""`~` is the home folder wherever a path may stand, and nothing is written anywhere else."""

from __future__ import annotations

import shutil

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def home(tmp_path, monkeypatch, table):
    """A home folder with data, and a working folder with a config that names them there."""
    (tmp_path / "home").mkdir()
    (tmp_path / "work").mkdir()
    write_table(tmp_path / "home" / "data.parquet", table)
    document = config_of("gamma", "~/data.parquet") | {"output": {"folder": "~/runs"}}
    write_config(tmp_path / "work" / "small.yaml", document)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path / "work")
    return tmp_path / "home"


def invoke(*arguments):
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output


@pytest.mark.slow
def test_a_run_in_the_home_folder_is_whole_and_used_by_that_name(home, tmp_path):
    invoke("fit", "small.yaml", "-q")
    shutil.move(home / "runs" / "small-001", home / "kept")
    run = "~/kept"
    assert pq.read_table(home / "kept" / "history.parquet").num_rows == 3
    assert pq.read_table(home / "kept" / "predictions.parquet").num_rows == 400
    for suffix in ("parquet", "csv", "feather", "ndjson"):
        invoke("predict", run, "--data", "~/data.parquet", "-o", f"~/out.{suffix}")
        invoke("evaluate", run, "--data", "~/d*.parquet", "--rows-out", f"~/rows.{suffix}")
        assert (home / f"out.{suffix}").stat().st_size
        assert (home / f"rows.{suffix}").stat().st_size
    invoke("fit", "small.yaml", "-q", "--data", "~/data.parquet", "--out", "~/other")
    invoke("evaluate", "~/other", "--baseline", "~/kept", "-m", "nll")
    invoke("explain", "~/other")
    assert pq.read_table(home / "other" / "predictions.parquet").num_rows == 400
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["small.yaml"]
    assert not list(home.rglob("*.part"))


@pytest.mark.parametrize("arguments", [["--out", "~nobody-at-all/run"], ["--set", "output.folder=~nobody-at-all/runs"]])
def test_the_home_of_nobody_is_refused_before_training(arguments, home, tmp_path):
    result = CliRunner().invoke(app, ["fit", "small.yaml", *arguments])
    assert (result.exit_code, result.stderr.splitlines()[0]) == (
        2,
        "error[no-home]: `~nobody-at-all` is no home folder: there is no such user",
    )
    assert [path.name for path in (tmp_path / "work").iterdir()] == ["small.yaml"]


def test_a_folder_that_is_called_so_is_a_folder(home, tmp_path, family_run):
    (tmp_path / "work" / "~").mkdir()
    invoke("predict", str(family_run("gamma").folder), "--data", str(home / "data.parquet"), "-o", "./~/out.parquet")
    assert pq.read_table(str(tmp_path / "work" / "~" / "out.parquet")).num_rows == 400
    assert [path.name for path in home.iterdir()] == ["data.parquet"]
