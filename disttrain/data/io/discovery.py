"""Which files a source names: a file, a list, a glob, a folder (with or without Hive partitions), or standard input."""

from __future__ import annotations

import glob
import os
from collections.abc import Sequence
from pathlib import Path

from disttrain.config import expanded
from disttrain.config.remote import remote
from disttrain.data.io.files import STDIN, not_a_file
from disttrain.data.io.formats import FORMATS, suffix_of
from disttrain.data.messages import display, place, raise_any
from disttrain.errors import DataError, Finding

__all__ = ["files"]


def files(source: str | Sequence[str], base: Path, format: str = "auto") -> tuple[Path, ...]:
    """The files that `source` names, relative to the folder `base`; globs and folders in the order of their names, a list in its own.

    In a folder, files of no known suffix and those whose name begins with `.` or `_` are passed over.
    Raises DataError, for all parts of a list at once, where one matches nothing, is no regular file, or names a file again.
    """
    found: list[Path] = []
    known: set[Path] = set()
    findings: list[Finding] = []
    for part in [source] if isinstance(source, str) else source:
        try:
            matches = matching(part, base, format)
        except DataError as fault:
            findings += fault.findings
            continue
        faults = [not_a_file(path) for path in matches]
        findings += filter(None, faults)
        there = [path for path, fault in zip(matches, faults, strict=True) if fault is None]
        findings += [Finding("file-twice", "the source names this file twice", place(path)) for path in again(there, known)]
        found += matches
    raise_any(findings)
    if not found:
        raise DataError(Finding("no-files", "the source is an empty list"))
    return tuple(found)


def again(paths: Sequence[Path], known: set[Path]) -> list[Path]:
    """Those of the paths whose file is among the `known` ones, to which all are added: `a.csv` and `folder/../a.csv` are one file."""
    twice = []
    for path in paths:
        file = path if path == STDIN else Path(os.path.realpath(path))
        twice += [path] if file in known else []
        known.add(file)
    return twice


def matching(part: str, base: Path, format: str) -> list[Path]:
    if part == "-":
        return [STDIN]
    if (elsewhere := remote(part)) is not None:
        what, hint = elsewhere
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
        raise DataError(Finding("no-files", "the pattern matches no file", place(path), hints=(f"it is relative to {place(base)}",)))
    return [file for match in matches for file in (in_folder(match, format) if match.is_dir() else [match])]


def in_folder(folder: Path, format: str) -> list[Path]:
    forms = FORMATS.values() if format == "auto" else [FORMATS[format]]
    suffixes = {suffix for form in forms for suffix in form.suffixes}
    inside = sorted(path for path in folder.rglob("*") if suffix_of(path) in suffixes and not passed_over(path.relative_to(folder)))
    if not inside:
        known = " ".join(sorted(suffixes))
        raise DataError(Finding("no-files", "the folder holds no data file", place(folder), hints=(f"looked for {known}",)))
    return inside


def passed_over(path: Path) -> bool:
    return any(part.startswith((".", "_")) for part in path.parts)
