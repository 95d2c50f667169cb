"""Distributions of several distributions of one class: mixtures, and vectors of independent elements."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.composed.mixture_density import fused_log_density
from disttrain.distributions.core import functionals
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.core.root_finding import invert
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape


@take_plain_values
class Mixture(Distribution):
    """A mixture: component k with probability `weights`[..., k]; `component` has the batch shape (n, K), `weights` is (n, K).

    The weights may be given as logits instead, which keeps the likelihood exact where a weight is nearly 0.

    >>> from disttrain.distributions import Mixture, Normal
    >>> distribution = Mixture(Normal(loc=torch.tensor([-1.0, 1.0]), scale=torch.ones(2)), weights=torch.tensor([0.25, 0.75]))
    >>> distribution.cdf(0.0)  # 0.25 * scipy.stats.norm.cdf(1.0) + 0.75 * scipy.stats.norm.cdf(-1.0)
    tensor(0.3293, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {}

    def __init__(
        self, component: Distribution, weights: Tensor | None = None, weight_logits: Tensor | None = None, validate_args: bool = False
    ) -> None:
        self.component = component
        self._normalised = weight_logits is None
        if weight_logits is not None:
            self._logits = weight_logits
        else:
            assert weights is not None
            self._logits = (weights / weights.sum(-1, keepdim=True)).log()
        # The logits and the logarithms of their weights, as long as they are the logits of this object: a selection of rows has others.
        self._cached: tuple[Tensor, Tensor] | None = None
        like = component.batch_shape
        shape = like if like == self._logits.shape else tensors.common_shape(like, self._logits.shape)
        super().__init__(shape[:-1], component.event_shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Mixture:
        shape = torch.Size((*batch_shape, self._logits.shape[-1]))
        return Mixture(self.component.expand(shape), weight_logits=self.log_weights.expand(shape))

    @property
    def support(self) -> constraints.Constraint | None:
        return self.component.support

    @property
    def weights(self) -> Tensor:
        """The probability of each component, (n, K)."""
        return self.log_weights.exp()

    @property
    def log_weights(self) -> Tensor:
        """The logarithms of the weights, (n, K); kept for calls without a gradient, such as the steps of a search for a quantile."""
        if self._normalised:
            return self._logits
        if torch.is_grad_enabled():
            return torch.log_softmax(self._logits, -1)
        if self._cached is None or self._cached[0] is not self._logits:
            self._cached = self._logits, torch.log_softmax(self._logits, -1)
        return self._cached[1]

    @property
    def probs(self) -> Tensor:
        """The class probabilities of a mixture of class distributions: (n,) of class 1 of two classes, else (n, C)."""
        component_probs: Tensor = self.component.probs  # type: ignore[attr-defined]
        axes = component_probs.ndim - self.weights.ndim
        return (self.weights.reshape(*self.weights.shape, *(1 for _ in range(axes))) * component_probs).sum(-1 - axes)

    @property
    def mean(self) -> Tensor:
        return self._averaged(functionals.mean(self.component))

    @property
    def variance(self) -> Tensor:
        """E Var + Var E over the components."""
        means, variances = functionals.mean(self.component), functionals.variance(self.component)
        between = means - self._averaged(means).unsqueeze(self._axis)
        return self._averaged(variances + between.square())

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        shape = torch.Size(sample_shape)
        with torch.no_grad():
            drawn = self.component.expand((*self.batch_shape, self.weights.shape[-1])).sample(shape)
            weights = self.weights.expand(*shape, *self.batch_shape, -1).reshape(-1, self.weights.shape[-1])
            chosen = torch.multinomial(weights, 1).reshape(*shape, *self.batch_shape, 1, *(1 for _ in self.event_shape))
            picked: Tensor = drawn.gather(self._axis, chosen.expand(*shape, *self.batch_shape, 1, *self.event_shape))
            return picked.squeeze(self._axis)

    def log_prob(self, value: Tensor) -> Tensor:
        fused = fused_log_density(self.component, self._logits, value)
        if fused is not None:
            return fused
        return torch.logsumexp(self.log_weights + self.component.log_prob(value.unsqueeze(self._axis)), -1)

    def cdf(self, value: Tensor) -> Tensor:
        return (self.weights * functionals.cdf(self.component, value.unsqueeze(-1))).sum(-1)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail where the components are."""
        return (self.weights * functionals.survival(self.component, value.unsqueeze(-1))).sum(-1)

    def probability_at(self, value: Tensor) -> Tensor:
        """P(Y = value): 0 where the components have a density."""
        return (self.weights * functionals.probability_at(self.component, value.unsqueeze(-1))).sum(-1)

    def log_cdf(self, value: Tensor) -> Tensor:
        """log P(Y <= value), differentiable where the log_cdf of the components is."""
        return _log_sum(self.log_weights + functionals.log_cdf(self.component, value.unsqueeze(-1)))

    def log_survival(self, value: Tensor) -> Tensor:
        """log P(Y > value), differentiable where the log_survival of the components is."""
        return _log_sum(self.log_weights + functionals.log_survival(self.component, value.unsqueeze(-1)))

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile, by search between the least and the largest quantile of the components."""
        if functionals.is_discrete(self):
            raise NotImplementedError
        value = value.double().expand(tensors.common_shape(value.shape, self.batch_shape))
        ends = functionals.quantile(self.component, value.unsqueeze(-1))
        return invert(self.cdf, self.survival, value, ends.amin(-1), ends.amax(-1))

    @property
    def _axis(self) -> int:
        """The axis of the components in values of the component distribution."""
        return -1 - len(self.event_shape)

    def _averaged(self, values: Tensor) -> Tensor:
        weights = self.weights.reshape(*self.weights.shape, *(1 for _ in self.event_shape))
        return (weights * values).sum(self._axis)


def Independent(base: Distribution, validate_args: bool = False) -> Distribution:  # noqa: N802 - stands beside the classes
    """A vector of independent elements: the last batch axis of `base` (n, d) becomes the axis of the vector.

    >>> from disttrain.distributions import Independent, Normal
    >>> Independent(Normal(loc=torch.zeros(2), scale=torch.ones(2))).log_prob([0.0, 1.0])  # -math.log(2 * math.pi) - 0.5
    tensor(-2.3379, dtype=torch.float64)
    """
    return torch.distributions.Independent(base, 1, validate_args=validate_args)


def _log_sum(terms: Tensor) -> Tensor:
    """logsumexp over the last axis; -inf without a gradient where all terms are -inf."""
    nothing = (terms == -math.inf).all(-1, keepdim=True)
    return torch.where(nothing.squeeze(-1), -math.inf, torch.logsumexp(torch.where(nothing, 0.0, terms), -1))


def weighted_mixture(component: Distribution, weights: Sequence[float], validate_args: bool = False) -> Mixture:
    """The mixture of K distributions with the same positive weights in each row: of batch shape (n,), `component` has (n, K).

    >>> from disttrain.distributions import Normal, weighted_mixture
    >>> weighted_mixture(Normal(loc=torch.tensor([-1.0, 2.0]), scale=torch.ones(2)), weights=[0.5, 0.5]).mean  # 0.5 * (-1.0 + 2.0)
    tensor(0.5000, dtype=torch.float64)
    """
    largest = max(weights)
    # Relative to the largest, equal weights are logits of exactly 0.
    logits = torch.tensor([math.log(weight / largest) for weight in weights], dtype=torch.float64).expand(component.batch_shape)
    return Mixture(component, weight_logits=logits, validate_args=validate_args)
