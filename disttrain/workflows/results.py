"""The results of a fit after its epochs: predictions and scores of its own rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field

from disttrain import storage
from disttrain.errors import StorageError, enough_memory
from disttrain.evaluation import scoring
from disttrain.evaluation.floors import Floor, parameters_at_floor
from disttrain.evaluation.result import Evaluation
from disttrain.preparation.prepare import Prepared
from disttrain.runs.best_weights import BestWeights
from disttrain.runs.checkpoints import Checkpoints
from disttrain.storage import Run
from disttrain.workflows.predict import write_own
from disttrain.workflows.stop_rule import StopRule

Interruptible = Callable[[], AbstractContextManager[None]]
LESS_MEMORY = ("a smaller `training.batch_size`, narrower `network.hidden`, or fewer `network.members`",)


@dataclass(frozen=True)
class Results:
    """The number of predicted rows, the scores of each split, and the parameters at their floors."""

    predictions: int = 0
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    at_floor: Sequence[Floor] = ()

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on the scores."""
        return tuple(note for evaluation in self.evaluations.values() for note in evaluation.scores.notes)


def results(
    prepared: Prepared, run: Run, best: BestWeights, limit: StopRule, checkpoints: Checkpoints, interruptible: Interruptible
) -> Results:
    """Write predictions.parquet and metrics.json. If the fit is stopped meanwhile, neither file remains."""
    limit.scoring = True
    try:
        with interruptible(), enough_memory(*LESS_MEMORY, saved=lambda: str(run.path / "model")):
            if limit.stop_requested():
                raise KeyboardInterrupt
            # Score first: scoring needs more memory than writing, and writing does not free all of its memory.
            evaluations = scoring.split_scores(prepared, run.name, limit.end)
            if not all(best.snapshot.constant) and scoring.worse_than_baseline(prepared, evaluations):
                # Each member beats the baseline on its own rows, but their mixture does not on these rows.
                best.give_up()
                best.save()
                evaluations = scoring.split_scores(prepared, run.name, limit.end)
            predictions = write_own(prepared, run.path, run.name)
            storage.write_json(run.path / "metrics.json", {split: evaluation.document for split, evaluation in evaluations.items()})
            return Results(predictions, evaluations, parameters_at_floor(prepared.model, list(prepared.splits.values())))
    except BaseException as fault:
        # Only the scores are missing: a fit that resumes from this checkpoint computes them without another epoch.
        with suppress(StorageError, MemoryError):
            checkpoints.write()
        if not (isinstance(fault, KeyboardInterrupt) and limit.stop_requested()):
            raise
    run.discard("predictions.parquet", "metrics.json")
    return Results()
