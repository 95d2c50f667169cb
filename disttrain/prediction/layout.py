"""How a table of predictions is laid out: which columns in which order, known and checked before any row is predicted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import pyarrow as pa

from disttrain import data as rooms
from disttrain.config import Loaded, Problem, suggestion
from disttrain.config.messages import listing
from disttrain.errors import DataError, Finding, UsageError
from disttrain.model import Model
from disttrain.prediction.columns import column_names
from disttrain.prediction.selection import ColumnSelection, configured_selection, supported_selection
from disttrain.validation.options import PredictOptions, columns_meant


def select_kept_columns(schema: pa.Schema, request: PredictOptions, model: Model) -> tuple[str, ...]:
    """The input columns to copy: the ids there are, and those of `--keep`. Raises DataError."""
    there = set(schema.names)
    ids = [name for name in model.schema.id if name in there]
    if request.keep == ("all",):
        return tuple(dict.fromkeys((*ids, *schema.names)))
    columns = columns_meant(request.keep, schema.names)
    if missing := [name for name in columns if name not in there]:
        near = suggestion(missing[0], schema.names)
        hints = (f"did you mean `{rooms.shown(near)}`?" if near else f"there are {listing(map(rooms.shown, schema.names))}",)
        raise DataError(Finding("missing-column", f"there is no column `{rooms.shown(missing[0])}` to keep", "--keep", hints=hints))
    return tuple(dict.fromkeys((*ids, *columns)))


def arranged(rows: pa.Table | pa.RecordBatch, made: Mapping[str, pa.Array], kept: Sequence[str], request: PredictOptions) -> pa.Table:
    """What is written of rows: their number, what is kept of the input, and the predicted columns, under the names asked for."""
    names = dict(zip(_written_names(list(made), request), made.values(), strict=True))
    order = [*list(names)[:1], *kept, *list(names)[1:]]
    copied = as_written(rows, kept)
    return pa.Table.from_arrays([names[name] if name in names else copied.column(name) for name in order], order)


def as_written(rows: pa.Table | pa.RecordBatch, names: Sequence[str]) -> pa.Table:
    """Columns of the input as they stand there, which of features are beside the forms that the model reads."""
    there = set(rows.schema.names)
    return pa.Table.from_arrays([rows.column(rooms.KEPT + name if rooms.KEPT + name in there else name) for name in names], list(names))


def require_layout(schema: pa.Schema, kept: Sequence[str], made: Mapping[str, int], form: str, request: PredictOptions) -> None:
    """Raise before any row is predicted where its file cannot be written: two columns of one name, or a type that the format does not have.

    `made` are the predicted columns and the numbers in each of their lists, 0 where they are no lists.
    """
    names = dict(zip(_written_names(list(made), request), made.values(), strict=True))
    sizes = {name: schema.field(name).type.list_size if pa.types.is_fixed_size_list(schema.field(name).type) else 0 for name in kept}
    ours, theirs = (list(_unfolded(columns)) if form == "csv" else list(columns) for columns in (names, sizes))
    if twice := _twice(ours):
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}` in {form}", "--rename"))
    if twice := _twice(theirs):
        what = f"two of the columns to keep would be called `{rooms.shown(twice[0])}` in {form}"
        raise DataError(Finding("name-clash", what, "--keep", hints=("leave one of them out",)))
    taken = {*names, *ours}
    if clashes := [name for name in (*kept, *theirs) if name in taken]:
        what = f"the input column `{rooms.shown(clashes[0])}` and a predicted column have the same name"
        raise DataError(Finding("name-clash", what, hints=("`--prefix pred_`, or `--rename OLD=NEW`",)))
    rooms.require_format(schema, kept, form)


def list_sizes(model: Model, wanted: ColumnSelection) -> dict[str, int]:
    """The columns of a forecast, and how many numbers each of their lists holds: those of several members in a parameter, 0 in all others."""
    lists = set(model.columns()) if model.members > 1 and "parameters" in wanted.columns else set()
    return {name: model.members if name in lists else 0 for name in column_names(model, wanted)}


def require_free_ids(loaded: Loaded, model: Model, schema: pa.Schema) -> None:
    """Raise DataError where a column of `data.id` has the name of one that `fit` or `predict` will write, in any format, or a type of the
    `schema` that `fit` cannot write.
    """
    rooms.require_format(schema, model.schema.id, "parquet")
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
    """The names of columns in CSV, where a list of K numbers is K columns."""
    for name, size in sizes.items():
        yield from [f"{name}_{number}" for number in range(size)] or [name]


def _written_names(made: Sequence[str], request: PredictOptions) -> list[str]:
    """What the predicted columns are called. Raises UsageError for an old name that there is not, and for two columns of one name."""
    prefixed = [f"{request.prefix}{name}" for name in made]
    renamed, there = dict(request.rename), set(prefixed)
    if unknown := [name for name in renamed if name not in there]:
        hints = (f"there are {listing(prefixed)}",)
        raise UsageError(Finding("unknown-choice", f"no column `{unknown[0]}` is predicted", "--rename", hints=hints))
    names = [renamed.get(name, name) for name in prefixed]
    if twice := _twice(names):
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}`", "--rename"))
    return names
