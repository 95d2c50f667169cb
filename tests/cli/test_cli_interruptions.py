"""Ctrl-C and SIGTERM, once or twice, at any moment: one line, the exit code of the signal, and a run.json that tells the truth."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.small_runs import config_of, write_config, write_table

PROGRAM = Path(__file__).with_name("interrupted_at.py")
CODES = {2: 130, 15: 143}
WORDS = {2: "interrupted", 15: "terminated"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory, table):
    folder = tmp_path_factory.mktemp("interrupted")
    write_table(folder / "data.parquet", table)
    document = config_of("gamma", "data.parquet")
    document["training"]["epochs"] = 200
    write_config(folder / "small.yaml", document)
    return folder


def run(program, folder, point, signals, *arguments):
    """The end of a command that gets signals at a point: started anew for a point among its imports."""
    kind, _, function = point.partition(":")
    if kind == "import":
        command = [sys.executable, str(PROGRAM), point, ",".join(map(str, signals)), *arguments]
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=120, check=False, env=os.environ | {"COLUMNS": "80"}
        )
    else:
        done = program.run(arguments, folder, environment={"COLUMNS": "80"}, interruption=(function, list(signals)))
    assert "Traceback" not in done.stderr, done.stderr
    return done


# Before anything could be kept: imports, reading, preparing.
EARLY = [
    ("import:typer", (2,)),
    ("import:torch", (2, 2)),
    ("import:torch", (15,)),
    ("call:disttrain.cli.usage:_arranged", (15,)),
    ("call:disttrain.cli.options:_completed", (15,)),
    ("call:disttrain.workflows.fit:prepare", (2, 15)),
]


@pytest.mark.slow
@pytest.mark.parametrize(("point", "signals"), EARLY, ids=str)
def test_before_a_fit_has_begun_one_signal_ends_it_at_once_in_one_line(point, signals, folder, program):
    done = run(program, folder, point, signals, "fit", "small.yaml", "--out", "early")
    assert (done.returncode, done.stderr, done.stdout) == (CODES[signals[0]], WORDS[signals[0]] + "\n", "")
    assert not (folder / "early").exists()


# In a run: before the first epoch, in one, after the last; while its files are written.
DURING = {
    "overwriting": ("call:disttrain.storage.run_folder:_remove", (15,)),
    "inputs": ("call:disttrain.runs.manifest:write_inputs", (2, 2)),
    "work": ("call:disttrain.workflows.fit_epochs:_work", (2,)),
    "checkpoint": ("call:disttrain.storage:write_checkpoint", (2, 2)),
    "epoch": ("call:disttrain.cli.progress:_epoch", (15, 15)),
    "impatience": ("call:disttrain.cli.progress:_epoch", (2, 2, 2, 2)),
    "scoring": ("call:disttrain.evaluation.scoring:split_scores", (2, 2)),
    "predictions": ("call:disttrain.workflows.results:write_own", (15,)),
}


@pytest.mark.slow
@pytest.mark.parametrize("moment", DURING)
def test_in_a_run_the_status_is_true(moment, folder, program):
    point, signals = DURING[moment]
    out = folder / "-".join([moment, *map(str, signals)])
    epochs = "3" if moment in ("scoring", "predictions") else "200"
    # What is left of an older run there.
    out.mkdir()
    (out / "run.json").write_text("{}")
    (out / "log.jsonl").write_text("{}\n")
    done = run(program, folder, point, signals, "fit", "small.yaml", "--out", out.name, "--overwrite", "--epochs", epochs)
    record = json.loads((out / "run.json").read_text())
    assert done.returncode == CODES[signals[0]]
    assert (record["status"], record["exit_code"]) == ("stopped", done.returncode)
    assert not list(out.rglob("*.part"))
    assert not (out / ".lock").exists()
    assert any(line.endswith(WORDS[signals[0]]) or "Next:" in line for line in done.stderr.splitlines()[-2:])
    shutil.rmtree(out)


@pytest.mark.slow
@pytest.mark.parametrize(("point", "signal"), [("import:torch", 2), ("call:disttrain.workflows.predict:written", 15)])
def test_a_prediction_that_is_interrupted_leaves_nothing(point, signal, folder, family_run, program):
    model = str(family_run("gamma").folder)
    done = run(program, folder, point, [signal], "predict", model, "--data", "data.parquet", "-o", "out.parquet")
    assert (done.returncode, done.stderr, done.stdout) == (CODES[signal], WORDS[signal] + "\n", "")
    assert not list(folder.glob("*out.parquet*"))
