"""The command `evaluate`: it scores forecasts and a baseline on observed targets, over all rows and over groups of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray

from disttrain import training
from disttrain.choices import SPLITS
from disttrain.data import NAME, Origin, Source, ahead, boolean_column, columns_of, comparisons, integer_column, keep, located
from disttrain.data.io.table_writer import written
from disttrain.errors import DataError, Finding, UsageError, enough_memory
from disttrain.evaluation.costly_rows import costly_notes
from disttrain.evaluation.degenerate_densities import impossible_notes
from disttrain.evaluation.group_columns import group_column
from disttrain.evaluation.metric_selection import settings_of
from disttrain.evaluation.result import Evaluation, ScoredRows
from disttrain.evaluation.row_scores import RowScores, Settings
from disttrain.evaluation.row_table import row_table
from disttrain.evaluation.scoring import BLOCK, Forecast, scored
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
from disttrain.thread_pool import one_thread_each
from disttrain.validation.options import EvaluateOptions, columns_meant, format_named, requirement


@dataclass(frozen=True)
class _Rows:
    """The rows to score.

    `table` has their observation columns. `blocks` yields tables of all columns that forecasts need, in the same order. `row` (n,) is the
    number of each row in its source. `new` is True if the rows may have values and categories that training did not have.
    """

    table: pa.Table
    row: NDArray[np.int64]
    origin: Origin
    blocks: Callable[[], Iterator[pa.Table]]
    data: str | None = None
    split: str | None = None
    notes: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    new: bool = False


@enough_memory("score the rows in parts: `--data` with one part of them at a time", "fewer metrics at once: `--metric nll`")
@one_thread_each()
def evaluate(options: EvaluateOptions, root: Path) -> Evaluation:
    """Score a run on data with a target. Raises RunUnreadable, DataError, UsageError, OutputExists, StorageError."""
    run = open_run(options.run, root)
    model, device = run.model, training.device(options.device)
    model.network.to(device)
    # Metrics are checked against the family before any row is read, and against the rows afterwards.
    settings_of(model.config, model.example(), options.metrics, options.levels)
    baseline_run = None if options.baseline == "marginal" else _baseline_run(model, options, root)
    baseline_model = None if baseline_run is None else baseline_run.model
    if baseline_model is not None:
        baseline_model.network.to(device)
    source = None if options.data is None else new_source(options.data, model.config, options.input_format, options.renamed)
    if options.rows_out is not None:
        inputs = own_files(run) if source is None else source.files
        require_no_input(options.rows_out, "--rows-out", inputs, [run] if baseline_run is None else [run, baseline_run])
    rows = _run_rows(run, options, baseline_model) if source is None else _new_rows(model, source, options, baseline_model)
    # Requested metrics are not grouped by default. The config's groups belong to the config's metrics.
    usual = [] if options.metrics else [name for name in model.config.evaluation.by if name in rows.table.column_names]
    scores = _scores(model, baseline_model, rows, options, columns_meant(options.by, rows.table.column_names) or usual)
    return Evaluation(run.name, rows.data, rows.split, scores, run.newest, rows.remarks)


@one_thread_each()
def evaluate_table(model: Model, table: pa.Table, origin: Origin, options: EvaluateOptions) -> ScoredRows:
    """Score a model on a table with its target. Raises DataError or UsageError."""
    settings_of(model.config, model.example(), options.metrics, options.levels)
    mask = model.encoder.usable(table)
    if filters_of(model.config):
        mask = mask & keep(comparisons(table, columns_of(filters_of(model.config))), filters_of(model.config))
    rows = _kept_rows(table.filter(boolean_column(mask)), mask, origin, origin.names[0])
    # Cut into blocks before rows are left out, as for a file: the same blocks give the same bits.
    return _scores(model, None, replace(rows, blocks=lambda: _filtered(_cut(table), mask)), options, ())


def _scores(model: Model, baseline_model: Model | None, rows: _Rows, options: EvaluateOptions, by: Sequence[str]) -> ScoredRows:
    """The scores of all rows, and of the groups of rows by the columns `by`, with those of `baseline_model` or of the constant model.

    If `rows_out` names a file, the scores of each row are written there.
    """
    groups = [group_column(rows.table, column) for column in by]
    with located(rows.origin):
        observed = observed_of(model, rows.table)
    row_scores = RowScores(_settings(model, options, observed.outcome), len(observed))
    feature_notes = FeatureNotes()
    tables = _score_blocks(model, baseline_model, rows, observed, row_scores, feature_notes)
    if options.rows_out is None:
        for _ in tables:
            pass
    else:
        form = format_named(options.rows_out) or "parquet"
        written(options.rows_out, (table() for table in tables), form, {}, options.overwrite)
    if rows.new and options.unknown == "error":
        feature_notes.require_known(model, str(rows.data), *(() if options.data else (IN_PYTHON,)))
    # `scored` frees the row scores, so read the nll first.
    nll, column = row_scores.of("nll"), ", ".join(model.schema.target)
    costly = () if nll is None else costly_notes(model, nll, row_scores.of_baseline("nll"), row_scores.weight, rows.row)
    scores = scored(row_scores, groups)
    ties = tie_notes(model.family, model.schema.target[0], observed.measured)
    impossible = () if nll is None else impossible_notes(model.family, column, nll, observed.outcome, rows.row)
    return replace(scores, notes=(*rows.notes, *feature_notes.texts(model.encoder.missing), *scores.notes, *ties, *impossible, *costly))


def _score_blocks(
    model: Model, baseline_model: Model | None, rows: _Rows, observed: Observed, scores: RowScores, feature_notes: FeatureNotes
) -> Iterator[Callable[[], pa.Table]]:
    """Score the rows block by block. Yields for each block a function that builds the table of its row scores."""
    for block in rows.blocks():
        part = np.arange(scores.rows, scores.rows + block.num_rows)
        some = observed[torch.from_numpy(part)]
        with located(rows.origin.rows(rows.origin.positions_of(part))):
            distribution = Forecast(model.forecaster, model.parameters(block)).distribution()
            baseline = (
                Forecast.of_baseline(model, some)
                if baseline_model is None
                else Forecast(baseline_model.forecaster, baseline_model.parameters(block))
            )
        yield partial(row_table, model, rows.row[part], scores.rows, distribution, some.outcome)
        if rows.new:
            feature_notes.add(model.encoder.notes(block), block.num_rows)
        scores.add(distribution, baseline.distribution(), some.outcome, some.weight)


def _baseline_run(model: Model, options: EvaluateOptions, root: Path) -> OpenRun:
    """Open the run that is the baseline. Raises UsageError if it has another target or other labels."""
    baseline_run = open_run(Path(options.baseline), root)
    if baseline_run.model.schema.target != model.schema.target or baseline_run.model.labels != model.labels:
        theirs, ours = (", ".join(f"`{name}`" for name in one.schema.target) for one in (baseline_run.model, model))
        what = f"it predicts {theirs}, and this run {ours}" if theirs != ours else f"its labels of {ours} are not those of this run"
        raise UsageError(Finding("bad-option", f"{options.baseline} is no baseline: {what}", "--baseline"))
    return baseline_run


def _settings(model: Model, options: EvaluateOptions, outcome: Outcome) -> Settings:
    """The metrics and levels of an evaluation: those requested, else the defaults, plus the metrics that `--require` needs."""
    needed = {requirement(text).metric for text in options.require}
    for name in needed:
        if finding := METRICS[name].finding(model.example(), outcome, where="--require"):
            raise UsageError(finding)
    settings = settings_of(model.config, model.example(), options.metrics, options.levels, outcome)
    return Settings((*settings.metrics, *sorted(needed - set(settings.metrics))), settings.levels)


def _run_rows(run: OpenRun, options: EvaluateOptions, baseline_model: Model | None) -> _Rows:
    more = () if baseline_model is None else baseline_model.schema.forecast_columns
    rows = own_rows(run, (*more, *options.by, *columns_meant(options.by, ())))
    there = [split for split in SPLITS if len(rows.part(split))]
    split = options.split or next(name for name in ("test", "validation", "train") if name in there)
    if split not in there:
        raise DataError(Finding("no-rows", f"the run has no {split} rows", run.name, hints=(f"it has {', '.join(there)}",)))
    notes = () if options.split or split == "test" else (f"the run has no test rows; these are its {split} rows",)
    part = rows.part(split)
    table = rows.table.take(integer_column(part))
    return _Rows(table, rows.row[part], rows.origin.rows(rows.position[part]), lambda: _cut(table), None, split, notes)


def _new_rows(model: Model, source: Source, options: EvaluateOptions, baseline_model: Model | None) -> _Rows:
    model.schema.check(source, target=True)
    there, forms = source.schema.names, model.schema.forms(target=True, ids=False)
    by = columns_meant(options.by, there) or [name for name in model.config.evaluation.by if name in there]
    # Two passes: first the few columns that select and observe the rows, then the columns that forecasts need.
    dropping = model.schema.feature_columns if model.encoder.missing == "drop" else ()
    observed = dict.fromkeys((*model.schema.scored_columns, *model.schema.row_inputs.values(), *by))
    first = {name: forms.get(name, NAME) for name in (*observed, *dropping)}
    # The baseline model reads its features in its own form. For features of both models, the form of this model is used.
    forecast = {
        **({} if baseline_model is None else baseline_model.schema.forms(target=False, ids=False)),
        **model.schema.forms(target=False, ids=False),
    }
    source.cache.expected = tuple(source.renamed.get(name, name) for name in (*first, *forecast))
    read = source.read(first, filters=filters_of(model.config))
    usable = model.encoder.usable(read.table) if dropping else np.ones(len(read.row), dtype=bool)
    mask = np.zeros(read.total, dtype=bool)
    mask[read.row[usable]] = True

    def blocks() -> Iterator[pa.Table]:
        tables = (pa.Table.from_batches([batch]) for batch in ahead(source.batches(forecast, BLOCK)))
        return _filtered(tables, mask)

    table = read.table.select(list(observed)).filter(boolean_column(usable))
    return replace(_kept_rows(table, mask, source.origin, str(options.data)), blocks=blocks, remarks=source.remarks)


def _kept_rows(table: pa.Table, mask: NDArray[np.bool_], origin: Origin, data: str) -> _Rows:
    """The rows that `mask` selects, with a note if it leaves some out. Raises DataError if it selects none."""
    if not mask.any():
        raise DataError(Finding("no-rows", "there is no row to score", data))
    notes = (f"{int((~mask).sum()):,} rows were left out by `data.filter` or `missing: drop`",) if not mask.all() else ()
    row = np.flatnonzero(mask)
    return _Rows(table, row, origin.rows(row), lambda: _cut(table), data, None, notes, new=True)


def _cut(table: pa.Table) -> Iterator[pa.Table]:
    return (table.slice(start, BLOCK) for start in range(0, table.num_rows, BLOCK))


def _filtered(tables: Iterable[pa.Table], mask: NDArray[np.bool_]) -> Iterator[pa.Table]:
    """The rows that `mask` selects, table by table without empty tables. `mask` (n,) covers the rows of all tables."""
    first = 0
    for table in tables:
        part = mask[first : first + table.num_rows]
        first += table.num_rows
        if part.any():
            yield table.filter(boolean_column(part))
