"""A fit as it is seen on a terminal: something before the first line, a table with the time, and lines that break between words."""

from __future__ import annotations

import os
import re
import struct
import subprocess
import sys

import pytest

from tests.small_runs import config_of, write_config, write_table

pytestmark = pytest.mark.skipif(os.name == "nt", reason="there are no pseudo-terminals")
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_a_terminal(arguments, folder, columns):
    """What a command writes to a terminal of so many columns, without escape sequences."""
    import fcntl
    import pty
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": str(columns), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "disttrain", *arguments], cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, env=environment
    )
    os.close(theirs)
    written = b""
    while True:
        try:
            part = os.read(ours, 65_536)
        except OSError:
            break
        if not part:
            break
        written += part
    os.close(ours)
    assert process.wait() == 0
    return ESCAPES.sub("", written.decode()).replace("\r\n", "\n")


@pytest.mark.slow
def test_a_fit_on_a_terminal(tmp_path, table):
    write_table(tmp_path / "data.parquet", table)
    write_config(tmp_path / "small.yaml", config_of("gamma", "data.parquet"))
    screen = on_a_terminal(["fit", "small.yaml", "-o", "a-run-with-a-rather-long-name"], tmp_path, 62)
    assert screen.index("reading the data") < screen.index("a-run-with")
    assert "epoch   train nll     val nll        gain         lr    time" in screen
    assert re.search(r"e-0\d\s+0:0\d\n", screen)
    last = screen[screen.rindex("Next:") :].splitlines()
    assert all(len(line) <= 62 for line in last)
    assert " ".join(line.strip() for line in last).startswith("Next: disttrain evaluate · disttrain predict --data NEW.parquet")
