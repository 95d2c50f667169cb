"""A reader that leaves, and a disk behind standard output that is full."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import pytest

from tests.small_runs import config_of, write_config, write_table

FULL = "/dev/full"
pytestmark = pytest.mark.skipif(not os.path.exists(FULL), reason="needs /dev/full")


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table, family_run):
    folder = tmp_path_factory.mktemp("streams")
    write_table(folder / "data.parquet", table)
    write_config(folder / "small.yaml", config_of("gamma", "data.parquet"))
    shutil.copytree(family_run("gamma").folder, folder / "run")
    return folder


def gone():
    """A pipe that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    return writer


# Commands that are soon done are started anew: there Python itself opens the streams, and flushes them at its end.
STARTED = (["--help"], ["families"])


def disttrain(program, folder, arguments, stdout, stderr=None, unbuffered=False):
    """The end of a command that writes to `stdout`, and to `stderr` where it is given."""
    environment = {"PYTHONUNBUFFERED": "1" if unbuffered else ""}
    if arguments in STARTED:
        command = [sys.executable, "-m", "disttrain", *arguments]
        end = {"stdout": stdout, "stderr": stderr or subprocess.PIPE, "env": os.environ | environment, "text": True}
        done = subprocess.run(command, cwd=folder, check=False, **end)
    else:
        done = program.run(arguments, folder, stdout=stdout, stderr=stderr, environment=environment)
    assert "Traceback" not in (done.stderr or "")
    return done


COMMANDS = {
    "help": ["--help"],
    "families": ["families"],
    "requirement": ["evaluate", "run", "--data", "data.parquet", "--require", "nll<1000", "--json"],
    "parquet": ["predict", "run", "--data", "data.parquet", "-o", "-"],
    "csv": ["predict", "run", "--data", "data.parquet", "-o", "-", "--format", "csv"],
}


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_reader_that_leaves_ends_a_command_silently(name, folder, program):
    writer = gone()
    done = disttrain(program, folder, COMMANDS[name], writer, unbuffered=name == "families")
    os.close(writer)
    assert done.returncode == 141
    assert "error" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", COMMANDS)
def test_a_full_disk_behind_stdout_is_said_once(name, folder, program):
    with open(FULL, "w") as full:
        done = disttrain(program, folder, COMMANDS[name], full, unbuffered=name == "families")
    assert done.returncode == 6
    assert done.stderr.count("error[") == 1
    assert "error[disk-full]: cannot write to stdout: No space left on device" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "options"), [("nobody", []), ("nobody", ["--json"]), ("full", ["--json"])], ids=str)
def test_a_fit_goes_on_when_nobody_listens(kind, options, folder, program):
    writer = gone() if kind == "nobody" else os.open(FULL, os.O_WRONLY)
    out = folder / f"{kind}{len(options)}{''.join(options)}"
    done = disttrain(program, folder, ["fit", "small.yaml", "--out", out.name, *options], writer, writer)
    os.close(writer)
    record = json.loads((out / "run.json").read_text())
    assert (record["status"], record["exit_code"], record["epochs"]) == ("finished", 0, 3)
    # The run is whole; what could not be said of it is another matter.
    assert done.returncode == (6 if kind == "full" else 0)


@pytest.mark.slow
def test_without_standard_streams_nothing_is_written_into_a_file_of_ours(folder):
    command = f"{sys.executable} -m disttrain predict run --data data.parquet -o closed.csv >&- 2>&- <&-"
    assert subprocess.run(command, shell=True, cwd=folder, check=False).returncode == 0
    lines = (folder / "closed.csv").read_text().splitlines()
    assert len(lines) == 401
    assert lines[0].startswith('"row"')


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["fit", "piped.yaml"], ["check", "piped.yaml"], ["evaluate", "piped"], ["predict", "piped", "-o", "z.csv"],
                                       ["predict", "run", "--data", "-", "-o", "z.csv"], ["evaluate", "run", "--data", "-"],
                                       ["families", "--data", "-", "--target", "gamma"]], ids=" ".join)  # fmt: skip
def test_a_closed_standard_input_is_an_empty_one(arguments, folder, program):
    write_config(folder / "piped.yaml", config_of("gamma", "-"))
    if arguments[1] == "piped" and not (folder / "piped").exists():
        with open(folder / "data.parquet", "rb") as rows:
            assert program.run(["fit", "piped.yaml", "-q", "--out", "piped"], folder, stdin=rows).returncode == 0
    done = closed(program, arguments, "<&-", folder)
    assert done.returncode == 3
    assert "rows of piped came from standard input" in done.stderr or "nothing comes through standard input" in done.stderr


def closed(program, arguments, how, folder):
    """The end of a command whose streams are closed as a shell is told to."""
    if arguments in STARTED:
        command = f"{sys.executable} -m disttrain {' '.join(arguments)} {how}"
        done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    else:
        done = program.run(arguments, folder, closed=[{"<&-": 0, ">&-": 1, "2>&-": 2}[stream] for stream in how.split()])
    assert "Traceback" not in done.stderr
    assert "bug" not in done.stderr
    return done


TALKING = {
    "help": ["--help"], "families": ["families"], "check": ["check", "small.yaml"], "explain": ["explain", "small.yaml"],
    "fit": ["fit", "small.yaml", "--out", "again", "--overwrite"], "evaluate": ["evaluate", "run", "--data", "data.parquet"],
    "json": ["evaluate", "run", "--data", "data.parquet", "--json"], "csv": COMMANDS["csv"],
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TALKING)
def test_what_cannot_be_printed_as_standard_output_is_closed_is_a_failure_of_the_command(name, folder, program):
    done = closed(program, TALKING[name], ">&-", folder)
    assert done.returncode == 6
    assert done.stderr.count("error[") == 1
    assert "error[cannot-write]: cannot write to stdout: it is closed" in done.stderr
    assert "rows -> -" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("name", TALKING)
def test_no_command_needs_standard_error_or_input(name, folder, program):
    done = closed(program, TALKING[name], "2>&- <&-", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout


@pytest.mark.slow
def test_an_encoding_without_ticks_is_no_reason_to_fail(folder):
    environment = os.environ | {"PYTHONIOENCODING": "latin-1"}
    command = [sys.executable, "-m", "disttrain", "check", "small.yaml"]
    done = subprocess.run(command, cwd=folder, capture_output=True, env=environment, check=False)
    assert done.returncode == 0
    assert b"? target" in done.stdout
