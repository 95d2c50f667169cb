"""Models and fault switches that the storage tests share."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest
import torch
from torch import Tensor

from disttrain.storage import atomic_files, checkpoint_folder, model_folder, safe_read

NAMES = ("head.bias", "head.weight", "trunk.0.weight")


def weights(mark: float) -> dict[str, Tensor]:
    """Weights that all hold the number `mark`."""
    shapes = {"trunk.0.weight": (6, 3), "head.weight": (2, 6), "head.bias": (2,)}
    return {name: torch.full(shape, mark) for name, shape in shapes.items()}


def expected(tensors: dict[str, Tensor]) -> dict[str, tuple[tuple[int, ...], torch.dtype]]:
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def save(folder: Path, mark: float) -> None:
    model_folder.save(folder, {"mark": mark, "family": "gamma"}, weights(mark))


def mark_of(folder: Path) -> float:
    """The mark of the model in `folder`; fails unless description and weights belong together."""
    stored = model_folder.read(folder)
    found = model_folder.load_weights(stored, expected(weights(0.0)))
    mark = stored.description["mark"]
    assert set(found) == set(NAMES)
    assert all(bool((tensor == mark).all()) for tensor in found.values()), (mark, found)
    return mark


def save_checkpoint(folder: Path, mark: float) -> None:
    checkpoint_folder.write_checkpoint(folder, {"mark": mark, "weights": weights(mark)})


def checkpoint_mark(folder: Path) -> float:
    """The mark of the newest checkpoint in `folder`; fails where one is damaged, or is not of one piece."""
    found = checkpoint_folder.read_checkpoint(folder)
    assert found is not None
    assert found.passed_over == ()
    mark = found.state["mark"]
    assert all(bool((tensor == mark).all()) for tensor in found.state["weights"].values()), found.state
    return mark


def seal(folder: Path, **changes: object) -> None:
    """Rewrite model.json with `changes` and a checksum that fits them: the work of an attacker, not of a disk."""
    path = folder / "model.json"
    document = safe_read.parse(path.read_bytes(), path) | changes
    document.pop("sha256")
    path.write_bytes(atomic_files.json_bytes({**document, "sha256": model_folder._seal(document)}))


def plant(folder: Path, data: bytes) -> None:
    """Put `data` in the place of the weights, with size and SHA-256 in model.json that fit."""
    (folder / "weights.safetensors").write_bytes(data)
    seal(folder, files={"weights.safetensors": {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}})


def fail_at(monkeypatch: pytest.MonkeyPatch, names: tuple[str, ...], nth: int, code: int = errno.ENOSPC) -> list[str]:
    """Make the `nth` call (from 1) of these functions of os fail; the list returned fills with the calls made."""
    calls: list[str] = []

    def failing(name: str, real: object) -> object:
        def call(*args: object, **options: object) -> object:
            calls.append(name)
            if len(calls) == nth:
                raise OSError(code, os.strerror(code))
            return real(*args, **options)  # type: ignore[operator]

        return call

    for name in names:
        monkeypatch.setattr(os, name, failing(name, getattr(os, name)))
    return calls


def leftovers(folder: Path) -> list[str]:
    return [name for name in os.listdir(folder) if name.endswith((".part", ".new"))]
