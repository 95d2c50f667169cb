"""What a metric asks of a forecast and of an outcome, and in plain words why it cannot score some of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions
from disttrain.distributions import functionals
from disttrain.errors import Finding, UsageError
from disttrain.outcomes import Outcome

__all__ = ["exact_target", "needs_cdf", "needs_classes", "needs_mean", "needs_nothing", "needs_order"]

_CLASSES = (distributions.Categorical, torch.distributions.Categorical, torch.distributions.OneHotCategorical)
_TWO_CLASSES = (distributions.Bernoulli, torch.distributions.Bernoulli)


def exact_target(outcome: Outcome) -> Tensor:
    """The target of each row in float64, without gradient: (n, *event), target units.

    Raises UsageError where a row was not seen exactly.
    """
    if not outcome.all_exact:
        raise UsageError(Finding("not-supported", "censored, rounded or truncated targets cannot be scored in this version"))
    return outcome.value.detach().double()


def needs_nothing(distribution: Distribution) -> str:
    """Every distribution with a log-probability can be scored: the reason is always empty."""
    del distribution
    return ""


def needs_cdf(distribution: Distribution) -> str:
    """Why the values of the target cannot be counted up to one of them, empty where they can."""
    if isinstance(distribution, _CLASSES):
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
    inner = distribution.component if isinstance(distribution, distributions.Mixture) else distribution
    return isinstance(inner, distributions.VonMises)


def needs_mean(distribution: Distribution) -> str:
    """Why no row has a mean to compare with, empty where one has."""
    reason = needs_order(distribution)
    if reason or not len(mean := functionals.mean(distribution).detach()):
        return reason
    return "" if bool(mean.isfinite().any()) else "the mean of this distribution does not exist"


def needs_classes(distribution: Distribution) -> str:
    """Why the target is not one of a few named classes, empty where it is."""
    if isinstance(distribution, (*_CLASSES, *_TWO_CLASSES, distributions.Ordinal)):
        return ""
    target = "each row is a vector" if distribution.event_shape else "this target is a number"
    return f"it compares probabilities of classes, and {target}; it is for bernoulli, categorical and ordinal"
