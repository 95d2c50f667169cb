"""Saves until it is killed, then looks at what is left: a program, since only a process can be killed.

Usage: saving_until_killed.py FOLDER. Prints one JSON object: {case: the number of kills, or the text of the failure}.
"""

from __future__ import annotations

import json
import os
import random
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from disttrain.storage import atomic_files, checkpoint_folder, run_folder
from tests.storage.storage_cases import checkpoint_mark, leftovers, mark_of, save, save_checkpoint

STEPS = ("open", "fsync", "replace", "unlink", "mkdir", "listdir", "close", "write")


def save_file(folder: Path, mark: float) -> None:
    atomic_files.make_folder(folder)
    atomic_files.write_bytes(folder / "file", b"%d\n" % mark * 40_000)


def file_mark(folder: Path) -> float:
    lines = (folder / "file").read_bytes().split(b"\n")
    assert len(lines) == 40_001
    assert len(set(lines[:-1])) == 1
    return float(lines[0])


# How to save, how to read, and whether something was saved.
KINDS: dict[str, tuple[Callable[[Path, float], None], Callable[[Path], float], Callable[[Path], bool]]] = {
    "model": (save, mark_of, lambda folder: (folder / "model.json").exists()),
    "file": (save_file, file_mark, lambda folder: (folder / "file").exists()),
    "checkpoint": (save_checkpoint, checkpoint_mark, checkpoint_folder.has_checkpoint),
}


def die_at(nth: int, after: bool) -> None:
    """Let this process kill itself just before, or just after, its `nth` step."""
    calls = [0]

    def counted(real: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **options: object) -> object:
            calls[0] += 1
            if calls[0] == nth and not after:
                os.kill(os.getpid(), signal.SIGKILL)
            try:
                return real(*args, **options)
            finally:
                if calls[0] == nth:
                    os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in STEPS:
        setattr(os, name, counted(getattr(os, name)))


def child(work: Callable[[], None]) -> int:
    """A forked process that does `work` and ends with status 0, or 1 where it failed."""
    if pid := os.fork():
        return pid
    status = 1
    try:
        work()
        status = 0
    finally:
        os._exit(status)


def look(kind: str, folder: Path, before: float | None, possible: set[float]) -> None:
    """Demand a whole old or new thing, and that the next save works and cleans up."""
    write, mark, there = KINDS[kind]
    if there(folder):
        assert mark(folder) in possible, (mark(folder), possible)
    else:
        assert before is None
    write(folder, 1000.0)
    assert mark(folder) == 1000.0
    assert not leftovers(folder), leftovers(folder)


def at_each_step(kind: str, root: Path) -> int:
    write, kills = KINDS[kind][0], 0
    for before in (None, 1.0):
        for after in (False, True):
            for nth in range(1, 200):
                folder = root / f"{before}-{after}-{nth}" / "model"
                folder.parent.mkdir(parents=True)
                if before is not None:
                    write(folder, before)

                def work(folder: Path = folder, nth: int = nth, after: bool = after) -> None:
                    die_at(nth, after)
                    write(folder, 2.0)

                status = os.waitpid(child(work), 0)[1]
                possible = {2.0} if before is None else {before, 2.0}
                look(kind, folder, before, possible)
                if status == 0:
                    break
                assert status == signal.SIGKILL, status
                kills += 1
    return kills


def at_random(kind: str, root: Path, times: int = 40) -> int:
    write, chance = KINDS[kind][0], random.Random(7)
    for turn in range(times):
        folder = root / f"{turn}"
        begun, begin = os.pipe()

        def work(folder: Path = folder, begin: int = begin) -> None:
            mark = 0.0
            while True:
                write(folder, mark)
                os.write(begin, b".")
                mark = (mark + 1) % 100

        pid = child(work)
        select.select([begun], [], [], 30)
        time.sleep(chance.uniform(0, 0.02))
        os.kill(pid, signal.SIGKILL)
        assert os.waitpid(pid, 0)[1] == signal.SIGKILL
        saved = len(os.read(begun, 100_000))
        os.close(begun)
        os.close(begin)
        # The save that was under way may have happened or not; every one before it has.
        look(kind, folder, 0.0, {float((saved - 1) % 100), float(saved % 100)})
    return times


def holding(root: Path) -> int:
    """A run whose process is killed gives its folder back, and what was saved stays."""
    for turn in range(5):
        folder = root / f"run-{turn}"
        begun, begin = os.pipe()

        def work(folder: Path = folder, begin: int = begin) -> None:
            run = run_folder.create_at(folder)
            os.write(begin, b".")
            while True:
                run.update(epoch=1)

        pid = child(work)
        os.read(begun, 1)
        time.sleep(0.005 * turn)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        assert run_folder.record(folder)["status"] == "running"
        with run_folder.create_at(folder, overwrite=True) as run:
            assert "epoch" not in run_folder.record(folder)
            assert run.status() == "running"
        assert not leftovers(folder)
    return 5


CASES: dict[str, Callable[[Path], int]] = {
    **{f"{kind} at each step": lambda root, kind=kind: at_each_step(kind, root) for kind in KINDS},
    **{f"{kind} at random": lambda root, kind=kind: at_random(kind, root) for kind in KINDS},
    "run": holding,
}


def kills_or_failure(case: str, root: Path) -> int | str:
    try:
        return CASES[case](root)
    except Exception:
        return traceback.format_exc()


if __name__ == "__main__":
    print(json.dumps({case: kills_or_failure(case, Path(sys.argv[1]) / case) for case in CASES}))
