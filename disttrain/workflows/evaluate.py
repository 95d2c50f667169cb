"""Evaluate: forecasts against what happened, beside a baseline, for all rows and for groups of them."""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor
from torch.distributions import Distribution

from disttrain import data as rooms
from disttrain import metrics, storage
from disttrain.data import Origin
from disttrain.errors import AnswerIsNo, DataError, Finding, UsageError
from disttrain.metrics import METRICS
from disttrain.model import Model
from disttrain.outcomes import Outcome
from disttrain.workflows.dataset import SPLITS, filters_of
from disttrain.workflows.impossible import impossible_notes
from disttrain.workflows.observing import observed_of
from disttrain.workflows.requests import Question, Requirement, requirement
from disttrain.workflows.runs import OpenRun, open_run, own_rows
from disttrain.workflows.scoring import Forecast, Settings, column_of, scored, settings_of
from disttrain.workflows.ties import tie_notes

__all__ = ["Answer", "evaluate", "require_met"]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Answer:
    """The scores of an evaluation as a JSON `document`, whether the run was chosen as the newest, and what else a reader should know.

    `residuals` (mean, variance, skewness, kurtosis) and `histogram` (ten counts) describe calibration; None for classes without order.
    """

    document: dict[str, Any]
    newest: bool
    residuals: metrics.Moments | None
    histogram: tuple[float, ...] | None
    notes: tuple[str, ...]


@dataclass(frozen=True)
class _Rows:
    table: pa.Table
    row: Array
    origin: Origin
    data: str | None
    split: str | None
    notes: tuple[str, ...] = ()


def evaluate(question: Question, root: Path) -> Answer:
    """Score a run on data with a target. Raises RunUnreadable, DataError, UsageError, OutputExists, StorageError."""
    run = open_run(question.run, root)
    model = run.model
    # A metric that cannot score the family is refused before any row is read, one that cannot score the rows afterwards.
    settings_of(model.config, model.example(), question.metrics, question.levels)
    other = None if question.baseline == "marginal" else _rival(model, question, root)
    rows = _own(run, question, other) if question.data is None else _given(model, question, other)
    # Who asks for one metric wants one line; the config's groups come with its own list of metrics.
    usual = [] if question.metrics else [name for name in model.config.evaluation.by if name in rows.table.column_names]
    by = usual if question.by is None else [question.by]
    seen = observed_of(model, rows.table, rows.origin)
    settings = _settings(model, question, seen.outcome)
    forecast = Forecast(model.forecaster, model.parameters(rows.table, rows.origin))
    baseline = Forecast.of_baseline(model, seen) if other is None else Forecast(other.forecaster, other.parameters(rows.table, rows.origin))
    groups = {column: column_of(rows.table, column) for column in by}
    scores = scored(forecast, baseline, seen, settings, groups)
    document = {"run": run.name, "data": rows.data, "split": rows.split, **scores.document}
    if question.rows_out is not None:
        _write_rows(question.rows_out, question.overwrite, model, rows.row, forecast.distribution(), seen.outcome)
    nll = metrics.nll(forecast.distribution(), seen.outcome)
    impossible = impossible_notes(model.family, ", ".join(model.schema.target), nll, seen.outcome, rows.row)
    notes = (*rows.notes, *scores.notes, *tie_notes(model.family, model.schema.target[0], seen.measured), *impossible)
    return Answer(document, run.newest, scores.residuals, scores.histogram, notes)


def _rival(model: Model, question: Question, root: Path) -> Model:
    """The model of another run that is the baseline. Raises UsageError where it predicts something else."""
    rival = open_run(Path(question.baseline), root).model
    if rival.schema.target != model.schema.target or rival.labels != model.labels:
        theirs, ours = (", ".join(f"`{name}`" for name in one.schema.target) for one in (rival, model))
        what = f"it predicts {theirs}, and this run {ours}" if theirs != ours else f"its labels of {ours} are not those of this run"
        raise UsageError(Finding("bad-option", f"{question.baseline} is no baseline: {what}", "--baseline"))
    return rival


def _settings(model: Model, question: Question, outcome: Outcome) -> Settings:
    """What is scored of these rows: what was asked or what suits them, and what the requirements need."""
    needed = {requirement(text).metric for text in question.require}
    for name in needed:
        try:
            METRICS[name].require(model.example(), outcome)
        except UsageError as fault:
            raise UsageError(*(replace(found, where="--require") for found in fault.findings)) from None
    settings = settings_of(model.config, model.example(), question.metrics, question.levels, outcome)
    return Settings((*settings.metrics, *sorted(needed - set(settings.metrics))), settings.levels, settings.quantiles)


