"""The run folder: its number, its lock, its status, and the search for a run."""

from __future__ import annotations

import difflib
import os
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from disttrain.errors import STOPPED, Finding, OutputExists, RunUnreadable, StorageError, UsageError, word_of
from disttrain.storage import atomic_files, checkpoint_folder, locks, model_folder, run_files, safe_read
from disttrain.storage.run_files import CHECKPOINT
from disttrain.storage.run_status import LOCK, RECORD, STATUSES, Run, record

__all__ = [
    "CHECKPOINT",
    "MODEL",
    "RECORD",
    "STATUSES",
    "ModelLocation",
    "Run",
    "create",
    "create_at",
    "find",
    "newest_to_resume",
    "record",
    "reopen",
]

MODEL = "model"
_USABLE = ("finished", "stopped")
# All there is of a run that was killed before it had a record: nothing that anybody could miss.
_UNBORN = re.compile(rf"{re.escape(LOCK)}|\.{re.escape(RECORD)}\.[0-9a-f]{{16}}\.part")


@dataclass(frozen=True)
class ModelLocation:
    """The location of a model: `model` is its folder, `run` the folder of its run, or None if the model folder stands alone.

    `newest` is true if the user named none and the newest run was chosen, so that the program can report it.
    """

    run: Path | None
    model: Path
    name: str
    newest: bool


def create(root: Path, name: str) -> Run:
    """A new run `root/name-NNN` with the next free number, locked and with status running. Concurrent calls get different runs.

    Raises StorageError if the folder cannot be written; UsageError if `name` cannot be the name of a folder.
    """
    if not name or name.startswith(".") or re.search(r"[/\\\x00-\x1f\x7f]", name):
        what = f"{name!r} cannot be the name of a run folder"
        raise UsageError(Finding("bad-name", what, hints=("use letters, digits, `-` and `_`",)))
    root = Path(root)
    atomic_files.make_folder(root)
    number = int(atomic_files.numbered(root, name, "").name.rpartition("-")[2])
    with atomic_files.reported(root):
        # Counting on, because a folder can be in the way without being listed by this spelling (file systems that ignore case).
        while not _create_folder(folder := root / f"{name}-{number:03d}"):
            number += 1
        atomic_files.sync(root)
    try:
        return create_at(folder)
    except BaseException:
        with suppress(OSError):
            folder.rmdir()
        raise


def create_at(folder: Path, overwrite: bool = False) -> Run:
    """A new run in `folder` itself, which is created if absent, locked and with status running.

    With `overwrite`, the files of a previous run are removed first, and no others.

    Raises OutputExists if the folder is not empty, is not a run, or is locked by another process; StorageError.
    """
    folder = Path(folder)
    if os.path.lexists(folder) and not os.path.isdir(folder):
        raise _occupied(folder, "is not a folder", "give another folder with `--out`")
    atomic_files.make_folder(folder)
    _require_available(folder, overwrite)
    with atomic_files.reported(folder):
        lock = locks.claim(folder / LOCK)
    if lock is None:
        raise _occupied(folder, f"another process{_holder(folder)} is writing this run", "wait for it, or give another folder with `--out`")
    run = Run(folder, lock, _name(folder))
    try:
        # Asked again: between the first look and the lock, another process may have begun and even finished.
        _require_available(folder, overwrite)
        return _initialised(run)
    except BaseException:
        run.close()
        raise


def reopen(folder: Path) -> Run:
    """Lock the run in `folder` again, to resume it. Its record on disk stays unchanged until the first update.

    Raises RunUnreadable if there is no run, OutputExists if it is finished or locked by another process, StorageError.
    """
    folder = Path(folder)
    record(folder)
    with atomic_files.reported(folder):
        lock = locks.claim(folder / LOCK)
    if lock is None:
        raise _occupied(folder, f"another process{_holder(folder)} is writing this run", "wait for it, or stop it")
    # Read again: what held the lock a moment ago may have finished the run.
    run = Run(folder, lock, _name(folder), str(record(folder).get("started", "")))
    if not _can_go_on(folder):
        run.close()
        raise _occupied(folder, "this run is finished; there is nothing to resume", "`disttrain fit CONFIG` begins a new run")
    return run


def newest_to_resume(root: Path, name: str) -> Path:
    """The folder of the latest run `name-NNN` under `root` that can be resumed. Raises RunUnreadable if there is none."""
    resumable = []
    for folder in _folders(Path(root)):
        with suppress(RunUnreadable):
            if re.fullmatch(rf"{re.escape(name)}-\d{{3,}}", folder.name) and _can_go_on(folder):
                resumable.append((str(record(folder).get("started", "")), folder))
    if not resumable:
        hints = ("`disttrain fit CONFIG` begins one", "or name the folder: `--resume RUN`")
        raise safe_read.unreadable("no-run", f"no run of `{name}` here was stopped before its end", root, *hints)
    return max(resumable)[1]


def _can_go_on(folder: Path) -> bool:
    """True if a run is unfinished, or finished at its time limit: then it has a checkpoint."""
    return record(folder)["status"] != "finished" or checkpoint_folder.has_checkpoint(folder / CHECKPOINT)


