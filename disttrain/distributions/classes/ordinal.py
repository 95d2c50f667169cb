"""Classes with an order: a latent location among cutpoints."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import log_probabilities, special, tensors
from disttrain.distributions.numerics.tensors import Shape


@take_plain_values
class Ordinal(Distribution):
    """Ordered classes 0 ... K - 1: P(Y <= k) = F(`cutpoints`[..., k] - `loc`), cutpoints (n, K - 1) increasing, loc (n,).

    F is the logistic cdf, or the normal one with `link` "probit". Source: McCullagh (1980), Regression models for ordinal data.

    >>> from disttrain.distributions import Ordinal
    >>> Ordinal(loc=torch.tensor(0.3), cutpoints=torch.tensor([-1.0, 1.0])).cdf(0.0)  # scipy.stats.logistic.cdf(-1.3)
    tensor(0.2142)
    """

    arg_constraints: ClassVar = {"loc": constraints.real, "cutpoints": constraints.real_vector}

    def __init__(self, loc: Tensor, cutpoints: Tensor, link: str = "logit", validate_args: bool = False) -> None:
        shape = tensors.common_shape(loc.shape, cutpoints.shape[:-1])
        self.loc, self.cutpoints, self.link = loc.expand(shape), cutpoints.expand(*shape, cutpoints.shape[-1]), link
        super().__init__(shape, validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Ordinal:
        return Ordinal(self.loc.expand(batch_shape), self.cutpoints.expand(*batch_shape, self.cutpoints.shape[-1]), self.link)

    @property
    def support(self) -> constraints.Constraint:
        return constraints.integer_interval(0, self.cutpoints.shape[-1])  # type: ignore[no-untyped-call]

    @property
    def probs(self) -> Tensor:
        """The probabilities of the classes, (n, K)."""
        codes = torch.arange(self.cutpoints.shape[-1] + 1, dtype=torch.float64, device=self.loc.device)
        return self.log_prob(codes.reshape(-1, *(1 for _ in self.batch_shape))).exp().movedim(0, -1)

    @property
    def mean(self) -> Tensor:
        """nan: classes have an order, but no distances."""
        return torch.full_like(self.loc, math.nan)

    @property
    def variance(self) -> Tensor:
        """nan: classes have an order, but no distances."""
        return torch.full_like(self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.probs.argmax(-1).to(self.loc.dtype)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        with torch.no_grad():
            return self.icdf(tensors.open_uniform(self._extended_shape(torch.Size(sample_shape)), self.loc)).to(self.loc.dtype)

    def _log_lower(self, z: Tensor) -> Tensor:
        return log_probabilities.log_ndtr(z) if self.link == "probit" else torch.nn.functional.logsigmoid(z)

    def _cutpoint(self, code: Tensor) -> Tensor:
        """The cutpoint above class `code`."""
        shape = tensors.common_shape(self.batch_shape, code.shape)
        index = code.expand(shape).clamp(0, self.cutpoints.shape[-1] - 1).long()
        return self.cutpoints.expand(*shape, self.cutpoints.shape[-1]).gather(-1, index.unsqueeze(-1)).squeeze(-1)

    def _distance(self, code: Tensor) -> Tensor:
        """The distance of the cutpoint above class `code` from loc."""
        return self._cutpoint(code) - self.loc

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-probability, as a difference in the nearer tail."""
        below, above = self._distance(value - 1.0), self._distance(value)
        first, last = value == 0, value == self.cutpoints.shape[-1]
        # Of the first and the last class one of the two is not there: any wider interval stands in, as its slope is not used.
        lower, upper = torch.where(first, above - 1.0, below), torch.where(last, below + 1.0, above)
        if self.link == "probit":
            between = log_probabilities.log_interval(
                (log_probabilities.log_ndtr(lower), log_probabilities.log_ndtr(upper)),
                (log_probabilities.log_ndtr(-lower), log_probabilities.log_ndtr(-upper)),
            )
        else:
            # σ(b) - σ(a) = σ(b) σ(-a) (1 - exp(a - b)), where loc, which would take digits of a narrow class, has no part in a - b.
            width = torch.where(first | last, 1.0, self._cutpoint(value) - self._cutpoint(value - 1.0))
            between = self._log_lower(upper) + self._log_lower(-lower) + log_probabilities.log1mexp((-width).clamp(max=-1e-300))
        return torch.where(first, self._log_lower(above), torch.where(last, self._log_lower(-below), between))

    def log_cdf(self, value: Tensor) -> Tensor:
        return self._log_lower(self._distance(value.floor()))

    def log_survival(self, value: Tensor) -> Tensor:
        return self._log_lower(-self._distance(value.floor()))

    def cdf(self, value: Tensor) -> Tensor:
        inside = self.log_cdf(value).exp()
        return torch.where(value < 0, 0.0, torch.where(value >= self.cutpoints.shape[-1], 1.0, inside))

    def survival(self, value: Tensor) -> Tensor:
        inside = self.log_survival(value).exp()
        return torch.where(value < 0, 1.0, torch.where(value >= self.cutpoints.shape[-1], 0.0, inside))

    def icdf(self, value: Tensor) -> Tensor:
        """The smallest class whose cdf is at least `value`."""
        z = special.ndtri(value.double()) if self.link == "probit" else torch.logit(value.double())
        code = ((self.cutpoints - self.loc.unsqueeze(-1)) < z.unsqueeze(-1)).sum(-1, dtype=torch.float64)
        return torch.where((value >= 0) & (value <= 1), code, math.nan)


def ordinal_logit(loc: Tensor, cutpoints: Tensor, validate_args: bool = False) -> Ordinal:
    """Ordered classes with the logistic cdf.

    >>> from disttrain.distributions import ordinal_logit
    >>> ordinal_logit(loc=torch.tensor(0.3), cutpoints=torch.tensor([-1.0, 1.0])).cdf(0.0)  # scipy.stats.logistic.cdf(-1.3)
    tensor(0.2142)
    """
    return Ordinal(loc, cutpoints, "logit", validate_args=validate_args)


def ordinal_probit(loc: Tensor, cutpoints: Tensor, validate_args: bool = False) -> Ordinal:
    """Ordered classes with the normal cdf.

    >>> from disttrain.distributions import ordinal_probit
    >>> ordinal_probit(loc=torch.tensor(0.3), cutpoints=torch.tensor([-1.0, 1.0])).cdf(0.0)  # scipy.stats.norm.cdf(-1.3)
    tensor(0.0968)
    """
    return Ordinal(loc, cutpoints, "probit", validate_args=validate_args)
