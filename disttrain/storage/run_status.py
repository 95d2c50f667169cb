"""One run: its lock and its record run.json."""

from __future__ import annotations

import os
import weakref
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType

from disttrain.storage import atomic_files, locks, safe_read
from disttrain.storage.safe_read import Json

FORMAT = 1
RECORD = "run.json"
LOCK = ".lock"
STATUSES = ("running", "finished", "stopped", "failed")


class Run:
    """A run folder that this process writes: `path`, `name`, and the record in run.json. It holds the folder's lock until `close`.

    `started` is the start time (UTC, ISO 8601) of a resumed run: the record is then a new one with this time.
    Use it in a `with` statement; the lock also ends with the process, even if it is killed.
    """

    def __init__(self, path: Path, lock: int, name: str, started: str | None = None) -> None:
        self.path = path
        self.name = name
        self._record: dict[str, Json] = {"format": FORMAT, "name": name, "status": "running", "started": started or _now()}
        if started is not None:
            self._record["resumed"] = _now()
        self.lock = weakref.finalize(self, locks.release, lock, path / LOCK, os.getpid())

    def status(self) -> str:
        """One of STATUSES."""
        return str(self._record["status"])

    def update(self, **fields: Json) -> None:
        """Merge `fields` into run.json, atomically; a failed update leaves the record unchanged.

        It sets `updated` to the current time, and so `ended` with each status but running: UTC, ISO 8601.

        Raises StorageError; ValueError for an unknown status or a number that is not finite.
        """
        merged = {**self._record, **fields, "updated": _now()}
        if merged["status"] not in STATUSES:
            raise ValueError(f"{merged['status']!r} is not a status; there are {STATUSES}")
        if merged["status"] == "running":
            merged.pop("ended", None)
        elif "ended" not in merged or "status" in fields:
            merged["ended"] = merged["updated"]
        atomic_files.write_json(self.path / RECORD, merged)
        self._record = merged

    def discard(self, *names: str) -> None:
        """Remove these files of the run if they exist. Raises StorageError."""
        with atomic_files.reported(self.path):
            for name in names:
                (self.path / name).unlink(missing_ok=True)
            atomic_files.sync(self.path)

    def close(self) -> None:
        """Release the lock. The status stays unchanged."""
        self.lock()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def record(folder: Path) -> dict[str, Json]:
    """The record in run.json of the run `folder`. Raises RunUnreadable."""
    path = Path(folder) / RECORD
    if (data := safe_read.document(path)) is None:
        raise safe_read.unreadable("no-run", f"there is no run here: {RECORD} is missing", folder, "`disttrain fit CONFIG` makes one")
    document = safe_read.parse(data, path)
    number = document.get("format")
    if type(number) is int and number > FORMAT:
        what = f"has format {number}; this version reads up to {FORMAT}"
        raise safe_read.unreadable("newer-format", what, path, "use the version of disttrain that wrote it, or a newer one")
    if type(number) is not int or number != FORMAT or document.get("status") not in STATUSES:
        raise safe_read.unreadable("corrupt", "does not say format and status of a run", path)
    return document


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
