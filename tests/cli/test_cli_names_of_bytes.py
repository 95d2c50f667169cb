"""Names of files and folders that are not UTF-8: what a config cannot say is refused in words about the name, by every command alike."""

from __future__ import annotations

import os
import shutil

import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table

NAME = os.fsdecode(b"caf\xe9")


@pytest.fixture
def here(tmp_path, monkeypatch, table):
    monkeypatch.chdir(tmp_path)
    try:
        os.mkdir(NAME)
    except OSError:
        pytest.skip("this file system has names of UTF-8 only")
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    for name in ("data.parquet", "small.yaml"):
        shutil.copy(name, NAME)
    return tmp_path


def run(*arguments):
    result = CliRunner().invoke(app, arguments)
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize(
    "arguments", [("--data", NAME), ("-s", f"output.folder={NAME}"), ("-s", f"data.train={NAME}/data.parquet")], ids=ascii
)
def test_a_value_that_is_not_utf8_is_told_by_its_byte_and_as_a_name(here, arguments):
    done = run("fit", "small.yaml", *arguments)
    assert done.exit_code == 2
    assert "error[not-utf8]: the byte 0xe9 of this value is not UTF-8" in done.stderr
    assert "save the file" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("command", [("check",), ("fit", "--dry-run"), ("fit",)], ids=" ".join)
def test_a_config_in_a_folder_whose_name_is_not_utf8_is_refused_from_outside_and_read_from_inside(here, monkeypatch, command):
    done = run(*command, f"{NAME}/small.yaml")
    assert done.exit_code == 2
    assert "error[not-utf8]: the name of caf\\udce9/data.parquet is not UTF-8" in done.stderr
    assert run("fit", f"{NAME}/small.yaml", "--dry-run", "--out", f"{NAME}/run").exit_code == 0
    monkeypatch.chdir(NAME)
    assert run(*command, "small.yaml").exit_code == 0
