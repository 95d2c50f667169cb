"""The requirements of each metric on a forecast and an outcome, and the reason, in plain words, if it cannot score them."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain import distributions
from disttrain.distributions.core import functionals
from disttrain.errors import Finding, UsageError
from disttrain.metrics.row_blocks import support_ends
from disttrain.outcomes import Outcome

_CLASSES = (distributions.Categorical, torch.distributions.Categorical, torch.distributions.OneHotCategorical)
_TWO_CLASSES = (distributions.Bernoulli, torch.distributions.Bernoulli)


def inapplicable(metric: str, reason: str, what: str = "this distribution", where: str = "--metric") -> Finding:
    """The finding that a metric cannot score a distribution or an outcome, for a reason; `where` is the option that asks for it."""
    hints = ("leave the metrics out to have all that apply",)
    return Finding("metric-does-not-apply", f"`{metric}` cannot score {what}", where, why=reason, hints=hints)


def require(metric: str, reason: str, what: str = "this distribution") -> None:
    """Raise UsageError if `reason` is not empty: a metric cannot score a distribution or an outcome."""
    if reason:
        raise UsageError(inapplicable(metric, reason, what))


def exact_target(distribution: Distribution, outcome: Outcome, metric: str) -> Tensor:
    """The target of each row in float64, without gradient: (n, *event), target units.

    Raises UsageError if a row is not exact.
    """
    require(metric, needs_exact(distribution, outcome), "these targets")
    return outcome.value.detach().double()


def needs_exact(distribution: Distribution, outcome: Outcome) -> str:
    """A message if some rows are not exact or are truncated, else an empty string."""
    del distribution
    if outcome.kinds != {"exact"}:
        return f"{_inexact(outcome)} only known to lie in an interval; use nll, crps, pit, coverage or concordance"
    return "" if outcome.entry is None else f"{_late(outcome)}; use nll, pit or coverage"


def needs_tails(distribution: Distribution, outcome: Outcome) -> str:
    """A message if a row is not exact or is truncated and the distribution has no log-tails, else an empty string."""
    if outcome.all_exact or functionals.has_tails(distribution):
        return ""
    affected = _late(outcome) if outcome.kinds == {"exact"} else f"{_inexact(outcome)} only known to lie in an interval"
    return f"{affected}, and the cdf of this distribution has no gradient in its parameters"


def needs_no_entry(distribution: Distribution, outcome: Outcome) -> str:
    """A message if rows are truncated, else an empty string."""
    del distribution
    return "" if outcome.entry is None else f"{_late(outcome)}; use nll, pit or coverage"


def needs_right(distribution: Distribution, outcome: Outcome) -> str:
    """A message if a row is left-censored, in an interval or truncated, so that the order of two rows may be unknown; else an empty string."""
    if outcome.kinds <= {"exact", "right"}:
        return needs_no_entry(distribution, outcome)
    bounded = (outcome.upper < torch.inf) & ~outcome.is_exact
    return (
        f"{_some(bounded)} only known to lie in an interval or below a number, so their order is not known; use nll, crps, pit or coverage"
    )


def _inexact(outcome: Outcome) -> str:
    return _some(~outcome.is_exact)


def _late(outcome: Outcome) -> str:
    entry = outcome.lower.new_empty(0) if outcome.entry is None else outcome.entry
    return f"{_some(entry > -torch.inf)} only seen as they lie above their entry"


def _some(which: Tensor) -> str:
    """The number of targets, as the start of a sentence; an outcome without such rows represents future ones."""
    count = int(which.flatten(1).any(1).sum()) if which.dim() > 1 else int(which.sum())
    return f"{count:,} of {len(which):,} targets are" if count else "some targets are"


def needs_nothing(distribution: Distribution) -> str:
    """An empty string: every distribution with a log-probability can be scored."""
    del distribution
    return ""


def needs_cdf(distribution: Distribution) -> str:
    """A message if the target has no cdf, as classes without order or a vector; else an empty string."""
    if isinstance(_unmixed(distribution), _CLASSES):
        return "the classes have no order, so there is no distance, quantile or interval between them"
    if distribution.event_shape:
        return "each row is a vector, and this metric compares one number with its distribution"
    return ""


def needs_order(distribution: Distribution) -> str:
    """A message if two values of the target have no distance on a line, as angles, classes or vectors; else an empty string."""
    if _is_circular(distribution):
        return "the target is an angle, and just below a full turn lies next to just above 0"
    return needs_cdf(distribution)


def _is_circular(distribution: Distribution) -> bool:
    return isinstance(_unmixed(distribution), distributions.VonMises)


def _unmixed(distribution: Distribution) -> Distribution:
    """The component of a mixture, at any depth; its values are of the same kind."""
    while isinstance(distribution, distributions.Mixture):
        distribution = distribution.component
    return distribution


def needs_mean(distribution: Distribution) -> str:
    """A message if no row has a mean to compare with, else an empty string."""
    reason = needs_order(distribution)
    if reason or not len(mean := functionals.mean(distribution).detach()):
        return reason
    return "" if bool(mean.isfinite().any()) else "the mean of this distribution does not exist"


def needs_classes(distribution: Distribution) -> str:
    """A message if the target is not one of a few classes, else an empty string."""
    if isinstance(_unmixed(distribution), (*_CLASSES, *_TWO_CLASSES, distributions.Ordinal)):
        return ""
    target = "each row is a vector" if distribution.event_shape else "this target is a number"
    return f"it compares probabilities of classes, and {target}; it is for bernoulli, categorical and ordinal"


def needs_lifetimes(distribution: Distribution) -> str:
    """A message if the target is not a time until something happens, a positive real number; else an empty string."""
    if reason := needs_order(distribution):
        return reason
    if functionals.is_discrete(distribution) or not bool((support_ends(distribution)[0] >= 0).all()):
        return "it ranks times until something happens, and this target is not a positive real number"
    return ""
