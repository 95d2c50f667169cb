"""Fits that are killed and gone on with until they end: a program, since only a process can be killed. Prints one JSON object.

Usage: fitting_until_killed.py CONFIG FOLDER
"""

from __future__ import annotations

import json
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from disttrain.cli.app import app
from disttrain.cli.terminal import Terminal
from tests.storage.saving_until_killed import child, die_at

RESULTS = ("model/weights.safetensors", "predictions.parquet", "metrics.json")


def fit(config: Path, out: Path, *options: str) -> None:
    """The command line in this process, which ends with its exit code."""
    resume = ["--resume"] if (out / "run.json").exists() else []
    try:
        app(["fit", str(config), "--out", str(out), "--no-progress", *resume, *options])
    except SystemExit as end:
        os._exit(int(end.code or 0))


def ended(pid: int) -> int:
    """The exit code of a child, or minus the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def silent(work: Callable[[], None]) -> Callable[[], None]:
    def call() -> None:
        nothing = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nothing, 1)
        os.dup2(nothing, 2)
        work()

    return call


def results(folder: Path) -> list[bytes]:
    return [(folder / result).read_bytes() for result in RESULTS]


def complete(folder: Path) -> bool:
    """Whether nothing was left to do for a run that was killed."""
    record = folder / "run.json"
    return record.exists() and json.loads(record.read_text())["status"] == "finished" and not list(folder.glob("checkpoint/*.json"))


def signal_at(number: int, nth: int) -> None:
    """Let this process send itself a signal when it tells of its `nth` epoch."""
    say, heard = Terminal.say, []

    def saying(talk: Terminal, text: str = "") -> None:
        heard.extend([text] if text.startswith("epoch=") else [])
        if len(heard) == nth and heard[-1] is text:
            os.kill(os.getpid(), number)
        say(talk, text)

    Terminal.say = saying  # type: ignore[method-assign]


def at_steps(config: Path, out: Path, chance: random.Random) -> int:
    """Dies at a random one of its steps on the disk, a little later each time so that it ends at last: the number of kills."""
    kills = 0
    while True:
        nth, after = chance.randrange(1, 40 * (2 + kills)), chance.random() < 0.5

        def work(nth: int = nth, after: bool = after) -> None:
            die_at(nth, after)
            fit(config, out)

        code = ended(child(silent(work)))
        if code == 0:
            return kills
        assert code == -signal.SIGKILL, code
        kills += 1
        if complete(out):
            return kills


def at_random(config: Path, out: Path, chance: random.Random) -> int:
    """Is killed after a random time, a little longer each time so that it ends at last."""
    kills = 0
    while True:
        pid = child(silent(lambda: fit(config, out)))
        time.sleep(chance.uniform(0.0, 0.1 * (1 + kills)))
        os.kill(pid, signal.SIGKILL)
        if (code := ended(pid)) == 0:
            return kills
        assert code == -signal.SIGKILL, code
        kills += 1
        if complete(out):
            return kills


def asked(config: Path, out: Path, chance: random.Random) -> int:
    """Is asked to stop after a few epochs, and goes on: by Ctrl-C, then by SIGTERM."""
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
        nth = chance.randrange(1, 4)

        def work(number: int = number, nth: int = nth) -> None:
            signal_at(number, nth)
            fit(config, out)

        assert ended(child(silent(work))) == code
        record = json.loads((out / "run.json").read_text())
        assert (record["status"], record["exit_code"]) == ("stopped", code)
        assert {path.suffix for path in (out / "checkpoint").iterdir()} == {".json", ".safetensors"}
    assert ended(child(silent(lambda: fit(config, out)))) == 0
    return 2


WAYS = {"at-steps": at_steps, "at-random": at_random, "asked": asked}

if __name__ == "__main__":
    config, place = Path(sys.argv[1]), Path(sys.argv[2])
    # In this process, so that no child has to import what a fit needs.
    with suppress(SystemExit):
        app(["fit", str(config), "--out", str(place / "whole" / "run"), "--quiet"])
    whole, stops = results(place / "whole" / "run"), {}
    for way, follow in WAYS.items():
        stops[way] = follow(config, place / way / "run", random.Random(7))
        assert results(place / way / "run") == whole, f"{way}: another model"
        assert json.loads((place / way / "run" / "run.json").read_text())["status"] == "finished"
        assert not list((place / way / "run").glob("checkpoint/*.json"))
    print(json.dumps(stops))
