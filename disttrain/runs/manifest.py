"""The manifest of a run folder: the original and the resolved config, the environment, the data, the log."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TypedDict

import numpy as np
import torch

from disttrain import config as configs
from disttrain import storage
from disttrain.choices import SPLITS
from disttrain.config import Config, Loaded
from disttrain.errors import Finding, UsageError
from disttrain.messages import display
from disttrain.model import trunk_dtype
from disttrain.preparation.prepare import Prepared
from disttrain.runs.open import files_by_source
from disttrain.storage import Run

_PACKAGES = ("disttrain", "torch", "numpy", "scipy", "pandas", "pyarrow", "pydantic", "safetensors")


class Environment(TypedDict):
    """The content of environment.json."""

    python: str
    platform: str
    cpu: str
    cores: int | None
    device: str
    gpu: str | None
    threads: int
    precision: str
    seed: int
    packages: dict[str, str]


def write_inputs(run: Run, loaded: Loaded, prepared: Prepared, device: torch.device) -> None:
    """Write config.yaml (the original bytes), config.resolved.yaml, environment.json and data.json. Raises StorageError."""
    storage.write_bytes(run.path / "config.yaml", loaded.text)
    storage.write_text(run.path / "config.resolved.yaml", configs.dump(resolved(loaded, run.path)))
    storage.write_json(run.path / "environment.json", environment(prepared, device))
    storage.write_json(run.path / "data.json", _data(prepared, loaded, run.path))


def resolved(loaded: Loaded, folder: Path) -> Config:
    """The config with its name and with data paths that are valid from any folder: absolute, or relative to the run `folder`.

    Raises UsageError if YAML cannot represent the name of a source.
    """

    def placed(source: object) -> object:
        if isinstance(source, list | tuple):
            return [placed(item) for item in source]
        return _lasting(loaded.base / configs.expanded(source), folder) if isinstance(source, str) and source != "-" else source

    data = loaded.config.data
    moved = {name: placed(getattr(data, name)) for name in SPLITS}
    return loaded.config.model_copy(update={"name": configs.run_name(loaded), "data": data.model_copy(update=moved)})


def _lasting(path: Path, folder: Path) -> str:
    """A path that config.resolved.yaml in the run `folder` can represent. File names may be any bytes, and YAML is text."""
    full = str(path.resolve())
    for name in (full, os.path.relpath(full, folder.resolve()), os.path.relpath(path, folder)):
        if not any("\ud800" <= character <= "\udfff" for character in name):
            return name
    what = f"the name of {display(path, 200)} is not UTF-8, and the config of the run could not say it"
    raise UsageError(
        Finding("not-utf8", what, "data", hints=("rename the file or folder, or put the run beside the data with `fit --out`",))
    )


def environment(prepared: Prepared, device: torch.device) -> Environment:
    """The content of environment.json: versions, machine, device, threads, precision, seed."""
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        "cpu": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "device": str(device),
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
        "threads": torch.get_num_threads(),
        "precision": _precision(prepared),
        "seed": prepared.model.config.training.seed,
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def _precision(prepared: Prepared) -> str:
    """The number type of products in training."""
    network = prepared.model.network
    return "bfloat16" if network.autocast else str(trunk_dtype(prepared.model.config)).removeprefix("torch.")


def _data(prepared: Prepared, loaded: Loaded, folder: Path) -> dict[str, object]:
    rows = prepared.data
    y = prepared.observed.outcome.value.numpy()
    names = rows.arrow_schema
    return {
        "files": rows.fingerprint,
        "sources": {name: len(paths) for name, paths in files_by_source(loaded).items()},
        "folder": os.path.abspath(folder),
        "limit": prepared.limit,
        "schema": {field.name: str(field.type) for field in names},
        "rows": {**prepared.counts(), "filtered": rows.filtered},
        "target": {
            "columns": list(rows.schema.target),
            "labels": None if prepared.model.labels is None else list(prepared.model.labels),
            "min": float(y.min()), "max": float(y.max()), "mean": float(y.mean()), "std": float(y.std()), "distinct": len(np.unique(y)),
        },
    }  # fmt: skip


def log(folder: Path, event: str, facts: Mapping[str, object]) -> None:
    """Append one line to log.jsonl: the time (UTC, ISO 8601), the event, and its facts. Raises StorageError."""
    line = json.dumps({"time": datetime.now(UTC).isoformat(timespec="seconds"), "event": event, **facts}, default=str)
    with storage.reported(folder / "log.jsonl"), (folder / "log.jsonl").open("a", encoding="utf-8") as file:
        file.write(line + "\n")
