"""Distributions with extra zeros: zero-inflated counts, and hurdles before counts or positive numbers."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import derived, functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.core.root_finding import smallest_count
from disttrain.distributions.numerics import log_probabilities, tensors
from disttrain.distributions.numerics.tensors import Shape


@take_plain_values
class ZeroInflated(Distribution):
    """Counts with extra zeros: 0 with probability `gate` (n,), else a draw of `base` (which may be 0 too).

    `gate` may be given as its logit instead, which stays exact where the probability is nearly 0 or 1.

    >>> from disttrain.distributions import Poisson, ZeroInflated
    >>> ZeroInflated(Poisson(3.0), gate=torch.tensor(0.4)).log_prob(0.0)  # math.log(0.4 + 0.6 * math.exp(-3.0))
    tensor(-0.8443, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {}

    def __init__(
        self, base: Distribution, gate: Tensor | None = None, gate_logits: Tensor | None = None, validate_args: bool = False
    ) -> None:
        self.base = base
        self.gate, self.log_gate, self.log_rest = _gate(gate, gate_logits)
        super().__init__(tensors.common_shape(base.batch_shape, self.gate.shape), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> ZeroInflated:
        return ZeroInflated(self.base.expand(batch_shape), gate_logits=(self.log_gate - self.log_rest).expand(batch_shape))

    @property
    def support(self) -> constraints.Constraint | None:
        return self.base.support

    @property
    def mean(self) -> Tensor:
        return (1.0 - self.gate) * functionals.mean(self.base)

    @property
    def variance(self) -> Tensor:
        mean = functionals.mean(self.base)
        return (1.0 - self.gate) * (functionals.variance(self.base) + self.gate * mean.square())

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        with torch.no_grad():
            drawn = self.base.expand(self.batch_shape).sample(torch.Size(sample_shape))
            return torch.where(torch.rand(drawn.shape, dtype=torch.float64, device=drawn.device) < self.gate, 0.0, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        score = self.log_rest + self.base.log_prob(value)
        return torch.where(value == 0, torch.logaddexp(self.log_gate, score), score)

    def cdf(self, value: Tensor) -> Tensor:
        return torch.where(value < 0, 0.0, self.gate) + self.log_rest.exp() * functionals.cdf(self.base, value)

    def survival(self, value: Tensor) -> Tensor:
        return torch.where(value < 0, self.gate, 0.0) + self.log_rest.exp() * functionals.survival(self.base, value)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable where the log_cdf of the base is."""
        score = self.log_rest + functionals.log_cdf(self.base, value)
        return torch.where(value < 0, score, torch.logaddexp(self.log_gate, score))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable where the log_survival of the base is."""
        score = self.log_rest + functionals.log_survival(self.base, value)
        return torch.where(value < 0, torch.logaddexp(self.log_gate, score), score)

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest value whose cdf is at least `value`."""
        value, rest = value.double(), self.log_rest.exp()
        # A base such as skellam may have a probability below 0 too.
        below = rest * functionals.cdf_before(self.base, torch.zeros_like(self.gate))
        drawn = functionals.quantile(self.base, (torch.where(value <= below, value, value - self.gate) / rest).clamp(0.0, 1.0))
        y = torch.where((value > below) & (value <= below + self.gate), 0.0, drawn)
        return torch.where(value.isnan() | (value < 0) | (value > 1), math.nan, y)


@take_plain_values
class Hurdle(Distribution):
    """A hurdle: 0 with probability `gate` (n,), else a draw of `base`, conditioned on not being 0 for counts.

    `base` has counts or positive numbers; then Y has a probability at 0 and a density above. `gate` may be given as its logit.

    >>> from disttrain.distributions import Gamma, Hurdle
    >>> Hurdle(Gamma(2.0, 3.0), gate=torch.tensor(0.4)).cdf(0.5)  # 0.4 + 0.6 * scipy.stats.gamma(2.0, scale=1 / 3).cdf(0.5)
    tensor(0.6653, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {}

    def __init__(
        self, base: Distribution, gate: Tensor | None = None, gate_logits: Tensor | None = None, validate_args: bool = False
    ) -> None:
        self.base, self._counts = base, functionals.is_discrete(base)
        self.gate, self.log_gate, self.log_rest = _gate(gate, gate_logits)
        super().__init__(tensors.common_shape(base.batch_shape, self.gate.shape), validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Hurdle:
        return Hurdle(self.base.expand(batch_shape), gate_logits=(self.log_gate - self.log_rest).expand(batch_shape))

    @property
    def support(self) -> constraints.Constraint | None:
        if self._counts:
            return self.base.support
        # The upper end is the base's: what is asked beyond it would reach the base, whose slopes end there.
        upper = derived.bounds(self.base)[1]
        return constraints.interval(torch.zeros_like(upper), upper)  # type: ignore[no-untyped-call]

    @property
    def mean(self) -> Tensor:
        return (1.0 - self.gate) * functionals.mean(self.base) / self._passed().exp()

    @property
    def variance(self) -> Tensor:
        mean, share = functionals.mean(self.base), (1.0 - self.gate) / self._passed().exp()
        return share * (functionals.variance(self.base) + mean.square()) - (share * mean).square()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,), of counts by the quantile at uniform numbers above P(base = 0)."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            if self._counts:
                drawn = self._positive(tensors.open_uniform(shape, self.gate))
            else:
                drawn = self.base.expand(self.batch_shape).sample(torch.Size(sample_shape))
            return torch.where(torch.rand(shape, dtype=torch.float64, device=drawn.device) < self.gate, 0.0, drawn)

    def log_prob(self, value: Tensor) -> Tensor:
        zero = value == 0
        # A safe value goes in where the target is 0: the gradient of the branch that is thrown away passes through as well.
        score = self.log_rest + self.base.log_prob(torch.where(zero, 1.0 if self._counts else 0.5, value)) - self._passed()
        return torch.where(zero, self.log_gate, score)

    def cdf(self, value: Tensor) -> Tensor:
        if functionals.has_tails(self.base):
            return self.log_cdf(value).exp()
        return torch.where(value < 0, 0.0, 1.0 - self.survival(value))

    def survival(self, value: Tensor) -> Tensor:
        tail = (self.log_rest - self._passed()).exp() * functionals.survival(self.base, value.clamp(min=0.0))
        return torch.where(value < 0, 1.0, tail)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable where both tails of the base are."""
        # Not what is left of log_survival: that is 1 up to rounding where `gate` is small.
        above = value > 0
        inside = torch.where(above, value, 1.0 if self._counts else 0.5)
        score = torch.logaddexp(self.log_gate, self.log_rest + self._log_positive_cdf(inside))
        return torch.where(value < 0, -math.inf, torch.where(above, score, self.log_gate))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable where the log_survival of the base is."""
        return torch.where(value < 0, 0.0, self._log_upper(value))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: 0 up to `gate`, then the quantile of the base among its values that are not 0."""
        value = value.double().expand(tensors.common_shape(value.shape, self.batch_shape))
        share = ((value - self.gate) / self.log_rest.exp()).clamp(0.0, 1.0)
        drawn = self._positive(share) if self._counts else functionals.quantile(self.base, share)
        if self._counts:
            # A base that is 0 but for 1e-12 leaves its share few digits: the count is only near.
            drawn = torch.where(value < 1, smallest_count(self.cdf, value, drawn), drawn)
        return torch.where(value.isnan() | (value < 0) | (value > 1), math.nan, torch.where(value <= self.gate, 0.0, drawn))

    def probability_at(self, value: Tensor) -> Tensor:
        """P(Y = value)."""
        if self._counts:
            return self.log_prob(value).exp()
        return torch.where(value == 0, self.gate, 0.0)

    def _passed(self) -> Tensor:
        """log P(base > 0): 0 for positive numbers."""
        if not self._counts:
            return torch.zeros_like(self.gate)
        zero = self.base.log_prob(torch.zeros_like(self.gate))
        # log(1 - p) where p may be 1 up to rounding: the smallest mean that an activation gives leaves 1e-6.
        return log_probabilities.log1mexp(zero.clamp(max=-1e-300))

    def _positive(self, share: Tensor) -> Tensor:
        """The quantile of the base among its counts above 0."""
        at_zero = functionals.cdf(self.base, torch.zeros_like(self.gate))
        level = (at_zero + share * self._passed().detach().exp()).clamp(0.0, 1.0)
        # A level below 1 must not be rounded to it, where the quantile may be infinite.
        return functionals.quantile(self.base, torch.where(share < 1.0, level.clamp(max=1.0 - 2.0**-53), level)).clamp(min=1.0)

    def _log_positive_cdf(self, value: Tensor) -> Tensor:
        """log P(base <= value), of counts conditional on base > 0; value > 0."""
        if not self._counts:
            return functionals.log_cdf(self.base, value)
        ends = torch.zeros_like(value), value
        below, above = ([tail(self.base, end) for end in ends] for tail in (functionals.log_cdf, functionals.log_survival))
        return log_probabilities.log_interval((below[0], below[1]), (above[0], above[1])) - self._passed()

    def _log_upper(self, value: Tensor) -> Tensor:
        return self.log_rest - self._passed() + functionals.log_survival(self.base, torch.where(value > 0, value, self._smallest()))

    def _smallest(self) -> float:
        """A value of the base at or below which only 0 has a probability."""
        return 0.0 if self._counts else 1e-300


def _gate(gate: Tensor | None, logits: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
    """A probability, its logarithm and the logarithm of 1 minus it, from the probability or its logit."""
    if logits is not None:
        return torch.sigmoid(logits), torch.nn.functional.logsigmoid(logits), torch.nn.functional.logsigmoid(-logits)
    assert gate is not None
    return gate, gate.log(), torch.log1p(-gate)
