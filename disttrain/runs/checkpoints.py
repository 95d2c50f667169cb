"""Checkpoints of a fit, written every few epochs and when it stops."""

from __future__ import annotations

from disttrain import storage
from disttrain.runs.best_weights import Snapshot
from disttrain.runs.history import columns_of
from disttrain.storage import Run
from disttrain.training import Epoch, TrainingState


class Checkpoints:
    """The latest state of a fit. It is written into the run folder every `every` epochs and by `write`."""

    def __init__(self, run: Run, every: int, history: list[Epoch]) -> None:
        self.folder, self.every, self.history = run.path / storage.CHECKPOINT, every, history
        self.latest: tuple[TrainingState, Snapshot] | None = None
        self.written: TrainingState | None = None

    def keep(self, training_state: TrainingState, best: Snapshot) -> None:
        """Store the state of the loop before an epoch, and the best weights. The caller must not change either later."""
        before, self.latest = self.latest, (training_state, best)
        if before is not None and before[0].epoch < training_state.epoch and training_state.epoch % self.every == 0:
            self.write()

    def write(self) -> None:
        """Write the latest state if it is not in the run folder yet. Raises StorageError."""
        if self.latest is None or self.latest[0] is self.written:
            return
        training_state, best = self.latest
        storage.write_checkpoint(self.folder, {
            "standing": vars(training_state),
            "history": columns_of(self.history[: training_state.epoch]),
            "best": {"weights": best.weights, "number": best.number, "constant": list(best.constant)},
        })  # fmt: skip
        self.written = training_state

    @property
    def epoch(self) -> int | None:
        """The epoch of the last checkpoint that this part of the fit wrote; None if there is none."""
        return None if self.written is None else self.written.epoch

    def remove(self) -> None:
        """Remove all checkpoints, because the fit is finished."""
        storage.remove_checkpoints(self.folder)
