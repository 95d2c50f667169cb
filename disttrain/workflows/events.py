"""What a fit tells of itself: how it starts, how it ends, and in which words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from disttrain.config import Config
from disttrain.errors import FitFailed
from disttrain.storage import Run
from disttrain.training import NotFinite
from disttrain.workflows import scoring
from disttrain.workflows.preparation import Prepared
from disttrain.workflows.ties import tie_notes

__all__ = ["Finished", "Started", "not_finite", "reason", "started"]


@dataclass(frozen=True)
class Started:
    """What is about to be trained: rows per split, encoded inputs, learned numbers of all members, the baseline to beat (nats per row), and warnings.

    `remarks` say how the files are read.
    Each member holds out `own` of the training rows, which others train on (0: all stop by the validation rows). `resumed` epochs were
    trained before.
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
    own: int = 0
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Finished:
    """How a fit ended: `status` finished or stopped, the `reason` in words, scores per split, warnings, and the folder with everything.

    `resumable` where it was stopped before its end, and can go on.
    """

    folder: Path
    status: str
    reason: str
    stopped_by: str | None
    best_epoch: int
    epochs: int
    seconds: float
    metrics: dict[str, Any]
    predictions: int
    warnings: tuple[str, ...]
    resumable: bool


def started(prepared: Prepared, run: Run, device: torch.device, resumed: int = 0, notes: Sequence[str] = ()) -> Started:
    """The first event of a fit that goes on after `resumed` epochs, with further warnings."""
    model, config = prepared.model, prepared.model.config
    learned = [o.parameter.name if o.fixed is None else f"{o.parameter.name} fixed" for o in model.outputs]
    own = 0 if prepared.held is None else prepared.held.shape[1]
    watched = "validation" if "validation" in prepared.splits or own else "train"
    # Rows that each member draws for itself are together like the training rows.
    baseline = scoring.baseline_nll(prepared, "train" if own else watched)
    warnings = tie_notes(model.family, model.schema.target[0], prepared.observed.measured)
    return Started(
        run.name, f"{model.family.name}({', '.join(learned)})", str(device), torch.get_num_threads(), config.training.seed,
        prepared.counts(), model.encoder.width, model.network.size(), model.members, baseline, watched, config.training.epochs,
        (*notes, *prepared.data.warnings, *warnings), resumed, own, prepared.data.remarks,
    )  # fmt: skip


def reason(config: Config, epochs: int, word: str | None, late: bool) -> str:
    """Why a fit ended after so many epochs: somebody said `word`, it was `late`, or it was done."""
    if word is not None:
        return f"{word} in epoch {epochs}"
    if late:
        return f"time limit reached in epoch {epochs}"
    stopping = config.training.early_stopping
    if stopping is not None and epochs < config.training.epochs:
        watched = "train" if config.data.validation is None else "validation"
        return f"stopped after epoch {epochs}: {watched} nll did not fall by {stopping.min_delta:g} in {stopping.patience} epochs"
    return f"all {epochs} epochs done"


def not_finite(fault: NotFinite, prepared: Prepared, kept: str) -> FitFailed:
    """The loop's finding in the words of the data: the row in its file, and the feature that is furthest from its mean."""
    place = int(prepared.data.part("train")[fault.row])
    x = prepared.splits["train"].x[fault.row]
    lines = [f"`{fault.parameter}` reached {fault.value:.3g} (of the standardised target) on row {prepared.data.row[place]:,}"]
    if len(x):
        worst = int(x.abs().argmax())
        lines.append(f"where `{prepared.model.encoder.columns[worst]}` is {float(x[worst]):,.1f} standard deviations from its mean")
    hints = ("`--set data.scaling=quantile`, cap the column in your data, or a lower `training.optimizer.lr`",)
    return FitFailed(replace(fault.findings[0], excerpt=tuple(lines), hints=hints, kept=kept))
