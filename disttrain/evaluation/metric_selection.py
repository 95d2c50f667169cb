"""The metrics of an evaluation: the requested ones, those of the config, or the default ones of the family."""

from __future__ import annotations

from collections.abc import Sequence

from torch.distributions import Distribution

from disttrain.config import Config, Loaded, Problem
from disttrain.errors import ConfigError
from disttrain.evaluation.row_scores import Settings
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome
from disttrain.prediction.selection import require_columns
from disttrain.preparation.prepare import Prepared

_USUAL = ("nll", "crps", "coverage", "pit", "mae", "rmse")
_USUAL_OF_CLASSES = ("nll", "brier", "accuracy")


def default_metrics(distribution: Distribution, outcome: Outcome | None = None) -> tuple[str, ...]:
    """The default metrics that can score the distribution and the outcome, if there is one.

    Right-censored rows add the concordance. Censored rows leave out the CRPS, because it then favours short tails; users can still request
    it.
    """
    usual: tuple[str, ...] = _USUAL if METRICS["crps"].applies(distribution) else _USUAL_OF_CLASSES
    usual = usual if outcome is None or outcome.all_exact else tuple(name for name in usual if name != "crps")
    usual = usual if outcome is None or "right" not in outcome.kinds else (*usual, "concordance")
    chosen = tuple(name for name in usual if METRICS[name].applies(distribution, outcome))
    return (*chosen, "brier", "accuracy") if METRICS["brier"].applies(distribution, outcome) and "brier" not in chosen else chosen


def settings_of(
    config: Config,
    distribution: Distribution,
    requested: Sequence[str] = (),
    levels: Sequence[float] = (),
    outcome: Outcome | None = None,
) -> Settings:
    """The settings of an evaluation: the requested metrics and levels, else those of the config, else the default metrics.

    Raises UsageError if a requested metric cannot score the distribution, or the outcome if there is one.
    """
    section = config.evaluation
    for name in requested:
        METRICS[name].require(distribution, outcome)
    names = tuple(dict.fromkeys(requested)) or (
        default_metrics(distribution, outcome) if section.metrics is None else tuple(section.metrics)
    )
    return Settings(names, tuple(dict.fromkeys(levels or section.levels)))


def require_supported(loaded: Loaded, prepared: Prepared) -> None:
    """Raise ConfigError if the config names a metric or a column that the family or the observed targets do not support."""
    model = prepared.model
    require_columns(loaded, model)
    findings = []
    for index, name in enumerate(loaded.config.evaluation.metrics or ()):
        if finding := METRICS[name].finding(model.example(), prepared.observed.outcome):
            what = f"`{name}` cannot score {'these targets' if METRICS[name].applies(model.example()) else model.family.name}"
            problem = Problem(("evaluation", "metrics", index), finding.code, what, finding.why, tuple(finding.hints))
            findings.append(loaded.finding(problem))
    if findings:
        raise ConfigError(*findings)
