"""The files that a run writes into its folder, and those that identify it."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from disttrain.storage.run_status import LOCK, RECORD

CHECKPOINT = "checkpoint"
_RECORDS = ("config.yaml", "config.resolved.yaml", "environment.json", "data.json", "metrics.json", "history.parquet", "log.jsonl")
# What a run writes (the table of the interface), and so all that overwriting one may remove.
WRITTEN = re.compile(
    r"config(\.resolved)?\.yaml|(environment|data|metrics)\.json|model|checkpoint|history\.parquet"
    r"|predictions(-\d{3,})?\.(parquet|csv|feather|arrow|ndjson)|report\.html|log\.jsonl|\..*\.[0-9a-f]{16}\.part"
)


def is_removed(name: str) -> bool:
    """True if overwriting a run removes or replaces the file `name` of its folder."""
    return bool(WRITTEN.fullmatch(name)) or name in (RECORD, LOCK)


def own_files(run: Path | None, model: Path) -> Iterator[Path]:
    """The files of a model folder, and those that a run needs to be read and resumed: all but predictions and report."""
    yield from _files(model)
    if run is not None:
        for name in (RECORD, CHECKPOINT, *_RECORDS):
            yield from _files(run / name)


def _files(path: Path) -> Iterator[Path]:
    if not os.path.isdir(path):
        yield path
        return
    for folder, _, names in os.walk(path):
        yield from (Path(folder) / name for name in names)
