"""The best weights of a fit so far, in memory and in its run folder."""

from __future__ import annotations

from typing import Any

import torch

from disttrain.model import Model
from disttrain.storage import Run
from disttrain.training import Epoch, best_of

__all__ = ["Best"]


class Best:
    """The weights of the best epoch so far (0 is the start), written into the run folder every `every` epochs so that a crash leaves a usable model."""

    def __init__(self, model: Model, run: Run, every: int, before: dict[str, Any] | None = None) -> None:
        self.model, self.run, self.every = model, run, every
        self.weights = self._copy()
        self.number, self.saved = 0, -1
        if before:
            self.weights, self.number = before["weights"], before["number"]

    def begin(self) -> None:
        """Take the weights as they are now for the start."""
        self.weights = self._copy()

    def state(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        return {"weights": self.weights, "number": self.number}

    def consider(self, epoch: Epoch) -> None:
        """Keep the weights where this epoch is the best, and write them when it is time."""
        if any(epoch.improved):
            self._keep(epoch.improved)
            self.number = epoch.number
        if self.saved < self.number and epoch.number % self.every == 0:
            self.save()

    def restore(self) -> None:
        """Bring the network back to the best epoch, on the CPU."""
        self.model.network.to("cpu").load_state_dict(self.weights)

    def save(self) -> None:
        """Write the weights of the best epoch, unless they are there already."""
        if self.saved < self.number:
            self.model.save(self.run.path / "model", self.run.name, self.weights)
            self.saved = self.number

    def kept(self) -> str:
        """Where the best epoch is kept, in words."""
        self.save()
        which = f"epoch {self.number}" if self.number else "the start"
        return f"{self.run.path / 'model'} ({which})"

    def _keep(self, improved: tuple[bool, ...]) -> None:
        """Take over the weights of the members that improved."""
        # New tensors: those before may be on their way into a checkpoint.
        self.weights = best_of(improved, self._copy(), self.weights)

    def _copy(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().cpu().clone() for name, value in self.model.network.state_dict().items()}
