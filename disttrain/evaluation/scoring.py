"""The scores of a model on all rows and on groups of rows, with a baseline and the gain over it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics, training
from disttrain.evaluation.costly_rows import costly_notes
from disttrain.evaluation.degenerate_densities import impossible_notes
from disttrain.evaluation.group_columns import RowGroups, group_column
from disttrain.evaluation.metric_selection import settings_of
from disttrain.evaluation.result import Evaluation, ScoredRows
from disttrain.evaluation.row_scores import RowScores, Settings
from disttrain.families import Family
from disttrain.model import Model
from disttrain.preparation.observations import Observed
from disttrain.preparation.prepare import Prepared
from disttrain.thread_pool import one_thread_each

# The number of rows scored at once.
BLOCK = 65_536
# With a time limit: the number of rows in the first block, and the seconds below which the next block is four times as large.
_FIRST, _QUICK = 256, 0.25


@dataclass(frozen=True)
class Forecast:
    """A family and its parameters for each of n rows, {name: (n, *shape)}, in target units."""

    family: Family
    parameters: Mapping[str, Tensor]

    @staticmethod
    def of_baseline(model: Model, observed: Observed) -> Forecast:
        """The marginal model's forecast under the conditions of each row. Without conditions it is the same for all rows."""
        return Forecast(model.family, model.marginal_parameters(len(observed), observed.conditions))

    def distribution(self, rows: slice = slice(None)) -> Distribution:
        """The distributions of all rows, or of a slice of them."""
        return self.family.distribution(**{name: values[rows] for name, values in self.parameters.items()}, validate_args=False)


def scored(rows: RowScores, groups: Sequence[RowGroups]) -> ScoredRows:
    """The scores of all rows and of each of the `groups`, and the calibration of all forecasts."""
    members = {
        group.column: [torch.from_numpy(np.flatnonzero(group.index == number)) for number in range(len(group.names))] for group in groups
    }
    total, *parts = rows.totals([None, *(part for column in members.values() for part in column)])
    scores, calibration = iter(parts), rows.calibration()
    by = {group.column: {name: next(scores) for name in group.names} for group in groups}
    notes = (*(note for group in groups for note in group.notes()), *(() if calibration is None else calibration.notes))
    return ScoredRows(total, by, calibration, notes)


@one_thread_each()
def split_scores(prepared: Prepared, run: str, end: float | None = None) -> dict[str, Evaluation]:
    """The scores of every split with rows, with notes on them. The metrics are those of the config and nll.

    Scores that are not computed by the `end`, on the clock of `time.perf_counter`, are left out, except nll. Training rows are scored last.
    """
    model, data = prepared.model, prepared.data
    settings = settings_of(model.config, model.example(), outcome=prepared.observed.outcome)
    settings = settings if "nll" in settings.metrics else replace(settings, metrics=("nll", *settings.metrics))
    columns = [group_column(data.table, name) for name in model.config.evaluation.by]
    evaluations = {}
    with on_device(model):
        # Held-out rows come first, because their scores matter most.
        for split in reversed(prepared.splits):
            observed = prepared.part(split)
            rows = _scored_split(model, observed, prepared.splits[split].x, settings, end)
            notes = tuple(_split_notes(prepared, split, observed, rows))
            scores = scored(rows, [group.rows(data.part(split)) for group in columns])
            evaluations[split] = Evaluation(run, None, split, replace(scores, notes=notes))
    return {split: evaluations[split] for split in prepared.splits}


def _scored_split(model: Model, observed: Observed, x: Tensor, settings: Settings, end: float | None) -> RowScores:
    """The scores of encoded rows (n, p), block by block."""
    rows, size = RowScores(settings, len(observed), calibrated=False, end=end), BLOCK if end is None else _FIRST
    for first in range(0, len(observed), BLOCK):
        block = observed[torch.arange(first, min(first + BLOCK, len(observed)))]
        # Forecast in the same blocks as without a limit, so that the bits are the same.
        forecast = Forecast(model.forecaster, model.parameters_of(x[first : first + BLOCK], block.conditions))
        baseline, stop = Forecast.of_baseline(model, block), 0
        while stop < len(block):
            began, start, stop = time.perf_counter(), stop, min(stop + size, len(block))
            some = block if stop - start == len(block) else block[torch.arange(start, stop)]
            part = slice(start, stop)
            rows.add(forecast.distribution(part), baseline.distribution(part), some.outcome, some.weight)
            size = min(4 * size, BLOCK) if time.perf_counter() - began < _QUICK else size
    return rows


def _split_notes(prepared: Prepared, split: str, observed: Observed, rows: RowScores) -> Iterator[str]:
    """Notes on the scores of a split: degenerate densities, rows that carry the nll, and metrics that the time limit left out."""
    nll = rows.of("nll")
    if nll is not None:
        column, numbers = ", ".join(prepared.data.schema.target), prepared.data.row[prepared.data.part(split)]
        yield from impossible_notes(prepared.model.family, column, nll, observed.outcome, numbers, f"{split} ")
        if split != "train":
            # Training rows tell nothing of what new rows cost.
            yield from costly_notes(prepared.model, nll, rows.of_baseline("nll"), rows.weight, numbers, f"{split} ")
    if rows.left_out:
        names = ", ".join(f"`{name}`" for name in rows.left_out)
        yield f"the time limit left no time for {names} of the {split} rows: `disttrain evaluate --split {split}` scores them"


@contextmanager
def on_device(model: Model) -> Iterator[None]:
    """Move the network to its training device for the block, and back to the CPU afterwards."""
    model.network.to(training.device(model.config.training.device))
    try:
        yield
    finally:
        model.network.to("cpu")


def baseline_nll(prepared: Prepared, split: str) -> float:
    """The marginal model's mean negative log-likelihood on a split, in nats per row and target units."""
    observed = prepared.part(split)
    nll = metrics.nll(Forecast.of_baseline(prepared.model, observed).distribution(), observed.outcome)
    return metrics.weighted_mean(nll, observed.weight).value


def watched_split(prepared: Prepared) -> str:
    """The split that decides the best epoch. Rows that members hold out are training rows, so they count as such."""
    return "validation" if "validation" in prepared.splits else "train"


def worse_than_baseline(prepared: Prepared, evaluations: Mapping[str, Evaluation]) -> bool:
    """True if the nll of the watched split is above the marginal model's, or is not a number. `evaluations` are by split."""
    nll = evaluations[watched_split(prepared)].scores.total.metrics["nll"]
    return nll.baseline is not None and (nll.value is None or nll.value > nll.baseline)
