"""Resuming a fit: the state of its run, and checks that the run belongs to the requested fit."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from disttrain import config as configs
from disttrain import storage
from disttrain.config import Loaded, Problem, is_source
from disttrain.data import display_path
from disttrain.errors import ConfigError, DataError, Finding, RunUnreadable, UsageError
from disttrain.preparation.prepare import Prepared
from disttrain.runs.best_weights import Snapshot
from disttrain.runs.history import epochs_of
from disttrain.runs.manifest import Environment, environment, resolved
from disttrain.runs.open import DataRecord, changed_file, files_by_source, recorded, relocated
from disttrain.training import Epoch, TrainingState, signature
from disttrain.validation.config import configuration

# Config keys that may differ between the parts of one fit. They do not change any weight.
_FREE = ("name", "output", "training.time_limit")
_NEW = "`disttrain fit CONFIG` without `--resume` begins a new run"


@dataclass(frozen=True)
class Resumed:
    """The state of a stopped run: its training state (None at the start), its epochs, its best weights, and warnings."""

    training_state: TrainingState | None = None
    history: tuple[Epoch, ...] = ()
    best: Snapshot | None = None
    warnings: tuple[str, ...] = ()


def folder_of(loaded: Loaded, resume: Path | bool, out: Path | None, overwrite: bool) -> Path | None:
    """The run folder to resume: the named one, the one in `out`, or the newest resumable run of this config's name; None without `resume`.

    Raises UsageError if options exclude each other, RunUnreadable if there is no such run.
    """
    if resume is False:
        return None
    if overwrite:
        raise UsageError(Finding("conflict", "`--resume` goes on with a run, and `--overwrite` removes it", hints=("leave one out",)))
    if resume is True:
        return out or storage.newest_to_resume(configs.expanded(loaded.config.output.folder), configs.run_name(loaded))
    if out is not None:
        raise UsageError(Finding("conflict", "`--resume RUN` names the run folder, and so does `--out`", hints=("leave one out",)))
    return configs.expanded(resume)


def resumed(folder: Path, loaded: Loaded, prepared: Prepared, device: torch.device) -> Resumed:
    """The state to resume from in `folder`. A run without a checkpoint starts again.

    Raises ConfigError, DataError or UsageError with every difference to the original fit, RunUnreadable if the run is damaged.
    """
    checkpoint = storage.read_checkpoint(folder / storage.CHECKPOINT)
    if checkpoint is None and not os.path.exists(folder / "data.json"):
        # The run stopped before its config and data were written, so there is nothing to compare.
        return Resumed()
    _require_same_config(folder, loaded)
    _require_same_data(folder, prepared)
    notes = _require_same_versions(folder, environment(prepared, device))
    if checkpoint is None:
        return Resumed(warnings=notes)
    passed = tuple(f"{what}; the checkpoint before it is used" for what in checkpoint.passed_over)
    return _restored(folder, checkpoint.state, prepared, (*passed, *notes))


def _restored(folder: Path, state: dict[str, Any], prepared: Prepared, warnings: tuple[str, ...]) -> Resumed:
    expected = signature(prepared.model.network.state_dict())
    try:
        training_state, history, best = TrainingState(**state["standing"]), epochs_of(state["history"]), Snapshot(**state["best"])
        best = replace(best, constant=tuple(best.constant))
        stored = [signature(weights) for weights in (training_state.network, best.weights)]
        if stored == [expected, expected] and len(history) == training_state.epoch and len(best.constant) == prepared.model.members:
            return Resumed(training_state, history, best, warnings)
    except (KeyError, TypeError, ValueError, AttributeError):
        pass
    what = "the checkpoint is that of another network, or of another version of disttrain"
    raise RunUnreadable(Finding("damaged-run", what, str(folder / storage.CHECKPOINT), hints=(_NEW,)))


def _require_same_config(folder: Path, loaded: Loaded) -> None:
    path, record = folder / "config.resolved.yaml", recorded(folder)
    try:
        original = relocated(configuration(path), folder, record["folder"])
    except ConfigError as fault:
        raise RunUnreadable(Finding("damaged-run", f"the run's config cannot be read: {fault.findings[0].what}", str(path))) from None
    before, now = (config.model_dump(mode="json", warnings=False) for config in (original.config, resolved(loaded, folder)))
    # The paths of files may differ too. Their contents are compared elsewhere.
    free = (*_FREE, *(f"data.{name}" for name in _moved_sources(before["data"], now["data"], loaded, record)))
    changes = [
        loaded.finding(Problem(at, "resume-config", f"`{'.'.join(at)}` is {new}; the run was begun with {old}", hints=(_NEW,)))
        for at, old, new in differences(before, now)
        if not any(f"{'.'.join(at)}.".startswith(f"{name}.") for name in free)
    ]
    if changes:
        raise ConfigError(*changes, summary=f"{folder} was not resumed")


def _moved_sources(before: Mapping[str, object], now: Mapping[str, object], loaded: Loaded, record: DataRecord) -> tuple[str, ...]:
    """The sources whose files may have moved. Each has as many files as before, and no folder name is a column (`year=2026`)."""
    files = files_by_source(loaded)
    names = [*(file["path"] for file in record["files"]), *(str(path) for paths in files.values() for path in paths)]
    if record["sources"] != {name: len(paths) for name, paths in files.items()} or any("=" in name for name in names):
        return ()
    return tuple(name for name in files if is_source(before[name]) and is_source(now[name]))


def _require_same_data(folder: Path, prepared: Prepared) -> None:
    record = recorded(folder)
    if record["limit"] != prepared.limit:
        what = f"`--limit-rows` is {_value_text(prepared.limit)}; the run was begun with {_value_text(record['limit'])}"
        raise UsageError(Finding("resume-rows", what, str(folder), hints=(_NEW,)))
    if (changed := changed_file(prepared.data, record["files"])) is not None:
        what = "the data are not those that the run was begun with"
        raise DataError(Finding("data-changed", what, display_path(changed), hints=(_NEW,)))


def _require_same_versions(folder: Path, now: Environment) -> tuple[str, ...]:
    """Raise UsageError if torch or disttrain has another version.

    Returns warnings about other differences of the environment, which may change the last bits of the weights.
    """
    path = folder / "environment.json"
    try:
        before = json.loads(path.read_text())
        changes = list(differences(_flattened(before), _flattened(now)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise RunUnreadable(Finding("damaged-run", "environment.json cannot be read", str(path))) from None
    messages = {at[0]: f"{at[0]} is {_value_text(new)}; the run was begun with {_value_text(old)}" for at, old, new in changes}
    if refused := [messages[name] for name in ("torch", "disttrain") if name in messages]:
        raise UsageError(*(Finding("resume-version", what, str(path), hints=("install that version", _NEW)) for what in refused))
    return tuple(f"{what}: the weights may differ from those of one unbroken fit" for what in messages.values())


def _flattened(environment: Environment) -> dict[str, object]:
    return {**{name: value for name, value in environment.items() if name != "packages"}, **environment["packages"]}


def differences(old: object, new: object, at: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], str, str]]:
    """The values that differ between two documents: the path of each, and the old and the new value as text."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in {**old, **new}:
            yield from differences(old.get(key), new.get(key), (*at, key))
    elif old != new:
        yield at, _value_text(old), _value_text(new)


def _value_text(value: object) -> str:
    return value if isinstance(value, str) else "null" if value is None else json.dumps(value)[:200]
