"""The log-likelihood of what was observed of each row, and its weighted mean: the empirical cross-entropy."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import Distribution

from disttrain.errors import Finding, UsageError
from disttrain.outcomes import Outcome

__all__ = ["cross_entropy", "log_likelihood", "weighted_mean"]


def log_likelihood(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Log-probability of what was observed of each row, in nats: (n,).

    Exact rows score log f(y). Raises UsageError where a row was not seen exactly, which this version cannot score.
    """
    if not outcome.all_exact:
        raise UsageError(Finding("not-supported", "censored, rounded or truncated targets are not available in this version"))
    return distribution.log_prob(outcome.value)


def weighted_mean(values: Tensor, weight: Tensor | None) -> Tensor:
    """Σwx/Σw over the rows of `values` (n,), in float64: a scalar. Without `weight` the plain mean."""
    if weight is None:
        return values.double().mean()
    return (values.double() * weight).sum() / weight.sum()


def cross_entropy(distribution: Distribution, outcome: Outcome, weight: Tensor | None = None) -> Tensor:
    """Empirical cross-entropy -Σ w log q(y) / Σ w, in nats per unit of weight: a scalar.

    Minimising it over the weights of the network that made `distribution` is maximum likelihood.
    """
    return weighted_mean(-log_likelihood(distribution, outcome), weight)
