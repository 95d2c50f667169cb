"""A project whose folder was renamed or moved, and folders whose names are bytes: runs are used and resumed as before."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner

from disttrain.cli.app import app
from disttrain.data.io import files
from disttrain.runs.open import relocated
from disttrain.validation.config import configuration
from tests.small_runs import config_of, write_config, write_table


def project(folder, table, **data):
    folder.mkdir(parents=True)
    (folder / "data").mkdir()
    write_table(folder / "data" / "a.parquet", table.slice(0, 200))
    write_table(folder / "data" / "b.parquet", table.slice(200, 100))
    write_table(folder / "test.parquet", table.slice(300))
    document = config_of("gamma", "data/*.parquet")
    document["data"] |= {"test": "test.parquet"} | data
    document["training"] |= {"epochs": 200, "early_stopping": None}
    write_config(folder / "small.yaml", document)
    return folder


def command(code, *arguments):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result.stdout + result.stderr


@pytest.fixture
def stopped(tmp_path, table, monkeypatch):
    """A project in a folder that has just been renamed, with a fit that its time limit has ended."""
    here = project(tmp_path / "before", table)
    monkeypatch.chdir(here)
    command(0, "fit", "small.yaml", "-q", "--time-limit", "1e-6")
    monkeypatch.chdir(tmp_path)
    here.rename(tmp_path / "after")
    monkeypatch.chdir(tmp_path / "after")
    return tmp_path / "after"


@pytest.mark.slow
def test_a_renamed_project_is_used_and_resumed(stopped):
    assert "400 rows" in command(0, "predict")
    assert "100 rows" in command(0, "evaluate", "-m", "nll")
    command(2, "predict", "-o", "test.parquet", "--overwrite")
    command(0, "fit", "small.yaml", "-q", "--resume", "--epochs", "200")
    record = json.loads((stopped / "runs" / "small-001" / "run.json").read_text())
    assert (record["status"], record["epochs"]) == ("finished", 200)


@pytest.mark.slow
def test_data_that_lie_elsewhere_are_resumed_with_and_other_data_are_not(stopped, table):
    (stopped / "data").rename(stopped / "moved")
    moved = ["--set", "data.train=moved/*.parquet"]
    write_table(stopped / "moved" / "b.parquet", table.slice(200, 99))
    assert "error[data-changed]" in command(3, "fit", "small.yaml", "--resume", *moved)
    write_table(stopped / "moved" / "b.parquet", table.slice(200, 100))
    # The same files, one of them another source's: another split.
    others = ["--set", "data.train=moved/a.parquet", "--set", "data.test=[moved/b.parquet, test.parquet]"]
    assert "error[resume-config]" in command(2, "fit", "small.yaml", "--resume", *others)
    command(0, "fit", "small.yaml", "-q", "--resume", *moved)


def test_folders_that_say_a_column_are_not_free(tmp_path, table, monkeypatch):
    here = project(tmp_path / "here", table, train="data", test={"column": "fold", "values": [4]})
    for name, part in (("a", "year=2024"), ("b", "year=2025")):
        (here / "data" / part).mkdir()
        (here / "data" / f"{name}.parquet").rename(here / "data" / part / "rows.parquet")
    monkeypatch.chdir(here)
    command(0, "fit", "small.yaml", "-q", "--time-limit", "1e-6")
    (here / "data").rename(here / "year=2020")
    assert "error[resume-config]" in command(2, "fit", "small.yaml", "--resume", "--set", "data.train=year=2020")


def test_a_copied_run_alone_still_finds_its_rows(stopped, tmp_path):
    """The sources lie where they lay; only the run is elsewhere."""
    document = yaml.safe_load((stopped / "runs" / "small-001" / "config.resolved.yaml").read_text())
    assert Path(document["data"]["train"]).is_absolute()
    stopped.rename(tmp_path / "before")
    os.chdir(tmp_path)
    shutil.copytree(tmp_path / "before" / "runs" / "small-001", tmp_path / "elsewhere" / "deep" / "run")
    assert "100 rows" in command(0, "evaluate", "elsewhere/deep/run", "-m", "nll")


BYTES = os.fsdecode(b"caf\xe9")


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="file names are text there")
def test_a_folder_whose_name_is_not_utf8_works_from_inside(tmp_path, table, monkeypatch):
    here = project(tmp_path / "text", table).rename(tmp_path / BYTES)
    monkeypatch.chdir(here)
    command(0, "fit", "small.yaml", "-q", "--time-limit", "1e-6")
    command(0, "predict")
    command(0, "predict", "--data", here / "test.parquet", "-o", here / "out.csv")
    command(0, "evaluate", "-m", "nll")
    command(0, "evaluate", here / "runs" / "small-001", "--json", "--data", here / "test.parquet")
    command(0, "fit", "small.yaml", "-q", "--resume")
    command(0, "fit", "small.yaml", "-q", "--data", here / "data" / "a.parquet", "--epochs", "1")
    command(0, "fit", here / "runs" / "small-001" / "config.resolved.yaml", "-q", "--epochs", "1")
    # From outside, where the config of the run could not name its data, before any work.
    monkeypatch.chdir(tmp_path)
    screen = command(2, "fit", Path(BYTES) / "small.yaml")
    assert "caf\\udce9" in screen
    assert not (tmp_path / "runs").exists()
    command(0, "fit", Path(BYTES) / "small.yaml", "-q", "--epochs", "1", "--out", Path(BYTES) / "run")
    command(0, "predict", Path(BYTES) / "run")
    assert "caf\\udce9" in command(2, "check", Path(BYTES) / "small.yaml")
    command(0, "explain", Path(BYTES) / "small.yaml")


def test_rows_that_came_by_pipe_are_gone_from_a_moved_run(tmp_path, table, monkeypatch):
    here = project(tmp_path / "before", table)
    monkeypatch.chdir(here)
    piped = (here / "data" / "a.parquet").read_bytes()
    monkeypatch.setattr(files, "stdin_bytes", lambda: piped)
    command(0, "fit", "small.yaml", "-q", "--epochs", "1", "--set", "data.train=['-', data/b.parquet]")
    monkeypatch.setattr(files, "stdin_bytes", lambda: b"")
    monkeypatch.chdir(tmp_path)
    here.rename(tmp_path / "after")
    assert "error[data-gone]" in command(3, "evaluate", tmp_path / "after" / "runs" / "small-001", "-m", "nll")


def test_sources_of_a_moved_run_are_of_the_type_of_a_config(stopped):
    loaded = configuration(Path("small.yaml"), ["data.train=[data/a.parquet, data/b.parquet]"])
    moved = relocated(loaded, stopped, str(stopped.parent / "before"))
    assert type(moved.config.data.train) is type(loaded.config.data.train)
