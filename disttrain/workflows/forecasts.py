"""The columns that say a row's forecast: parameters, moments, quantiles, samples; and the metadata that make a file of them complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions import functionals
from disttrain.errors import Finding, UsageError
from disttrain.model import Model

__all__ = ["COLUMNS", "Wanted", "forecast", "metadata", "quantile_name", "refuse_unsuited"]

COLUMNS: dict[str, Callable[[Distribution], Tensor]] = {
    "mean": functionals.mean,
    "std": functionals.std,
    "variance": functionals.variance,
    "median": functionals.median,
    "mode": functionals.mode,
}


@dataclass(frozen=True)
class Wanted:
    """Which columns to write: names of COLUMNS, `parameters`, `quantiles`, `samples`; quantile levels; samples per row and their seed."""

    columns: tuple[str, ...] = ("parameters", "mean", "std", "quantiles")
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    samples: int = 0
    seed: int = 0


def quantile_name(level: float) -> str:
    """The column of a quantile: its percentage, `_` as the decimal point: q05, q50, q02_5, q99_9."""
    whole, _, rest = f"{100 * level:.10g}".partition(".")
    return f"q{whole.zfill(2)}" + (f"_{rest}" if rest else "")


def refuse_unsuited(model: Model, wanted: Wanted, asked: bool) -> Wanted:
    """What of `wanted` the family has: classes without order have no mean and no quantiles.

    Raises UsageError where the user `asked` for what it has not.
    """
    if model.labels is None:
        return wanted
    unsuited = [name for name in wanted.columns if name in ("mean", "std", "variance", "median", "quantiles")]
    if asked and unsuited:
        what = f"`{unsuited[0]}` does not exist for {model.family.name}: its classes have no order"
        raise UsageError(Finding("not-supported", what, "--columns", hints=("use `parameters` and `mode`",)))
    return Wanted(tuple(name for name in wanted.columns if name not in unsuited), (), wanted.samples, wanted.seed)


def forecast(model: Model, batch: pa.RecordBatch | pa.Table, wanted: Wanted, block: int) -> dict[str, pa.Array]:
    """The forecast columns of each row of `batch`, the `block`-th of its file, in writing order; null where a moment does not exist.

    Rows that `missing: drop` leaves out have nulls throughout.
    """
    parameters = model.parameters(batch)
    distribution = model.family.distribution(**parameters, validate_args=False)
    absent = ~model.encoder.usable(batch)
    made: dict[str, pa.Array] = {}
    for name in wanted.columns:
        if name == "parameters":
            for parameter, value in parameters.items():
                made |= {c: _array(v, absent) for c, v in zip(model.columns_of(parameter), _split(value), strict=True)}
        elif name == "quantiles":
            made |= {quantile_name(p): _array(functionals.quantile(distribution, torch.tensor(p)), absent) for p in wanted.quantiles}
        elif name == "mode" and model.labels is not None:
            codes = COLUMNS["mode"](distribution).long().numpy()
            made[name] = pa.array(np.array([str(label) for label in model.labels])[codes], mask=absent)
        elif name in COLUMNS:
            made[name] = _array(COLUMNS[name](distribution), absent)
    return made | _samples(distribution, batch.num_rows, wanted, block, absent)


def _split(value: Tensor) -> Sequence[Tensor]:
    return (value,) if value.ndim == 1 else value.reshape(len(value), -1).unbind(1)


def _array(value: Tensor, absent: np.ndarray[Any, Any]) -> pa.Array:
    numbers = value.double().numpy()
    return pa.array(numbers, pa.float64(), mask=absent | np.isnan(numbers))


def _samples(distribution: Distribution, rows: int, wanted: Wanted, block: int, absent: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
    """Draws by inversion, from a generator that the seed and the block's place fix, so that they do not depend on how a file is read."""
    if not wanted.samples:
        return {}
    uniform = np.random.default_rng((wanted.seed, block)).random((wanted.samples, rows))
    draws = (functionals.quantile(distribution, torch.from_numpy(row)) for row in uniform)
    return {f"sample_{number:04d}": _array(draw, absent) for number, draw in enumerate(draws, 1)}


def metadata(model: Model, run: str, wanted: Wanted, weights: str) -> dict[bytes, bytes]:
    """File metadata under the key `disttrain`: all it takes to rebuild each row's distribution from the file alone."""
    facts = {
        "format": 1,
        "run": run,
        "family": model.family.name,
        "parameters": {parameter.name: list(model.columns_of(parameter.name)) for parameter in model.family.parameters},
        "activations": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in model.outputs},
        "labels": None if model.labels is None else list(model.labels),
        "quantiles": {quantile_name(level): level for level in wanted.quantiles},
        "exposure": None,
        "weights_sha256": weights,
    }
    return {b"disttrain": json.dumps(facts).encode()}
