"""The best weights of a fit, in memory and in the run folder."""

from __future__ import annotations

from dataclasses import dataclass, replace

from disttrain.model import Model, serialization
from disttrain.storage import Run
from disttrain.training import Epoch, Start, Weights, best_of


@dataclass(frozen=True)
class Snapshot:
    """The weights of each member's best epoch, on the CPU, and the `number` of the last of these epochs.

    Epoch 0 is the constant model, or a linear start that is better. `constant` is True for the members that are still the constant model.
    """

    weights: Weights
    number: int
    constant: tuple[bool, ...]

    @property
    def text(self) -> str:
        """The name of the weights."""
        if all(self.constant):
            return "the constant model"
        return f"epoch {self.number}" if self.number else "the linear start"


class BestWeights:
    """The best weights of a fit so far, `snapshot`, which are written into the run folder every `every` epochs.

    So a crash leaves a usable model. `given_up` names the best weights that were replaced by the constant model.
    """

    def __init__(self, model: Model, run: Run, every: int, before: Snapshot | None = None) -> None:
        self.model, self.run, self.every, self.saved, self.given_up = model, run, every, -1, ""
        self.snapshot = before or self._constant()

    def start_from(self, start: Start) -> None:
        """Use the start of the fit as epoch 0."""
        self.snapshot = replace(self.snapshot, weights=self._with(start.weights), constant=start.constant)

    def consider(self, epoch: Epoch) -> None:
        """Keep the weights of this epoch if it is the best, and write them if it is time."""
        best = self.snapshot
        if any(epoch.improved):
            now = {name: value.detach().cpu() for name, value in self.model.network.state_dict().items()}
            constant = tuple(was and not improved for was, improved in zip(best.constant, epoch.improved, strict=True))
            # New tensors, because a checkpoint may still refer to the old ones.
            self.snapshot = Snapshot(best_of(epoch.improved, now, best.weights), epoch.number, constant)
        if self.saved < self.snapshot.number and epoch.number % self.every == 0:
            self.save()

    def restore(self) -> None:
        """Bring the network back to the best epoch, on the CPU."""
        self.model.network.to("cpu").load_state_dict(self.snapshot.weights)

    def save(self) -> None:
        """Write the weights of the best epoch if they are not in the run folder yet."""
        if self.saved < self.snapshot.number:
            serialization.save(self.model, self.run.path / "model", self.run.name, self.snapshot.weights)
            self.saved = self.snapshot.number

    def give_up(self) -> None:
        """Replace the best weights by the constant model."""
        self.given_up, self.snapshot, self.saved = self.snapshot.text, self._constant(), -1
        self.restore()

    def replace_model(self, model: Model) -> None:
        """Save the best weights with a copy of the model in which something but the network has changed."""
        self.model, self.saved = model, -1
        self.save()

    def saved_location(self) -> str:
        """Save the best epoch, and return its folder and name as text."""
        self.save()
        return f"{self.run.path / 'model'} ({self.snapshot.text})"

    def _constant(self) -> Snapshot:
        return Snapshot(self._with(self.model.network.constant_weights()), 0, (True,) * self.model.members)

    def _with(self, others: Weights) -> Weights:
        """A copy of the network's weights in which `others` replace the weights of their names."""
        return {name: value.detach().cpu().clone() for name, value in (self.model.network.state_dict() | others).items()}
