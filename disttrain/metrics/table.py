"""The table of metrics: name, unit, better direction, requirements and summary of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.distributions import Distribution

from disttrain.errors import Finding, UsageError
from disttrain.metrics import applicability, averages, scores
from disttrain.metrics.applicability import (
    needs_cdf,
    needs_classes,
    needs_lifetimes,
    needs_mean,
    needs_no_entry,
    needs_nothing,
    needs_order,
    needs_right,
    needs_tails,
)  # fmt: skip
from disttrain.metrics.averages import Average, Comparison, Summary
from disttrain.metrics.calibration import pit
from disttrain.metrics.concordance import concordance, concordant_share
from disttrain.metrics.crps.score import crps
from disttrain.metrics.scores import absolute_error, squared_error
from disttrain.outcomes import Outcome


@dataclass(frozen=True)
class Metric:
    """A score per row and its description.

    `score(distribution, outcome)` gives (n,), or (n, 3) for a score of pairs of rows. It also takes the keyword `setting`, if that is not
    empty: `level`, a share in (0, 1); `levels`, several; `generator`, a numpy Generator. `summary` makes one number of the rows, `unit` is
    that number's: nats, target (the target's own), or share. `better` is the better direction; a `nominal` metric is best at its level.
    `refusal` gives a message if a distribution cannot be scored, `unseen` a message if an outcome with inexact rows cannot; else they give
    an empty string.
    """

    name: str
    score: Callable[..., Tensor]
    unit: Literal["nats", "target", "share"]
    better: Literal["lower", "higher", "nominal"]
    refusal: Callable[[Distribution], str]
    source: str
    setting: Literal["", "level", "levels", "generator"] = ""
    summary: Summary = averages.mean
    unseen: Callable[[Distribution, Outcome], str] = applicability.needs_exact

    def objection(self, distribution: Distribution, outcome: Outcome | None = None) -> str:
        """A message, in plain words, if this metric cannot score the distribution, or the outcome if there is one; else an empty string.

        It depends on the kinds of the outcome and on the presence of an entry, so that an outcome of no rows can represent future rows.
        """
        return self.refusal(distribution) or ("" if outcome is None or outcome.all_exact else self.unseen(distribution, outcome))

    def applies(self, distribution: Distribution, outcome: Outcome | None = None) -> bool:
        """True if this metric can score the distribution, and the outcome if there is one."""
        return not self.objection(distribution, outcome)

    def finding(self, distribution: Distribution, outcome: Outcome | None = None, where: str = "--metric") -> Finding | None:
        """The finding, for the option `where`, that this metric cannot score the distribution or the outcome; None if it can."""
        if reason := self.refusal(distribution):
            return applicability.inapplicable(self.name, reason, where=where)
        reason = self.objection(distribution, outcome)
        return applicability.inapplicable(self.name, reason, "these targets", where) if reason else None

    def require(self, distribution: Distribution, outcome: Outcome | None = None) -> None:
        """Raise UsageError with the reason, in plain words, if this metric cannot score the distribution or the outcome."""
        if finding := self.finding(distribution, outcome):
            raise UsageError(finding)

    def average(self, scores: Tensor, weight: Tensor | None = None) -> Average:
        """The metric over rows with scores as `score` gives them, and its standard error. Raises DataError without rows of positive weight."""
        return averages.average(self.summary, scores, weight)

    def gain(self, scores: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Average:
        """The improvement over the baseline's scores of the same rows, with the standard error of the paired difference.

        Positive is better; for a nominal metric it is the plain difference. Raises DataError without rows of positive weight.
        """
        return self.compared(scores, baseline, weight).gain

    def compared(self, scores: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Comparison:
        """The metric over rows, that of the baseline's scores of the same rows, and the gain. Raises DataError as `gain` does."""
        comparison = averages.compared(self.summary, scores, baseline, weight)
        value, error = comparison.gain
        return comparison if self.better == "lower" else comparison._replace(gain=Average(0.0 - value, error))


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("nll", scores.nll, "nats", "lower", needs_nothing, "Good (1952)", unseen=needs_tails),
        Metric("crps", crps, "target", "lower", needs_order, "Gneiting & Raftery (2007)", unseen=needs_no_entry),
        Metric("pit", pit, "share", "lower", needs_cdf, "Dawid (1984)", "generator", averages.calibration, needs_tails),
        Metric(
            "coverage",
            scores.coverage,
            "share",
            "nominal",
            needs_order,
            "Gneiting, Balabdaoui & Raftery (2007)",
            "level",
            unseen=needs_tails,
        ),
        Metric("pinball", scores.pinball, "target", "lower", needs_order, "Koenker & Bassett (1978)", "levels"),
        Metric("interval", scores.interval, "target", "lower", needs_order, "Winkler (1972)", "level"),
        Metric("brier", scores.brier, "share", "lower", needs_classes, "Brier (1950)"),
        Metric("accuracy", scores.accuracy, "share", "higher", needs_classes, "the share of rows whose likeliest class happened"),
        Metric(
            "concordance",
            concordance,
            "share",
            "higher",
            needs_lifetimes,
            "Harrell, Lee & Mark (1996)",
            summary=concordant_share,
            unseen=needs_right,
        ),
        Metric("mae", absolute_error, "target", "lower", needs_order, "mean of |y - median|"),
        Metric("rmse", squared_error, "target", "lower", needs_mean, "root of the mean of (y - mean)²", summary=averages.root_mean),
        Metric("deviance", scores.deviance, "nats", "lower", needs_nothing, "Rigby & Stasinopoulos (2005)", unseen=needs_tails),
    )
}
