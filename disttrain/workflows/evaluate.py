"""Evaluate: forecasts against what happened, beside a baseline, for all rows and for groups of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from disttrain import data as rooms
from disttrain import training
from disttrain.choices import SPLITS
from disttrain.data import Origin, Source
from disttrain.data.io.table_writer import written
from disttrain.errors import DataError, Finding, UsageError, enough_memory
from disttrain.evaluation.degenerate_densities import impossible_notes
from disttrain.evaluation.group_columns import group_column
from disttrain.evaluation.metric_selection import settings_of
from disttrain.evaluation.result import Evaluation
from disttrain.evaluation.row_scores import RowScores, Settings
from disttrain.evaluation.row_table import row_table
from disttrain.evaluation.scoring import BLOCK, Forecast, Scores, scored
from disttrain.metrics import METRICS
from disttrain.model import Model
from disttrain.outcomes import Outcome
from disttrain.prediction.feature_notes import IN_PYTHON, FeatureNotes
from disttrain.prediction.new_rows import new_source
from disttrain.preparation.load import filters_of
from disttrain.preparation.observations import Observed, observed_of
from disttrain.preparation.ties import tie_notes
from disttrain.runs.open import OpenRun, open_run, own_files, own_rows
from disttrain.runs.output_checks import require_no_input
from disttrain.validation.options import EvaluateOptions, columns_meant, format_named, requirement

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Rows:
    """Rows that are scored: the columns that say what was observed of them, and all that forecasts need in `blocks`, tables in the same order.

    `row` (n,) is each one's number in its source; `new` whether they may have values and categories that the run has not met.
    """

    table: pa.Table
    row: Array
    origin: Origin
    blocks: Callable[[], Iterator[pa.Table]]
    data: str | None = None
    split: str | None = None
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    new: bool = False


@enough_memory("score the rows in parts: `--data` with one part of them at a time", "fewer metrics at once: `--metric nll`")
def evaluate(question: EvaluateOptions, root: Path) -> Evaluation:
    """Score a run on data with a target. Raises RunUnreadable, DataError, UsageError, OutputExists, StorageError."""
    run = open_run(question.run, root)
    model, device = run.model, training.device(question.device)
    model.network.to(device)
    # A metric that cannot score the family is refused before any row is read, one that cannot score the rows afterwards.
    settings_of(model.config, model.example(), question.metrics, question.levels)
    rival = None if question.baseline == "marginal" else _rival(model, question, root)
    other = None if rival is None else rival.model
    if other is not None:
        other.network.to(device)
    given = None if question.data is None else new_source(question.data, model.config, question.input_format, question.renamed)
    if question.rows_out is not None:
        inputs = own_files(run) if given is None else given.files
        require_no_input(question.rows_out, "--rows-out", inputs, [run] if rival is None else [run, rival])
    rows = _own(run, question, other) if given is None else _given(model, given, question, other)
    # Who asks for one metric wants one line; the config's groups come with its own list of metrics.
    usual = [] if question.metrics else [name for name in model.config.evaluation.by if name in rows.table.column_names]
    scores = _scores(model, other, rows, question, columns_meant(question.by, rows.table.column_names) or usual)
    document = {"run": run.name, "data": rows.data, "split": rows.split, **scores.document}
    return Evaluation(document, run.newest, scores.residuals, scores.histogram, scores.notes, rows.remarks)


def evaluate_table(model: Model, table: pa.Table, origin: Origin, question: EvaluateOptions) -> Scores:
    """Score a model on a table with its target. Raises DataError, UsageError."""
    settings_of(model.config, model.example(), question.metrics, question.levels)
    keep = model.encoder.usable(table)
    if filters_of(model.config):
        keep = keep & rooms.keep(rooms.comparisons(table, rooms.columns_of(filters_of(model.config))), filters_of(model.config))
    rows = _kept_rows(table.filter(rooms.boolean_column(keep)), keep, origin, origin.names[0])
    # Cut before rows are left out, as a file is: the same blocks give the same bits.
    return _scores(model, None, replace(rows, blocks=lambda: _filtered(_cut(table), keep)), question, ())


def _scores(model: Model, other: Model | None, rows: _Rows, question: EvaluateOptions, by: Sequence[str]) -> Scores:
    """The scores of rows, and of groups of them by some columns, beside those of `other`, or of the constant model.

    Those of each row go to a file where one is named.
    """
    groups = [group_column(rows.table, column) for column in by]
    observed = observed_of(model, rows.table, rows.origin)
    row_scores = RowScores(_settings(model, question, observed.outcome), len(observed))
    met = FeatureNotes()
    tables = _score_blocks(model, other, rows, observed, row_scores, met)
    if question.rows_out is None:
        for _ in tables:
            pass
    else:
        form = format_named(question.rows_out) or "parquet"
        written(question.rows_out, (table() for table in tables), form, {}, question.overwrite)
    if rows.new and question.unknown == "error":
        met.require_known(model, str(rows.data), *(() if question.data else (IN_PYTHON,)))
    # Averages give up the scores of rows.
    nll, column = row_scores.of("nll"), ", ".join(model.schema.target)
    scores = scored(row_scores, groups)
    ties = tie_notes(model.family, model.schema.target[0], observed.measured)
    impossible = () if nll is None else impossible_notes(model.family, column, nll, observed.outcome, rows.row)
    return replace(scores, notes=(*rows.notes, *met.texts(model.encoder.missing), *scores.notes, *ties, *impossible))


def _score_blocks(
    model: Model, other: Model | None, rows: _Rows, observed: Observed, scores: RowScores, met: FeatureNotes
) -> Iterator[Callable[[], pa.Table]]:
    """Score block after block; yields for each what makes the table of its rows' scores."""
    for block in rows.blocks():
        part = np.arange(scores.rows, scores.rows + block.num_rows)
        origin, some = rows.origin.rows(rows.origin.positions_of(part)), observed[torch.from_numpy(part)]
        distribution = Forecast(model.forecaster, model.parameters(block, origin)).distribution()
        baseline = Forecast.of_baseline(model, some) if other is None else Forecast(other.forecaster, other.parameters(block, origin))
        yield partial(row_table, model, rows.row[part], scores.rows, distribution, some.outcome)
        if rows.new:
            met.add(model.encoder.notes(block), block.num_rows)
        scores.add(distribution, baseline.distribution(), some.outcome, some.weight)


