"""The results of a fit after its epochs: predictions and scores of its own rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field, replace

from disttrain import storage
from disttrain.errors import StorageError, enough_memory
from disttrain.evaluation import scoring
from disttrain.evaluation.floors import Floor, parameters_at_floor
from disttrain.evaluation.marginal_share import held_out_share
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
    """The number of predicted rows, the scores of each split, the parameters at their floors, and the constant model's share."""

    predictions: int = 0
    evaluations: Mapping[str, Evaluation] = field(default_factory=dict)
    at_floor: Sequence[Floor] = ()
    marginal_share: float = 0.0

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
            prepared = _with_share(prepared, best)
            # Score first: scoring needs more memory than writing, and writing does not free all of its memory.
            evaluations = scoring.split_scores(prepared, run.name, limit.end)
            if not all(best.snapshot.constant) and scoring.worse_than_baseline(prepared, evaluations):
                # Each member beats the baseline on its own rows, but their mixture does not on these rows.
                best.give_up()
                prepared = _without_auto_share(prepared)
                best.replace_model(prepared.model)
                evaluations = scoring.split_scores(prepared, run.name, limit.end)
            predictions = write_own(prepared, run.path, run.name)
            storage.write_json(run.path / "metrics.json", {split: evaluation.document for split, evaluation in evaluations.items()})
            at_floor = parameters_at_floor(prepared.model, list(prepared.splits.values()))
            return Results(predictions, evaluations, at_floor, prepared.model.marginal_share)
    except BaseException as fault:
        # Only the scores are missing: a fit that resumes from this checkpoint computes them without another epoch.
        with suppress(StorageError, MemoryError):
            checkpoints.write()
        if not (isinstance(fault, KeyboardInterrupt) and limit.stop_requested()):
            raise
    run.discard("predictions.parquet", "metrics.json")
    return Results()


def _with_share(prepared: Prepared, best: BestWeights) -> Prepared:
    """The prepared rows with a model whose forecast has the share of the constant model that `marginal_share: auto` finds; it is saved."""
    if prepared.model.config.forecast.marginal_share != "auto" or all(best.snapshot.constant):
        return prepared
    share = held_out_share(prepared)
    if not share:
        return prepared
    prepared = replace(prepared, model=replace(prepared.model, marginal_share=share))
    best.replace_model(prepared.model)
    return prepared


def _without_auto_share(prepared: Prepared) -> Prepared:
    """The prepared rows with a model that is the constant model already: what `marginal_share: auto` found is dropped."""
    auto = prepared.model.config.forecast.marginal_share == "auto"
    return replace(prepared, model=replace(prepared.model, marginal_share=0.0)) if auto else prepared
