"""Resolution of a data source to its files: a file, a list, a glob, a folder (with or without Hive partitions), or standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from disttrain.config import expanded
from disttrain.config.remote import remote
from disttrain.data.io.files import STDIN, not_a_file
from disttrain.data.io.formats import FORMATS, suffix_of
from disttrain.data.messages import display, display_path, raise_any
from disttrain.errors import DataError, Finding


def files(source: str | Sequence[str], base: Path, format: str = "auto") -> tuple[Path, ...]:
    """Return the files of `source`, relative to the folder `base`. Globs and folders are sorted by name; a list keeps its order.

    In a folder, files of an unknown suffix and names that begin with `.` or `_` are skipped.
    Raises DataError, for all items of a list at once, if an item matches nothing, is no regular file, or repeats a file.
    """
    paths: list[Path] = []
    listed: set[Path] = set()
    findings: list[Finding] = []
    for part in [source] if isinstance(source, str) else source:
        try:
            matches = matching(part, base, format)
        except DataError as fault:
            findings += fault.findings
            continue
        faults = [not_a_file(path) for path in matches]
        findings += filter(None, faults)
        regular = [path for path, fault in zip(matches, faults, strict=True) if fault is None]
        findings += [Finding("file-twice", "the source names this file twice", display_path(path)) for path in repeated(regular, listed)]
        paths += matches
    raise_any(findings)
    if not paths:
        raise DataError(Finding("no-files", "the source is an empty list"))
    return tuple(paths)


def repeated(paths: Sequence[Path], listed: set[Path]) -> list[Path]:
    """Return the paths whose file is already `listed`, and add all files to `listed`. `a.csv` and `folder/../a.csv` are one file."""
    repeats = []
    for path in paths:
        file = path if path == STDIN else Path(os.path.realpath(path))
        repeats += [path] if file in listed else []
        listed.add(file)
    return repeats


def matching(part: str, base: Path, format: str) -> list[Path]:
    if part == "-":
        return [STDIN]
    if (remote_source := remote(part)) is not None:
        what, hint = remote_source
        raise DataError(Finding("not-available", what, "", hints=(hint,)))
    path = base / expanded(part)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as fault:
        raise DataError(Finding("unreadable-file", display(fault), display(part))) from fault
    if is_folder:
        return in_folder(path, format)
    if exists or not glob.has_magic(part):
        return [path]
    matches = sorted(Path(match) for match in glob.glob(str(path), recursive=True))
    if not matches:
        raise DataError(
            Finding("no-files", "the pattern matches no file", display_path(path), hints=(f"it is relative to {display_path(base)}",))
        )
    return [file for match in matches for file in (in_folder(match, format) if match.is_dir() else [match])]


def in_folder(folder: Path, format: str) -> list[Path]:
    forms = FORMATS.values() if format == "auto" else [FORMATS[format]]
    suffixes = {suffix for form in forms for suffix in form.suffixes}
    inside = sorted(path for path in folder.rglob("*") if suffix_of(path) in suffixes and not passed_over(path.relative_to(folder)))
    if not inside:
        extensions = " ".join(sorted(suffixes))
        raise DataError(Finding("no-files", "the folder holds no data file", display_path(folder), hints=(f"looked for {extensions}",)))
    return inside


def passed_over(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