def _rival(model: Model, question: EvaluateOptions, root: Path) -> OpenRun:
    """The other run that is the baseline. Raises UsageError where it predicts something else."""
    rival = open_run(Path(question.baseline), root)
    if rival.model.schema.target != model.schema.target or rival.model.labels != model.labels:
        theirs, ours = (", ".join(f"`{name}`" for name in one.schema.target) for one in (rival.model, model))
        what = f"it predicts {theirs}, and this run {ours}" if theirs != ours else f"its labels of {ours} are not those of this run"
        raise UsageError(Finding("bad-option", f"{question.baseline} is no baseline: {what}", "--baseline"))
    return rival


def _settings(model: Model, question: EvaluateOptions, outcome: Outcome) -> Settings:
    """What is scored of these rows: what was asked or what suits them, and what the requirements need."""
    needed = {requirement(text).metric for text in question.require}
    for name in needed:
        try:
            METRICS[name].require(model.example(), outcome)
        except UsageError as fault:
            raise UsageError(*(replace(found, where="--require") for found in fault.findings)) from None
    settings = settings_of(model.config, model.example(), question.metrics, question.levels, outcome)
    return Settings((*settings.metrics, *sorted(needed - set(settings.metrics))), settings.levels)


def _own(run: OpenRun, question: EvaluateOptions, other: Model | None) -> _Rows:
    more = () if other is None else other.schema.forecast_columns
    rows = own_rows(run, (*more, *question.by, *columns_meant(question.by, ())))
    there = [split for split in SPLITS if len(rows.part(split))]
    split = question.split or next(name for name in ("test", "validation", "train") if name in there)
    if split not in there:
        raise DataError(Finding("no-rows", f"the run has no {split} rows", run.name, hints=(f"it has {', '.join(there)}",)))
    notes = () if question.split or split == "test" else (f"the run has no test rows; these are its {split} rows",)
    part = rows.part(split)
    table = rows.table.take(rooms.integer_column(part))
    return _Rows(table, rows.row[part], rows.origin.rows(rows.position[part]), lambda: _cut(table), None, split, notes)


def _given(model: Model, source: Source, question: EvaluateOptions, other: Model | None) -> _Rows:
    model.schema.check(source, target=True)
    there, forms = source.schema.names, model.schema.forms(target=True, ids=False)
    by = columns_meant(question.by, there) or [name for name in model.config.evaluation.by if name in there]
    # Twice through the file: first what little says which rows are scored and what was observed of them, then all that forecasts need.
    dropping = model.schema.feature_columns if model.encoder.missing == "drop" else ()
    observed = dict.fromkeys((*model.schema.scored_columns, *model.schema.known.values(), *by))
    first = {name: forms.get(name, rooms.NAME) for name in (*observed, *dropping)}
    read = source.read(first, filters=filters_of(model.config))
    usable = model.encoder.usable(read.table) if dropping else np.ones(len(read.row), dtype=bool)
    keep = np.zeros(read.total, dtype=bool)
    keep[read.row[usable]] = True
    # The other model reads its features in its own form; of one that both have that of this model counts.
    forecast = {**({} if other is None else other.schema.forms(target=False, ids=False)), **model.schema.forms(target=False, ids=False)}

    def blocks() -> Iterator[pa.Table]:
        tables = (pa.Table.from_batches([batch]) for batch in rooms.ahead(source.batches(forecast, BLOCK)))
        return _filtered(tables, keep)

    table = read.table.select(list(observed)).filter(rooms.boolean_column(usable))
    return replace(_kept_rows(table, keep, source.origin, str(question.data)), blocks=blocks, remarks=source.remarks)


def _kept_rows(table: pa.Table, keep: Array, origin: Origin, data: str) -> _Rows:
    """The rows that are kept, with a note where that is not all. Raises DataError where none is."""
    if not keep.any():
        raise DataError(Finding("no-rows", "there is no row to score", data))
    notes = (f"{int((~keep).sum()):,} rows were left out by `data.filter` or `missing: drop`",) if not keep.all() else ()
    row = np.flatnonzero(keep)
    return _Rows(table, row, origin.rows(row), lambda: _cut(table), data, None, notes, new=True)


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    return (table.slice(start, BLOCK) for start in range(0, table.num_rows, BLOCK))


def _filtered(tables: Iterable[pa.Table], keep: Array) -> Iterator[pa.Table]:
    """The rows that are kept, of the tables that have any; `keep` (n,) is of the rows of all tables."""
    first = 0
    for table in tables:
        part = keep[first : first + table.num_rows]
        first += table.num_rows
        if part.any():
            yield table.filter(rooms.boolean_column(part))
