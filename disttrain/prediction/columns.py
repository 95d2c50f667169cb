"""The columns of a forecast: parameters, moments, quantiles and samples, and the metadata of their file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from disttrain.data import boolean_column, chosen_texts, float_column
from disttrain.distributions import draws
from disttrain.distributions.core import functionals
from disttrain.distributions.numerics import philox
from disttrain.errors import Finding, UsageError
from disttrain.model import Model
from disttrain.prediction.selection import COLUMNS, TIMED, ColumnSelection

# torch rounds the last rows of a tensor differently if they do not fill the processor's lanes; with two threads, those of each half.
_LANES = 32
# The number of samples drawn at once.
_TOGETHER = 65_536


def time_name(column: str, time: float) -> str:
    """The name of a column at a time, with `_` as the decimal point: survival_30, hazard_0_5."""
    return f"{column}_{time:.10g}".replace(".", "_")


def quantile_name(level: float) -> str:
    """The name of a quantile column: its percentage, with `_` as the decimal point: q05, q50, q02_5, q99_9."""
    integer_part, _, fraction = f"{100 * level:.10g}".partition(".")
    return f"q{integer_part.zfill(2)}" + (f"_{fraction}" if fraction else "")


def forecast(model: Model, batch: pa.RecordBatch | pa.Table, selection: ColumnSelection, index: NDArray[np.int64]) -> dict[str, pa.Array]:
    """The forecast columns of each row of `batch`, in their written order; null if a moment does not exist.

    `index` (n,) is the number of each row in its source; its samples depend on it. Rows that `missing: drop` excludes are null in all
    columns.
    """
    return columns_of(model, model.parameters(batch), ~model.encoder.usable(batch), selection, index)


def column_names(model: Model, selection: ColumnSelection) -> list[str]:
    """The names of the forecast columns, in their written order. They depend only on the model and the selection.

    Raises UsageError if two columns have the same name.
    """
    names = [name for column in selection.columns for name in _names(model, selection, column)]
    targets = [f"_{target}" for target in model.schema.target] if model.family.event else [""]
    names += [f"sample_{number:04d}{target}" for number in range(1, selection.samples + 1) for target in targets]
    # A mean that is also a parameter is one column. Levels or times that differ only in the eleventh digit have equal names.
    if twice := [name for name in names if name not in COLUMNS and names.count(name) > 1]:
        raise UsageError(Finding("name-clash", f"two predicted columns would be called `{twice[0]}`", hints=("leave one of them out",)))
    return names


def _names(model: Model, selection: ColumnSelection, column: str) -> Sequence[str]:
    if column == "parameters":
        return (*model.columns(), *model.marginal_columns())
    if column == "quantiles":
        return [quantile_name(level) for level in selection.quantiles]
    if column in TIMED:
        return [time_name(column, time) for time in selection.times]
    return [f"{column}_{target}" for target in model.schema.target] if model.family.event else [column]


def columns_of(
    model: Model, parameters: Mapping[str, Tensor], absent: NDArray[np.bool_], selection: ColumnSelection, index: NDArray[np.int64]
) -> dict[str, pa.Array]:
    """The forecast columns of rows with known parameters, {name: (n, *shape)}; null in all columns where `absent` (n,) is True."""
    distribution = model.forecaster.distribution(**{name: _padded(value) for name, value in parameters.items()}, validate_args=False)
    columns: list[pa.Array] = []
    for name in selection.columns:
        if name == "parameters":
            columns += [_array(part, absent) for parameter, value in parameters.items() for part in _split(model, parameter, value)]
            if model.marginal_columns():
                columns += [
                    _array(part, absent) for parameter, value in parameters.items() for part in _alone(model, parameter, value[:, -1])
                ]
        elif name == "quantiles":
            columns += [_array(functionals.quantile(distribution, torch.tensor(level)), absent) for level in selection.quantiles]
        elif name == "mode" and model.labels is not None:
            columns.append(_labels(model.labels, COLUMNS["mode"](distribution), absent))
        elif name in COLUMNS:
            values = COLUMNS[name](distribution)
            columns += [_array(value, absent) for value in (values.unbind(1) if model.family.event else (values,))]
        elif name in TIMED:
            columns += [_array(TIMED[name](distribution, time), absent) for time in selection.times]
    columns += _samples(model, distribution, selection, index, absent)
    return dict(zip(column_names(model, selection), columns, strict=True))


def _split(model: Model, name: str, value: Tensor) -> Sequence[Tensor]:
    """The written numbers of a parameter (n, *shape), in the order of their columns. A triangle has only its lower part.

    With several members, each column has one number per member: (n, K).
    """
    value = model.of_networks(value)
    if model.components > 1:
        per_member = [_alone(model, name, part) for part in value.unbind(1)]
        return [torch.stack(columns, 1) for columns in zip(*per_member, strict=True)]
    return _alone(model, name, value)


def _alone(model: Model, name: str, value: Tensor) -> Sequence[Tensor]:
    if model.family.parameter(name).support.kind == "triangle":
        row, column = torch.tril_indices(*value.shape[-2:])
        value = value[..., row, column]
    return (value,) if value.ndim == 1 else value.flatten(1).unbind(1)


def _padded(value: Tensor) -> Tensor:
    """The rows (n, ...), with the last row repeated until their number is a multiple of _LANES."""
    return torch.cat([value, value[-1:].expand(-len(value) % _LANES, *value.shape[1:])]) if len(value) % _LANES else value


def _array(value: Tensor, absent: NDArray[np.bool_]) -> pa.Array:
    """A column of the first len(absent) values, (n,) or (n, K); null where `absent` (n,) is True."""
    numbers = value[: len(absent)].double().numpy()
    if numbers.ndim == 2:
        values = numbers.ravel()
        return pa.FixedSizeListArray.from_arrays(float_column(values, np.isnan(values)), numbers.shape[1], mask=boolean_column(absent))
    return float_column(numbers, absent | np.isnan(numbers))


def _labels(labels: Sequence[str | int | bool], codes: Tensor, absent: NDArray[np.bool_]) -> pa.Array:
    return chosen_texts([str(label) for label in labels], codes[: len(absent)].long().numpy(), absent)


def _samples(
    model: Model, distribution: Distribution, selection: ColumnSelection, index: NDArray[np.int64], absent: NDArray[np.bool_]
) -> list[pa.Array]:
    """Samples of each row. Sample j of a row depends only on the seed, the row's `index` and j.

    Other rows, the number of samples, blocks and shards do not change it.
    """
    if not selection.samples:
        return []
    size, padded = draws.uniforms_needed(distribution), np.pad(index, (0, -len(index) % _LANES), mode="edge" if len(index) else "constant")
    together = max(1, _TOGETHER // max(1, len(padded) * size))
    columns: list[pa.Array] = []
    for start in range(0, selection.samples, together):
        numbers = np.arange(start, min(start + together, selection.samples))
        uniform = philox.uniforms(selection.seed, padded, numbers[:, None], size)
        for draw in draws.draw(distribution, torch.from_numpy(uniform)):
            columns += _sample(model, draw, absent)
    return columns


def _sample(model: Model, draw: Tensor, absent: NDArray[np.bool_]) -> list[pa.Array]:
    """The column of one sample of each row, (n,); one column per element if rows are vectors (n, d)."""
    if model.family.event:
        return [_array(value, absent) for value in draw.unbind(1)]
    return [_array(draw, absent) if model.labels is None else _labels(model.labels, draw, absent)]


def _marginal_facts(model: Model) -> dict[str, object]:
    """The share of the constant model and its parameters, {name: value}; where rows differ, {name: columns}. Empty without a share."""
    if not model.marginal_share:
        return {}
    if model.marginal_columns():
        columns = {
            parameter.name: [f"marginal_{name}" for name in model.columns_of(parameter.name)] for parameter in model.family.parameters
        }
        return {"marginal_share": model.marginal_share, "marginal": None, "marginal_columns": columns}
    values = {name: value[0].tolist() for name, value in model.marginal_parameters(1).items()}
    return {"marginal_share": model.marginal_share, "marginal": values, "marginal_columns": None}


def metadata(model: Model, run: str, selection: ColumnSelection, weights: str) -> dict[bytes, bytes]:
    """File metadata under the key `disttrain`. The distribution of each row can be rebuilt from the file alone."""
    facts = {
        "format": 1,
        "run": run,
        "family": model.family.name,
        "members": model.members,
        **({"pooling": "family"} if model.components < model.members else {}),
        "distribution": model.config.distribution.model_dump(mode="json", exclude={"parameters"}),
        "parameters": {parameter.name: list(model.columns_of(parameter.name)) for parameter in model.family.parameters},
        "activations": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in model.outputs},
        "labels": None if model.labels is None else list(model.labels),
        "quantiles": {quantile_name(level): level for level in selection.quantiles},
        "times": {time_name(name, time): time for name in TIMED if name in selection.columns for time in selection.times},
        # The written parameters include these conditions: the row's exposure, offsets, and parameters from columns.
        "exposure": model.schema.row_inputs.get("exposure"),
        "conditions": dict(model.schema.row_inputs),
        "weights_sha256": weights,
        # The row's distribution is (1 - marginal_share) times what the parameter columns say, plus marginal_share times the constant model.
        **_marginal_facts(model),
    }
    return {b"disttrain": json.dumps(facts).encode()}
