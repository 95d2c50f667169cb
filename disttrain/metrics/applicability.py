"""What a metric asks of a forecast and of an outcome, and in plain words why it cannot score some of them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions
from disttrain.distributions import functionals
from disttrain.errors import Finding, UsageError
from disttrain.outcomes import Outcome

__all__ = ["exact_target", "needs_classes", "needs_mean", "needs_nothing", "needs_order"]

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


def needs_order(distribution: Distribution) -> str:
    """Why the values of the target cannot be put in order on one line, empty where they can."""
    if isinstance(distribution, _CLASSES):
        return "the classes have no order, so there is no distance, quantile or interval between them"
    if distribution.event_shape:
        return "the target has several numbers per row, and this metric compares one number with its distribution"
    return ""


def needs_mean(distribution: Distribution) -> str:
    """Why no row has a mean to compare with, empty where one has."""
    reason = needs_order(distribution)
    if reason or not len(mean := functionals.mean(distribution).detach()):
        return reason
    return "" if bool(mean.isfinite().any()) else "the mean of this distribution does not exist"


def needs_classes(distribution: Distribution) -> str:
    """Why the target is not one of a few named classes, empty where it is."""
    if isinstance(distribution, _CLASSES + _TWO_CLASSES):
        return ""
    return "it compares probabilities of classes, and this target is a number; it is for bernoulli and categorical"