def find(path: Path | None, root: Path) -> ModelLocation:
    """The model of `path`, a run folder or a model folder; of the latest finished or stopped run under `root` if `path` is None.

    It only checks that the files exist; `model_folder.read` checks their content.

    Raises RunUnreadable if there is none.
    """
    if path is None:
        return _newest(Path(root))
    path = Path(path)
    if os.path.lexists(path / MODEL / model_folder.DESCRIPTION):
        return ModelLocation(path, path / MODEL, _name(path), newest=False)
    if os.path.lexists(path / model_folder.DESCRIPTION):
        parent = path.absolute().parent
        run = parent if path.absolute().name == MODEL and os.path.lexists(parent / RECORD) else None
        return ModelLocation(run, path, _name(run or path), newest=False)
    raise _not_found(path, Path(root))


def _newest(root: Path) -> ModelLocation:
    ended: list[tuple[str, str, Path]] = []
    for folder in _folders(root):
        with suppress(RunUnreadable):
            run_record = record(folder)
            if run_record["status"] in _USABLE and os.path.lexists(folder / MODEL / model_folder.DESCRIPTION):
                ended.append((str(run_record.get("ended", "")), str(run_record.get("started", "")), folder))
    if not ended:
        hints = ("`disttrain fit CONFIG` makes one", "or name the folder of a run or model")
        raise safe_read.unreadable("no-run", "there is no finished run here", root, *hints)
    folder = max(ended)[-1]
    return ModelLocation(folder, folder / MODEL, folder.name, newest=True)


def _folders(root: Path) -> list[Path]:
    try:
        return sorted(folder for folder in root.iterdir() if os.path.isdir(folder))
    except OSError:
        return []


def _not_found(path: Path, root: Path) -> RunUnreadable:
    """The error for a `path` without a run, with a run in the hint: the one of the nearest name, else the newest inside it or under `root`."""
    make_one = "`disttrain fit CONFIG` makes a run"
    if not os.path.lexists(path):
        what, folders = "there is no such folder", [*_folders(path.parent), *_folders(root)]
    elif os.path.isdir(path):
        what, folders = "there is no model in this folder", _folders(path)
        if os.path.lexists(path / RECORD):
            return safe_read.unreadable("no-model", "this run has no model (yet)", path, "wait for its first epoch, or fit again")
    else:
        what, folders = "is a file, not the folder of a run or model", [*path.absolute().parents, *_folders(root)]
        if path.suffix in (".yaml", ".yml"):
            make_one = f"`disttrain fit {path}` makes a run of it"
    runs = {folder.name: folder for folder in folders if _has_model(folder)}
    close_names = difflib.get_close_matches(path.name, runs, n=1)
    newest = [] if close_names else sorted(runs, key=lambda name: _ended(runs[name]))[-1:]
    return safe_read.unreadable("no-model", what, path, *(f"did you mean `{runs[name]}`?" for name in close_names or newest), make_one)


def _has_model(folder: Path) -> bool:
    return any(os.path.lexists(candidate / model_folder.DESCRIPTION) for candidate in (folder, folder / MODEL))


def _ended(folder: Path) -> str:
    """The end time in the record of a run; empty if it has none."""
    with suppress(RunUnreadable):
        return str(record(folder).get("ended", ""))
    return ""


def _create_folder(folder: Path) -> bool:
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _initialised(run: Run) -> Run:
    # The record first: from here on a reader sees a running run, not a finished one with half its files.
    run.update()
    try:
        with atomic_files.reported(run.path):
            for name in filter(run_files.WRITTEN.fullmatch, os.listdir(run.path)):
                _remove(run.path / name)
            atomic_files.sync(run.path)
    except KeyboardInterrupt as fault:
        with suppress(StorageError):
            run.update(status="stopped", exit_code=STOPPED[word_of(fault)], reason=word_of(fault))
        raise
    except BaseException:
        with suppress(StorageError):
            run.update(status="failed", exit_code=StorageError.exit_code)
        raise
    return run


def _remove(path: Path) -> None:
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        path.unlink()


def _require_available(folder: Path, overwrite: bool) -> None:
    with atomic_files.reported(folder):
        names = [name for name in os.listdir(folder) if not _UNBORN.fullmatch(name)]
    if not names:
        return
    if not overwrite:
        raise _occupied(folder, "the folder is not empty", "`--overwrite` replaces the run in it", "give another folder with `--out`")
    if RECORD not in names:
        raise _occupied(folder, f"the folder has no {RECORD}, so it is not a run and is not emptied", "give another folder with `--out`")


def _occupied(folder: Path, what: str, *hints: str) -> OutputExists:
    return OutputExists(Finding("output-exists", what, where=str(folder), hints=hints))


def _holder(folder: Path) -> str:
    with suppress(OSError, ValueError):
        return f" ({int((folder / LOCK).read_bytes()[:20])})"
    return ""


def _name(folder: Path) -> str:
    return folder.name or folder.absolute().name
