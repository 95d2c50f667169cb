"""Which columns of a forecast are written: those that were asked for, or that the config names, as far as the family has them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from torch import Tensor
from torch.distributions import Distribution

from disttrain.choices import TIMED_COLUMNS
from disttrain.config import Config, Loaded, Problem
from disttrain.distributions.core import functionals
from disttrain.errors import ConfigError, Finding, UsageError
from disttrain.model import Model
from disttrain.validation.options import PredictOptions, require_times

_NOT_OF_CLASSES: tuple[str, ...] = ("mean", "std", "variance", "median", "quantiles", "survival", "hazard")
_NOT_OF_VECTORS: tuple[str, ...] = ("median", "mode", "quantiles", "survival", "hazard")
_NOT_OF_OTHERS: tuple[str, ...] = ("hazard",)
COLUMNS: dict[str, Callable[[Distribution], Tensor]] = {
    "mean": functionals.mean,
    "std": functionals.std,
    "variance": functionals.variance,
    "median": functionals.median,
    "mode": functionals.mode,
}
TIMED: dict[str, Callable[[Distribution, float], Tensor]] = {"survival": functionals.survival, "hazard": functionals.hazard}


@dataclass(frozen=True)
class ColumnSelection:
    """Which columns to write: names of COLUMNS and TIMED, `parameters`, `quantiles`; quantile levels; samples per row and their seed; times."""

    columns: tuple[str, ...] = ("parameters", "mean", "std", "quantiles")
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    samples: int = 0
    seed: int = 0
    times: tuple[float, ...] = ()


def requested_columns(
    columns: Sequence[str] | None, quantiles: Sequence[float] | None, times: Sequence[float] | None = None
) -> dict[str, str]:
    """The columns that a user asked for by name or by numbers, and the option of each: {column: option}."""
    numbers = {"quantiles": "--quantiles"} if quantiles is not None else {}
    numbers |= {"survival": "--times"} if times is not None else {}
    return {**numbers, **dict.fromkeys(columns or (), "--columns")}


def supported_selection(model: Model, wanted: ColumnSelection, requested: Mapping[str, str]) -> ColumnSelection:
    """What of `wanted` the family has: classes have no mean and no quantiles, since their labels are no numbers, vectors no quantiles and no mode.

    Raises UsageError where the user `requested` for what it has not, {column: the option that names it}; survival and hazard nobody has unasked.
    """
    missing, why, hint = _lacking(model)
    unsuited = [name for name in wanted.columns if name in missing]
    for name in [name for name in unsuited if name in requested or name in TIMED]:
        what = f"`{name}` {'do' if name == 'quantiles' else 'does'} not exist for {model.family.name}: {why}"
        raise UsageError(Finding("not-supported", what, requested.get(name, "predictions.columns"), hints=(hint,)))
    quantiles = () if "quantiles" in missing else wanted.quantiles
    return replace(wanted, columns=tuple(name for name in wanted.columns if name not in unsuited), quantiles=quantiles)


def configured_selection(config: Config) -> ColumnSelection:
    """What a config's `predictions` ask for."""
    section = config.predictions
    return ColumnSelection(tuple(section.columns), tuple(section.quantiles), seed=config.training.seed, times=tuple(section.times))


def require_columns(loaded: Loaded, model: Model) -> None:
    """Raise ConfigError where `predictions.columns` names one that the family has not, as far as defaults do not."""
    try:
        supported_selection(model, configured_selection(loaded.config), requested={})
    except UsageError as fault:
        found = fault.findings[0]
        raise ConfigError(loaded.finding(Problem(("predictions", "columns"), found.code, found.what, hints=tuple(found.hints)))) from None


def _lacking(model: Model) -> tuple[tuple[str, ...], str, str]:
    """The columns that a family has not, why, and what to ask for instead."""
    family = model.family
    if family.event:
        return _NOT_OF_VECTORS, "each row is a vector", "use `parameters`, `mean`, `std` and `variance`"
    if model.labels is not None:
        return _NOT_OF_CLASSES, "its targets are labels", "use `parameters` and `mode`"
    if family.support.discrete or family.support.lower < 0 or not family.tails:
        return _NOT_OF_OTHERS, "it is the rate of something that happens at a positive time", "use `survival`: P(Y > time)"
    return (), "", ""


def requested_selection(model: Model, request: PredictOptions) -> ColumnSelection:
    """What a request asks for, and the model's config where it is silent. Raises UsageError where the family has not what is asked for."""
    section = model.config.predictions
    requested = requested_columns(request.columns, request.quantiles, request.times)
    columns = tuple(section.columns if request.columns is None else request.columns)
    levels = tuple(section.quantiles if request.quantiles is None else request.quantiles)
    times = tuple(section.times if request.times is None else request.times)
    if request.quantiles is not None and "quantiles" not in columns:
        columns = (*columns, "quantiles")
    if request.times is not None and not set(TIMED_COLUMNS) & set(columns):
        columns = (*columns, "survival")
    require_times(columns, times)
    columns, levels, times = tuple(dict.fromkeys(columns)), tuple(dict.fromkeys(levels)), tuple(dict.fromkeys(times))
    return supported_selection(model, ColumnSelection(columns, levels, request.samples, model.config.training.seed, times), requested)
