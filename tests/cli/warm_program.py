"""The command line in processes forked from one that has imported all of it: what `python -m disttrain` does, without the start-up.

Python itself opens the standard streams of a process that is started; here `standard_streams` opens them in the same way. Tests of a start-up,
of an import, or of Python's own streams start a process of their own.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import json
import os
import pkgutil
import socket
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import IO, Any

ROOT = Path(__file__).parents[2]
SECONDS = 120


class WarmProgram:
    """A started process that runs the command line once for each call of `run`."""

    def __init__(self) -> None:
        self.connection, other = socket.socketpair()
        self.connection.settimeout(SECONDS)
        command = [sys.executable, "-m", "tests.cli.warm_program", str(other.fileno())]
        self.process = subprocess.Popen(command, cwd=ROOT, pass_fds=[other.fileno()])
        other.close()

    def close(self) -> None:
        self.connection.close()
        self.process.wait(SECONDS)

    def run(
        self,
        arguments: Sequence[str],
        folder: Path,
        *,
        stdin: IO[Any] | int | None = None,
        stdout: IO[Any] | int | None = None,
        stderr: IO[Any] | int | None = None,
        closed: Collection[int] = (),
        environment: dict[str, str] | None = None,
        interruption: tuple[str, list[int]] | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """The end of `disttrain ARGUMENTS` in a folder, with what it wrote to the streams that were not given.

        The descriptors `closed` are closed as `>&-` does. `interruption` is a function and the signals that the process gets there: see
        interrupted_at.py.
        """
        job = {"arguments": list(arguments), "folder": str(folder), "closed": list(closed), "environment": environment or {}}
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, open(os.devnull) as nothing:
            streams = [nothing if stdin is None else stdin, out if stdout is None else stdout, err if stderr is None else stderr]
            numbers = [stream if isinstance(stream, int) else stream.fileno() for stream in streams]
            socket.send_fds(self.connection, [json.dumps(job | {"interruption": interruption}).encode()], numbers)
            code = int(self.connection.recv(100))
            for file in (out, err):
                file.seek(0)
            return subprocess.CompletedProcess(list(arguments), code, out.read().decode(), err.read().decode())


def standard_streams(numbers: Sequence[int], closed: Collection[int]) -> None:
    """Put the descriptors `numbers` in the place of 0, 1 and 2, and open Python's streams on them, None for those that are closed."""
    for place, number in enumerate(numbers):
        if place in closed:
            os.close(place)
        else:
            os.dup2(number, place)
        os.close(number)
    for place, name in enumerate(("stdin", "stdout", "stderr")):
        stream = None if place in closed else opened(place)
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)


def opened(number: int) -> io.TextIOWrapper:
    """The stream that Python opens on a descriptor at its start."""
    raw = io.FileIO(number, "r" if number == 0 else "w", closefd=False)
    if number == 0:
        return io.TextIOWrapper(io.BufferedReader(raw), "utf-8")
    unbuffered, errors = bool(os.environ.get("PYTHONUNBUFFERED")), "backslashreplace" if number == 2 else "strict"
    buffer: Any = raw if unbuffered else io.BufferedWriter(raw)
    return io.TextIOWrapper(buffer, "utf-8", errors, line_buffering=number == 2 or raw.isatty(), write_through=unbuffered)


def ended(main: Callable[[], None]) -> int:
    """The exit code of a process that runs `main` and ends as Python does."""
    code = 0
    try:
        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        return 120
    return code


def child(job: dict[str, Any], numbers: Sequence[int]) -> int:
    """What a forked process does. Returns its exit code."""
    from disttrain.__main__ import main
    from tests.cli.interrupted_at import at_call

    os.chdir(job["folder"])
    os.environ.update(job["environment"])
    standard_streams(numbers, job["closed"])
    sys.argv = ["disttrain", *job["arguments"]]
    if job["interruption"]:
        point, signals = job["interruption"]
        at_call(*point.split(":"), signals)
    return ended(main)


def serve(connection: socket.socket) -> None:
    """Fork a process for every job that comes, and answer with its exit code, negative for a signal."""
    while True:
        message, numbers, *_ = socket.recv_fds(connection, 1 << 16, 3)
        if not message:
            return
        if not (process := os.fork()):
            code = 70
            try:
                connection.close()
                code = child(json.loads(message), numbers)
            finally:
                os._exit(code)
        for number in numbers:
            os.close(number)
        connection.send(str(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])).encode())


if __name__ == "__main__":
    import disttrain

    for module in pkgutil.walk_packages(disttrain.__path__, "disttrain."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    gc.freeze()
    serve(socket.socket(fileno=int(sys.argv[1])))
