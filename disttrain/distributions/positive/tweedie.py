"""Tweedie: totals of a Poisson number of gamma amounts, exactly 0 where that number is 0."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Annotated

import scipy
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Parameter, Positive, parametrised, stored
from disttrain.distributions.core.root_finding import invert
from disttrain.distributions.numerics import incomplete_gamma_beta, log_probabilities, special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Context, Floats, Shape

# A sum over whole numbers whose terms have a width s is as exact with a step of s/2.5: exp(-2π² 2.5²) = 1e-54 is left out.
_PER_WIDTH = 2.5
# The terms fall to exp(-50), on the longer side to exp(-38), within this many widths.
_HALF_WIDTH = 10.0
# exp(-750) is 0 in float64.
_NOTHING = 750.0
# Of a total in units of its amounts' scale: what is smaller would underflow, and is as improbable.
_LEAST = 1e-290
_ROWS_AT_ONCE = 4096


@parametrised
class Tweedie(Distribution):
    """Tweedie with `mean` (target units), variance `dispersion` · mean^`power` and 1 < power < 2; all (n,). P(Y = 0) is positive.

    The number of amounts is Poisson with mean λ = μ^(2-p)/(φ(2-p)), each amount gamma with concentration α = (2-p)/(p-1) and scale
    γ = φ(p-1)μ^(p-1). Source: Jørgensen (1997), The Theory of Dispersion Models; Dunn & Smyth (2005), Series evaluation of Tweedie
    exponential dispersion model densities, with the far terms of long series by a wider step.

    >>> from disttrain.distributions import Tweedie
    >>> Tweedie(mean=2.0, dispersion=1.0, power=1.5).log_prob(0.0)  # -(2.0**0.5) / 0.5
    tensor(-2.8284, dtype=torch.float64)
    """

    support = constraints.nonnegative
    _mean: Positive = stored(alias="mean")
    dispersion: Positive
    power: Annotated[Parameter, constraints.interval(1.0, 2.0)]

    @property
    def variance(self) -> Tensor:
        return self.dispersion * self._mean**self.power

    def _parts(self) -> tuple[Tensor, Tensor, Tensor]:
        """λ, the concentration α and the scale γ of the amounts."""
        p, log_mean = self.power, self._mean.log()
        rate = ((2.0 - p) * log_mean).exp() / (self.dispersion * (2.0 - p))
        return rate, (2.0 - p) / (p - 1.0), self.dispersion * (p - 1.0) * ((p - 1.0) * log_mean).exp()

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,)."""
        with torch.no_grad():
            rate, alpha, scale = self._parts()
            number = torch.poisson(rate.expand(self._extended_shape(torch.Size(sample_shape))))
            some = number > 0
            amounts = torch.distributions.Gamma(torch.where(some, number * alpha, 1.0), 1.0 / scale, validate_args=False).sample()
            return torch.where(some, amounts, 0.0)

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density where value > 0, log-probability at 0."""
        rate, alpha, scale = self._parts()
        shape = tensors.common_shape(value.shape, rate.shape)
        some = (value > 0).expand(shape)
        score = -rate.expand(shape)
        if not bool(some.any()):
            return score
        # The series runs over the positive rows alone: most totals are 0.
        picked = [part.expand(shape)[some] for part in (rate, alpha, scale, value)]
        dense = torch.cat([_series(*part) for part in zip(*(piece.split(_ROWS_AT_ONCE) for piece in picked), strict=True)])  # type: ignore[no-untyped-call]
        return score.masked_scatter(some, dense.to(score.dtype))

    def probability_at(self, value: Tensor) -> Tensor:
        """P(Y = value): at 0 the Poisson probability of no amount, else 0."""
        return torch.where(value == 0, (-self._parts()[0]).exp(), 0.0)

    def cdf(self, value: Tensor) -> Tensor:
        return self._averaged(scipy.special.gammainc, value, False)

    def survival(self, value: Tensor) -> Tensor:
        return self._averaged(scipy.special.gammaincc, value, True)

    def log_cdf(self, value: Tensor) -> Tensor:
        some, rate = value > 0, self._parts()[0]
        number, log_weight, amounts, x = self._conditional(torch.where(some, value, 1.0), False)
        below = torch.where(number > 0, incomplete_gamma_beta.log_gamma_lower(amounts, x), 0.0)
        # No amount at all by itself: where amounts are many and small their likely numbers are far from 0.
        score = torch.where(some, torch.logsumexp(log_weight + below, 0).clamp(max=0.0), -rate)
        return torch.where(value < 0, -math.inf, score)

    def log_survival(self, value: Tensor) -> Tensor:
        some, rate = value > 0, self._parts()[0]
        number, log_weight, amounts, x = self._conditional(torch.where(some, value, 1.0), True)
        above = torch.where(number > 0, log_weight + incomplete_gamma_beta.log_gamma_upper(amounts, x), -math.inf)
        score = torch.where(some, torch.logsumexp(above, 0).clamp(max=0.0), log_probabilities.log1mexp(-rate))
        return torch.where(value < 0, 0.0, score)

    def _conditional(self, value: Tensor, upper: bool) -> tuple[Tensor, ...]:
        """Numbers of amounts (J, ...), their log-probabilities, the concentrations of their sums, and the value in units of the scale."""
        rate, alpha, scale = (part.expand(tensors.common_shape(value.shape, self._mean.shape)) for part in self._parts())
        return _weighed(rate, alpha, value / scale, _centre(rate, alpha, value / scale, upper)[0])

    def _averaged(self, function: Callable[..., Floats], value: Tensor, upper: bool) -> Tensor:
        """A tail probability of the sum of the amounts, averaged over their number; 0 or 1 for no amount."""
        shape = tensors.common_shape(value.shape, self._mean.shape)
        with torch.no_grad():
            rate, alpha, scale = (part.double().expand(shape).reshape(-1) for part in self._parts())
            y = value.double().expand(shape).reshape(-1)
            x = y.clamp(min=0.0) / scale
            centre, exponent = _centre(rate, alpha, x, upper)
            # Of no amount alone, which is all that is left where the others together are below the float64 range.
            none = -torch.expm1(-rate) if upper else (-rate).exp()
            result = torch.where(y < 0, float(upper), torch.where(y == 0, none, 0.0 if upper else none))
            alive = torch.nonzero((y > 0) & (exponent < _NOTHING)).squeeze(-1)
            # Rows of like numbers together, as the longest sum of a chunk is that of all its rows.
            for chunk in alive[centre[alive].argsort()].split(_ROWS_AT_ONCE):  # type: ignore[no-untyped-call]
                number, log_weight, amounts, size = _weighed(rate[chunk], alpha[chunk], x[chunk], centre[chunk])
                tail = torch.where(number > 0, tensors.on_arrays(function, amounts, size), 0.0 if upper else 1.0)
                result[chunk] = (log_weight.exp() * tail).sum(0).clamp(0.0, 1.0)
            return result.reshape(shape)

    def icdf(self, value: Tensor) -> Tensor:
        """The quantile: 0 up to the probability of 0."""
        p = value.double().expand(tensors.common_shape(value.shape, self._mean.shape))
        with torch.no_grad():
            zero = (-self._parts()[0]).exp()
            y = invert(self.cdf, self.survival, torch.where(p > zero, p, 0.5 + 0.5 * zero), 0.0, math.inf)
            return torch.where((p >= 0) & (p <= zero), 0.0, torch.where(p > zero, y, math.nan))


class _Series(torch.autograd.Function):
    """log Σ_j Poisson(j; λ) gamma(y; jα, γ) and its derivatives in λ, α, γ and y, as means over j."""

    @staticmethod
    def forward(ctx: Context, rate: Tensor, alpha: Tensor, scale: Tensor, y: Tensor) -> Tensor:
        x = (y / scale).clamp(min=_LEAST)
        top = _likeliest(rate, alpha, x)
        width = (top / (1.0 + alpha)).sqrt()
        number, log_step = _nodes(top, width, width, 1.0)
        k = number * alpha
        score = -special.deviance(number, rate.expand(k.shape)) - special.log_factorial_remainder(number) + log_step
        score = score + 0.5 * k.log() - special.stirling_remainder(k) - special.deviance(k, x.expand(k.shape)) - y.log() - HALF_LOG_2PI
        total = torch.logsumexp(score, 0)
        weight = (score - total).exp()
        # Means of differences, as those of large numbers would cancel against the rate.
        surplus = (weight * (number - rate)).sum(0)
        pull = (weight * number * (_log_share(x, k) - _digamma_rest(k))).sum(0)
        missing = (x - alpha * rate) - alpha * surplus
        ctx.save_for_backward(surplus / rate, pull, missing / scale, -(missing + 1.0) / y)
        return total

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor, ...]:
        return tuple(slope * grad for slope in ctx.saved_tensors)


def _series(rate: Tensor, alpha: Tensor, scale: Tensor, y: Tensor) -> Tensor:
    result: Tensor = _Series.apply(rate.double(), alpha.double(), scale.double(), y.double())  # type: ignore[no-untyped-call]
    return result


def _log_share(x: Tensor, k: Tensor) -> Tensor:
    """log(x / k), with the digits of the difference where the two are close."""
    share = (x - k) / k
    return torch.where(share.abs() < 0.5, torch.log1p(share), (x / k).log())


def _digamma_rest(k: Tensor) -> Tensor:
    """digamma(k) - log k, by its series for large k. Source: NIST DLMF 5.11.2."""
    return torch.where(k > 1e4, -(0.5 + 1.0 / (12.0 * k)) / k, torch.digamma(k) - k.log())


def _likeliest(rate: Tensor, alpha: Tensor, x: Tensor) -> Tensor:
    """The number of amounts of the largest term of the series."""
    return ((rate.log() + alpha * (x / alpha).log()) / (1.0 + alpha)).exp()


def _centre(rate: Tensor, alpha: Tensor, x: Tensor, upper: bool) -> tuple[Tensor, Tensor]:
    """The number of amounts with the largest term of a tail at x, and minus the exponent of its probability, 0 for a central x.

    In a tail this is the likeliest number conditional on the value, not the mean number.
    """
    rate, alpha, x = rate.detach(), alpha.detach(), x.detach().clamp(min=_LEAST)
    top = _likeliest(rate, alpha, x)
    centre = (torch.maximum if upper else torch.minimum)(rate, top)
    exponent = special.deviance(top, rate) + special.deviance(top * alpha, x)
    return centre, torch.where(centre == top, exponent, 0.0)


def _weighed(rate: Tensor, alpha: Tensor, x: Tensor, centre: Tensor) -> tuple[Tensor, ...]:
    """Numbers (J, ...) around `centre`, their log Poisson probabilities, their concentrations, and x expanded to their shape."""
    number, log_step = _nodes(centre, centre.sqrt(), (centre / (1.0 + alpha.detach())).sqrt(), 0.0)
    score = -special.deviance(number, rate.expand(number.shape)) - special.log_factorial_remainder(number) + log_step
    return number, score, torch.where(number > 0, number, 1.0) * alpha, x.expand(number.shape)


def _nodes(top: Tensor, width: Tensor, finest: Tensor, first: float) -> tuple[Tensor, Tensor]:
    """Nodes (J, n) around `top` for the sum of terms of this width, from `first` up, and the logarithms of their steps.

    Integers where the terms are few or the first term matters, wider steps where they are many and smooth. `finest` is the scale of the
    curvature of the terms: at most the width, and less where a factor of the terms is a narrower step.
    """
    step = finest / _PER_WIDTH
    wide = (top - _HALF_WIDTH * width > first + 1.0) & (step > 1.0)
    step = torch.where(wide, step, 1.0)
    lowest = (top - _HALF_WIDTH * width - 12.0).floor().clamp(min=first)
    start = torch.where(wide, top - _HALF_WIDTH * width, lowest)
    most = ((top + _HALF_WIDTH * width + torch.where(wide, 0.0, 12.0) - start) / step).ceil() + 1.0
    index = torch.arange(int(most.max()) if most.numel() else 0, dtype=torch.float64, device=top.device)
    index = index.reshape(-1, *(1 for _ in top.shape))
    used = index < most
    return torch.where(used, start + index * step, top.clamp(min=1.0)), torch.where(used, step.log(), -math.inf)
