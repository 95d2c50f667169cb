"""Distributions of labels: two classes, or K classes, coded 0 .. K - 1."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.tensors import Shape


@take_plain_values
class Bernoulli(torch.distributions.Bernoulli):
    """Bernoulli: 1 with probability `probs` = σ(`logits`), else 0; (n,), given by one of them. Logits stay exact where probs saturate.

    >>> from disttrain.distributions import Bernoulli
    >>> Bernoulli(probs=0.3).log_prob(1.0)  # math.log(0.3)
    tensor(-1.2040, dtype=torch.float64)
    """

    def __init__(self, probs: Tensor | float | None = None, logits: Tensor | float | None = None, validate_args: bool = False) -> None:
        self._by_logits = logits is not None
        values = [None if value is None else tensors.parameters(value)[0] for value in (probs, logits)]
        super().__init__(values[0], values[1], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Bernoulli:
        return Bernoulli(logits=self.logits.expand(batch_shape)) if self._by_logits else Bernoulli(probs=self.probs.expand(batch_shape))

    @property
    def _failure(self) -> Tensor:
        return torch.sigmoid(-self.logits) if self._by_logits else 1.0 - self.probs

    @property
    def variance(self) -> Tensor:
        return self.probs * self._failure

    def log_prob(self, value: Tensor) -> Tensor:
        if self._by_logits:
            return torch.nn.functional.logsigmoid((2.0 * value - 1.0) * self.logits)
        return torch.where(value == 1, self.probs, 1.0 - self.probs).log()

    def cdf(self, value: Tensor) -> Tensor:
        return torch.where(value < 0, 0.0, torch.where(value < 1, self._failure, 1.0))

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact for rare events."""
        return torch.where(value < 0, 1.0, torch.where(value < 1, self.probs, 0.0))

    def log_cdf(self, value: Tensor) -> Tensor:
        failure = torch.nn.functional.logsigmoid(-self.logits) if self._by_logits else torch.log1p(-self.probs)
        return failure.expand(tensors.common_shape(value.shape, failure.shape))

    def log_survival(self, value: Tensor) -> Tensor:
        success = torch.nn.functional.logsigmoid(self.logits) if self._by_logits else self.probs.log()
        return success.expand(tensors.common_shape(value.shape, success.shape))

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest of 0 and 1 whose cdf is at least `value`."""
        label = (value > self._failure).to(torch.float64)
        return torch.where((value >= 0) & (value <= 1), label, math.nan)


@take_plain_values
class Categorical(torch.distributions.Categorical):
    """Categorical: class c with probability `probs`[..., c], the softmax of `logits`; (n, K), given by one of the two.

    >>> from disttrain.distributions import Categorical
    >>> Categorical(probs=torch.tensor([0.2, 0.5, 0.3])).log_prob(1.0)  # math.log(0.5)
    tensor(-0.6931)
    """

    def __init__(self, probs: Tensor | None = None, logits: Tensor | None = None, validate_args: bool = False) -> None:
        self._by_logits = logits is not None
        super().__init__(probs, logits, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Categorical:
        shape = torch.Size((*batch_shape, self._num_events))
        return Categorical(logits=self.logits.expand(shape)) if self._by_logits else Categorical(probs=self.probs.expand(shape))

    def log_prob(self, value: Tensor) -> Tensor:
        # The logits that torch makes of probabilities are cut at 2e-16.
        return _pick(self.logits, value.long()) if self._by_logits else _pick(self.probs, value.long()).log()

    def cdf(self, value: Tensor) -> Tensor:
        """P(Y <= value) in the order of the codes."""
        return _pick(self._steps(), value.floor().clamp(-1, self._num_events - 1).long() + 1)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value) in the order of the codes, exact for rare classes."""
        above = torch.nn.functional.pad(self.probs.flip(-1).cumsum(-1)[..., :-1].flip(-1), (1, 1))
        above[..., 0] = 1.0
        return _pick(above, value.floor().clamp(-1, self._num_events - 1).long() + 1)

    def log_cdf(self, value: Tensor) -> Tensor:
        return _pick(self._log_probs().logcumsumexp(-1), value.floor().clamp(0, self._num_events - 1).long())

    def log_survival(self, value: Tensor) -> Tensor:
        above = self._log_probs().flip(-1).logcumsumexp(-1).flip(-1)[..., 1:]
        return _pick(above, value.floor().clamp(0, self._num_events - 2).long())

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest code whose cdf is at least `value`."""
        label = (self._steps()[..., 1:-1] < value.unsqueeze(-1)).sum(-1, dtype=torch.float64)
        return torch.where((value >= 0) & (value <= 1), label, math.nan)

    def _log_probs(self) -> Tensor:
        """The logarithms of the probabilities, (..., K); logits that torch computes from probabilities are cut at 2e-16."""
        return torch.log_softmax(self.logits, -1) if self._by_logits else self.probs.log()

    def _steps(self) -> Tensor:
        """The cdf at -1, 0, ..., K - 1: (..., K + 1), exactly 0 at the start and 1 at the end."""
        steps = torch.nn.functional.pad(self.probs.cumsum(-1)[..., :-1], (1, 1))
        steps[..., -1] = 1.0
        return steps


def _pick(table: Tensor, index: Tensor) -> Tensor:
    """The entry `index` of the last axis of `table`, row by row."""
    shape = tensors.common_shape(table.shape[:-1], index.shape)
    return table.expand(*shape, table.shape[-1]).gather(-1, index.expand(shape).unsqueeze(-1)).squeeze(-1)
