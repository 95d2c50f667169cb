"""Distributions truncated to an interval, or rounded to a grid."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import derived, functionals, intervals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape

# With more grid points than this within a distribution, rounding moves its mean and variance by less than is left out here.
_MOST_POINTS = 4096
# The numbers of a block of grid points by rows.
_TOGETHER = 65_536


class _Multiples(constraints.Constraint):
    """The multiples of a step."""

    is_discrete = True

    def __init__(self, step: Tensor) -> None:
        self._step = step
        super().__init__()

    def check(self, value: Tensor) -> Tensor:
        steps = value / self._step
        return (steps.round() - steps).abs() <= 1e-9 * (1.0 + steps.abs())


@take_plain_values
class Truncated(Distribution):
    """`base` given that `lower` <= Y <= `upper`, both (n,) in target units, None for an absent end.

    The normaliser is a difference in the nearer tail, so that an interval in an extreme tail keeps its digits. Source: Nadarajah & Kotz (2006).

    >>> from disttrain.distributions import Normal, Truncated
    >>> Truncated(Normal(0.0, 1.0), lower=torch.tensor(0.0)).cdf(1.0)  # 2.0 * scipy.stats.norm.cdf(1.0) - 1.0
    tensor(0.6827, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {}

    def __init__(self, base: Distribution, lower: Tensor | None = None, upper: Tensor | None = None, validate_args: bool = False) -> None:
        self.base = base
        ends = derived.bounds(base)
        like = [end for end in (lower, upper) if end is not None]
        shape = tensors.common_shape(base.batch_shape, *(end.shape for end in like))
        self.lower = (ends[0] if lower is None else torch.maximum(lower.double(), ends[0])).expand(shape)
        self.upper = (ends[1] if upper is None else torch.minimum(upper.double(), ends[1])).expand(shape)
        self._normaliser: tuple[Tensor, Tensor] | None = None
        super().__init__(shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Truncated:
        return Truncated(self.base.expand(batch_shape), self.lower.expand(batch_shape), self.upper.expand(batch_shape))

    @property
    def support(self) -> constraints.Constraint:
        if functionals.is_discrete(self.base):
            return constraints.integer_interval(self.lower, self.upper)  # type: ignore[no-untyped-call]
        return constraints.interval(self.lower, self.upper)  # type: ignore[no-untyped-call]

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), by inversion."""
        with torch.no_grad():
            return functionals.quantile(self, tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.lower))

    def log_prob(self, value: Tensor) -> Tensor:
        inside = (value >= self.lower) & (value <= self.upper)
        score = self.base.log_prob(torch.where(inside, value, self._somewhere())) - self._log_normaliser()
        return torch.where(inside, score, -math.inf)

    def log_cdf(self, value: Tensor) -> Tensor:
        at = torch.minimum(torch.maximum(value.double(), self.lower), self.upper)
        score = self._log_mass(self._below, at) - self._log_normaliser()
        return torch.where(value < self.lower, -math.inf, score.clamp(max=0.0))

    def log_survival(self, value: Tensor) -> Tensor:
        at = torch.minimum(torch.maximum(value.double(), self._below), self.upper)
        score = self._log_mass(at, self.upper) - self._log_normaliser()
        return torch.where(value < self.lower, 0.0, score.clamp(max=0.0))

    def cdf(self, value: Tensor) -> Tensor:
        return self.log_cdf(value).exp()

    def survival(self, value: Tensor) -> Tensor:
        return self.log_survival(value).exp()

    def probability_at(self, value: Tensor) -> Tensor:
        """P(Y = value): 0 where the base has a density."""
        inside = (value >= self.lower) & (value <= self.upper)
        # In logarithms: far out the probability of the interval, and of a count in it, is 0 in float64.
        log_probability = (
            self.base.log_prob(value) if functionals.is_discrete(self.base) else functionals.probability_at(self.base, value).log()
        )
        return torch.where(inside, (log_probability - self._log_normaliser()).exp(), 0.0)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile of the base at a probability between the probabilities of the two ends, in the nearer tail of the base."""
        p = value.double()
        if functionals.is_discrete(self.base):
            raise NotImplementedError
        below, above = functionals.cdf(self.base, self._below), functionals.survival(self.base, self.upper)
        if bool((torch.maximum(below, above) > 0.999).any()):
            # What is left between them has no digits then: the tails in logarithms do.
            raise NotImplementedError
        y = functionals.quantile(self.base, (below + p * (1.0 - below - above)).clamp(0.0, 1.0))
        return torch.where((p >= 0) & (p <= 1), torch.minimum(torch.maximum(y, self.lower), self.upper), math.nan)

    @property
    def _below(self) -> Tensor:
        """The last point below the lower end: its cdf is outside the interval, and the lower end may be an atom."""
        return functionals.just_below(self.base, self.lower)

    def _log_normaliser(self) -> Tensor:
        """log P(lower <= base <= upper); cached for calls without gradient, such as the steps of a search for a quantile."""
        if torch.is_grad_enabled():
            return self._log_mass(self._below, self.upper)
        # A copy may be of other rows: it has ends of its own then. To keep the end keeps its identity from coming again too.
        if self._normaliser is None or self._normaliser[0] is not self.lower:
            self._normaliser = self.lower, self._log_mass(self._below, self.upper)
        return self._normaliser[1]

    def _log_mass(self, start: Tensor, end: Tensor) -> Tensor:
        return intervals.log_between(self.base, start, end)

    def _somewhere(self) -> Tensor:
        """A value inside the interval."""
        finite = self.lower.isfinite() & self.upper.isfinite()
        middle = torch.where(self.lower.isfinite(), self.lower, torch.where(self.upper.isfinite(), self.upper, 0.0))
        return torch.where(finite, self.lower, middle)


@take_plain_values
class Discretized(Distribution):
    """`base` rounded to the nearest multiple of `step` (n,), in target units: P(y) = P(y - step/2 < base <= y + step/2).

    >>> from disttrain.distributions import Discretized, Normal
    >>> distribution = Discretized(Normal(0.0, 1.0), step=torch.tensor(0.5))
    >>> distribution.log_prob(0.5)  # math.log(scipy.stats.norm.cdf(0.75) - scipy.stats.norm.cdf(0.25))
    tensor(-1.7449, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"step": constraints.positive}

    def __init__(self, base: Distribution, step: Tensor, validate_args: bool = False) -> None:
        self.base, self.step = base, step.double()
        super().__init__(tensors.common_shape(base.batch_shape, step.shape), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Discretized:
        return Discretized(self.base.expand(batch_shape), self.step.expand(batch_shape))

    @property
    def support(self) -> constraints.Constraint:
        return _Multiples(self.step)

    @property
    def mean(self) -> Tensor:
        return self._moments()[0]

    @property
    def variance(self) -> Tensor:
        return self._moments()[1]

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        return self._rounded(self.base.expand(self.batch_shape).sample(torch.Size(sample_shape)).double())

    def log_prob(self, value: Tensor) -> Tensor:
        return intervals.log_between(self.base, value - 0.5 * self.step, value + 0.5 * self.step)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable in the parameters."""
        return functionals.log_cdf(self.base, self._edge(value))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable in the parameters."""
        return functionals.log_survival(self.base, self._edge(value))

    def cdf(self, value: Tensor) -> Tensor:
        return functionals.cdf(self.base, self._edge(value))

    def survival(self, value: Tensor) -> Tensor:
        return functionals.survival(self.base, self._edge(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest multiple of the step whose cdf is at least `value`."""
        y = self._rounded(functionals.quantile(self.base, value))
        # The quantile of the base may be rounded onto an edge of its cell.
        lower = y - self.step
        y = torch.where(self.cdf(lower) >= value, lower, y)
        return torch.where(self.cdf(y) < value, y + self.step, y)

    def _rounded(self, value: Tensor) -> Tensor:
        return (value / self.step).round() * self.step

    def _edge(self, value: Tensor) -> Tensor:
        """The upper edge of the last cell at or below `value`, which is a multiple of the step up to rounding."""
        return ((value / self.step + 1e-9).floor() + 0.5) * self.step

    def _moments(self) -> tuple[Tensor, Tensor]:
        """Mean and variance: sums over the grid, or for a fine grid the moments of the base with Sheppard's correction step²/12."""
        mean, variance = functionals.mean(self.base), functionals.variance(self.base)
        with torch.no_grad():
            summed, shift, summed_variance = self._summed_moments(mean, variance)
        fine = torch.where(variance.isfinite(), variance + self.step.square() / 12.0, variance)
        return torch.where(summed, mean + shift, mean), torch.where(summed, summed_variance, fine)

    def _summed_moments(self, mean: Tensor, variance: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The rows with few grid points, their mean minus that of the base, and their variance, by sums over the grid.

        The first two moments of the distance from the grid point next to the mean are Σ P(Y > i) and Σ (2i + 1) P(Y > i) on either side.
        """
        levels = torch.tensor([1e-13, 1.0 - 1e-13], dtype=torch.float64, device=mean.device)
        ends = functionals.quantile(self.base, levels.reshape(2, *(1 for _ in self.batch_shape)))
        first, centre = self._rounded(ends[0]), self._rounded(mean)
        count = ((ends[1] - first) / self.step).ceil() + 1.0
        summed = mean.isfinite() & variance.isfinite() & (count <= _MOST_POINTS)
        sums = []
        for tail, direction, end in ((functionals.cdf, -1.0, ends[0]), (functionals.survival, 1.0, ends[1])):
            length = torch.where(summed, ((end - centre) / (direction * self.step)).ceil() + 1.0, 0.0)
            sums.append(self._tail_sums(tail, centre, direction, length))
        (below, below_squares), (above, above_squares) = sums
        distance = self.step * (above - below)
        squares = self.step.square() * (below_squares + above_squares)
        return summed, centre - mean + distance, squares - distance.square()

    def _tail_sums(
        self, tail: Callable[[Distribution, Tensor], Tensor], centre: Tensor, direction: float, length: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Σ P_i and Σ (2i + 1) P_i over i = 0 ... length - 1: P_i of the tail of the base from i + ½ steps beyond the `centre`."""
        total, weighted = torch.zeros_like(centre), torch.zeros_like(centre)
        longest, together = int(length.max()) if length.numel() else 0, max(1, _TOGETHER // max(1, centre.numel()))
        for start in range(0, longest, together):
            number = torch.arange(start, min(start + together, longest), dtype=torch.float64, device=centre.device)
            index = number.reshape(-1, *(1 for _ in centre.shape))
            probability = torch.where(index < length, tail(self.base, centre + direction * (index + 0.5) * self.step), 0.0)
            total += probability.sum(0)
            weighted += (probability * (2.0 * index + 1.0)).sum(0)
        return total, weighted
