"""The checkpoint folder: the state of a fit in pairs of files, `0007.json` and `0007.safetensors`. It retains the newest two pairs.

A pair never replaces another. The tensors are written first. The JSON, which holds their size and SHA-256, makes the pair valid; only
then are older pairs removed. So the previous pair stays complete until the new one is, even after a kill or a power cut, and remains if
the disk damages the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import stat
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from disttrain.errors import Finding, RunUnreadable
from disttrain.storage import atomic_files, safe_read, state_tree, weights
from disttrain.storage.safe_read import Json
from disttrain.storage.state_tree import StateTree

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 2
_RETAINED = 2
_PAIR = re.compile(r"(\d{4,12})\.(json|safetensors)")
_HINTS = ("`disttrain fit CONFIG` begins a new run",)


class _Document(TypedDict):
    """The JSON of a checkpoint: size and SHA-256 of its tensors, the dtype and the shape of each, and the state without them."""

    format: int
    size: int
    sha256: str
    tensors: dict[str, tuple[str, list[int]]]
    state: Json


@dataclass(frozen=True)
class Checkpoint:
    """The saved state, and for each newer checkpoint that was skipped a message that names its file and its problem."""

    state: dict[str, Any]
    passed_over: tuple[str, ...]


def write_checkpoint(folder: Path, state: Mapping[str, StateTree]) -> None:
    """Save `state`, a tree of plain values and tensors, in `folder`, which is created if absent. One writer at a time.

    Raises StorageError if the disk refuses; the previous checkpoints are then still complete.
    """
    tensors: dict[str, Tensor] = {}
    form = state_tree.apart(state, tensors)
    data = weights.encode(tensors, finite=False)
    says = {name: (str(tensor.dtype).removeprefix("torch."), list(tensor.shape)) for name, tensor in tensors.items()}
    document: _Document = {
        "format": FORMAT, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), "tensors": says, "state": form
    }  # fmt: skip
    atomic_files.make_folder(folder)
    with atomic_files.reported(folder):
        number = max(_numbers(folder), default=0) + 1
        # Whole before it is named: what is not named by a JSON does not count.
        atomic_files.write_bytes(folder / f"{number:04d}.safetensors", data)
        atomic_files.write_json(folder / f"{number:04d}.json", {**document, "seal": _seal(document)})
        # Each file has a name of its own, so what a kill left of one is found by no later write.
        atomic_files.sweep(folder)
        complete = [number for number in sorted(_named(folder)) if _is_regular(folder / f"{number:04d}.json")]
        _remove(folder, sorted(_numbers(folder) - set(complete[-_RETAINED:])))


def read_checkpoint(folder: Path) -> Checkpoint | None:
    """The newest valid checkpoint; None if the folder has no checkpoint.

    Raises RunUnreadable, with the problem of each, if there are checkpoints and none is valid.
    """
    faults: list[RunUnreadable] = []
    for number in sorted(_listed(folder), reverse=True):
        try:
            return Checkpoint(_read(folder, number), tuple(_passed_over(finding) for fault in faults for finding in fault.findings))
        except RunUnreadable as fault:
            faults.append(fault)
    if faults:
        raise RunUnreadable(*(finding for fault in faults for finding in fault.findings))
    return None


def has_checkpoint(folder: Path) -> bool:
    """True if `folder` has a checkpoint, even a damaged one. Raises RunUnreadable if the folder cannot be read."""
    return any(_is_regular(folder / f"{number:04d}.json") for number in _listed(folder))


def remove_checkpoints(folder: Path) -> None:
    """Remove all checkpoints, and the folder if it is then empty. A kill leaves valid checkpoints or none."""
    with suppress(OSError):
        _remove(folder, sorted(_numbers(folder)))
        atomic_files.sweep(folder)
        folder.rmdir()


def _passed_over(finding: Finding) -> str:
    return f"{finding.where} {finding.what}" + (", and is left where it is" if os.path.isdir(finding.where) else "")


def _is_regular(path: Path) -> bool:
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except OSError:
        return False


def _read(folder: Path, number: int) -> dict[str, Any]:
    path, where = folder / f"{number:04d}.json", folder / f"{number:04d}.safetensors"
    content = safe_read.parse(safe_read.document(path) or b"", path)
    if (version := content.get("format")) != FORMAT:
        newer, is_number = type(version) is int and version > FORMAT, type(version) is int
        what = f"has format {version}; this version reads format {FORMAT}" if is_number else "does not say the format of a checkpoint"
        raise safe_read.unreadable("newer-format" if newer else "older-format" if is_number else "corrupt", what, path, *_HINTS)
    if content.pop("seal", None) != _seal(content):
        raise safe_read.unreadable("corrupt", "was changed after it was saved: its checksum differs", path, *_HINTS)
    document = cast("_Document", content)
    data = _contents(where, document["size"])
    if len(data) != document["size"] or hashlib.sha256(data).hexdigest() != document["sha256"]:
        raise safe_read.unreadable(
            "corrupt", f"is not the file that was saved: size or SHA-256 differ from those in {path.name}", where, *_HINTS
        )
    try:
        expected = {name: (shape, dtype) for name, (dtype, shape) in document["tensors"].items()}
        state = state_tree.together(document["state"], weights.decode(data, expected, str(where), finite=False))
    except (KeyError, ValueError, TypeError, AttributeError) as fault:
        raise safe_read.unreadable("corrupt", f"does not describe a checkpoint: {fault!r}"[:200], path, *_HINTS) from fault
    return cast("dict[str, Any]", state)


def _contents(path: Path, size: int) -> bytearray:
    fd = safe_read.open_regular(path)
    if fd is None:
        raise safe_read.unreadable("corrupt", "is missing", path, *_HINTS)
    try:
        # One byte more than expected, so that a longer file is seen.
        return safe_read.fill(fd, size + 1)
    except OSError as error:
        raise safe_read.unreadable("unreadable", f"cannot be read: {os.strerror(error.errno or 0)}", path) from error
    finally:
        os.close(fd)


def _seal(document: Mapping[str, object]) -> str:
    return hashlib.sha256(json.dumps(document, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()).hexdigest()


def _pair_files(folder: Path) -> list[tuple[int, str]]:
    try:
        return [(int(match[1]), match[2]) for name in os.listdir(folder) if (match := _PAIR.fullmatch(name))]
    except (FileNotFoundError, NotADirectoryError):
        return []


def _numbers(folder: Path) -> set[int]:
    return {number for number, _ in _pair_files(folder)}


def _named(folder: Path) -> set[int]:
    """The numbers of the checkpoints: those with a JSON file."""
    return {number for number, kind in _pair_files(folder) if kind == "json"}


def _listed(folder: Path) -> set[int]:
    try:
        return _named(folder)
    except OSError as error:
        raise safe_read.unreadable("unreadable", f"cannot be read: {os.strerror(error.errno or 0)}", folder) from error


def _remove(folder: Path, numbers: Sequence[int]) -> None:
    # The JSON first, so that none is left to speak of tensors that are gone.
    for kind in ("json", "safetensors"):
        for number in numbers:
            # A folder, or a file of somebody else: what cannot be removed is in nobody's way.
            with suppress(OSError):
                (folder / f"{number:04d}.{kind}").unlink(missing_ok=True)
