"""Which metrics score a model: those that were asked for, that the config names, or that suit the family."""

from __future__ import annotations

from collections.abc import Sequence

from torch.distributions import Distribution

from disttrain.config import Config, Loaded, Problem
from disttrain.errors import ConfigError, UsageError
from disttrain.evaluation.row_scores import Settings
from disttrain.metrics import METRICS
from disttrain.outcomes import Outcome
from disttrain.prediction.selection import require_columns
from disttrain.preparation.prepare import Prepared

_USUAL = ("nll", "crps", "coverage", "pit", "mae", "rmse")
_USUAL_OF_CLASSES = ("nll", "brier", "accuracy")


def default_metrics(distribution: Distribution, outcome: Outcome | None = None) -> tuple[str, ...]:
    """The usual metrics that can score a distribution, and the outcome where there is one; of right-censored rows their order too.

    The CRPS of rows that were not seen exactly favours short tails, so it is there for those who ask.
    """
    usual: tuple[str, ...] = _USUAL if METRICS["crps"].applies(distribution) else _USUAL_OF_CLASSES
    usual = usual if outcome is None or outcome.all_exact else tuple(name for name in usual if name != "crps")
    usual = usual if outcome is None or "right" not in outcome.kinds else (*usual, "concordance")
    chosen = tuple(name for name in usual if METRICS[name].applies(distribution, outcome))
    return (*chosen, "brier", "accuracy") if METRICS["brier"].applies(distribution, outcome) and "brier" not in chosen else chosen


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
    names = tuple(dict.fromkeys(asked)) or (default_metrics(distribution, outcome) if section.metrics is None else tuple(section.metrics))
    return Settings(names, tuple(dict.fromkeys(levels or section.levels)))


def require_supported(loaded: Loaded, prepared: Prepared) -> None:
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
