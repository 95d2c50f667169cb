"""The table of metrics: what each is called, its unit, which way is better, whom it can score, and how its rows become one number."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.distributions import Distribution

from disttrain.errors import Finding, UsageError
from disttrain.metrics import averages, scores
from disttrain.metrics.applicability import needs_cdf, needs_classes, needs_mean, needs_nothing, needs_order
from disttrain.metrics.averages import Average, Summary
from disttrain.metrics.calibration import pit
from disttrain.metrics.crps import crps
from disttrain.metrics.points import absolute_error, squared_error

__all__ = ["METRICS", "Metric"]


@dataclass(frozen=True)
class Metric:
    """A score per row and what there is to say about it.

    `score(distribution, outcome)` gives (n,); where `setting` is named it also takes that keyword: `level`, a share in (0, 1);
    `levels`, several; `generator`, a numpy Generator. `summary` makes one number of the rows, `unit` is that number's:
    nats, target (the target's own), or share. `better` says which way is better; `nominal` is as near to its level as can be.
    """

    name: str
    score: Callable[..., Tensor]
    unit: Literal["nats", "target", "share"]
    better: Literal["lower", "higher", "nominal"]
    refusal: Callable[[Distribution], str]
    source: str
    setting: Literal["", "level", "levels", "generator"] = ""
    summary: Summary = averages.mean

    def applies(self, distribution: Distribution) -> bool:
        """Whether this metric can score the distribution."""
        return not self.refusal(distribution)

    def require(self, distribution: Distribution) -> None:
        """Raises UsageError with the reason in plain words where this metric cannot score the distribution."""
        if reason := self.refusal(distribution):
            hints = ("leave the metrics out to have all that apply",)
            raise UsageError(
                Finding("metric-does-not-apply", f"`{self.name}` cannot score this distribution", "--metric", why=reason, hints=hints)
            )

    def average(self, scores: Tensor, weight: Tensor | None = None) -> Average:
        """The metric over rows with scores (n,), and its standard error. Raises DataError without rows of positive weight."""
        return averages.average(self.summary, scores, weight)

    def gain(self, scores: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Average:
        """How much better than the baseline's scores of the same rows, both (n,), with the standard error of the paired difference.

        Positive is better; for a nominal metric the plain difference. Raises DataError without rows of positive weight.
        """
        if self.better == "lower":
            return averages.gain(self.summary, scores, baseline, weight)
        return averages.gain(self.summary, baseline, scores, weight)


METRICS: dict[str, Metric] = {
    "nll": Metric("nll", scores.nll, "nats", "lower", needs_nothing, "Good (1952)"),
    "crps": Metric("crps", crps, "target", "lower", needs_order, "Gneiting & Raftery (2007)"),
    "pit": Metric("pit", pit, "share", "lower", needs_cdf, "Dawid (1984)", "generator", averages.calibration),
    "coverage": Metric("coverage", scores.coverage, "share", "nominal", needs_order, "Gneiting, Balabdaoui & Raftery (2007)", "level"),
    "pinball": Metric("pinball", scores.pinball, "target", "lower", needs_order, "Koenker & Bassett (1978)", "levels"),
    "interval": Metric("interval", scores.interval, "target", "lower", needs_order, "Winkler (1972)", "level"),
    "brier": Metric("brier", scores.brier, "share", "lower", needs_classes, "Brier (1950)"),
    "accuracy": Metric("accuracy", scores.accuracy, "share", "higher", needs_classes, "the share of rows whose likeliest class happened"),
    "mae": Metric("mae", absolute_error, "target", "lower", needs_order, "mean of |y - median|"),
    "rmse": Metric("rmse", squared_error, "target", "lower", needs_mean, "root of the mean of (y - mean)²", summary=averages.root_mean),
    "deviance": Metric("deviance", scores.deviance, "nats", "lower", needs_nothing, "Rigby & Stasinopoulos (2005)"),
}
