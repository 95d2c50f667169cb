"""Checkpoints of a fit, written every so many epochs and when it stops."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from disttrain import storage
from disttrain.storage import Run
from disttrain.training import Epoch, TrainingState


class Checkpoints:
    """Knows where the fit stands and writes it into the run folder: every `every` epochs, and when asked."""

    def __init__(self, run: Run, every: int, history: list[Epoch]) -> None:
        self.folder, self.every, self.history = run.path / storage.CHECKPOINT, every, history
        self.latest: tuple[TrainingState, dict[str, Any]] | None = None
        self.written: TrainingState | None = None

    def keep(self, standing: TrainingState, best: dict[str, Any]) -> None:
        """Take in where the loop stands before an epoch, and the best weights so far; neither is changed by anyone later."""
        before, self.latest = self.latest, (standing, best)
        if before is not None and before[0].epoch < standing.epoch and standing.epoch % self.every == 0:
            self.write()

    def write(self) -> None:
        """Write what was kept last, unless it is there already. Raises StorageError."""
        if self.latest is None or self.latest[0] is self.written:
            return
        standing, best = self.latest
        state = {"standing": vars(standing), "history": _columns(self.history[: standing.epoch]), "best": best}
        storage.write_checkpoint(self.folder, state)
        self.written = standing

    @property
    def epoch(self) -> int | None:
        """After which epoch there is a checkpoint that this part of the fit wrote, if any."""
        return None if self.written is None else self.written.epoch

    def remove(self) -> None:
        """Remove them all: the fit is finished."""
        storage.remove_checkpoints(self.folder)


def _columns(history: Sequence[Epoch]) -> dict[str, Tensor]:
    """The epochs as one tensor per field, (epochs,) or (epochs, K): a JSON of a hundred thousand would be slow, and too long to be believed."""
    kinds = {"tuple[bool, ...]": torch.bool, "int": torch.int64, "float": torch.float64}
    return {f.name: torch.tensor([getattr(epoch, f.name) for epoch in history], dtype=kinds[str(f.type)]) for f in fields(Epoch)}
