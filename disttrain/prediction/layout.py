"""The layout of a table of predictions: its columns and their order, checked before any row is predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import pyarrow as pa

from disttrain.config import Loaded, Problem, suggestion
from disttrain.config.messages import listing
from disttrain.data import VERBATIM, display, require_format
from disttrain.errors import DataError, Finding, UsageError
from disttrain.model import Model
from disttrain.prediction.columns import column_names
from disttrain.prediction.selection import ColumnSelection, configured_selection, supported_selection
from disttrain.validation.options import PredictOptions, columns_meant


def select_kept_columns(schema: pa.Schema, options: PredictOptions, model: Model) -> tuple[str, ...]:
    """The input columns to copy: the ids and the columns of `--keep`. Raises DataError."""
    there = set(schema.names)
    ids = [name for name in model.schema.id if name in there]
    if options.keep == ("all",):
        return tuple(dict.fromkeys((*ids, *schema.names)))
    columns = columns_meant(options.keep, schema.names)
    if missing := [name for name in columns if name not in there]:
        closest = suggestion(missing[0], schema.names)
        hints = (f"did you mean `{display(closest)}`?" if closest else f"there are {listing(map(display, schema.names))}",)
        raise DataError(Finding("missing-column", f"there is no column `{display(missing[0])}` to keep", "--keep", hints=hints))
    return tuple(dict.fromkeys((*ids, *columns)))


def arranged(
    rows: pa.Table | pa.RecordBatch, columns: Mapping[str, pa.Array], kept_columns: Sequence[str], options: PredictOptions
) -> pa.Table:
    """The output table: row numbers, kept columns of the input, and predicted columns, under their requested names."""
    names = dict(zip(_written_names(list(columns), options), columns.values(), strict=True))
    order = [*list(names)[:1], *kept_columns, *list(names)[1:]]
    copied = as_written(rows, kept_columns)
    return pa.Table.from_arrays([names[name] if name in names else copied.column(name) for name in order], order)


def as_written(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> pa.Table:
    """Columns of the input with their original values. Features have these beside the form that the model reads."""
    there = set(rows.schema.names)
    return pa.Table.from_arrays([rows.column(VERBATIM + name if VERBATIM + name in there else name) for name in names], list(names))


def require_layout(
    schema: pa.Schema, kept_columns: Sequence[str], column_sizes: Mapping[str, int], form: str, options: PredictOptions
) -> None:
    """Raise UsageError or DataError before any prediction if the output file cannot be written.

    This is so if two columns have the same name, or if the format does not have a column's type. `column_sizes` are the predicted columns
    with the length of their lists; 0 for a column without lists.
    """
    names = dict(zip(_written_names(list(column_sizes), options), column_sizes.values(), strict=True))
    sizes = {
        name: schema.field(name).type.list_size if pa.types.is_fixed_size_list(schema.field(name).type) else 0 for name in kept_columns
    }
    ours, theirs = (list(_unfolded(columns)) if form == "csv" else list(columns) for columns in (names, sizes))
    if twice := _twice(ours):
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}` in {form}", "--rename"))
    if twice := _twice(theirs):
        what = f"two of the columns to keep would be called `{display(twice[0])}` in {form}"
        raise DataError(Finding("name-clash", what, "--keep", hints=("leave one of them out",)))
    output_names = {*names, *ours}
    if clashes := [name for name in (*kept_columns, *theirs) if name in output_names]:
        what = f"the input column `{display(clashes[0])}` and a predicted column have the same name"
        raise DataError(Finding("name-clash", what, hints=("`--prefix pred_`, or `--rename OLD=NEW`",)))
    require_format(schema, kept_columns, form)


def list_sizes(model: Model, selection: ColumnSelection) -> dict[str, int]:
    """The columns of a forecast with the length of their lists: the number of components for parameters, 0 for all other columns."""
    lists = set(model.columns()) if model.components > 1 and "parameters" in selection.columns else set()
    return {name: model.components if name in lists else 0 for name in column_names(model, selection)}


def require_free_ids(loaded: Loaded, model: Model, schema: pa.Schema) -> None:
    """Raise DataError if a column of `data.id` has the name of an output column of `fit` or `predict`, in any format.

    An id column with a type of the `schema` that `fit` cannot write raises DataError too.
    """
    require_format(schema, model.schema.id, "parquet")
    if model.config.forecast.marginal_share == "auto":
        # Any share above 0 has the same columns.
        model = replace(model, marginal_share=0.05)
    sizes = list_sizes(model, supported_selection(model, configured_selection(model.config), requested={}))
    names = {"row", "split", *sizes, *_unfolded(sizes)}
    free = ", ".join(name for name in model.schema.id if name not in names)
    hints = ('give the column another name in the data, or leave it out of the ids: `--set "data.id=[' + free + ']"`',)
    problems = [
        Problem(("data", "id"), "name-clash", f"the id column `{name}` and a predicted column have the same name", hints=hints)
        for name in model.schema.id
        if name in names
    ]
    if problems:
        raise DataError(*map(loaded.finding, problems))


def _twice(names: Sequence[str]) -> list[str]:
    return [name for name, count in Counter(names).items() if count > 1]


def _unfolded(sizes: Mapping[str, int]) -> Iterator[str]:
    """The names of the columns in CSV, where a list of K numbers becomes K columns."""
    for name, size in sizes.items():
        yield from [f"{name}_{number}" for number in range(size)] or [name]


def _written_names(columns: Sequence[str], options: PredictOptions) -> list[str]:
    """The output names of the predicted columns. Raises UsageError if an old name does not exist, or if two names are equal."""
    prefixed = [f"{options.prefix}{name}" for name in columns]
    renamed, there = dict(options.rename), set(prefixed)
    if unknown := [name for name in renamed if name not in there]:
        hints = (f"there are {listing(prefixed)}",)
        raise UsageError(Finding("unknown-choice", f"no column `{unknown[0]}` is predicted", "--rename", hints=hints))
    names = [renamed.get(name, name) for name in prefixed]
    if twice := _twice(names):
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}`", "--rename"))
    return names