def require_met(answer: Answer, texts: Sequence[str]) -> None:
    """Raise AnswerIsNo where a requirement such as `nll<6.2` is not met."""
    failed = []
    for text in texts:
        wanted = requirement(text)
        value = _value(answer.document["metrics"][wanted.metric], wanted)
        if value is None or not _COMPARISONS[wanted.comparison](value, wanted.bound):
            shown = "does not exist" if value is None else f"is {value:.6g}"
            failed.append(Finding("requirement-not-met", f"`{text}` is not met: {wanted.metric} {shown}", "--require"))
    if failed:
        raise AnswerIsNo(*failed)


def _value(entry: dict[str, Any], wanted: Requirement) -> float | None:
    if wanted.level is None:
        value: float | None = entry["value"]
        return value
    level = entry.get("levels", {}).get(f"{wanted.level:g}")
    if level is None:
        hints = (f"add `--level {wanted.level:g}`",)
        raise UsageError(Finding("bad-option", f"{wanted.metric} was not scored at level {wanted.level:g}", "--require", hints=hints))
    chosen: float | None = level["value"]
    return chosen


def _own(run: OpenRun, question: Question, other: Model | None) -> _Rows:
    more = () if other is None else other.schema.forecast_columns
    rows = own_rows(run, more if question.by is None else (*more, question.by))
    there = [split for split in SPLITS if len(rows.part(split))]
    split = question.split or next(name for name in ("test", "validation", "train") if name in there)
    if split not in there:
        raise DataError(Finding("no-rows", f"the run has no {split} rows", run.name, hints=(f"it has {', '.join(there)}",)))
    notes = () if question.split or split == "test" else (f"the run has no test rows; these are its {split} rows",)
    part = rows.part(split)
    return _Rows(rows.table.take(rooms.integer_column(part)), rows.row[part], rows.origin.rows(rows.position[part]), None, split, notes)


def _given(model: Model, question: Question, other: Model | None) -> _Rows:
    form = model.config.data.format
    files = rooms.files(str(question.data), Path.cwd(), form)
    schema = rooms.schema_of(files, form, text=model.schema.text_columns)
    model.schema.check(
        schema, target=True, where=rooms.place(files[0]), examples=rooms.text_examples(files, rooms.origin_of(files, form), schema, form)
    )
    filters = filters_of(model.config)
    more = () if other is None else other.schema.forecast_columns
    by = [name for name in model.config.evaluation.by if name in schema.names] if question.by is None else [question.by]
    ids = [name for name in model.schema.id if name in schema.names]
    needed = (*model.schema.forecast_columns, *model.schema.scored_columns)
    columns = dict.fromkeys((*needed, *ids, *more, *rooms.columns_of(filters), *by))
    table = rooms.read(files, tuple(columns), form, schema=schema)
    keep = rooms.keep(table, filters) & model.encoder.usable(table)
    notes = (f"{int((~keep).sum()):,} rows were left out by `data.filter` or `missing: drop`",) if not keep.all() else ()
    if not keep.any():
        raise DataError(Finding("no-rows", "there is no row to score", str(question.data)))
    row = np.flatnonzero(keep)
    return _Rows(table.filter(rooms.boolean_column(keep)), row, rooms.origin_of(files, form).rows(row), str(question.data), None, notes)


def _write_rows(output: str, overwrite: bool, model: Model, row: Array, distribution: Distribution, outcome: Outcome) -> None:
    """Each row's position, target and scores, as a file of the format its name says."""
    columns = {"row": rooms.integer_column(row), **_targets(model, outcome), "nll": _column(metrics.nll(distribution, outcome))}
    further = {"pit": metrics.pit, "quantile_residual": metrics.quantile_residuals, "crps": metrics.crps}
    columns |= {
        name: _column(score(distribution, outcome))
        for name, score in further.items()
        if METRICS["crps" if name == "crps" else "pit"].applies(distribution, outcome)
    }
    made = pa.Table.from_arrays(list(columns.values()), list(columns))
    form = rooms.format_of(Path(output))
    with storage.replacing(Path(output), overwrite=overwrite) as path, form.writer(path, made.schema) as writer:
        writer.write_table(made)


def _targets(model: Model, outcome: Outcome) -> dict[str, pa.Array]:
    """The targets as columns: labels by name, of a vector one column for each element, both ends where some were not seen exactly, and
    `target_above` where an event of 0 says that the target is larger than the lower one."""
    y = outcome.value
    if outcome.kinds != {"exact"}:
        above = {} if outcome.above is None else {"target_above": rooms.boolean_column(outcome.above.numpy())}
        return {"target_lower": _column(outcome.lower), "target_upper": _column(outcome.upper), **above}
    if model.family.event:
        return {f"target_{name}": _column(column) for name, column in zip(model.schema.target, y.unbind(1), strict=True)}
    return {"target": _column(y) if model.labels is None else rooms.chosen_texts([str(label) for label in model.labels], y.long().numpy())}


def _column(values: Tensor) -> pa.Array:
    numbers = values.double().numpy()
    return rooms.float_column(numbers, np.isnan(numbers))
