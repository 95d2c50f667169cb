"""A process that is killed while it saves leaves the old thing or the new one, and the next save finds nothing in its way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("saving_until_killed.py")
# One process runs the program, once for all cases.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("killed while saving")]


@pytest.fixture(scope="module")
def kills(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int | str]:
    """How often a saving process was killed in each case, or how the case failed."""
    folder = tmp_path_factory.mktemp("killed")
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": os.pathsep.join([str(PROGRAM.parents[2]), *sys.path])}
    done = subprocess.run([sys.executable, PROGRAM, folder], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(("what", "fewest"), [("file", 30), ("model", 60), ("checkpoint", 60)])
def test_killed_at_each_step_of_a_save(what: str, fewest: int, kills: dict[str, int | str]) -> None:
    number = kills[f"{what} at each step"]
    assert isinstance(number, int), number
    assert number > fewest


@pytest.mark.parametrize("what", ["file", "model", "checkpoint"])
def test_killed_at_random_while_saving_again_and_again(what: str, kills: dict[str, int | str]) -> None:
    assert kills[f"{what} at random"] == 40


def test_a_run_whose_process_was_killed_is_free_again(kills: dict[str, int | str]) -> None:
    assert kills["run"] == 5
