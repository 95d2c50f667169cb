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
from disttrain.errors import ConfigError, DataError, Finding, UsageError
from disttrain.families import Family
from disttrain.metrics import METRICS, Metric, Moments
from disttrain.model import Model
from disttrain.outcomes import Outcome
from disttrain.workflows.forecasts import require_columns
from disttrain.workflows.observing import Observed
from disttrain.workflows.preparation import Prepared

__all__ = [
    "Forecast",
    "Scores",
    "Settings",
    "baseline_nll",
    "column_of",
    "mean_scores",
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


def suited(distribution: Distribution, outcome: Outcome | None = None) -> tuple[str, ...]:
    """The usual metrics that can score a distribution, and the outcome where there is one; of right-censored rows their order too.

    The CRPS of rows that were not seen exactly favours short tails, so it is there for those who ask.
    """
    usual: tuple[str, ...] = _USUAL if METRICS["crps"].applies(distribution) else _USUAL_OF_CLASSES
    usual = usual if outcome is None or outcome.all_exact else tuple(name for name in usual if name != "crps")
    usual = usual if outcome is None or "right" not in outcome.kinds else (*usual, "concordance")
    chosen = tuple(name for name in usual if METRICS[name].applies(distribution, outcome))
    return (*chosen, "brier", "accuracy") if METRICS["brier"].applies(distribution, outcome) and "brier" not in chosen else chosen


@dataclass(frozen=True)
class Forecast:
    """A family and its parameters for each of n rows, {name: (n, *shape)}, in target units."""

    family: Family
    parameters: Mapping[str, Tensor]

    @staticmethod
    def of_baseline(model: Model, seen: Observed) -> Forecast:
        """The marginal model's forecast under the conditions of each row; without any the same for all."""
        return Forecast(model.family, model.marginal_parameters(len(seen), seen.conditions))

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


def settings_of(
    config: Config,
    distribution: Distribution,
    asked: Sequence[str] = (),
    levels: Sequence[float] = (),
    outcome: Outcome | None = None,
) -> Settings:
    """The settings of an evaluation: what was asked, else what the config says, else what suits the family.

    Raises UsageError where an asked metric cannot score the distribution, or the outcome where there is one.
    """
    section = config.evaluation
    for name in asked:
        METRICS[name].require(distribution, outcome)
    names = tuple(dict.fromkeys(asked)) or (suited(distribution, outcome) if section.metrics is None else tuple(section.metrics))
    return Settings(names, tuple(levels or section.levels), tuple(config.predictions.quantiles) or (0.05, 0.5, 0.95))


def require_suited(loaded: Loaded, prepared: Prepared) -> None:
    """Raise ConfigError where the config asks for a metric or a column that the family, or what was seen of the targets, does not have."""
    model = prepared.model
    require_columns(loaded, model)
    found = []
    for place, name in enumerate(loaded.config.evaluation.metrics or ()):
        try:
            METRICS[name].require(model.example(), prepared.observed.outcome)
        except UsageError as fault:
            told = fault.findings[0]
            what = f"`{name}` cannot score {'these targets' if METRICS[name].applies(model.example()) else model.family.name}"
            problem = Problem(("evaluation", "metrics", place), told.code, what, told.why, tuple(told.hints))
            found.append(loaded.finding(problem))
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
    if not metric.applies(baseline, outcome):
        own = metric.average(metric.score(distribution, outcome, **keywords), weight)
        return {"value": _plain(own.value), "se": _plain(own.standard_error), "baseline": None, "gain": None, "gain_se": None}
    scores, scores_of_baseline = metric.score(distribution, outcome, **keywords), metric.score(baseline, outcome, **keywords)
    own, other, gain = metric.compared(scores, scores_of_baseline, weight)
    return {
        "value": _plain(own.value), "se": _plain(own.standard_error), "baseline": _plain(other.value),
        "gain": _plain(gain.value), "gain_se": _plain(gain.standard_error),
    }  # fmt: skip


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def column_of(table: pa.Table, name: str) -> Array:
    """A column as text, to group by: (n,) objects. Raises DataError where there is none of that name."""
    if name not in table.column_names:
        hints = (f"the run reads {', '.join(table.column_names)}",)
        raise DataError(Finding("missing-column", f"there is no column `{name}` to group by", "--by", hints=hints))
    return np.array(["(missing)" if value is None else value for value in table.column(name).cast(pa.string()).to_pylist()], dtype=object)


def scored(forecast: Forecast, baseline: Forecast, seen: Observed, settings: Settings, groups: Mapping[str, Array]) -> Scores:
    """All scores of a forecast of n rows, for all of them and for those of each value of the `groups` (n,)."""
    distribution, outcome, weight = forecast.distribution(), seen.outcome, seen.weight
    document = _document(forecast, baseline, seen, settings, groups)
    if not METRICS["pit"].applies(distribution, outcome):
        return Scores(document)
    histogram = rooms.pit_histogram(rooms.pit(distribution, outcome), weight)
    residuals = rooms.moments(rooms.quantile_residuals(distribution, outcome), weight)
    return Scores(document, residuals, tuple(histogram.tolist()), _tail_note(distribution, outcome, weight))


def _document(forecast: Forecast, baseline: Forecast, seen: Observed, settings: Settings, groups: Mapping[str, Array]) -> dict[str, Any]:
    means = mean_scores(forecast.distribution(), baseline.distribution(), seen.outcome, seen.weight, settings)
    by = {name: _grouped(forecast, baseline, seen, settings, values) for name, values in groups.items()}
    return {"rows": len(seen), "metrics": means, **({"by": by} if by else {})}


def _grouped(forecast: Forecast, baseline: Forecast, seen: Observed, settings: Settings, values: Array) -> dict[str, Any]:
    found = {}
    for name in sorted(set(values)):
        rows = torch.from_numpy(np.flatnonzero(values == name))
        some = seen[rows]
        if some.weight is not None and not bool((some.weight > 0).any()):
            found[name] = {"rows": len(rows), "metrics": {metric: _unknown(METRICS[metric], settings) for metric in settings.metrics}}
            continue
        scores = mean_scores(forecast.distribution(rows), baseline.distribution(rows), some.outcome, some.weight, settings)
        found[name] = {"rows": len(rows), "metrics": scores}
    return found


def _unknown(metric: Metric, settings: Settings) -> dict[str, Any]:
    """The entry of a metric of rows of which none counts."""
    entry: dict[str, Any] = dict.fromkeys(("value", "se", "baseline", "gain", "gain_se"))
    if metric.setting != "level":
        return entry
    return {"level": max(settings.levels), **entry, "levels": {f"{level:g}": dict(entry) for level in settings.levels}}


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
    settings = settings_of(model.config, model.example(), outcome=prepared.observed.outcome)
    found = {}
    for split, tensors in prepared.splits.items():
        seen = prepared.part(split)
        forecast = Forecast(model.forecaster, model.parameters_of(tensors.x, seen.conditions))
        groups = {name: column_of(data.table, name)[data.part(split)] for name in model.config.evaluation.by}
        document = _document(forecast, Forecast.of_baseline(model, seen), seen, settings, groups)
        found[split] = {"run": run, "data": None, "split": split, **document}
    return found


def baseline_nll(prepared: Prepared, split: str) -> float:
    """The marginal model's mean negative log-likelihood on a split, in nats per row and target units."""
    seen = prepared.part(split)
    nll = rooms.nll(Forecast.of_baseline(prepared.model, seen).distribution(), seen.outcome)
    return rooms.weighted_mean(nll, seen.weight).value
