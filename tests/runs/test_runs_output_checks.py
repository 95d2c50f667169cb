"""An output never replaces what it is made of: the rows that are read, the model, or what a run says of itself."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app
from tests.small_runs import config_of, write_config, write_table


@pytest.fixture
def here(tmp_path, monkeypatch, table, family_run):
    monkeypatch.chdir(tmp_path)
    write_table(tmp_path / "data.parquet", table)
    shutil.copytree(family_run("gamma").folder, tmp_path / "run")
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    (tmp_path / "folder").mkdir()
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file() and not path.is_symlink()}


def refused(here, *arguments, code=2):
    before = contents(here)
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    assert contents(here) == before
    return result.stderr


NAMES = {
    "itself": lambda here: here / "data.parquet",
    "by a way round": lambda here: here / "folder" / ".." / "data.parquet",
    "a link": lambda here: (here / "link.parquet", os.symlink(here / "data.parquet", here / "link.parquet"))[0],
    "a hard link": lambda here: (here / "hard.parquet", os.link(here / "data.parquet", here / "hard.parquet"))[0],
}


@pytest.mark.parametrize("name", NAMES)
def test_the_rows_that_are_read_are_not_replaced(name, here):
    output = NAMES[name](here)
    for data in ("data.parquet", "d*.parquet", str(here)):
        if data == str(here) and name in ("a link", "a hard link"):
            continue
        assert "error[output-is-input]" in refused(here, "predict", "run", "--data", data, "-o", output, "--overwrite")
    assert "data.parquet, which is read" in refused(here, "evaluate", "run", "--data", "data.parquet", "--rows-out", output, "--overwrite")


@pytest.mark.slow
def test_the_runs_own_rows_are_not_replaced(here):
    command = ["fit", "small.yaml", "-q", "--out", "other"]
    assert CliRunner().invoke(app, command).exit_code == 0
    for verb, option in (("predict", "-o"), ("evaluate", "--rows-out")):
        assert "error[output-is-input]" in refused(here, verb, "other", option, "data.parquet", "--overwrite")


RECORDS = ("model/model.json", "model/weights.safetensors", "run.json", "config.yaml", "config.resolved.yaml", "data.json",
           "environment.json", "metrics.json", "history.parquet", "log.jsonl")  # fmt: skip


@pytest.mark.parametrize("record", RECORDS)
def test_what_a_run_is_known_by_is_not_replaced(record, here):
    output = ["run/" + record, "--overwrite"]
    for run in ("run", "run/model"):
        screen = refused(here, "predict", run, "--data", "data.parquet", "--format", "parquet", "-o", *output)
        assert "which belongs to the run run" in screen
    if record.endswith(".parquet"):
        shutil.copytree(here / "run", here / "rival")
        refused(here, "evaluate", "run", "--baseline", "rival", "--data", "data.parquet", "--rows-out", "rival/" + record, "--overwrite")


@pytest.mark.slow
@pytest.mark.parametrize("changed", [False, True])
def test_the_config_of_the_run_is_not_replaced(changed, here, monkeypatch):
    assert CliRunner().invoke(app, ["fit", "small.yaml", "-q", "--out", "other"]).exit_code == 0
    if changed:
        with (here / "small.yaml").open("a") as file:
            file.write("# later\n")
    else:
        # Known by what is in it, from wherever the run is used.
        monkeypatch.chdir(here / "folder")
    config, run, data = (os.path.relpath(here / name) for name in ("small.yaml", "other", "data.parquet"))
    for options in (["predict", run, "--data", data, "--format", "csv", "-o"], ["evaluate", run, "--data", data, "--rows-out"]):
        if options[0] == "evaluate":
            os.symlink(config, "link.parquet")
        screen = refused(here, *options, config if options[0] == "predict" else "link.parquet", "--overwrite")
        assert "is the config of the run other" in screen


def test_old_outputs_in_the_run_folder_are_replaced(here):
    for output in ("run/predictions.parquet", "run/mine.csv", "out.parquet"):
        for _ in range(2):
            done = CliRunner().invoke(app, ["predict", "run", "--data", "data.parquet", "-o", output, "--overwrite"])
            assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_standard_input_counts_as_the_file_behind_it(here):
    command = [sys.executable, "-m", "disttrain", "predict", "run", "--data", "-", "-o", "data.parquet", "--overwrite"]
    before = (here / "data.parquet").read_bytes()
    with (here / "data.parquet").open("rb") as file:
        done = subprocess.run(command, stdin=file, capture_output=True, text=True, check=False)
    assert (done.returncode, (here / "data.parquet").read_bytes()) == (2, before), done.stderr


@pytest.mark.parametrize("link", [False, True])
def test_overwriting_a_run_never_removes_the_rows_it_is_fitted_on(link, here):
    data = "run/predictions.parquet"
    if link:
        os.symlink(here / data, here / "link.parquet")
        data = "link.parquet"
    options = ["--data", data, "--set", "data.features=[mean]", "--set", "data.target=std", "--set", "data.test=null"]
    assert "error[output-is-input]" in refused(here, "fit", "small.yaml", *options, "--out", "run", "--overwrite")
    assert "error[output-exists]" in refused(here, "fit", "small.yaml", *options, "--out", "run", code=7)


LONG = "o" * 5000
MANY = [f"x != {number}" for number in range(200)]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (0, ["check", "small.yaml", "--set", f"data.filter={MANY}"]),
        (0, ["fit", "small.yaml", "--dry-run", "--set", f"data.filter={MANY}"]),
        (2, ["fit", "small.yaml", "--dry-run", "--set", f"data.features=[x, {LONG}, \0]"]),
        (6, ["fit", "small.yaml", "--out", LONG]),
        (6, ["fit", "small.yaml", "--out", "o" * 300]),
        (5, ["fit", "small.yaml", "--resume", LONG]),
        (2, ["fit", LONG]),
        (2, ["explain", LONG]),
        (5, ["evaluate", LONG]),
        (3, ["predict", "run", "--data", LONG]),
        (6, ["predict", "run", "--data", "data.parquet", "-o", f"{LONG}.csv"]),
    ],
)
def test_what_is_too_long_for_a_path_is_said_so_and_no_bug(code, arguments, here):
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == code, result.output[:2000]
    assert "Traceback" not in result.output
    assert not isinstance(result.exception, OSError)


def test_a_folder_that_one_may_not_look_into_is_a_storage_error(here, monkeypatch):
    """As root may look everywhere, the refusal is played."""
    (here / "closed").mkdir()
    for name in ("stat", "lstat", "mkdir", "listdir", "open"):
        genuine = getattr(os, name)

        def refusing(path, *arguments, genuine=genuine, **options):
            if isinstance(path, str | os.PathLike) and f"{here}/closed/" in os.fspath(path):
                raise PermissionError(errno.EACCES, "Permission denied", path)
            return genuine(path, *arguments, **options)

        monkeypatch.setattr(os, name, refusing)
    for options in (["--out", here / "closed" / "x"], ["--out", here / "closed" / "x", "--resume"], ["--resume", here / "closed" / "x"]):
        result = CliRunner().invoke(app, ["fit", "small.yaml", *map(str, options)])
        assert (result.exit_code, "error[unreadable]" in result.stderr) == ((5, True) if "--resume" in options else (6, False)), (
            result.output
        )
    assert not list((here / "closed").iterdir())
