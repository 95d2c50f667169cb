"""The events of a fit: its start, its end, and the texts of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from disttrain.config import Config
from disttrain.errors import FitFailed
from disttrain.evaluation import scoring
from disttrain.evaluation.result import Evaluation
from disttrain.preparation.prepare import Prepared
from disttrain.preparation.ties import tie_notes
from disttrain.preparation.training_plan import plan_of
from disttrain.storage import Run
from disttrain.training import NotFinite

# Standard deviations from the mean: a feature further away may be the cause.
_OUTLIER = 4.0


@dataclass(frozen=True)
class Started:
    """The start of a fit: rows per split, encoded inputs, weights of all members, the baseline (nats per row), and warnings.

    `remarks` say how the files are read. `own` is the number of training rows that each member holds out while other members train on them,
    `98 to 131` where it differs; empty if all members stop by the validation rows. `resumed` is the number of epochs that were trained before.
    """

    run: str
    distribution: str
    device: str
    threads: int
    seed: int
    rows: dict[str, int]
    inputs: int
    weights: int
    members: int
    baseline: float
    watched: str
    epochs: int
    warnings: tuple[str, ...]
    resumed: int = 0
    own: str = ""
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """The end of a fit: `status` finished or stopped, the `reason` as text, the scores of each split, warnings, and the run folder.

    `resumable` is True if the fit was stopped before its end and can continue. `marginal_share` is the weight of the constant model in the
    forecast.
    """

    folder: Path
    status: str
    reason: str
    stopped_by: str | None
    best_epoch: int
    epochs: int
    seconds: float
    evaluations: Mapping[str, Evaluation]
    predictions: int
    warnings: tuple[str, ...]
    resumable: bool
    marginal_share: float = 0.0

    @property
    def document(self) -> dict[str, object]:
        """The event as JSON, with the scores of each split under `metrics`."""
        document = {("metrics" if name == "evaluations" else name): value for name, value in vars(self).items()}
        metrics = {split: evaluation.document for split, evaluation in self.evaluations.items()}
        return document | {"folder": str(self.folder), "metrics": metrics}


def started(prepared: Prepared, run: Run, device: torch.device, resumed: int = 0, notes: Sequence[str] = ()) -> Started:
    """The event Started of a fit that continues after `resumed` epochs, with `notes` as further warnings."""
    model, config = prepared.model, prepared.model.config
    learned = [o.parameter.name if o.fixed is None else f"{o.parameter.name} fixed" for o in model.outputs]
    per_member = prepared.held_out_counts
    watched = "validation" if "validation" in prepared.splits or per_member else "train"
    baseline = scoring.baseline_nll(prepared, scoring.watched_split(prepared))
    warnings = (*tie_notes(model.family, model.schema.target[0], prepared.observed.measured), *share_notes(prepared))
    return Started(
        run.name, f"{model.family.name}({', '.join(learned)})", str(device), torch.get_num_threads(), config.training.seed,
        prepared.counts(), model.encoder.width, model.network.size(), model.members, baseline, watched, plan_of(config, prepared.trained_rows).epochs,
        (*notes, *prepared.data.warnings, *warnings), resumed, per_member, prepared.data.remarks,
    )  # fmt: skip


def share_notes(prepared: Prepared) -> tuple[str, ...]:
    """A warning if `marginal_share: auto` has no held-out rows to find the share on."""
    held_out = prepared.validation_rows is not None or "validation" in prepared.splits
    if prepared.model.config.forecast.marginal_share != "auto" or held_out:
        return ()
    return (
        "`forecast.marginal_share: auto` finds the share on held-out rows, and there are none: it is 0; set a share such as 0.003, or "
        "`data.validation`",
    )


def no_gain(prepared: Prepared, constant: Sequence[bool], number: int, given_up: str) -> tuple[str, ...]:
    """A warning if some members end as the `constant` model, or if no epoch was better than the start (`number` of the best epoch is 0).

    `given_up` names the best weights that were replaced by the constant model; empty if none were.
    """
    if not prepared.model.encoder.width and not number:
        return ()
    if given_up:
        return (
            f"the forecast of {given_up} is worse than the constant model on {scoring.watched_split(prepared)}: the constant model is kept",
        )
    rows = "validation" if "validation" in prepared.splits else "train" if prepared.validation_rows is None else "the rows it holds out"
    if all(constant):
        return (f"no epoch was better than the constant model on {rows}: the constant model is kept, which looks at no feature",)
    if any(constant):
        count = f"{sum(constant)} of {len(constant)} members were"
        return (f"{count} at no epoch better than the constant model on {rows} and are kept as that, which looks at no feature",)
    return () if number else (f"no epoch was better than the linear start on {rows}: the linear start is kept",)


def reason(config: Config, epochs: int, most: int, word: str | None, late: bool, *, scoring: bool = False) -> str:
    """The text that says why a fit ended after `epochs` epochs of at most `most`.

    `word` is the word that stopped it, in its epochs or while `scoring`. `late` is True if its time limit ended it.
    """
    if word is not None and scoring:
        return f"{word} while scoring, after epoch {epochs}; the model is saved"
    if word is not None:
        return f"{word} in epoch {epochs}"
    if not (epochs or late):
        return "no features: this is the fit of maximum likelihood without any"
    if late:
        return f"time limit reached in epoch {epochs}"
    stopping = config.training.early_stopping
    if stopping is not None and epochs < most:
        watched = "train" if config.data.validation is None else "validation"
        return f"stopped after epoch {epochs}: {watched} nll did not fall by {stopping.min_delta:g} in {stopping.patience} epochs"
    return f"all {epochs} epochs done"


def not_finite(fault: NotFinite, prepared: Prepared, saved: str) -> FitFailed:
    """The error FitFailed for a value that is not finite: the row in its file, the feature far from its mean, and hints."""
    index = int(prepared.counted[fault.row])
    section, x = prepared.model.config.training, prepared.inputs(prepared.counted[[fault.row]])[0]
    row = f"row {prepared.data.row[index]:,}"
    lines = [f"`{fault.parameter}` reached {fault.value:.3g} (of the standardised target) on {row}"]
    if fault.gradient:
        lines = [f"the slope of `{fault.parameter}` is steepest on {row}, where it is {fault.value:.3g} (of the standardised target)"]
    hints = [f"a lower learning rate: `--set training.optimizer.lr={section.optimizer.lr / 10:.1g}`"]
    if (fault.epoch, fault.batch) == (1, 1):
        # The failure is before the first step, so the learning rate is not the cause.
        hints = ["another family may suit these targets: `disttrain families --data FILE --target COLUMN` ranks them"]
        if section.initialize != "marginal":
            hints.insert(0, "start at the constant model: `--set training.initialize=marginal`")
    if len(x) and float(x.abs().max()) > _OUTLIER:
        worst = int(x.abs().argmax())
        lines.append(f"where `{prepared.model.encoder.columns[worst]}` is {float(x[worst]):,.1f} standard deviations from its mean")
        hints.insert(0, "`--set data.scaling=quantile`, or cap the column in your data")
    y = prepared.part("train").outcome.value
    if bool((y == y[:1]).all()):
        lines.append("all training targets are the same: no spread is too small for them, and nothing is left to learn")
    return FitFailed(replace(fault.findings[0], excerpt=tuple(lines), hints=tuple(hints), kept=saved))
