"""The folder of a selection: its lock, its state for `--resume`, and the config that it ends in."""

from __future__ import annotations

import importlib.metadata
import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disttrain import config as configs
from disttrain import storage
from disttrain.choices import SPLITS
from disttrain.config import Loaded, Problem, Yaml, is_source
from disttrain.data import display_path
from disttrain.errors import ConfigError, DataError, Finding, OutputExists, RunUnreadable, UsageError
from disttrain.preparation.load import Dataset
from disttrain.runs import manifest
from disttrain.runs.resume import differences
from disttrain.storage import locks
from disttrain.validation.select_options import SelectOptions

STATE, RESULT, CONFIG = "select.json", "result.json", "selected.yaml"
_FORMAT = 1
_LOCK = ".lock"
_NEW = "`disttrain select CONFIG` without `--resume` begins a new selection"
# Keys that do not change any trial.
_FREE = ("name", "output", "tune")
_PACKAGES = ("disttrain", "torch")


@dataclass(frozen=True)
class State:
    """The content of select.json: what a selection was begun with."""

    options: dict[str, Any]
    config: dict[str, Any]
    files: list[str]
    versions: dict[str, str]

    @staticmethod
    def of(loaded: Loaded, options: SelectOptions, rows: Dataset) -> State:
        """The state of a selection with these options on these rows."""
        config = loaded.config.model_dump(mode="json", exclude=set(_FREE), warnings=False)
        # Files are compared by content.
        for name in SPLITS:
            if is_source(config["data"][name]):
                config["data"][name] = "files"
        chosen = {"families": list(options.families), "parameters": options.parameters, "folds": options.folds}
        versions = {name: importlib.metadata.version(name) for name in _PACKAGES}
        return State(chosen, config, [str(file["sha256"]) for file in rows.fingerprint], versions)

    @property
    def document(self) -> dict[str, Any]:
        """The state as JSON."""
        return {"format": _FORMAT, **vars(self)}

    def require_same(self, before: State, loaded: Loaded, rows: Dataset, folder: Path) -> None:
        """Raise UsageError, ConfigError or DataError with every difference from the state that the selection was begun with."""
        where = display_path(folder)
        options = [
            Finding("resume-options", f"`--{at[0]}` is {new}; the selection was begun with {old}", where, hints=(_NEW,))
            for at, old, new in differences(before.options, self.options)
        ]
        versions = [
            Finding("resume-version", f"{at[0]} is {new}; the selection was begun with {old}", where, hints=("install that version", _NEW))
            for at, old, new in differences(before.versions, self.versions)
        ]
        config = [
            loaded.finding(Problem(at, "resume-config", f"`{'.'.join(at)}` is {new}; the selection was begun with {old}", hints=(_NEW,)))
            for at, old, new in differences(before.config, self.config)
        ]
        summary = f"{where} was not resumed"
        if options or versions:
            raise UsageError(*options, *versions, *config, summary=summary)
        if config:
            raise ConfigError(*config, summary=summary)
        if before.files != self.files:
            changed = next(
                (file for file, old, new in zip(rows.files, before.files, self.files, strict=False) if old != new), rows.files[0]
            )
            what = "the data are not those that the selection was begun with"
            raise DataError(Finding("data-changed", what, display_path(changed), hints=(_NEW,)))


def folder_for(loaded: Loaded, options: SelectOptions) -> Path:
    """The folder of a selection: `--out`, the next number under `output.folder`, or with `--resume` the newest one of this config.

    Raises OutputExists if the folder of `--out` is not empty, RunUnreadable if there is nothing to resume.
    """
    root, name = configs.folder_to_make(loaded.config.output.folder), f"{configs.run_name(loaded)}-select"
    out = None if options.out is None else configs.folder_to_make(options.out)
    if options.resume:
        folder = out or _newest(root, name)
        if not os.path.exists(folder / STATE):
            raise RunUnreadable(Finding("no-run", f"there is no selection here: {STATE} is missing", display_path(folder), hints=(_NEW,)))
        return folder
    if out is None:
        storage.require_writable(root)
        return storage.numbered(root, name, "") if os.path.isdir(root) else root / f"{name}-001"
    if os.path.lexists(out) and not (os.path.isdir(out) and not set(os.listdir(out)) - {_LOCK}):
        hints = ("give another folder with `--out`", "`--resume` goes on with the selection in it")
        what = "the folder is not empty" if os.path.isdir(out) else "is not a folder"
        raise OutputExists(Finding("output-exists", what, display_path(out), hints=hints if os.path.exists(out / STATE) else hints[:1]))
    storage.require_writable(out)
    return out


def _newest(root: Path, name: str) -> Path:
    """The selection of the highest number under `root`."""
    folders = []
    with suppress(OSError):
        numbers = ((re.fullmatch(rf"{re.escape(name)}-(\d{{3,9}})", folder.name), folder) for folder in root.iterdir())
        folders = [(int(match[1]), folder) for match, folder in numbers if match and os.path.exists(folder / STATE)]
    if not folders:
        what = f"no selection of `{name.removesuffix('-select')}` was begun here"
        hints = ("`disttrain select CONFIG` begins one", "or name its folder with `--out`")
        raise RunUnreadable(Finding("no-run", what, display_path(root), hints=hints))
    return max(folders)[1]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder if absent, and keep other selections out of it in the block. Raises OutputExists if another process writes it."""
    storage.make_folder(folder)
    with storage.reported(folder):
        lock = locks.claim(folder / _LOCK)
    if lock is None:
        hints = ("wait for it, or give another folder with `--out`",)
        raise OutputExists(Finding("output-exists", "another process is writing this selection", display_path(folder), hints=hints))
    try:
        yield
    finally:
        locks.release(lock, folder / _LOCK, os.getpid())


def read_state(folder: Path) -> State:
    """The state in the folder of a selection. Raises RunUnreadable."""
    path = folder / STATE
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        number = document.pop("format")
        if number == _FORMAT:
            return State(**document)
        what = f"has format {number}; this version reads format {_FORMAT}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        what = "the state of the selection cannot be read"
    raise RunUnreadable(Finding("damaged-run", what, display_path(path), hints=(_NEW,)))


def selected_document(loaded: Loaded, distribution: Mapping[str, Yaml]) -> dict[str, Yaml]:
    """The config as it was given, with another `distribution` block."""
    block = dict(distribution)
    short: Yaml = block["family"] if set(block) == {"family"} else block
    return {key: short if key == "distribution" else value for key, value in configs.document_of(loaded).items()}


def write_selected(loaded: Loaded, document: Mapping[str, Yaml], folder: Path) -> Path:
    """Write a config into the folder, with data paths that are valid from there, and return its path. Raises StorageError."""
    lasting = manifest.resolved(loaded, folder / "run").data.model_dump(mode="json", warnings=False)
    data = document.get("data")
    given = data if isinstance(data, Mapping) else {}
    moved = {name: lasting[name] if name in SPLITS and is_source(value) else value for name, value in given.items()}
    text = configs.dump_document({"name": configs.run_name(loaded), **document, "data": moved})
    storage.write_text(folder / CONFIG, text)
    return folder / CONFIG
