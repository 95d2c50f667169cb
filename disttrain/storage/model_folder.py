"""The model folder: model.json and weights.safetensors, replaced together and checked before use.

Two files cannot be renamed at once. So the new weights are first written under a second name; the rename of model.json commits the
change; then the weights are renamed. So the weights of any model.json have one of the two names, even after a kill or a power cut, and
the next save first completes the rename.
"""

from __future__ import annotations

import hashlib
import json
import os
import weakref
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from disttrain.errors import Finding, RunUnreadable, StorageError
from disttrain.storage import atomic_files, safe_read, weights
from disttrain.storage.safe_read import Json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

# 2: weights have an axis of members, and the constant model is kept as raw outputs. 3: names are text, and heads add to levels.
FORMAT = 3
DESCRIPTION = "model.json"
WEIGHTS = "weights.safetensors"
_WAITING = "weights.safetensors.new"
_RESERVED = ("format", "files", "sha256")
_ATTEMPTS = 50
_REFIT = "copy the model folder again from where it was made, or fit again"


@dataclass(frozen=True)
class StoredModel:
    """The content of model.json of a model folder.

    It has the saved `description`, the `path` of the folder, and `size` (bytes) and `sha256` of the weights. It keeps the files of the
    weights open, so that `load_weights` reads these weights even if the folder is replaced meanwhile.
    """

    description: dict[str, Json]
    path: Path
    size: int
    sha256: str
    files: tuple[int, ...] = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        weakref.finalize(self, _close, self.files)


def save(folder: Path, description: Mapping[str, object], tensors: Mapping[str, Tensor | NDArray[np.generic]]) -> None:
    """Save a model in `folder`, which is created if absent. A reader sees the complete old or new model at every moment.

    One writer at a time; the lock of the run folder ensures that. Equal weights give equal bytes.

    Raises StorageError if the disk refuses, FitFailed if a weight is not finite (nothing is written then), and ValueError if
    `description` is not strict JSON or uses one of the keys `format`, `files`, `sha256`.
    """
    if reserved := [key for key in _RESERVED if key in description]:
        raise ValueError(f"the keys {reserved} of a description belong to the model folder")
    data = weights.encode(tensors)
    sealed = _sealed(description, data, folder / DESCRIPTION)
    atomic_files.make_folder(folder)
    _settle(folder)
    atomic_files.write_bytes(folder / _WAITING, data)
    atomic_files.write_bytes(folder / DESCRIPTION, sealed)
    _put_in_place(folder)


def read(folder: Path) -> StoredModel:
    """Read and check model.json of `folder`: a plain file, strict JSON, of a known format, with a valid checksum.

    It opens the weights but does not read them; see `load_weights`.

    Raises RunUnreadable.
    """
    path = folder / DESCRIPTION
    before = safe_read.document(path)
    for _ in range(_ATTEMPTS):
        if before is None:
            raise safe_read.unreadable(
                "no-model", f"there is no model here: {DESCRIPTION} is missing", folder, "give a run folder or its `model/`"
            )
        # The waiting weights first: weights move from the second name to the first, so this order cannot miss them.
        files = _open(folder / _WAITING, folder / WEIGHTS)
        if (after := safe_read.document(path)) == before:
            return _believed(before, folder, files)
        _close(files)
        before = after
    raise safe_read.unreadable("busy", "is being replaced again and again", path, "try again when the fit has finished")


def load_weights(stored: StoredModel, expected: weights.Expected) -> dict[str, Tensor]:
    """The weights of `stored`, on the CPU, by name; `expected` gives shape and dtype of each, as in a model on the device `meta`.

    It checks size and SHA-256 before it parses the file, then names, shapes, dtypes and offsets before it creates tensors. Every value
    must be finite.

    Raises RunUnreadable.
    """
    where = stored.path / WEIGHTS
    if not stored.files:
        raise safe_read.unreadable("no-weights", "is missing", where, _REFIT)
    sizes = [os.fstat(fd).st_size for fd in stored.files]
    if stored.size not in sizes:
        what = f"is {sizes[-1]:,} bytes long, and {DESCRIPTION} says {stored.size:,}"
        raise safe_read.unreadable("corrupt", what, where, _REFIT)
    weights.check_size(stored.size, expected, str(where))
    for fd in (fd for fd, size in zip(stored.files, sizes, strict=True) if size == stored.size):
        data = _contents(fd, stored.size, where)
        if hashlib.sha256(data).hexdigest() == stored.sha256:
            return weights.decode(data, expected, str(where))
    raise safe_read.unreadable(
        "corrupt", f"is not the file that was saved: its SHA-256 differs from the one in {DESCRIPTION}", where, _REFIT
    )


