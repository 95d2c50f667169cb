"""The command `predict`: it writes the distribution of every row of a file, in bounded memory and in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import pyarrow as pa
import torch

from disttrain import storage, training
from disttrain.choices import SPLITS
from disttrain.data import (
    AS_WRITTEN,
    FeatureCounts,
    Source,
    chosen_texts,
    for_spreadsheets,
    in_format,
    integer_column,
    located,
    text_needed,
)
from disttrain.data.io.table_writer import written
from disttrain.errors import Finding, UsageError, enough_memory
from disttrain.evaluation.scoring import on_device
from disttrain.model import Model
from disttrain.prediction import layout
from disttrain.prediction.batches import BLOCK, Batch, file_batches, own_batches, take_shard
from disttrain.prediction.columns import columns_of, forecast, metadata
from disttrain.prediction.feature_notes import FeatureNotes
from disttrain.prediction.new_rows import new_source
from disttrain.prediction.selection import ColumnSelection, configured_selection, requested_selection, supported_selection
from disttrain.preparation.prepare import Prepared
from disttrain.runs.open import OpenRun, open_run, own_files, own_rows
from disttrain.runs.output_checks import require_no_input
from disttrain.thread_pool import in_order, one_thread_each
from disttrain.validation.options import PredictOptions, columns_meant, format_named

Result = TypeVar("Result")


@dataclass(frozen=True)
class Predicted:
    """The result of `predict`: the output file, its rows, the run, and notes (imputed values, unseen categories, reading of the file)."""

    output: str
    rows: int
    run: str
    newest: bool
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@enough_memory("fewer `--samples`, `--columns` and `--quantiles` at once, or a smaller file at a time")
@one_thread_each()
def predict(options: PredictOptions, root: Path) -> Predicted:
    """Write the forecast of every row of a file; without a file, of the run's own rows.

    Raises RunUnreadable, DataError, UsageError, OutputExists or StorageError; no partial file remains.
    """
    run = open_run(options.run, root)
    run.model.network.to(training.device(options.device))
    selection = requested_selection(run.model, options)
    if options.data is None and run.folder is None:
        raise UsageError(Finding("no-data", "a model folder alone has no data of its own", "--data", hints=("name a file with `--data`",)))
    output, replace = _output(options, run)
    source = None if options.data is None else new_source(options.data, run.model.config, options.input_format, options.renamed)
    if options.output is not None:
        require_no_input(output, "--output", own_files(run) if source is None else source.files, [run])
    rows = _own_input(run, options) if source is None else _file_input(run.model, source, options)
    form = _form(options, output)
    column_sizes = {"row": 0, **({"split": 0} if source is None else {}), **layout.list_sizes(run.model, selection)}
    layout.require_layout(rows.schema, rows.kept_columns, column_sizes, form, options)
    rows.require_text(form)
    notes = FeatureNotes()
    tables = _tables(run.model, take_shard(rows.batches, options.shard), rows.kept_columns, selection, options, notes)
    if options.spreadsheet_safe:
        tables = (for_spreadsheets(in_format(table, form)) for table in tables)
    count = written(output, tables, form, metadata(run.model, run.name, selection, run.weights), replace)
    texts = (*notes.texts(run.model.encoder.missing), *_shard_notes(options, count))
    return Predicted(output, count, run.name, run.newest, texts, () if source is None else source.remarks)


@one_thread_each()
def write_own(prepared: Prepared, folder: Path, name: str) -> int:
    """Write predictions.parquet of a run's own rows into its folder after the fit. Returns the number of rows. Raises StorageError."""
    model = prepared.model
    selection = supported_selection(model, configured_selection(model.config), requested={})
    digest = storage.read(folder / "model").sha256
    tables = _own_tables(prepared, selection)
    with on_device(model):
        return written(str(folder / "predictions.parquet"), tables, "parquet", metadata(model, name, selection, digest), True)


@dataclass(frozen=True)
class _Input:
    """The rows to predict: `batches` of them, the `schema` of the input, and its `kept_columns`.

    `columns` reads some columns of the input alone.
    """

    batches: Iterable[Batch]
    schema: pa.Schema
    kept_columns: tuple[str, ...]
    columns: Callable[[Sequence[str]], Iterable[pa.Table]]

    def require_text(self, form: str) -> None:
        """Raise DataError before any prediction if the kept bytes are not text and the output format needs text."""
        names = text_needed(self.schema, self.kept_columns, form)
        first = 0
        for table in self.columns(names) if names else ():
            in_format(table, form, first)
            first += table.num_rows


