"""Predict: a model and a file become a file of every row's distribution, in bounded memory and in the order of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from disttrain import data as rooms
from disttrain import storage, training
from disttrain.choices import SPLITS
from disttrain.data import Source
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
from disttrain.validation.options import PredictOptions, columns_meant, format_named

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Predicted:
    """Where the predictions are, how many rows, from which run, what was met on the way (imputed values, unseen categories), and how the file is read."""

    output: str
    rows: int
    run: str
    newest: bool
    notes: tuple[str, ...]
    remarks: tuple[str, ...] = ()


@enough_memory("fewer `--samples`, `--columns` and `--quantiles` at once, or a smaller file at a time")
def predict(request: PredictOptions, root: Path) -> Predicted:
    """Write the forecast of every row of a file, or of the run's own rows where no data are named.

    Raises RunUnreadable, DataError, UsageError, OutputExists and StorageError; nothing half-written is left.
    """
    run = open_run(request.run, root)
    run.model.network.to(training.device(request.device))
    wanted = requested_selection(run.model, request)
    if request.data is None and run.folder is None:
        raise UsageError(Finding("no-data", "a model folder alone has no data of its own", "--data", hints=("name a file with `--data`",)))
    output, replace = _output(request, run)
    given = None if request.data is None else new_source(request.data, run.model.config, request.input_format, request.renamed)
    if request.output is not None:
        require_no_input(output, "--output", own_files(run) if given is None else given.files, [run])
    rows = _own_input(run, request) if given is None else _file_input(run.model, given, request)
    form = _form(request, output)
    made = {"row": 0, **({"split": 0} if given is None else {}), **layout.list_sizes(run.model, wanted)}
    layout.require_layout(rows.schema, rows.kept, made, form, request)
    rows.require_text(form)
    notes = FeatureNotes()
    tables = _tables(run.model, take_shard(rows.batches, request.shard), rows.kept, wanted, request, notes)
    if request.spreadsheet_safe:
        tables = (rooms.for_spreadsheets(rooms.in_format(table, form)) for table in tables)
    count = written(output, tables, form, metadata(run.model, run.name, wanted, run.weights), replace)
    texts = (*notes.texts(run.model.encoder.missing), *_shard_notes(request, count))
    return Predicted(output, count, run.name, run.newest, texts, () if given is None else given.remarks)


def write_own(prepared: Prepared, folder: Path, name: str) -> int:
    """Write predictions.parquet of a run's own rows into its folder, after the fit: the number of rows. Raises StorageError."""
    model = prepared.model
    wanted = supported_selection(model, configured_selection(model.config), requested={})
    digest = storage.read(folder / "model").sha256
    tables = _own_tables(prepared, wanted)
    with on_device(model):
        return written(str(folder / "predictions.parquet"), tables, "parquet", metadata(model, name, wanted, digest), True)


@dataclass(frozen=True)
class _Input:
    """Rows to predict: the `batches`, the `schema` of the input, the columns of it that are `kept`, and how to read some columns alone."""

    batches: Iterable[Batch]
    schema: pa.Schema
    kept: tuple[str, ...]
    columns: Callable[[Sequence[str]], Iterable[pa.Table]]

    def require_text(self, form: str) -> None:
        """Raise DataError, before anything is predicted, where bytes that are kept are no text and a file of this format needs text."""
        names = rooms.text_needed(self.schema, self.kept, form)
        first = 0
        for table in self.columns(names) if names else ():
            rooms.in_format(table, form, first)
            first += table.num_rows


def _own_input(run: OpenRun, request: PredictOptions) -> _Input:
    rows = own_rows(run, ("*",) if request.keep == ("all",) else (*request.keep, *columns_meant(request.keep, ())))
    kept = layout.select_kept_columns(rows.arrow_schema, request, run.model)
    return _Input(own_batches(rows, run.model.config), rows.arrow_schema, kept, lambda names: [layout.as_written(rows.table, names)])


def _file_input(model: Model, source: Source, request: PredictOptions) -> _Input:
    model.schema.check(source, target=False)
    kept = layout.select_kept_columns(source.schema, request, model)

    def columns(names: Sequence[str]) -> Iterable[pa.Table]:
        return (pa.Table.from_batches([batch]) for batch in source.batches(dict.fromkeys(names, rooms.AS_WRITTEN), BLOCK))

    return _Input(file_batches(source, model, kept), source.schema, kept, columns)


def _tables(
    model: Model, batches: Iterable[Batch], kept: Sequence[str], wanted: ColumnSelection, request: PredictOptions, notes: FeatureNotes
) -> Iterator[pa.Table]:
    for batch in batches:
        notes.add(model.encoder.notes(batch.rows), batch.rows.num_rows)
        yield _table(batch, forecast(model, batch.rows, wanted, batch.index, batch.origin), kept, request)
    if request.data is not None and request.unknown == "error":
        notes.require_known(model, str(request.data))


def _own_tables(prepared: Prepared, wanted: ColumnSelection) -> Iterator[pa.Table]:
    """The predictions of a run's own rows from their tensors: they are checked and encoded already."""
    model = prepared.model
    for batch in own_batches(prepared.data, model.config):
        assert batch.table_index is not None
        place = batch.table_index
        parameters = model.parameters_of(prepared.inputs(place), prepared.observed.conditions[torch.from_numpy(place)])
        columns = columns_of(model, parameters, np.zeros(len(place), dtype=bool), wanted, batch.index)
        yield _table(batch, columns, model.schema.id, PredictOptions())


def _table(batch: Batch, columns: Mapping[str, pa.Array], kept: Sequence[str], request: PredictOptions) -> pa.Table:
    """What is written of a batch: its rows' numbers, what is kept of the input, and the predicted columns, under the names asked for."""
    made: dict[str, pa.Array] = {"row": rooms.integer_column(batch.row)}
    if batch.split is not None:
        made["split"] = rooms.chosen_texts(SPLITS, batch.split)
    return layout.arranged(batch.rows, {**made, **columns}, kept, request)


def _shard_notes(request: PredictOptions, rows: int) -> Iterator[str]:
    """A remark where no row fell to this part."""
    if request.shard != (0, 1) and not rows:
        part = "/".join(map(str, request.shard))
        yield f"part {part} has no rows: a part is whole blocks of {BLOCK:,} rows, and there are too few rows for {request.shard[1]} parts"


def _output(request: PredictOptions, run: OpenRun) -> tuple[str, bool]:
    """Where to write, and whether a file there may be replaced."""
    if request.output is not None:
        return request.output, request.overwrite
    if run.folder is None:
        raise UsageError(
            Finding("no-output", "a model folder alone has no place for predictions", "--output", hints=("name a file with `-o`",))
        )
    if request.plain:
        # The run's own rows and columns once more: the same bytes, so there is nothing to lose.
        return str(run.folder / "predictions.parquet"), True
    return str(storage.numbered(run.folder, "predictions", f".{request.format or 'parquet'}")), False


def _form(request: PredictOptions, output: str) -> str:
    return request.format or ("parquet" if output == "-" else format_named(output) or "parquet")
