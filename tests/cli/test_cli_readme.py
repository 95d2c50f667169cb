"""What the README shows of the program is what the program prints: every line of it, in its order, but for the digits."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from disttrain.cli.app import app

ROOT = Path(__file__).parents[2]
# Another processor rounds otherwise, and a training that went another way has other digits.
DIGITS, BARS = re.compile(r"[-+]?\d[\d.,:]*"), re.compile("[▁▂▃▄▅▆▇█]+")
WRONG = "distribution: gama\ndata:\n  train: claims.csv\n  target: y\n  features: [x]\n  weigth: exposure\n"


def transcripts() -> list[list[str]]:
    """The blocks that show a command and what it prints, line by line."""
    blocks = (ROOT / "README.md").read_text(encoding="utf-8").split("```\n")
    return [block.splitlines() for block in blocks if block.startswith("$ disttrain ")]


def plain(line: str) -> str:
    """A line without its digits, its bars and the width of its columns."""
    return " ".join(BARS.sub("▁", DIGITS.sub("0", line)).split())


def commands(transcript: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Each command of a transcript and the lines that follow it."""
    starts = [number for number, line in enumerate(transcript) if line.startswith("$ ")]
    for start, stop in zip(starts, [*starts[1:], len(transcript)], strict=True):
        yield transcript[start].removeprefix("$ "), transcript[start + 1 : stop]


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A folder with the configs and sample data of this tree, and a config with two mistakes."""
    for name in ("configs", "sample_data"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "claims.yaml").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.mark.slow
def test_the_transcripts_are_what_is_printed(checkout):
    shown = [command for transcript in transcripts() for command in commands(transcript)]
    assert {shlex.split(command)[1] for command, _ in shown} == {"fit", "predict", "evaluate", "explain", "select"}
    for command, lines in shown:
        printed = [plain(line) for line in CliRunner().invoke(app, shlex.split(command)[1:]).output.splitlines()]
        for line in map(plain, lines):
            assert line in printed, f"{command} does not print `{line}`:\n" + "\n".join(printed)
            printed = printed[printed.index(line) + 1 :]