def _sealed(description: Mapping[str, object], data: bytes | bytearray, path: Path) -> bytes:
    files = {WEIGHTS: {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}}
    written = atomic_files.json_bytes({"format": FORMAT, "files": files, **description})
    try:
        # Sealed as a reader will see it, where tuples are lists and every key is text.
        document = safe_read.parse(written, path)
    except RunUnreadable as error:
        raise _unwritable(str(error.findings[0].what), path) from error
    sealed = atomic_files.json_bytes({**document, "sha256": _seal(document)})
    if len(sealed) > safe_read.JSON_LIMIT:
        raise _unwritable(f"is {len(sealed):,} bytes long; {safe_read.JSON_LIMIT:,} are allowed", path)
    return sealed


def _unwritable(reason: str, path: Path) -> StorageError:
    hint = "the categories of text columns fill it: exclude columns that have a value of their own in nearly every row"
    return StorageError(Finding("too-large", f"could not be read again, so nothing was saved: it {reason}", where=str(path), hints=(hint,)))


def _seal(document: Mapping[str, Json]) -> str:
    """The SHA-256 of the content of `document`, independent of key order and white space."""
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def _believed(data: bytearray, folder: Path, files: tuple[int, ...]) -> StoredModel:
    try:
        description = safe_read.parse(data, folder / DESCRIPTION)
        size, sha256 = _checked(description, folder / DESCRIPTION)
    except RunUnreadable:
        _close(files)
        raise
    content = {key: value for key, value in description.items() if key not in _RESERVED}
    return StoredModel(content, folder, size, sha256, files)


def _checked(document: Mapping[str, Json], path: Path) -> tuple[int, str]:
    number = document.get("format")
    if type(number) is int and number > FORMAT:
        what = f"has format {number}; this version reads up to {FORMAT}"
        raise safe_read.unreadable("newer-format", what, path, "use the version of disttrain that wrote it, or a newer one")
    if type(number) is int and 0 < number < FORMAT:
        raise safe_read.unreadable("older-format", f"has format {number}, which this version no longer reads", path, _REFIT)
    if type(number) is not int or number != FORMAT:
        raise safe_read.unreadable("corrupt", "does not say the format of a model", path, _REFIT)
    if document.get("sha256") != _seal({key: value for key, value in document.items() if key != "sha256"}):
        raise safe_read.unreadable("corrupt", "was changed after it was saved: its checksum differs", path, _REFIT)
    match document.get("files"):
        case {"weights.safetensors": {"size": int(size), "sha256": str(sha256)}} if size >= 0:
            return size, sha256
    raise safe_read.unreadable("corrupt", f"does not say size and SHA-256 of {WEIGHTS}", path, _REFIT)


def _open(*paths: Path) -> tuple[int, ...]:
    files: list[int] = []
    try:
        for path in paths:
            files += [fd] if (fd := safe_read.open_regular(path)) is not None else []
    except RunUnreadable:
        _close(files)
        raise
    return tuple(files)


def _close(files: Sequence[int]) -> None:
    for fd in files:
        os.close(fd)


def _contents(fd: int, size: int, where: Path) -> bytearray:
    try:
        return safe_read.fill(fd, size)
    except OSError as error:
        raise safe_read.unreadable("unreadable", f"cannot be read: {os.strerror(error.errno or 0)}", where) from error


def _settle(folder: Path) -> None:
    """Finish a save that was interrupted after its commit, so that the next one does not overwrite the weights in use."""
    if not os.path.lexists(folder / _WAITING):
        return
    try:
        stored = read(folder)
        data = _contents(stored.files[0], stored.size, folder / _WAITING)
    except (RunUnreadable, MemoryError):
        # What stands there cannot be used as it is, so there is nothing to protect.
        return
    if hashlib.sha256(data).hexdigest() == stored.sha256:
        _put_in_place(folder)


def _put_in_place(folder: Path) -> None:
    with atomic_files.reported(folder / WEIGHTS):
        os.replace(folder / _WAITING, folder / WEIGHTS)
        atomic_files.sync(folder)
