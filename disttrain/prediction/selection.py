"""The selection of forecast columns: those that the user requests or the config names, if the family has them."""

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
    """The columns to write: names of COLUMNS and TIMED, `parameters` and `quantiles`.

    `quantiles` are levels, `samples` the samples per row, `seed` their seed, and `times` the times of survival and hazard.
    """

    columns: tuple[str, ...] = ("parameters", "mean", "std", "quantiles")
    quantiles: tuple[float, ...] = (0.05, 0.5, 0.95)
    samples: int = 0
    seed: int = 0
    times: tuple[float, ...] = ()


def requested_columns(
    columns: Sequence[str] | None, quantiles: Sequence[float] | None, times: Sequence[float] | None = None
) -> dict[str, str]:
    """The columns that the user requests by name or by numbers, each with its option: {column: option}."""
    numbers = {"quantiles": "--quantiles"} if quantiles is not None else {}
    numbers |= {"survival": "--times"} if times is not None else {}
    return {**numbers, **dict.fromkeys(columns or (), "--columns")}


def supported_selection(model: Model, selection: ColumnSelection, requested: Mapping[str, str]) -> ColumnSelection:
    """Return the selection without the columns that the family does not have.

    Labels have no mean and no quantiles, and vectors have no quantiles and no mode. `requested` is {column: the option that names it}.
    Raises UsageError if such a column is in `requested`, or if it is survival or hazard: these two are never a default.
    """
    if finding := _objection(model, selection, requested):
        raise UsageError(finding)
    missing = _lacking(model)[0]
    quantiles = () if "quantiles" in missing else selection.quantiles
    return replace(selection, columns=tuple(name for name in selection.columns if name not in missing), quantiles=quantiles)


def _objection(model: Model, selection: ColumnSelection, requested: Mapping[str, str]) -> Finding | None:
    """The finding on the first column that the family does not have and that is no default; None if there is no such column."""
    missing, why, hint = _lacking(model)
    unsuited = (name for name in selection.columns if name in missing and (name in requested or name in TIMED))
    for name in unsuited:
        what = f"`{name}` {'do' if name == 'quantiles' else 'does'} not exist for {model.family.name}: {why}"
        return Finding("not-supported", what, requested.get(name, "predictions.columns"), hints=(hint,))
    return None


def configured_selection(config: Config) -> ColumnSelection:
    """The selection in the `predictions` section of a config."""
    section = config.predictions
    return ColumnSelection(tuple(section.columns), tuple(section.quantiles), seed=config.training.seed, times=tuple(section.times))


def require_columns(loaded: Loaded, model: Model) -> None:
    """Raise ConfigError if `predictions.columns` names survival or hazard and the family does not have it."""
    if finding := _objection(model, configured_selection(loaded.config), requested={}):
        raise ConfigError(loaded.finding(Problem(("predictions", "columns"), finding.code, finding.what, hints=tuple(finding.hints))))


def _lacking(model: Model) -> tuple[tuple[str, ...], str, str]:
    """The columns that a family does not have, the reason, and a hint with other columns."""
    family = model.family
    if family.event:
        return _NOT_OF_VECTORS, "each row is a vector", "use `parameters`, `mean`, `std` and `variance`"
    if model.labels is not None:
        return _NOT_OF_CLASSES, "its targets are labels", "use `parameters` and `mode`"
    if family.support.discrete or family.support.lower < 0 or not family.tails:
        return _NOT_OF_OTHERS, "it is the rate of something that happens at a positive time", "use `survival`: P(Y > time)"
    return (), "", ""


def requested_selection(model: Model, options: PredictOptions) -> ColumnSelection:
    """The selection of `options`, with the config's values as defaults.

    Raises UsageError if the family does not have a requested column.
    """
    section = model.config.predictions
    requested = requested_columns(options.columns, options.quantiles, options.times)
    columns = tuple(section.columns if options.columns is None else options.columns)
    levels = tuple(section.quantiles if options.quantiles is None else options.quantiles)
    times = tuple(section.times if options.times is None else options.times)
    if options.quantiles is not None and "quantiles" not in columns:
        columns = (*columns, "quantiles")
    if options.times is not None and not set(TIMED_COLUMNS) & set(columns):
        columns = (*columns, "survival")
    require_times(columns, times)
    columns, levels, times = tuple(dict.fromkeys(columns)), tuple(dict.fromkeys(levels)), tuple(dict.fromkeys(times))
    return supported_selection(model, ColumnSelection(columns, levels, options.samples, model.config.training.seed, times), requested)
