"""A finished run, opened: its model, and its own rows read again as the fit had them."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from disttrain import config as configs
from disttrain import data as rooms
from disttrain import storage
from disttrain.choices import SPLITS
from disttrain.config import Loaded, is_source
from disttrain.errors import ConfigError, DataError, Finding, RunUnreadable
from disttrain.model import Model
from disttrain.preparation.load import Dataset, dataset
from disttrain.validation.config import configuration


@dataclass(frozen=True)
class OpenRun:
    """A run's name, its folder (None where only a model folder was given), its model and where that lies, the SHA-256 of its weights.

    `newest` where it was chosen as such.
    """

    name: str
    folder: Path | None
    model: Model
    model_folder: Path
    weights: str
    newest: bool


def open_run(path: Path | None, root: Path) -> OpenRun:
    """The run at `path`, or the newest finished one under `root`. Raises RunUnreadable."""
    found = storage.find(None if path is None else configs.expanded(path), root)
    stored = storage.read(found.model)
    return OpenRun(found.name, found.run, Model.of(stored), found.model, stored.sha256, found.newest)


def own_rows(run: OpenRun, more: Sequence[str] = ()) -> Dataset:
    """The rows that the run was fitted on, split as they were, with `more` columns. Raises DataError where a file is gone or has changed."""
    loaded = _config_of(run)
    said = recorded(Path(str(run.folder)))
    _require_not_piped(loaded, run)
    rows = dataset(loaded, said["limit"], more, warn=False)
    if (changed := changed_file(rows, said["files"])) is not None:
        what = "the file has changed since the run was fitted"
        if len(rows.files) != len(said["files"]):
            what = "the run was fitted on another number of files"
        hints = ("name the rows with `--data`, or fit again",)
        raise DataError(Finding("data-changed", what, rooms.place(changed), hints=hints))
    return rows.only(run.model.encoder.usable(rows.table))


def _require_not_piped(loaded: Loaded, run: OpenRun) -> None:
    """Raise DataError where the run's rows came through standard input, and nothing comes through it now."""
    section = loaded.config.data
    named = [
        part for place in (section.train, section.validation, section.test) for part in (place if isinstance(place, tuple) else (place,))
    ]
    if "-" not in named or rooms.has_piped_data():
        return
    what = f"the rows of {run.name} came from standard input, and are gone"
    hints = ("name a file with `--data`", "or pipe the same rows in again")
    raise DataError(Finding("data-gone", what, "stdin", hints=hints))


def own_files(run: OpenRun) -> tuple[Path, ...]:
    """The files of the rows that the run was fitted on. Raises DataError where one is gone."""
    return source_files(_config_of(run))


def source_files(loaded: Loaded) -> tuple[Path, ...]:
    """The files that a config's `data` names. Raises DataError."""
    return tuple(path for paths in files_by_source(loaded).values() for path in paths)


def files_by_source(loaded: Loaded) -> dict[str, tuple[Path, ...]]:
    """The files of the training rows, and of validation and test rows that have files of their own. Raises DataError."""
    data = loaded.config.data
    sources = {name: getattr(data, name) for name in SPLITS}
    return {name: rooms.files(source, loaded.base, data.format) for name, source in sources.items() if is_source(source)}


def relocated(loaded: Loaded, folder: Path, before: str | None) -> Loaded:
    """The config of a run that was made in the folder `before`: sources that were moved along with the run are where they are now."""
    here = os.path.abspath(folder)
    if before is None or before == here:
        return loaded

    def moved(source: Any) -> Any:
        if isinstance(source, list | tuple):
            return tuple(moved(part) for part in source)
        if not isinstance(source, str) or not os.path.isabs(source):
            return source
        beside = os.path.normpath(os.path.join(here, os.path.relpath(source, before)))
        return beside if os.path.lexists(beside) or glob.glob(beside, recursive=True) else source

    data = loaded.config.data.model_copy(update={name: moved(getattr(loaded.config.data, name)) for name in SPLITS})
    return replace(loaded, config=loaded.config.model_copy(update={"data": data}))


def changed_file(rows: Dataset, files: Sequence[dict[str, Any]]) -> Path | None:
    """The first file of these rows that is not as data.json has it (the first of all where their number differs); None where all are."""
    now = [file["sha256"] for file in rows.fingerprint]
    before = [file["sha256"] for file in files]
    changed = [file for file, new, old in zip(rows.files, now, before, strict=False) if new != old]
    return (changed or rows.files)[0] if changed or len(now) != len(before) else None


def recorded(folder: Path) -> dict[str, Any]:
    """What data.json of a run says: the `limit` of rows, its `files`, how many of each source, and the `folder` it was made in.

    Raises RunUnreadable.
    """
    path = folder / "data.json"
    try:
        found = json.loads(path.read_text())
        files = [{"sha256": str(file["sha256"]), "path": str(file["path"])} for file in found["files"]]
        # Runs of older versions do not say where they were made, nor which files were whose.
        return {"limit": found["limit"], "files": files, "folder": found.get("folder"), "sources": found.get("sources")}
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
