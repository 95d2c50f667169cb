"""Which metrics score a model on rows, and the scores of all rows and of groups, beside a baseline and the gain over it."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics as rooms
from disttrain import training
from disttrain.evaluation.degenerate_densities import impossible_notes
from disttrain.evaluation.group_columns import RowGroups, group_column
from disttrain.evaluation.metric_selection import settings_of
from disttrain.evaluation.row_scores import RowScores, Settings
from disttrain.families import Family
from disttrain.metrics import Moments
from disttrain.model import Model
from disttrain.preparation.observations import Observed
from disttrain.preparation.prepare import Prepared

Array = np.ndarray[Any, Any]
# Rows that are scored at once.
BLOCK = 65_536
# Where time is short: rows that are scored first, four times as many after every block that takes less than these seconds.
_FIRST, _QUICK = 256, 0.25


@dataclass(frozen=True)
class Forecast:
    """A family and its parameters for each of n rows, {name: (n, *shape)}, in target units."""

    family: Family
    parameters: Mapping[str, Tensor]

    @staticmethod
    def of_baseline(model: Model, seen: Observed) -> Forecast:
        """The marginal model's forecast under the conditions of each row; without any the same for all."""
        return Forecast(model.family, model.marginal_parameters(len(seen), seen.conditions))

    def distribution(self, rows: slice = slice(None)) -> Distribution:
        """The distributions of all rows, or of some."""
        return self.family.distribution(**{name: values[rows] for name, values in self.parameters.items()}, validate_args=False)


@dataclass(frozen=True)
class Scores:
    """Scores as a JSON `document` (rows, metrics, by), and how calibrated the forecasts are where the target has an order."""

    document: dict[str, Any]
    residuals: Moments | None = None
    histogram: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()


def scored(rows: RowScores, groups: Sequence[RowGroups]) -> Scores:
    """The scores of all rows and of those of each of the `groups`, and how calibrated the forecasts of all are."""
    document = _document(rows, groups)
    notes = tuple(note for group in groups for note in group.notes())
    calibration = rows.calibration()
    if calibration is None:
        return Scores(document, notes=notes)
    return Scores(document, calibration.residuals, calibration.histogram, (*notes, *calibration.notes))


def _document(rows: RowScores, groups: Sequence[RowGroups]) -> dict[str, Any]:
    """The scores of all rows, and of the rows of each group."""
    members = {
        group.column: [torch.from_numpy(np.flatnonzero(group.index == number)) for number in range(len(group.names))] for group in groups
    }
    whole, *parts = rows.documents([None, *(part for column in members.values() for part in column)])
    scores = iter(parts)
    by = {
        group.column: {
            name: {"rows": len(part), "metrics": next(scores)} for name, part in zip(group.names, members[group.column], strict=True)
        }
        for group in groups
    }
    return {"rows": rows.rows, "metrics": whole, **({"by": by} if by else {})}


def split_metrics(prepared: Prepared, run: str, end: float | None = None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The scores of every split that has rows, as metrics.json holds them: those that the config names, and the nll; and notes on them.

    What is not made by the `end`, on the clock of `time.perf_counter`, is left out but for the nll, the training rows first.
    """
    model, data = prepared.model, prepared.data
    settings = settings_of(model.config, model.example(), outcome=prepared.observed.outcome)
    settings = settings if "nll" in settings.metrics else replace(settings, metrics=("nll", *settings.metrics))
    columns = [group_column(data.table, name) for name in model.config.evaluation.by]
    documents, notes = {}, {}
    with on_device(model):
        # The rows that nothing was learned from first: theirs are the scores that are looked at.
        for split in reversed(prepared.splits):
            seen = prepared.part(split)
            rows = _scored_split(model, seen, prepared.splits[split].x, settings, end)
            notes[split] = tuple(_split_notes(prepared, split, seen, rows))
            document = _document(rows, [group.rows(data.part(split)) for group in columns])
            documents[split] = {"run": run, "data": None, "split": split, **document}
    return {split: documents[split] for split in prepared.splits}, tuple(note for split in prepared.splits for note in notes[split])


def _scored_split(model: Model, observed: Observed, x: Tensor, settings: Settings, end: float | None) -> RowScores:
    """The scores of encoded rows (n, p), block by block."""
    rows, size = RowScores(settings, len(observed), calibrated=False, end=end), BLOCK if end is None else _FIRST
    for first in range(0, len(observed), BLOCK):
        block = observed[torch.arange(first, min(first + BLOCK, len(observed)))]
        # Forecast as wide as without a limit, so that the bits are the same.
        forecast = Forecast(model.forecaster, model.parameters_of(x[first : first + BLOCK], block.conditions))
        baseline, stop = Forecast.of_baseline(model, block), 0
        while stop < len(block):
            began, start, stop = time.perf_counter(), stop, min(stop + size, len(block))
            some = block if stop - start == len(block) else block[torch.arange(start, stop)]
            part = slice(start, stop)
            rows.add(forecast.distribution(part), baseline.distribution(part), some.outcome, some.weight)
            size = min(4 * size, BLOCK) if time.perf_counter() - began < _QUICK else size
    return rows


def _split_notes(prepared: Prepared, split: str, seen: Observed, rows: RowScores) -> Iterator[str]:
    """What is to be said of the scores of a split: that their likelihood is none, and which of them there was no time for."""
    nll = rows.of("nll")
    if nll is not None:
        column, numbers = ", ".join(prepared.data.schema.target), prepared.data.row[prepared.data.part(split)]
        yield from impossible_notes(prepared.model.family, column, nll, seen.outcome, numbers, f"{split} ")
    if rows.left_out:
        names = ", ".join(f"`{name}`" for name in rows.left_out)
        yield f"the time limit left no time for {names} of the {split} rows: `disttrain evaluate --split {split}` scores them"


@contextmanager
def on_device(model: Model) -> Iterator[None]:
    """The network on the device of its training, where the commands forecast too, and back on the processor afterwards."""
    model.network.to(training.device(model.config.training.device))
    try:
        yield
    finally:
        model.network.to("cpu")


def baseline_nll(prepared: Prepared, split: str) -> float:
    """The marginal model's mean negative log-likelihood on a split, in nats per row and target units."""
    seen = prepared.part(split)
    nll = rooms.nll(Forecast.of_baseline(prepared.model, seen).distribution(), seen.outcome)
    return rooms.weighted_mean(nll, seen.weight).value


def watched_split(prepared: Prepared) -> str:
    """The split by which the best epoch is told; rows that each member holds out for itself are together like the training rows."""
    return "validation" if "validation" in prepared.splits else "train"


def worse_than_baseline(prepared: Prepared, metrics: Mapping[str, Any]) -> bool:
    """Whether the model has a higher nll on the watched split than the marginal model, or none that is a number; `metrics` of all splits."""
    nll = metrics[watched_split(prepared)]["metrics"]["nll"]
    return nll["baseline"] is not None and (nll["value"] is None or nll["value"] > nll["baseline"])
