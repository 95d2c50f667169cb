"""Scores of a model on rows: per row first, then weighted means with standard errors, beside a baseline and the gain over it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import metrics as rooms
from disttrain.config import Config, Loaded, Problem
from disttrain.errors import ConfigError, UsageError
from disttrain.metrics import METRICS, Metric
from disttrain.model import Model
from disttrain.outcomes import Outcome
from disttrain.workflows.preparation import Prepared

__all__ = ["Settings", "baseline_nll", "document", "mean_scores", "require_suited", "settings_of", "suited"]

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
            found.append(loaded.finding(Problem(path, "metric-does-not-apply", what, fault.findings[0].why)))
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


def document(run: str, data: str | None, split: str | None, rows: int, metrics: dict[str, Any]) -> dict[str, Any]:
    """What `evaluate --json` prints of one set of rows."""
    return {"run": run, "data": data, "split": split, "rows": rows, "metrics": metrics}


def baseline_nll(prepared: Prepared, split: str) -> float:
    """The marginal model's mean negative log-likelihood on a split, in nats per row and target units."""
    rows = torch.from_numpy(prepared.data.part(split))
    weight = None if prepared.weight is None else prepared.weight[rows]
    nll = rooms.nll(prepared.model.baseline(len(rows)), Outcome.exact(prepared.y[rows]))
    return rooms.weighted_mean(nll, weight).value
