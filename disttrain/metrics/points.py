"""How far the point forecasts of a distribution, its median and its mean, lie from what happened."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.metrics.applicability import exact_target
from disttrain.outcomes import Outcome

__all__ = ["absolute_error", "squared_error"]


def absolute_error(distribution: Distribution, outcome: Outcome) -> Tensor:
    """|y - median| of each row: (n,), target units. The median is the forecast that makes its mean smallest."""
    return (exact_target(distribution, outcome, "mae") - functionals.median(distribution).detach()).abs()


def squared_error(distribution: Distribution, outcome: Outcome) -> Tensor:
    """(y - mean)² of each row: (n,), squared target units; nan where the mean does not exist."""
    return (exact_target(distribution, outcome, "rmse") - functionals.mean(distribution).detach()).square()
