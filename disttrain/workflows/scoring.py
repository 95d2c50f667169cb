"""Scores of a model on rows: per row first, then weighted means with standard errors, beside a baseline and the gain over it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics as rooms
from disttrain.config import Config, Loaded, Problem
from disttrain.data import Origin
from disttrain.errors import ConfigError, DataError, Finding, UsageError
from disttrain.families import Family
from disttrain.metrics import METRICS, Metric, Moments
from disttrain.model import Model
from disttrain.outcomes import Outcome
from disttrain.workflows.dataset import target_of, weight_of
from disttrain.workflows.preparation import Prepared
from disttrain.workflows.support import require_inside

__all__ = [
    "Forecast",
    "Scores",
    "Settings",
    "baseline_nll",
    "column_of",
    "mean_scores",
    "observed",
    "require_suited",
    "scored",
    "settings_of",
    "split_metrics",
    "suited",
]

Array = np.ndarray[Any, Any]
_USUAL = ("nll", "crps", "coverage", "pit", "mae", "rmse")
_USUAL_OF_CLASSES = ("nll", "brier", "accuracy")


@dataclass(frozen=True)
class Settings:
    """Which metrics, at which levels of central intervals, and at which quantile levels for the pinball loss."""

    metrics: tuple[str, ...]
    levels: tuple[float, ...]
    quantiles: tuple[float, ...]


def suited(distribution: Distribution) -> tuple[str, ...]:
    """The usual metrics that can score a distribution."""
    usual = _USUAL if METRICS["crps"].applies(distribution) else _USUAL_OF_CLASSES
    chosen = tuple(name for name in usual if METRICS[name].applies(distribution))
    return (*chosen, "brier", "accuracy") if METRICS["brier"].applies(distribution) and "brier" not in chosen else chosen


@dataclass(frozen=True)
class Forecast:
    """A family and its parameters for each of n rows, {name: (n, *shape)}, in target units."""

    family: Family
    parameters: Mapping[str, Tensor]

    @staticmethod
    def of_baseline(model: Model, rows: int) -> Forecast:
        """The marginal model's forecast, the same for each of `rows` rows."""
        made = {name: torch.as_tensor(value, dtype=torch.float64) for name, value in model.marginal.items()}
        return Forecast(model.family, {name: value.expand(rows, *value.shape) for name, value in made.items()})

    def distribution(self, rows: Tensor | None = None) -> Distribution:
        """The distributions of all rows, or of some."""
        some = self.parameters if rows is None else {name: value[rows] for name, value in self.parameters.items()}
        return self.family.distribution(**some, validate_args=False)


@dataclass(frozen=True)
class Scores:
    """Scores as a JSON `document` (rows, metrics, by), and how calibrated the forecasts are where the target has an order."""

    document: dict[str, Any]
    residuals: Moments | None = None
    histogram: tuple[float, ...] | None = None
    notes: tuple[str, ...] = ()


def settings_of(config: Config, distribution: Distribution, asked: Sequence[str] = (), levels: Sequence[float] = ()) -> Settings:
    """The settings of an evaluation: what was asked, else what the config says, else what suits the family.

    Raises UsageError where an asked metric cannot score the distribution.
    """
    section = config.evaluation
    for name in asked:
        METRICS[name].require(distribution)
    names = tuple(dict.fromkeys(asked)) or (suited(distribution) if section.metrics is None else tuple(section.metrics))
    return Settings(names, tuple(levels or section.levels), tuple(config.predictions.quantiles) or (0.05, 0.5, 0.95))


def require_suited(loaded: Loaded, model: Model) -> None:
    """Raise ConfigError where `evaluation.metrics` names one that cannot score the family."""
    found = []
    for place, name in enumerate(loaded.config.evaluation.metrics or ()):
        try:
            METRICS[name].require(model.baseline(1))
        except UsageError as fault:
            path = ("evaluation", "metrics", place)
            what = f"`{name}` cannot score {model.family.name}"
            found.append(
                loaded.finding(Problem(path, "metric-does-not-apply", what, fault.findings[0].why, tuple(fault.findings[0].hints)))
            )
    if found:
        raise ConfigError(*found)


def mean_scores(
    distribution: Distribution, baseline: Distribution, outcome: Outcome, weight: Tensor | None, settings: Settings
) -> dict[str, dict[str, Any]]:
    """Each metric's value, standard error, baseline and gain over `n` rows, as plain numbers; None where a number does not exist."""
    return {name: _scored(METRICS[name], distribution, baseline, outcome, weight, settings) for name in settings.metrics}


def _scored(
    metric: Metric, distribution: Distribution, baseline: Distribution, outcome: Outcome, weight: Tensor | None, settings: Settings
) -> dict[str, Any]:
    if metric.setting != "level":
        return _entry(metric, distribution, baseline, outcome, weight, _keywords(metric, settings))
    levels = {f"{level:g}": _entry(metric, distribution, baseline, outcome, weight, {"level": level}) for level in settings.levels}
    # The number of the highest level stands for the metric; the others are beside it.
    highest = max(settings.levels)
    return {"level": highest, **levels[f"{highest:g}"], "levels": levels}


def _keywords(metric: Metric, settings: Settings) -> dict[str, Any]:
    return {"levels": settings.quantiles} if metric.setting == "levels" else {}


