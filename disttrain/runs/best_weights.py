"""The best weights of a fit, in memory and in the run folder."""

from __future__ import annotations

from typing import Any

import torch

from disttrain.model import Model, serialization
from disttrain.storage import Run
from disttrain.training import Epoch, Start, best_of


class BestWeights:
    """The weights of each member's best epoch.

    They are written into the run folder every `every` epochs, so that a crash leaves a usable model. Epoch 0 is the constant model, or a
    linear start that is better. `constant` is True for the members that are still the constant model.
    """

    def __init__(self, model: Model, run: Run, every: int, before: dict[str, Any] | None = None) -> None:
        self.model, self.run, self.every, self.saved, self.given_up = model, run, every, -1, ""
        if before:
            self.weights, self.number, self.constant = before["weights"], before["number"], tuple(before["constant"])
        else:
            self.weights, self.number = self._with(model.network.constant_weights()), 0
            self.constant = (True,) * model.members

    def start_from(self, start: Start) -> None:
        """Use the start of the fit as epoch 0."""
        self.weights, self.constant = self._with(start.weights), start.constant

    def state(self) -> dict[str, Any]:
        """The state that a checkpoint stores."""
        return {"weights": self.weights, "number": self.number, "constant": list(self.constant)}

    def consider(self, epoch: Epoch) -> None:
        """Keep the weights of this epoch if it is the best, and write them if it is time."""
        if any(epoch.improved):
            # Make new tensors, because a checkpoint may still refer to the old ones.
            self.weights = best_of(epoch.improved, self._with({}), self.weights)
            self.constant = tuple(was and not improved for was, improved in zip(self.constant, epoch.improved, strict=True))
            self.number = epoch.number
        if self.saved < self.number and epoch.number % self.every == 0:
            self.save()

    def restore(self) -> None:
        """Bring the network back to the best epoch, on the CPU."""
        self.model.network.to("cpu").load_state_dict(self.weights)

    def save(self) -> None:
        """Write the weights of the best epoch if they are not in the run folder yet."""
        if self.saved < self.number:
            serialization.save(self.model, self.run.path / "model", self.run.name, self.weights)
            self.saved = self.number

    def give_up(self) -> None:
        """Replace the best weights by the constant model."""
        self.given_up, self.number, self.saved = self.words(), 0, -1
        self.weights, self.constant = self._with(self.model.network.constant_weights()), (True,) * self.model.members
        self.restore()

    def saved_location(self) -> str:
        """Save the best epoch, and return its folder and name as text."""
        self.save()
        return f"{self.run.path / 'model'} ({self.words()})"

    def words(self) -> str:
        """The name of the best weights."""
        if all(self.constant):
            return "the constant model"
        return f"epoch {self.number}" if self.number else "the linear start"

    def _with(self, others: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """A copy of the network's weights in which `others` replace the weights of their names."""
        return {name: value.detach().cpu().clone() for name, value in (self.model.network.state_dict() | others).items()}
