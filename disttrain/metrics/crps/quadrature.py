"""CRPS of any continuous distribution with a cdf by adaptive quadrature, if no closed form exists."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.metrics.crps.adaptive import refined
from disttrain.metrics.row_blocks import distinct_rows, rows, support_ends


def _lobatto(number: int) -> tuple[Tensor, Tensor]:
    """Nodes and weights (number, 1) on [-1, 1] of the rule of Gauss and Lobatto. Source: Abramowitz & Stegun (1964), 25.4.32."""
    legendre = np.polynomial.Legendre.basis(number - 1)
    nodes = np.concatenate([[-1.0], np.sort(legendre.deriv().roots().real), [1.0]])
    weights = 2.0 / (number * (number - 1) * legendre(nodes) ** 2)
    return torch.from_numpy(nodes).unsqueeze(-1), torch.from_numpy(weights).unsqueeze(-1)


# With both ends among the nodes, a tail that is the same at all of them is flat: it falls nowhere in between.
_NODES, _WEIGHTS = _lobatto(11)
# First intervals of v, where y = centre ± scale (exp(v) - 1): a tail that falls as a power of y falls as a power of exp(v).
_EDGES = (0.0, 1.0, 2.0, 4.0, 8.0, 16.0, 64.0)
# scale · exp(v) stays below 1e150 up to here: further out some cdfs square y beyond the float64 range.
_LIMIT = 345.0
# The last tenth of v holds a tenth of an integral that just diverges, and less than this share of one that exists.
_DIVERGENT = 0.02


@dataclass(frozen=True)
class _Side:
    """The half line above (`sign` 1) or below (-1) the centre of each row; `centre`, `scale` and `noise` are (n,).

    `noise` is the rounding error of a cdf that is a sum or a difference; a smaller tail probability is taken as 0.
    """

    distribution: Distribution
    centre: Tensor
    scale: Tensor
    sign: float
    noise: Tensor

    @property
    def end(self) -> Tensor:
        """The end of the support on this side: a kink of the cdf that no interval should contain."""
        ends = support_ends(self.distribution)
        return ends[1] if self.sign > 0 else ends[0]

    def of(self, distribution: Distribution, index: Tensor) -> _Side:
        """This side of the rows `index` (n,), with their distributions."""
        return _Side(distribution, self.centre[index], self.scale[index], self.sign, self.noise[index])

    def steps_to(self, distance: Tensor) -> Tensor:
        """The v of a distance (n,) from the centre."""
        return torch.log1p(distance / self.scale)

    def tail(self, y: Tensor, row: Tensor | slice = slice(None)) -> Tensor:
        """The probability of lying further from the centre than `y` (..., M), for the rows `row` (M,)."""
        distribution = rows(self.distribution, row)
        lower, upper = support_ends(distribution)
        inside = (y > lower) & (y < upper)
        safe = torch.where(inside, y, self.centre[row])
        probability = (functionals.survival if self.sign > 0 else functionals.cdf)(distribution, safe)
        return torch.where(inside & (probability > self.noise[row]), probability, 0.0)

    def integral(self, function: Callable[[Tensor], Tensor], start: Tensor, length: Tensor, size: Tensor) -> Tensor:
        """∫ function(tail(y)) |dy| over the intervals of v that begin at `start` (E, n): (n,), target units."""
        nonempty = length > 0
        row = torch.arange(length.shape[1]).expand(length.shape)[nonempty]

        def rule(row: Tensor, start: Tensor, length: Tensor) -> Tensor:
            v = start + length * (0.5 + 0.5 * _NODES)
            y = self.centre[row] + self.sign * self.scale[row] * v.expm1()
            weight = 0.5 * length * self.scale[row] * _WEIGHTS * v.exp()
            return (function(self.tail(y, row)) * weight).sum(0)

        return refined(rule, row, start[nonempty], length[nonempty], size)


def crps_by_quadrature(distribution: Distribution, y: Tensor) -> Tensor:
    """Continuous ranked probability score ∫(F(t) - 1{y <= t})² dt of each row: (n,), target units; inf if it does not exist.

    The integral is split at a centre c, which does not depend on y: ∫F² below c, ∫(1 - F)² above c, and ∫(2F - 1) from c to y.
    Source: Gneiting & Raftery (2007), equation 20; its derivative in y is 2F(y) - 1.
    """
    # What does not depend on y is the same for rows of one distribution, such as all those of a constant forecast.
    first, inverse = distinct_rows(distribution)
    centre, sides = _sides(rows(distribution, first))
    nothing = torch.zeros_like(centre)
    score = (_tail_integral(sides[0], nothing) + _tail_integral(sides[1], nothing))[inverse]
    centre = centre[inverse]
    for side in (side.of(distribution, inverse) for side in sides):
        distance = (side.sign * (y - centre)).clamp(min=0.0)
        start, length = _intervals(side.steps_to(distance))
        score = score + side.integral(lambda tail: 1.0 - 2.0 * tail, start, length, score)
    return torch.where((centre + y).isnan(), math.nan, score)


def quadrature_outside(distribution: Distribution, lower: Tensor, upper: Tensor) -> Tensor:
    """∫F² below `lower` plus ∫(1 - F)² above `upper`, each (n,): (n,), target units; -inf and inf leave a side out.

    For an end on the other side of the centre, a side's probability is 1 minus the other side's tail.
    """
    centre, (below, above) = _sides(distribution)
    score = torch.zeros_like(centre)
    for side, other, end in ((below, above, lower), (above, below, upper)):
        excess = side.sign * (end - centre)
        score = score + _tail_integral(side, score, side.steps_to(excess.clamp(min=0.0)))
        start, length = _intervals(other.steps_to((-excess).clamp(min=0.0)))
        score = score + other.integral(lambda tail: (1.0 - tail).square(), start, length, score)
    return torch.where(centre.isnan() | lower.isnan() | upper.isnan(), math.nan, score)


def _sides(distribution: Distribution) -> tuple[Tensor, tuple[_Side, _Side]]:
    """The centre of each row (n,), nan if the distribution has no quartiles, and the sides below and above it."""
    centre, first, third = (functionals.quantile(distribution, level) for level in (0.5, 0.25, 0.75))
    quartile_range = third - first
    below = _side(distribution, centre, (first - centre).abs(), quartile_range, -1.0)
    above = _side(distribution, centre, (third - centre).abs(), quartile_range, 1.0)
    return torch.where(quartile_range.isnan(), math.nan, centre), (below, above)


def _side(distribution: Distribution, centre: Tensor, quarter: Tensor, quartile_range: Tensor, sign: float) -> _Side:
    """One side; its scale is the distance of a quartile from the centre, or another positive length if they coincide."""
    scale = torch.where(quarter > 0, quarter, torch.where(quartile_range > 0, quartile_range, 1e-8 * centre.abs()))
    scale = torch.where((scale > 0) & scale.isfinite(), scale, 1.0)
    side = _Side(distribution, centre, scale, sign, torch.zeros_like(centre))
    left = side.tail(sign * torch.full_like(centre, 1e150))
    return _Side(distribution, centre, scale, sign, torch.where(left < 1e-13, 4.0 * left, 0.0))


def _tail_integral(side: _Side, size: Tensor, first: Tensor | float = 0.0) -> Tensor:
    """∫ tail(y)² |dy| over the whole side, or from the v `first` (n,) on: (n,), inf if it does not converge.

    `size` (n,) is the sum to which the integral is added.
    """
    limit = torch.minimum((_LIMIT - side.scale.log()).clamp(max=_LIMIT), side.steps_to((side.end - side.centre).abs()))
    first = torch.as_tensor(first, dtype=torch.float64).expand(limit.shape)
    central = side.integral(torch.square, *_intervals(0.9 * limit, first), size)
    start, length = torch.maximum(first, 0.9 * limit), torch.where(first > 0.9 * limit, (limit - first).clamp(min=0.0), 0.1 * limit)
    in_tail = side.integral(torch.square, start.unsqueeze(0), length.unsqueeze(0), central)
    return torch.where(side.end.isinf() & (in_tail > _DIVERGENT * (central + in_tail)), math.inf, central + in_tail)


def _intervals(end: Tensor, first: Tensor | float = 0.0) -> tuple[Tensor, Tensor]:
    """The first intervals of v from `first` to `end` (n,): their starts and lengths, (E, n); lengths outside are 0."""
    edges = torch.tensor(_EDGES, dtype=torch.float64).unsqueeze(-1).expand(-1, len(end))
    stop = torch.cat([edges[1:], torch.full_like(edges[:1], math.inf)])
    start = edges.clamp(min=first) if isinstance(first, float) else torch.maximum(edges, first)
    return start, (torch.minimum(stop, end) - start).clamp(min=0.0)
