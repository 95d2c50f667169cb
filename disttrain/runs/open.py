"""An open run: its model, and its own rows as the fit read them."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypedDict

from disttrain import config as configs
from disttrain import storage
from disttrain.choices import SPLITS
from disttrain.config import Loaded, is_source
from disttrain.data import display_path, files, has_piped_data
from disttrain.errors import ConfigError, DataError, Finding, RunUnreadable
from disttrain.model import Model, serialization
from disttrain.preparation.load import Dataset, dataset
from disttrain.validation.config import configuration


class FileRecord(TypedDict):
    """A file in data.json."""

    sha256: str
    path: str


class DataRecord(TypedDict):
    """The content of data.json that is read again: the `limit` of rows, the files, their number by source, and the original folder."""

    limit: int | None
    files: list[FileRecord]
    folder: str | None
    sources: dict[str, int] | None


@dataclass(frozen=True)
class OpenRun:
    """A run's name, its folder (None for a model folder alone), its model with its folder, and the SHA-256 of its weights.

    `newest` is True if the run was selected as the newest one.
    """

    name: str
    folder: Path | None
    model: Model
    model_folder: Path
    weights: str
    newest: bool


def open_run(path: Path | None, root: Path) -> OpenRun:
    """The run at `path`, or the newest finished one under `root`. Raises RunUnreadable."""
    location = storage.find(None if path is None else configs.expanded(path), root)
    stored = storage.read(location.model)
    return OpenRun(location.name, location.run, serialization.load(stored), location.model, stored.sha256, location.newest)


def own_rows(run: OpenRun, more: Sequence[str] = ()) -> Dataset:
    """The rows that the run was fitted on, with their splits and `more` columns. Raises DataError if a file is missing or has changed."""
    loaded = _config_of(run)
    record = recorded(Path(str(run.folder)))
    _require_not_piped(loaded, run)
    rows = dataset(loaded, record["limit"], more, warn=False)
    if (changed := changed_file(rows, record["files"])) is not None:
        what = "the file has changed since the run was fitted"
        if len(rows.files) != len(record["files"]):
            what = "the run was fitted on another number of files"
        hints = ("name the rows with `--data`, or fit again",)
        raise DataError(Finding("data-changed", what, display_path(changed), hints=hints))
    return rows.only(run.model.encoder.usable(rows.table))


def _require_not_piped(loaded: Loaded, run: OpenRun) -> None:
    """Raise DataError if the run's rows came from standard input and none are there now."""
    section = loaded.config.data
    named = [
        part
        for source in (section.train, section.validation, section.test)
        for part in (source if isinstance(source, tuple) else (source,))
    ]
    if "-" not in named or has_piped_data():
        return
    what = f"the rows of {run.name} came from standard input, and are gone"
    hints = ("name a file with `--data`", "or pipe the same rows in again")
    raise DataError(Finding("data-gone", what, "stdin", hints=hints))


def own_files(run: OpenRun) -> tuple[Path, ...]:
    """The files that the run was fitted on. Raises DataError if one is missing."""
    return source_files(_config_of(run))


def source_files(loaded: Loaded) -> tuple[Path, ...]:
    """The files that a config's `data` names. Raises DataError."""
    return tuple(path for paths in files_by_source(loaded).values() for path in paths)


def files_by_source(loaded: Loaded) -> dict[str, tuple[Path, ...]]:
    """The files of the training rows, and of validation and test rows if they have their own. Raises DataError."""
    data = loaded.config.data
    sources = {name: getattr(data, name) for name in SPLITS}
    return {name: files(source, loaded.base, data.format) for name, source in sources.items() if is_source(source)}


def relocated(loaded: Loaded, folder: Path, before: str | None) -> Loaded:
    """The config of a run that was made in the folder `before`, with the new paths of sources that were moved along with the run."""
    here = os.path.abspath(folder)
    if before is None or before == here:
        return loaded

    def moved(source: object) -> object:
        if isinstance(source, list | tuple):
            return tuple(moved(part) for part in source)
        if not isinstance(source, str) or not os.path.isabs(source):
            return source
        moved_path = os.path.normpath(os.path.join(here, os.path.relpath(source, before)))
        return moved_path if os.path.lexists(moved_path) or glob.glob(moved_path, recursive=True) else source

    data = loaded.config.data.model_copy(update={name: moved(getattr(loaded.config.data, name)) for name in SPLITS})
    return replace(loaded, config=loaded.config.model_copy(update={"data": data}))


def changed_file(rows: Dataset, files: Sequence[FileRecord]) -> Path | None:
    """The first file that differs from its entry in data.json (the first of all if their number differs); None if none differs."""
    now = [file["sha256"] for file in rows.fingerprint]
    before = [file["sha256"] for file in files]
    changed = [file for file, new, old in zip(rows.files, now, before, strict=False) if new != old]
    return (changed or rows.files)[0] if changed or len(now) != len(before) else None


def recorded(folder: Path) -> DataRecord:
    """The content of a run's data.json: the `limit` of rows, its `files`, their number by source, and its original `folder`.

    Raises RunUnreadable.
    """
    path = folder / "data.json"
    try:
        document = json.loads(path.read_text())
        files: list[FileRecord] = [{"sha256": str(file["sha256"]), "path": str(file["path"])} for file in document["files"]]
        # Runs of older versions have no folder and no number of files by source.
        return {"limit": document["limit"], "files": files, "folder": document.get("folder"), "sources": document.get("sources")}
    except (OSError, ValueError, KeyError, TypeError):
        raise RunUnreadable(Finding("damaged-run", "data.json cannot be read", str(path))) from None


def _config_of(run: OpenRun) -> Loaded:
    if run.folder is None:
        raise RunUnreadable(
            Finding("no-run", "a model folder alone does not say which rows it was fitted on", hints=("name them with `--data`",))
        )
    path = run.folder / "config.resolved.yaml"
    try:
        return relocated(configuration(path), run.folder, recorded(run.folder)["folder"])
    except ConfigError as fault:
        raise RunUnreadable(Finding("damaged-run", f"the run's config cannot be read: {fault.findings[0].what}", str(path))) from None
