"""One trial of a selection: the fit of a candidate without one fold, as a run folder, and the scores of that fold's rows."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from torch.distributions import Distribution

from disttrain import metrics, storage
from disttrain.config import loads
from disttrain.data import float_column, integer_column, located
from disttrain.errors import DisttrainError, Finding, OutputExists, RunUnreadable, StorageError, UsageError
from disttrain.evaluation.row_scores import generator_at
from disttrain.evaluation.scoring import BLOCK, Forecast
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome
from disttrain.preparation.load import SharedReads, dataset
from disttrain.preparation.observations import observed_of
from disttrain.runs.open import open_run
from disttrain.selection.comparison import HeldOutScores
from disttrain.storage import CHECKPOINT
from disttrain.validation.distribution import distribution_problems
from disttrain.workflows.fit import Finished, fit

SCORES = "fold_scores.parquet"
STOPPED, DONE, FAILED, UNWRITTEN = "stopped", "done", "failed", "unwritten"


@dataclass(frozen=True)
class Trial:
    """A fit to do: its run folder, its config as YAML, and the folder that paths of the config are relative to."""

    folder: Path
    config: str
    base: Path


@dataclass(frozen=True)
class TrialResult:
    """The end of a trial: DONE, STOPPED by a request, FAILED for the `reason`, or UNWRITTEN with the `findings` of a StorageError."""

    status: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()


def is_done(folder: Path) -> bool:
    """True if the trial in a run folder has ended and its scores are there."""
    return os.path.exists(folder / SCORES) and _status(folder) == "finished"


def scores_of(folder: Path) -> HeldOutScores:
    """The scores of a trial that is done. Raises RunUnreadable."""
    try:
        table = pq.read_table(folder / SCORES)
        columns = {name: table.column(name).to_numpy() for name in table.column_names}
        return HeldOutScores(columns["row"], columns["nll"], columns["constant"], columns.get("pit"))
    except (OSError, KeyError, ValueError, pa.ArrowException):
        what = "the scores of this trial cannot be read"
        raise RunUnreadable(Finding("damaged-run", what, str(folder / SCORES), hints=("remove the folder of the trial",))) from None


def done(trial: Trial, shared: SharedReads, stop: Callable[[], str | None]) -> TrialResult:
    """Do a trial, or go on with it. An error of its fit is its result; `stop` ends it after a batch, as in `fit`."""
    try:
        if _status(trial.folder) != "finished":
            events = list(_events(trial, shared, stop))
            if isinstance(end := events[-1], Finished) and end.stopped_by is not None:
                return TrialResult(STOPPED)
        _write_scores(trial, shared)
    except StorageError as fault:
        return TrialResult(UNWRITTEN, findings=tuple(fault.findings))
    except DisttrainError as fault:
        return TrialResult(FAILED, fault.findings[0].what if fault.findings else fault.summary)
    # A failure of one family is reported with the results of the others.
    except Exception as fault:
        return TrialResult(FAILED, f"{type(fault).__name__}: {fault}".split("\n")[0][:200])
    return TrialResult(DONE)


def _events(trial: Trial, shared: SharedReads, stop: Callable[[], str | None]) -> list[object]:
    """The events of the fit: resumed if its run was interrupted and can go on, else begun anew."""
    loaded = loads(trial.config, str(trial.folder / "config.yaml"), trial.base, (), distribution_problems)
    status = _status(trial.folder)
    if status in ("running", "stopped") and os.path.exists(trial.folder / CHECKPOINT):
        with suppress(RunUnreadable, UsageError):
            return list(fit(loaded, resume=trial.folder, shared=shared, stop=stop))
    return list(fit(loaded, out=trial.folder, overwrite=bool(status), shared=shared, stop=stop))


def _status(folder: Path) -> str:
    """The status of the run in a folder; empty if there is none."""
    with suppress(RunUnreadable, OutputExists):
        return str(storage.record(folder)["status"])
    return ""


def _write_scores(trial: Trial, shared: SharedReads) -> None:
    """Score the rows of the fold that the model in the run folder did not train on."""
    model = open_run(trial.folder, trial.folder.parent).model
    rows = dataset(loads(trial.config, "config", trial.base), None, warn=False, shared=shared)
    rows = rows.only(model.encoder.usable(rows.table))
    part = rows.part("test")
    table = rows.table.take(integer_column(part))
    with located(rows.origin.rows(rows.position[part])):
        observed = observed_of(model, table)
    columns: dict[str, list[torch.Tensor]] = {"nll": [], "constant": [], "pit": []}
    for first in range(0, len(part), BLOCK):
        some = observed[torch.arange(first, min(first + BLOCK, len(part)))]
        distribution = Forecast(model.forecaster, model.parameters(table.slice(first, BLOCK))).distribution()
        columns["nll"].append(_nll(distribution, some.outcome))
        columns["constant"].append(_nll(Forecast.of_baseline(model, some).distribution(), some.outcome))
        if METRICS["pit"].applies(distribution, some.outcome):
            columns["pit"].append(metrics.pit(distribution, some.outcome, generator_at(first)))
    values = {name: torch.cat(parts).double().numpy() for name, parts in columns.items() if parts}
    table = pa.table(
        {
            "row": integer_column(rows.position[part]),
            **{name: float_column(column, np.zeros(len(column), bool)) for name, column in values.items()},
        }
    )
    with storage.replacing(trial.folder / SCORES) as path:
        pq.write_table(table, path)


@torch.no_grad()
def _nll(distribution: Distribution, outcome: Outcome) -> torch.Tensor:
    nll: torch.Tensor = metrics.nll(distribution, outcome)
    return nll
