"""Locations in the config for errors about files, columns and filters."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from disttrain.choices import SPLITS
from disttrain.config import Loaded, Problem, Yaml
from disttrain.config.messages import nearest_file
from disttrain.config.yaml.text import yaml_word
from disttrain.data import display, display_path
from disttrain.errors import ConfigError, DataError, Finding

_NO_FILE = ("missing-file", "no-files", "not-a-file")
_COLUMN = re.compile(r"no column `(.+?)`")
Key = tuple[str | int, ...]


@contextmanager
def places_of_config(loaded: Loaded) -> Iterator[None]:
    """Raise an error of the block about a file, a column or a filter again, with the line of the config that names it."""
    try:
        yield
    except (DataError, ConfigError) as fault:
        raise type(fault)(*(_located(loaded, finding) for finding in fault.findings), summary=fault.summary) from fault


def _located(loaded: Loaded, finding: Finding) -> Finding:
    if finding.code in _NO_FILE:
        return _file(loaded, finding)
    if finding.code == "missing-column" and (match := _COLUMN.search(finding.what)):
        return _column(loaded, finding, match[1])
    return _filter(loaded, finding) if finding.code == "bad-filter" else finding


def _entries(loaded: Loaded) -> Iterator[tuple[Key, Yaml]]:
    """Every value of `data` and `evaluation.by` with its path."""
    sections: dict[str, Yaml] = {"data": loaded.config.data.model_dump(mode="json"), "evaluation": {"by": [*loaded.config.evaluation.by]}}
    yield from _within(sections)


def _within(value: Yaml) -> Iterator[tuple[Key, Yaml]]:
    """Every value inside a value that is neither a list nor a mapping, with its path."""
    if not isinstance(value, dict | list):
        yield (), value
        return
    items: Iterable[tuple[str | int, Yaml]] = value.items() if isinstance(value, dict) else enumerate(value)
    for key, inner in items:
        yield from (((key, *path), leaf) for path, leaf in _within(inner))


def _file(loaded: Loaded, finding: Finding) -> Finding:
    """The finding of a missing file, with the key that names it, the full path, and the folder that it is relative to."""
    for path, value in _entries(loaded):
        if path[1] not in SPLITS or not isinstance(value, str):
            continue
        full = loaded.base / os.path.expanduser(value)
        if finding.where in (display_path(full), display_path(loaded.base / value)):
            what = f"{finding.what}: {display(os.path.abspath(full), 300)}"
            # Hints of the reader are relative to the working folder, and config paths are not.
            hints = [*_other_files(loaded.base, value), *(hint for hint in finding.hints if not hint.startswith("did you mean"))]
            if value.startswith("~"):
                hints.append(f"`~` is the home folder, {display(os.path.expanduser('~'), 300)}")
            elif not os.path.isabs(value):
                hints.append(f"a path is relative to this file, so to the folder {display(os.path.abspath(loaded.base), 300)}")
            return _at(loaded, path, finding, what, tuple(hints))
    return finding


def _other_files(base: Path, value: str) -> Iterator[str]:
    """Suggested paths: a file of this name in a nearby folder, or one of a similar name in the same folder."""
    name = Path(value).name
    inside = base / Path(value).parent
    names = [entry.name for entry in sorted(inside.iterdir())[:10_000]] if os.path.isdir(inside) else []
    closest = nearest_file(name, names) if name else None
    there = [
        *([inside / closest] if closest is not None else []),
        *(folder / name for folder in (base, base / "data", base.absolute().parent, base.absolute().parent / "data", Path.cwd())),
        Path.cwd() / value,
    ]
    for path in there:
        if os.path.isfile(path):
            written = os.path.relpath(path, base)
            yield f"did you mean `{display(Path(written).as_posix(), 300)}`?"
            return


def _column(loaded: Loaded, finding: Finding, name: str) -> Finding:
    for path, value in _entries(loaded):
        named = value == name or (path[1] == "filter" and isinstance(value, str) and name in value)
        if named and path[1] not in ("train", "format") and path[-1] != "type":
            spot = loaded.finding(Problem(path, finding.code, ""))
            return replace(finding, where=f"{finding.where}; named in {spot.where}", excerpt=(*finding.excerpt, *spot.excerpt))
    return finding


def _filter(loaded: Loaded, finding: Finding) -> Finding:
    for path, value in _entries(loaded):
        if path[1] == "filter" and isinstance(value, str) and finding.what.startswith(f"`{display(value)}`"):
            parts = [part.strip() for part in re.split(r"\s+(?:and|AND|&&?)\s+", value)]
            several = (f"write `filter: {yaml_word(parts)}`",) if len(parts) > 1 else ()
            return _at(loaded, path, finding, finding.what, (*several, *finding.hints))
    return finding


def _at(loaded: Loaded, path: Key, finding: Finding, what: str, hints: tuple[str, ...]) -> Finding:
    # A single file or filter needs no list in the config.
    return loaded.finding(Problem(path, finding.code, what, finding.why, hints))