def _own_input(run: OpenRun, options: PredictOptions) -> _Input:
    rows = own_rows(run, ("*",) if options.keep == ("all",) else (*options.keep, *columns_meant(options.keep, ())))
    kept_columns = layout.select_kept_columns(rows.arrow_schema, options, run.model)
    return _Input(
        own_batches(rows, run.model.config), rows.arrow_schema, kept_columns, lambda names: [layout.as_written(rows.table, names)]
    )


def _file_input(model: Model, source: Source, options: PredictOptions) -> _Input:
    model.schema.check(source, target=False)
    kept_columns = layout.select_kept_columns(source.schema, options, model)

    def columns(names: Sequence[str]) -> Iterable[pa.Table]:
        return (pa.Table.from_batches([batch]) for batch in source.batches(dict.fromkeys(names, AS_WRITTEN), BLOCK))

    return _Input(file_batches(source, model, kept_columns), source.schema, kept_columns, columns)


def _tables(
    model: Model,
    batches: Iterable[Batch],
    kept_columns: Sequence[str],
    selection: ColumnSelection,
    options: PredictOptions,
    notes: FeatureNotes,
) -> Iterator[pa.Table]:
    def table_of(batch: Batch) -> tuple[pa.Table, Mapping[str, FeatureCounts]]:
        feature_counts = model.encoder.notes(batch.rows)
        with located(batch.origin):
            columns = forecast(model, batch.rows, selection, batch.index)
        return _table(batch, columns, kept_columns, options), feature_counts

    for table, feature_counts in _side_by_side(model)(table_of, batches):
        notes.add(feature_counts, table.num_rows)
        yield table
    if options.data is not None and options.unknown == "error":
        notes.require_known(model, str(options.data))


def _own_tables(prepared: Prepared, selection: ColumnSelection) -> Iterator[pa.Table]:
    """The predictions of a run's own rows, from tensors that are already checked and encoded."""
    model = prepared.model

    def table_of(batch: Batch) -> pa.Table:
        assert batch.table_index is not None
        table_index = batch.table_index
        parameters = model.parameters_of(prepared.inputs(table_index), prepared.observed.conditions[torch.from_numpy(table_index)])
        columns = columns_of(model, parameters, np.zeros(len(table_index), dtype=bool), selection, batch.index)
        return _table(batch, columns, model.schema.id, PredictOptions())

    yield from _side_by_side(model)(table_of, own_batches(prepared.data, model.config))


def _side_by_side(model: Model) -> Callable[[Callable[[Batch], Result], Iterable[Batch]], Iterator[Result]]:
    """The map over batches: side by side on a CPU; a GPU computes one batch after the other."""
    on_cpu = all(weight.device.type == "cpu" for weight in model.network.parameters())
    return in_order if on_cpu else map


def _table(batch: Batch, columns: Mapping[str, pa.Array], kept_columns: Sequence[str], options: PredictOptions) -> pa.Table:
    """The output table of a batch: row numbers, kept columns and predicted columns, under the requested names."""
    row_columns: dict[str, pa.Array] = {"row": integer_column(batch.row)}
    if batch.split is not None:
        row_columns["split"] = chosen_texts(SPLITS, batch.split)
    return layout.arranged(batch.rows, {**row_columns, **columns}, kept_columns, options)


def _shard_notes(options: PredictOptions, rows: int) -> Iterator[str]:
    """A note if the shard has no rows."""
    if options.shard != (0, 1) and not rows:
        part = "/".join(map(str, options.shard))
        yield f"part {part} has no rows: a part is whole blocks of {BLOCK:,} rows, and there are too few rows for {options.shard[1]} parts"


def _output(options: PredictOptions, run: OpenRun) -> tuple[str, bool]:
    """The output file, and True if an existing file may be replaced."""
    if options.output is not None:
        return options.output, options.overwrite
    if run.folder is None:
        raise UsageError(
            Finding("no-output", "a model folder alone has no place for predictions", "--output", hints=("name a file with `-o`",))
        )
    if options.plain:
        # The run's own rows and columns give the same bytes, so overwriting loses nothing.
        return str(run.folder / "predictions.parquet"), True
    return str(storage.numbered(run.folder, "predictions", f".{options.format or 'parquet'}")), False


def _form(options: PredictOptions, output: str) -> str:
    return options.format or ("parquet" if output == "-" else format_named(output) or "parquet")
