"""The history of a fit: its epochs as columns, in a checkpoint and in history.parquet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from itertools import starmap
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor

from disttrain.data import float_column, integer_column
from disttrain.data.io.table_writer import written
from disttrain.training import Epoch

_DTYPES = {"tuple[bool, ...]": torch.bool, "int": torch.int64, "float": torch.float64}
_WRITTEN = ("train_nll", "validation_nll", "learning_rate", "seconds", "rows_per_second")


def columns_of(history: Sequence[Epoch]) -> dict[str, Tensor]:
    """The epochs as one tensor per field, (epochs,) or (epochs, K). Tensors are faster and smaller than JSON for many epochs."""
    return {f.name: torch.tensor([getattr(epoch, f.name) for epoch in history], dtype=_DTYPES[str(f.type)]) for f in fields(Epoch)}


def epochs_of(columns: Mapping[str, Tensor]) -> tuple[Epoch, ...]:
    """The epochs of the columns. Raises KeyError or ValueError if a column is missing or shorter than another."""
    rows = zip(*(columns[field.name].tolist() for field in fields(Epoch)), strict=True)
    return tuple(replace(epoch, improved=tuple(epoch.improved)) for epoch in starmap(Epoch, rows))


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write history.parquet, one row per epoch. Raises StorageError."""
    columns = {"epoch": integer_column(np.array([epoch.number for epoch in history], dtype=np.int64))}
    for name in _WRITTEN:
        values = np.array([getattr(epoch, name) for epoch in history], dtype=np.float64)
        columns[name] = float_column(values, np.isnan(values))
    written(str(folder / "history.parquet"), iter([pa.Table.from_arrays(list(columns.values()), list(columns))]), "parquet", {}, True)