def _entry(
    metric: Metric, distribution: Distribution, baseline: Distribution, outcome: Outcome, weight: Tensor | None, keywords: dict[str, Any]
) -> dict[str, Any]:
    if not metric.applies(baseline):
        own = metric.average(metric.score(distribution, outcome, **keywords), weight)
        return {"value": _plain(own.value), "se": _plain(own.standard_error), "baseline": None, "gain": None, "gain_se": None}
    scores, other = metric.score(distribution, outcome, **keywords), metric.score(baseline, outcome, **keywords)
    own, gain = metric.average(scores, weight), metric.gain(scores, other, weight)
    return {
        "value": _plain(own.value), "se": _plain(own.standard_error), "baseline": _plain(metric.average(other, weight).value),
        "gain": _plain(gain.value), "gain_se": _plain(gain.standard_error),
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def observed(model: Model, table: pa.Table, origin: Origin) -> tuple[Tensor, Tensor | None]:
    """The target (n, *event) and the weight (n,) of each row. Raises DataError where one is missing or the target outside the support."""
    target = target_of(model.config, table, model.schema, model.labels, origin)
    require_inside(model.family, ", ".join(model.schema.target), target.values, origin)
    weight = weight_of(table, model.schema, origin)
    return torch.from_numpy(target.values), None if weight is None else torch.from_numpy(weight)


def column_of(table: pa.Table, name: str) -> Array:
    """A column as text, to group by: (n,) objects. Raises DataError where there is none of that name."""
    if name not in table.column_names:
        hints = (f"the run reads {', '.join(table.column_names)}",)
        raise DataError(Finding("missing-column", f"there is no column `{name}` to group by", "--by", hints=hints))
    return np.array(["(missing)" if value is None else value for value in table.column(name).cast(pa.string()).to_pylist()], dtype=object)


def scored(
    forecast: Forecast, baseline: Forecast, y: Tensor, weight: Tensor | None, settings: Settings, groups: Mapping[str, Array]
) -> Scores:
    """All scores of a forecast of `y` (n, *event), for all rows and for the rows of each value of the `groups` (n,)."""
    distribution, outcome = forecast.distribution(), Outcome.exact(y)
    means = mean_scores(distribution, baseline.distribution(), outcome, weight, settings)
    document: dict[str, Any] = {"rows": len(y), "metrics": means}
    if groups:
        document["by"] = {name: _grouped(forecast, baseline, y, weight, settings, values) for name, values in groups.items()}
    if not METRICS["pit"].applies(distribution):
        return Scores(document)
    histogram = rooms.pit_histogram(rooms.pit(distribution, outcome), weight)
    residuals = rooms.moments(rooms.quantile_residuals(distribution, outcome), weight)
    return Scores(document, residuals, tuple(histogram.tolist()), _tail_note(distribution, outcome, weight))


def _grouped(forecast: Forecast, baseline: Forecast, y: Tensor, weight: Tensor | None, settings: Settings, values: Array) -> dict[str, Any]:
    found = {}
    for name in sorted(set(values)):
        rows = torch.from_numpy(np.flatnonzero(values == name))
        some = None if weight is None else weight[rows]
        scores = mean_scores(forecast.distribution(rows), baseline.distribution(rows), Outcome.exact(y[rows]), some, settings)
        found[name] = {"rows": len(rows), "metrics": scores}
    return found


def _tail_note(distribution: Distribution, outcome: Outcome, weight: Tensor | None) -> tuple[str, ...]:
    """A word on the upper tail where many more rows lie above their 99.9 % quantile than should."""
    share = rooms.weighted_mean(rooms.surprises(distribution, outcome), weight)
    if len(outcome) < 1000 or not share.value - 3.0 * share.standard_error > 0.001:
        return ()
    told = f"{100 * share.value:.1f} % of rows lie above their 99.9 % quantile, 0.1 % expected"
    return (f"upper tail: {told}; try a family with a heavier tail",)


def split_metrics(prepared: Prepared, run: str) -> dict[str, Any]:
    """The scores of every split that has rows, as metrics.json holds them."""
    model, data = prepared.model, prepared.data
    settings = settings_of(model.config, model.baseline(1))
    found = {}
    for split, tensors in prepared.splits.items():
        rows = torch.from_numpy(data.part(split))
        forecast = Forecast(model.family, model.parameters_of(tensors.x))
        groups = {name: column_of(data.table, name)[rows.numpy()] for name in model.config.evaluation.by}
        weight = None if prepared.weight is None else prepared.weight[rows]
        scores = scored(forecast, Forecast.of_baseline(model, len(rows)), prepared.y[rows], weight, settings, groups)
        found[split] = {"run": run, "data": None, "split": split, **scores.document}
    return found


def baseline_nll(prepared: Prepared, split: str) -> float:
    """The marginal model's mean negative log-likelihood on a split, in nats per row and target units."""
    rows = torch.from_numpy(prepared.data.part(split))
    weight = None if prepared.weight is None else prepared.weight[rows]
    nll = rooms.nll(prepared.model.baseline(len(rows)), Outcome.exact(prepared.y[rows]))
    return rooms.weighted_mean(nll, weight).value
