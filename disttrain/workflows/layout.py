"""How a table of predictions is laid out: which columns in which order, known and checked before any row is predicted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import pyarrow as pa
import torch

from disttrain import data as rooms
from disttrain.config import Loaded, Problem
from disttrain.errors import DataError, Finding, UsageError
from disttrain.model import Model
from disttrain.workflows.forecasts import columns_of, wanted_of
from disttrain.workflows.preparation import Prepared
from disttrain.workflows.requests import Request

__all__ = ["arranged", "kept_columns", "require_free_ids", "require_layout"]


def kept_columns(schema: pa.Schema, request: Request, model: Model) -> tuple[str, ...]:
    """The input columns to copy: the ids there are, and those of `--keep`. Raises DataError."""
    ids = [name for name in model.schema.id if name in schema.names]
    if request.keep == ("all",):
        return tuple(dict.fromkeys((*ids, *schema.names)))
    missing = [name for name in request.keep if name not in schema.names]
    if missing:
        raise DataError(Finding("missing-column", f"there is no column `{rooms.shown(missing[0])}` to keep", "--keep"))
    return tuple(dict.fromkeys((*ids, *request.keep)))


def arranged(rows: pa.Table | pa.RecordBatch, made: Mapping[str, pa.Array], kept: Sequence[str], request: Request) -> pa.Table:
    """What is written of rows: their number, what is kept of the input, and the predicted columns, under the names asked for."""
    made = _renamed({f"{request.prefix}{name}": value for name, value in made.items()}, request.rename)
    _require_no_clash(kept, list(made))
    front = list(made)[:1]
    order = [*front, *kept, *(name for name in made if name not in front)]
    return pa.Table.from_arrays([made[name] if name in made else rows.column(name) for name in order], order)


def require_layout(blank: pa.Table, kept: Sequence[str], form: str) -> None:
    """Raise DataError where a file of this format cannot hold a table like `blank`: two columns of one name, or a type it does not have."""
    if form == "csv":
        names = list(_unfolded(blank))
        _require_no_clash([name for name in names if names.count(name) > 1], names)
    rooms.require_format(blank.schema, kept, form)


def require_free_ids(loaded: Loaded, prepared: Prepared) -> None:
    """Raise DataError where a column of `data.id` has the name of one that `fit` or `predict` will write, in any format."""
    model, none = prepared.model, np.empty(0, dtype=np.int64)
    parameters = model.parameters_of(prepared.inputs(none), prepared.observed.conditions[torch.from_numpy(none)])
    made = columns_of(model, parameters, np.zeros(0, dtype=bool), wanted_of(model.config), 0)
    names = {"row", "split", *made, *_unfolded(pa.Table.from_arrays(list(made.values()), list(made)))}
    ids = model.schema.id
    clashes = [name for name in ids if name in names]
    if not clashes:
        return
    free = ", ".join(name for name in ids if name not in names)
    hints = ('give the column another name in the data, or leave it out of the ids: `--set "data.id=[' + free + ']"`',)
    problems = (
        Problem(("data", "id"), "name-clash", f"the id column `{name}` and a predicted column have the same name", hints=hints)
        for name in clashes
    )
    raise DataError(*map(loaded.finding, problems))


def _unfolded(table: pa.Table) -> Iterator[str]:
    """The names of the columns in CSV, where a list of K numbers is K columns."""
    for field in table.schema:
        size = field.type.list_size if pa.types.is_fixed_size_list(field.type) else 0
        yield from [f"{field.name}_{number}" for number in range(size)] or [field.name]


def _renamed(made: dict[str, pa.Array], pairs: Sequence[tuple[str, str]]) -> dict[str, pa.Array]:
    """The columns under their new names. Raises UsageError for an old name that there is not, and for two columns of one name."""
    renamed = dict(pairs)
    unknown = [name for name in renamed if name not in made]
    if unknown:
        hints = (f"there are {', '.join(made)}",)
        raise UsageError(Finding("unknown-choice", f"no column `{unknown[0]}` is predicted", "--rename", hints=hints))
    names = [renamed.get(name, name) for name in made]
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}`", "--rename"))
    return dict(zip(names, made.values(), strict=True))


def _require_no_clash(kept: Sequence[str], made: Sequence[str]) -> None:
    if clash := [name for name in kept if name in made]:
        what = f"the input column `{rooms.shown(clash[0])}` and a predicted column have the same name"
        raise DataError(Finding("name-clash", what, hints=("`--prefix pred_`, or `--rename OLD=NEW`",)))
