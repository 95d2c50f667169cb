"""The generalized Pareto distribution of exceedances of a threshold."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.increasing import EXPONENTIAL, increasing
from disttrain.distributions.core.parametrised import Positive, Real

# The end of a support that the shape has drawn is where 1 + ξz falls below this: for |ξ| < ½, 1e-18 of the probability lies beyond.
_EDGE = 1e-9


@increasing(EXPONENTIAL)
class GeneralizedPareto(Distribution):
    """Generalized Pareto: exceedances of `threshold`, `scale` in target units; `shape` > 0 has a heavy tail, < 0 an upper end; all (n,).

    For shape < 0 the support ends at threshold - scale/shape. A target above the end has probability 0; its log-density is continued there,
    finite and steeply falling, so that such a row keeps a score and its gradient moves the end towards it.
    Source: scipy.stats.genpareto(c=shape); series in the shape near 0, where (1/ξ) log(1 + ξz) loses its digits.

    >>> from disttrain.distributions import GeneralizedPareto
    >>> GeneralizedPareto(scale=2.0, shape=0.2, threshold=1.0).cdf(3.0)  # scipy.stats.genpareto(0.2, 1.0, 2.0).cdf(3.0)
    tensor(0.5981, dtype=torch.float64)
    """

    scale: Positive
    shape: Real
    threshold: Real

    @constraints.dependent_property(is_discrete=False, event_dim=0)
    def support(self) -> constraints.Constraint:
        return constraints.greater_than_eq(self.threshold)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        """threshold + scale/(1 - shape); inf where shape >= 1."""
        below = torch.where(self.shape < 1, self.shape, 0.0)
        return torch.where(self.shape < 1, self.threshold + self.scale / (1.0 - below), math.inf)

    @property
    def variance(self) -> Tensor:
        """scale²/((1 - shape)² (1 - 2 shape)); inf where shape >= ½."""
        below = torch.where(self.shape < 0.5, self.shape, 0.0)
        return torch.where(self.shape < 0.5, (self.scale / (1.0 - below)).square() / (1.0 - 2.0 * below), math.inf)

    @property
    def mode(self) -> Tensor:
        return torch.where(self.shape >= -1.0, self.threshold, self.threshold - self.scale / self.shape)

    def _hazard(self, value: Tensor) -> tuple[Tensor, Tensor]:
        """The cumulative hazard log(1 + ξ z)/ξ up to the end of the support, and the penalty in proportion to the distance beyond the end."""
        z = (value - self.threshold) / self.scale
        return log1p_share(self.shape, z), (_EDGE - 1.0 - self.shape * z).clamp(min=0.0) / _EDGE

    def _z(self, value: Tensor) -> Tensor:
        hazard, penalty = self._hazard(value)
        return hazard + penalty

    def log_prob(self, value: Tensor) -> Tensor:
        hazard, penalty = self._hazard(value)
        # What lies beyond is not multiplied by 1 + ξ, whose slope would draw the end further in.
        return -self.scale.log() - (1.0 + self.shape) * hazard - penalty

    def icdf(self, value: Tensor) -> Tensor:
        passed = -torch.log1p(-value)
        shape = torch.where(self.shape.abs() < 1e-12, 1.0, self.shape)
        stretched = torch.where(self.shape.abs() < 1e-12, passed, torch.expm1(shape * passed) / shape)
        end = torch.where(self.shape < 0, -1.0 / shape, math.inf)
        return self.threshold + self.scale * torch.where(value == 1, end, stretched)


def log1p_share(share: Tensor, z: Tensor) -> Tensor:
    """log(1 + ξ z)/ξ with its limit z at ξ = 0; constant from just below the end at z = -1/ξ.

    Near ξ z = 0 it is z times the series of log(1 + x)/x, whose derivative in ξ does not cancel.
    """
    x = share * z
    small = x.abs() < 0.02
    series = torch.where(small, x, 0.0)
    total = torch.zeros_like(series)
    for number in range(10, 0, -1):
        total = 1.0 / number - series * total
    end = torch.where(small, 1.0, x).clamp(min=_EDGE - 1.0)
    safe = torch.where(small, 1.0, share)
    return torch.where(small, z * total, torch.log1p(end) / safe)
