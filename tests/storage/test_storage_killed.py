"""A process that is killed while it saves leaves the old thing or the new one, and the next save finds nothing in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("saving_until_killed.py")


def kills(what: str, way: str, folder: Path) -> int:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(PROGRAM.parents[2]), *sys.path])}
    done = subprocess.run([sys.executable, PROGRAM, what, way, folder], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return int(json.loads(done.stdout)["kills"])


@pytest.mark.slow
@pytest.mark.parametrize("what", ["file", "model", "checkpoint"])
def test_killed_at_each_step_of_a_save(tmp_path: Path, what: str) -> None:
    assert kills(what, "at-each-step", tmp_path) > {"file": 30, "model": 60, "checkpoint": 60}[what]


@pytest.mark.slow
@pytest.mark.parametrize("what", ["file", "model", "checkpoint"])
def test_killed_at_random_while_saving_again_and_again(tmp_path: Path, what: str) -> None:
    assert kills(what, "at-random", tmp_path) == 40


@pytest.mark.slow
def test_a_run_whose_process_was_killed_is_free_again(tmp_path: Path) -> None:
    assert kills("run", "at-random", tmp_path) == 5
