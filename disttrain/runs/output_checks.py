"""Checks that an output does not replace its own inputs, a model or a run's config. `--overwrite` is for old outputs only."""

from __future__ import annotations

import filecmp
import os
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from disttrain import config as configs
from disttrain import storage
from disttrain.data import display_path
from disttrain.errors import Finding, RunUnreadable, UsageError
from disttrain.runs.open import OpenRun

STDIN = "-"


def require_no_input(output: str, option: str, inputs: Iterable[Path], runs: Sequence[OpenRun]) -> None:
    """Raise UsageError if the file `output` is one of the `inputs`, a file of the models of `runs`, or a config of these runs.

    Links and other names of the same file count too.
    """
    target = _identity(output, sys.stdout)
    if target is None:
        return
    uses = [(path, "is read") for path in inputs]
    uses += [(path, f"belongs to the run {run.name}") for run in runs for path in storage.own_files(run.folder, run.model_folder)]
    conflicts = [(path, use) for path, use in uses if _identity(str(path), sys.stdin) == target]
    conflicts += [
        (Path(output), f"is the config of the run {run.name}") for run in runs if run.folder is not None and _is_config(output, run.folder)
    ]
    for path, use in conflicts:
        what = f"the output would replace {display_path(path)}, which {use}"
        raise UsageError(Finding("output-is-input", what, f"{option} {display_path(output)}", hints=("name another file",)))


def _is_config(output: str, run: Path) -> bool:
    """True if a file is the config of a run: the file that run.json names, or one with the same bytes as the run's copy.

    The bytes are compared because a run does not know the folder that its config was named from.
    """
    path = configs.expanded(output)
    with suppress(OSError, ValueError, RunUnreadable):
        named = storage.record(run).get("config")
        if isinstance(named, str) and os.path.samefile(path, configs.expanded(named)):
            return True
    with suppress(OSError, ValueError):
        return filecmp.cmp(path, run / "config.yaml", shallow=False)
    return False


def require_no_input_in(folder: Path, inputs: Iterable[Path]) -> None:
    """Raise UsageError if overwriting the run in `folder` would remove one of the `inputs`."""
    for path in inputs:
        if any(storage.is_removed(name) for name in _names_inside(path, folder)):
            what = f"overwriting the run in {display_path(folder)} would remove {display_path(path)}, which is read"
            hints = ("name another folder with `--out`",)
            raise UsageError(Finding("output-is-input", what, "--overwrite", hints=hints))


def _names_inside(path: Path, folder: Path) -> Iterator[str]:
    """The first part of a file's path inside a folder, as written and with links resolved; nothing if the file is elsewhere."""
    for full in (os.path.abspath, os.path.realpath):
        with suppress(ValueError):
            first = Path(os.path.relpath(full(path), full(folder))).parts[0]
            if first != os.pardir:
                yield first


def _identity(name: str, stream: object) -> tuple[int, int] | None:
    """Device and inode of a file, or of the stream if `name` is `-`; None if there is none."""
    with suppress(OSError, ValueError, AttributeError):
        status = os.stat(configs.expanded(name)) if name != STDIN else os.fstat(stream.fileno())  # type: ignore[attr-defined]
        # Input and output may be the same pipe or terminal.
        return (status.st_dev, status.st_ino) if stat.S_ISREG(status.st_mode) else None
    return None
