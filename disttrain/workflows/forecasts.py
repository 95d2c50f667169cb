"""The columns that say a row's forecast: parameters, moments, quantiles, samples; and the metadata that make a file of them complete."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
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

__all__ = ["COLUMNS", "Wanted", "asked_for", "forecast", "metadata", "quantile_name", "refuse_unsuited"]

_NOT_OF_CLASSES: tuple[str, ...] = ("mean", "std", "variance", "median", "quantiles")
_NOT_OF_VECTORS: tuple[str, ...] = ("median", "mode", "quantiles")

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


def asked_for(columns: Sequence[str] | None, quantiles: Sequence[float] | None) -> dict[str, str]:
    """The columns that a user asked for by name, and the option of each: {column: option}."""
    return {**({} if quantiles is None else {"quantiles": "--quantiles"}), **dict.fromkeys(columns or (), "--columns")}


def refuse_unsuited(model: Model, wanted: Wanted, asked: Mapping[str, str]) -> Wanted:
    """What of `wanted` the family has: classes have no mean and no quantiles, since their labels are no numbers, vectors no quantiles and no mode.

    Raises UsageError where the user `asked` for what it has not: {column: the option that names it}.
    """
    if model.labels is None and not model.family.event:
        return wanted
    if model.family.event:
        missing, why, hint = _NOT_OF_VECTORS, "each row is a vector", "use `parameters`, `mean`, `std` and `variance`"
    else:
        missing, why, hint = _NOT_OF_CLASSES, "its targets are labels", "use `parameters` and `mode`"
    unsuited = [name for name in wanted.columns if name in missing]
    for name in [name for name in unsuited if name in asked]:
        what = f"`{name}` {'do' if name == 'quantiles' else 'does'} not exist for {model.family.name}: {why}"
        raise UsageError(Finding("not-supported", what, asked[name], hints=(hint,)))
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
                made |= {c: _array(v, absent) for c, v in zip(model.columns_of(parameter), _split(model, parameter, value), strict=True)}
        elif name == "quantiles":
            made |= {quantile_name(p): _array(functionals.quantile(distribution, torch.tensor(p)), absent) for p in wanted.quantiles}
        elif name == "mode" and model.labels is not None:
            codes = COLUMNS["mode"](distribution).long().numpy()
            made[name] = pa.array(np.array([str(label) for label in model.labels])[codes], mask=absent)
        elif name in COLUMNS and model.family.event:
            values = _per_element(COLUMNS[name], distribution).unbind(1)
            made |= {f"{name}_{target}": _array(value, absent) for target, value in zip(model.schema.target, values, strict=True)}
        elif name in COLUMNS:
            made[name] = _array(COLUMNS[name](distribution), absent)
    if model.family.event:
        return made | _vectors(model, distribution, wanted, block, absent)
    return made | _samples(distribution, batch.num_rows, wanted, block, absent)


def _split(model: Model, name: str, value: Tensor) -> Sequence[Tensor]:
    """The written numbers of a parameter (n, *shape) in the order of their columns; of a triangle what is above its diagonal is 0."""
    if model.family.parameter(name).support.kind == "triangle":
        row, column = torch.tril_indices(*value.shape[-2:])
        value = value[..., row, column]
    return (value,) if value.ndim == 1 else value.reshape(len(value), -1).unbind(1)


def _per_element(function: Callable[[Distribution], Tensor], distribution: Distribution) -> Tensor:
    """A moment of each element of a vector: (n, d). Independent elements know theirs, where it has to be derived too."""
    return function(distribution.base_dist if isinstance(distribution, torch.distributions.Independent) else distribution)


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


def _vectors(model: Model, distribution: Distribution, wanted: Wanted, block: int, absent: np.ndarray[Any, Any]) -> dict[str, pa.Array]:
    """Draws of vectors by the distribution's own sampler, fixed by the seed and the block's place as those by inversion are."""
    if not wanted.samples:
        return {}
    state = int(np.random.SeedSequence((wanted.seed, block)).generate_state(1, np.uint64)[0] >> np.uint64(1))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(state)
        draws = [distribution.sample() for _ in range(wanted.samples)]
    return {
        f"sample_{number:04d}_{target}": _array(value, absent)
        for number, draw in enumerate(draws, 1)
        for target, value in zip(model.schema.target, draw.unbind(1), strict=True)
    }


def metadata(model: Model, run: str, wanted: Wanted, weights: str) -> dict[bytes, bytes]:
    """File metadata under the key `disttrain`: all it takes to rebuild each row's distribution from the file alone."""
    facts = {
        "format": 1,
        "run": run,
        "family": model.family.name,
        "distribution": model.config.distribution.model_dump(mode="json", exclude={"parameters"}),
        "parameters": {parameter.name: list(model.columns_of(parameter.name)) for parameter in model.family.parameters},
        "activations": {o.parameter.name: "fixed" if o.fixed is not None else o.activation.formula for o in model.outputs},
        "labels": None if model.labels is None else list(model.labels),
        "quantiles": {quantile_name(level): level for level in wanted.quantiles},
        "exposure": None,
        "weights_sha256": weights,
    }
    return {b"disttrain": json.dumps(facts).encode()}
