"""What a metric asks of a forecast and of an outcome, and in plain words why it cannot score some of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions
from disttrain.distributions.core import functionals
from disttrain.errors import Finding, UsageError
from disttrain.metrics.row_blocks import support_ends
from disttrain.outcomes import Outcome

__all__ = [
    "exact_target", "needs_cdf", "needs_classes", "needs_exact", "needs_lifetimes", "needs_mean", "needs_no_entry", "needs_nothing",
    "needs_order", "needs_right", "needs_tails", "require",
]  # fmt: skip

_CLASSES = (distributions.Categorical, torch.distributions.Categorical, torch.distributions.OneHotCategorical)
_TWO_CLASSES = (distributions.Bernoulli, torch.distributions.Bernoulli)


def require(metric: str, reason: str, what: str = "this distribution") -> None:
    """Raises UsageError where there is a reason, in plain words, why a metric cannot score what it was given."""
    if reason:
        hints = ("leave the metrics out to have all that apply",)
        raise UsageError(Finding("metric-does-not-apply", f"`{metric}` cannot score {what}", "--metric", why=reason, hints=hints))


def exact_target(distribution: Distribution, outcome: Outcome, metric: str) -> Tensor:
    """The target of each row in float64, without gradient: (n, *event), target units.

    Raises UsageError where a row was not seen exactly.
    """
    require(metric, needs_exact(distribution, outcome), "these targets")
    return outcome.value.detach().double()


def needs_exact(distribution: Distribution, outcome: Outcome) -> str:
    """Why targets that were not all seen exactly cannot be compared with a number, empty where they were."""
    del distribution
    if outcome.kinds != {"exact"}:
        return f"{_not_seen(outcome)} only known to lie in an interval; use nll, crps, pit, coverage or concordance"
    return "" if outcome.entry is None else f"{_late(outcome)}; use nll, pit or coverage"


def needs_tails(distribution: Distribution, outcome: Outcome) -> str:
    """Why the probability of what was seen of each row cannot be had, empty where it can."""
    if outcome.all_exact or functionals.has_tails(distribution):
        return ""
    seen = _late(outcome) if outcome.kinds == {"exact"} else f"{_not_seen(outcome)} only known to lie in an interval"
    return f"{seen}, and the cdf of this distribution has no gradient in its parameters"


def needs_no_entry(distribution: Distribution, outcome: Outcome) -> str:
    """Why the distance of a forecast from what was seen is not its own alone, empty where it is."""
    del distribution
    return "" if outcome.entry is None else f"{_late(outcome)}; use nll, pit or coverage"


def needs_right(distribution: Distribution, outcome: Outcome) -> str:
    """Why it is not known of two rows which was the first, empty where rows were seen exactly or are known to lie above a number."""
    if outcome.kinds <= {"exact", "right"}:
        return needs_no_entry(distribution, outcome)
    bounded = (outcome.upper < torch.inf) & ~outcome.seen
    return (
        f"{_some(bounded)} only known to lie in an interval or below a number, so their order is not known; use nll, crps, pit or coverage"
    )


def _not_seen(outcome: Outcome) -> str:
    return _some(~outcome.seen)


def _late(outcome: Outcome) -> str:
    entry = outcome.lower.new_empty(0) if outcome.entry is None else outcome.entry
    return f"{_some(entry > -torch.inf)} only seen as they lie above their entry"


def _some(which: Tensor) -> str:
    """How many targets, for a sentence; an outcome without such rows stands for those to come."""
    count = int(which.flatten(1).any(1).sum()) if which.dim() > 1 else int(which.sum())
    return f"{count:,} of {len(which):,} targets are" if count else "some targets are"


def needs_nothing(distribution: Distribution) -> str:
    """Every distribution with a log-probability can be scored: the reason is always empty."""
    del distribution
    return ""


def needs_cdf(distribution: Distribution) -> str:
    """Why the values of the target cannot be counted up to one of them, empty where they can."""
    if isinstance(_unmixed(distribution), _CLASSES):
        return "the classes have no order, so there is no distance, quantile or interval between them"
    if distribution.event_shape:
        return "each row is a vector, and this metric compares one number with its distribution"
    return ""


def needs_order(distribution: Distribution) -> str:
    """Why the values of the target have no distance on one line, empty where they have."""
    if _is_circular(distribution):
        return "the target is an angle, and just below a full turn lies next to just above 0"
    return needs_cdf(distribution)


def _is_circular(distribution: Distribution) -> bool:
    return isinstance(_unmixed(distribution), distributions.VonMises)


def _unmixed(distribution: Distribution) -> Distribution:
    """What a mixture is made of, however often it was mixed: its values are of the same kind."""
    while isinstance(distribution, distributions.Mixture):
        distribution = distribution.component
    return distribution


def needs_mean(distribution: Distribution) -> str:
    """Why no row has a mean to compare with, empty where one has."""
    reason = needs_order(distribution)
    if reason or not len(mean := functionals.mean(distribution).detach()):
        return reason
    return "" if bool(mean.isfinite().any()) else "the mean of this distribution does not exist"


def needs_classes(distribution: Distribution) -> str:
    """Why the target is not one of a few named classes, empty where it is."""
    if isinstance(_unmixed(distribution), (*_CLASSES, *_TWO_CLASSES, distributions.Ordinal)):
        return ""
    target = "each row is a vector" if distribution.event_shape else "this target is a number"
    return f"it compares probabilities of classes, and {target}; it is for bernoulli, categorical and ordinal"


def needs_lifetimes(distribution: Distribution) -> str:
    """Why the target is not a time until something happens, empty where it may be one: a positive real number."""
    if reason := needs_order(distribution):
        return reason
    if functionals.is_discrete(distribution) or not bool((support_ends(distribution)[0] >= 0).all()):
        return "it ranks times until something happens, and this target is not a positive real number"
    return ""
