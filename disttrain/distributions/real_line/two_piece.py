"""Two-piece distributions on the real line, with two scales around the mode: the two-piece normal and the skew t."""

from __future__ import annotations

import math

import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, LOG_2, ROOT_HALF, ROOT_TWO_OVER_PI
from disttrain.distributions.numerics.incomplete_gamma_beta import log_beta_lower
from disttrain.distributions.numerics.log_probabilities import log_ndtr
from disttrain.distributions.numerics.student_t_cdf import log_t_lower
from disttrain.distributions.numerics.tensors import Shape

# At the mode itself the share of one half between it and y has no logarithm: so close it no longer counts.
_PEAK = 1e-150


@parametrised
class TwoPieceNormal(Distribution):
    """Two-piece normal: halves of normals around the mode `loc`, of scales `scale_lower` below and `scale_upper` above: all (n,), in target units.

    Source: Wallis (2014), The two-piece normal, binormal, or double Gaussian distribution.

    >>> from disttrain.distributions import TwoPieceNormal
    >>> TwoPieceNormal(loc=0.0, scale_lower=1.0, scale_upper=3.0).cdf(0.0)  # 1.0 / (1.0 + 3.0)
    tensor(0.2500, dtype=torch.float64)
    """

    support = constraints.real
    loc: Real
    scale_lower: Positive
    scale_upper: Positive

    @property
    def mean(self) -> Tensor:
        return self.loc + ROOT_TWO_OVER_PI * (self.scale_upper - self.scale_lower)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        return (1.0 - 2.0 / math.pi) * (self.scale_upper - self.scale_lower).square() + self.scale_lower * self.scale_upper

    def log_prob(self, value: Tensor) -> Tensor:
        distance = value - self.loc
        # The side is chosen before dividing, so that the scale of the other one gets no gradient of its own.
        z = distance / torch.where(distance < 0, self.scale_lower, self.scale_upper)
        return LOG_2 - 0.5 * z.square() - (self.scale_lower + self.scale_upper).log() - HALF_LOG_2PI

    def log_cdf(self, value: Tensor) -> Tensor:
        return _log_half_normals_lower(value - self.loc, self.scale_lower, self.scale_upper)

    def log_survival(self, value: Tensor) -> Tensor:
        return _log_half_normals_lower(self.loc - value, self.scale_upper, self.scale_lower)

    def icdf(self, value: Tensor) -> Tensor:
        total_scale = self.scale_lower + self.scale_upper
        below = 0.5 * value * total_scale / self.scale_lower
        above = 0.5 * (1.0 - value) * total_scale / self.scale_upper
        lower, upper = (scale * special.ndtri(p.clamp(max=0.5)) for scale, p in ((self.scale_lower, below), (self.scale_upper, above)))
        return self.loc + torch.where(below < 0.5, lower, -upper)


@parametrised
class SkewT(Distribution):
    """Student's t of `df` whose scale is `scale`/`skewness` below the mode `loc` and scale · skewness above: all (n,).

    Skewness > 0, 1 is symmetric; loc and scale in target units. Source: Fernandez & Steel (1998); gamlss ST3.

    >>> from disttrain.distributions import SkewT
    >>> SkewT(df=5.0, loc=0.0, scale=1.0, skewness=2.0).cdf(0.0)  # 1 / (1 + 2.0**2)
    tensor(0.2000, dtype=torch.float64)
    """

    support = constraints.real
    df: Positive
    loc: Real
    scale: Positive
    skewness: Positive

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def _lean(self) -> Tensor:
        return self.skewness - self.skewness.reciprocal()

    @property
    def _mean_size(self) -> Tensor:
        """E |T|, for df > 1."""
        df = torch.where(self.df > 1, self.df, 2.0)
        return ROOT_TWO_OVER_PI * (df / (df - 1.0)) * special.half_step(0.5 * df).exp()

    @property
    def mean(self) -> Tensor:
        """loc + scale E|T| (skewness - 1/skewness); nan where df <= 1."""
        return torch.where(self.df > 1, self.loc + self.scale * self._mean_size * self._lean, math.nan)

    @property
    def variance(self) -> Tensor:
        """inf where 1 < df <= 2, nan where df <= 1."""
        df = torch.where(self.df > 2, self.df, 4.0)
        square, lean = df / (df - 2.0), self._lean.square()
        finite = self.scale.square() * (square + lean * (square - self._mean_size.square()))
        return torch.where(self.df > 2, finite, torch.where(self.df > 1, math.inf, math.nan))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            zero = torch.zeros_like(self.df)
            size = torch.distributions.StudentT(self.df, zero, zero + 1.0, validate_args=False).sample(torch.Size(sample_shape)).abs()
            above = tensors.open_uniform(shape, self.df).logit() < 2.0 * self.skewness.log()
            return self.loc + self.scale * torch.where(above, size * self.skewness, -size / self.skewness)

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        z = self._z(value)
        stretched = z * torch.where(z < 0, self.skewness, self.skewness.reciprocal())
        kernel = special.log1p_square(stretched / self.df.sqrt())
        centre = special.half_step(0.5 * self.df) - self.scale.log() - HALF_LOG_2PI + LOG_2
        ratio = self.skewness.log()
        return centre - torch.logaddexp(ratio, -ratio) - 0.5 * (self.df + 1.0) * kernel

    def log_cdf(self, value: Tensor) -> Tensor:
        return _log_two_piece_t_lower(self._z(value), self.df, self.skewness)

    def log_survival(self, value: Tensor) -> Tensor:
        return _log_two_piece_t_lower(-self._z(value), self.df, self.skewness.reciprocal())

    def icdf(self, value: Tensor) -> Tensor:
        square = self.skewness.square()
        below, above = 0.5 * value * (1.0 + square), 0.5 * (1.0 - value) * (1.0 + square.reciprocal())
        lower, upper = (tensors.on_arrays(scipy.special.stdtrit, self.df, torch.clamp(p, 0.0, 0.5)) for p in (below, above))
        lower, upper = (torch.where(p <= 0, -math.inf, t) for p, t in ((below, lower), (above, upper)))
        return self.loc + self.scale * torch.where(below < 0.5, lower / self.skewness, -upper * self.skewness)


def _log_half_normals_lower(distance: Tensor, scale: Tensor, other: Tensor) -> Tensor:
    """log F at `distance` above the mode, `scale` below and `other` above it."""
    share, rest = scale / (scale + other), other / (scale + other)
    lower = share.log() + LOG_2 + log_ndtr(distance.clamp(max=0.0) / scale)
    z = distance.clamp(min=0.0) / other
    survival = rest * torch.erfc(z * ROOT_HALF)
    few = survival < 0.5
    right = torch.where(few, torch.log1p(-torch.where(few, survival, 0.5)), (share + rest * torch.erf(z * ROOT_HALF)).log())
    return torch.where(distance < 0, lower, right)


def _log_two_piece_t_lower(z: Tensor, df: Tensor, skewness: Tensor) -> Tensor:
    """log F(z) of the standard two-piece t."""
    ratio = 2.0 * skewness.log()
    below, above = torch.nn.functional.logsigmoid(-ratio), torch.nn.functional.logsigmoid(ratio)
    lower = below + LOG_2 + log_t_lower(df, z.clamp(max=0.0) * skewness)
    x = z.clamp(min=_PEAK) / skewness
    survival = above + LOG_2 + log_t_lower(df, -x)
    few = survival < -LOG_2
    # P(|T| <= x), which has no 1 that it could cancel with.
    denominator = df + x * x
    between = above + log_beta_lower(
        torch.full_like(df, 0.5).expand(x.shape), 0.5 * df.expand(x.shape), x * x / denominator, df / denominator
    )
    right = torch.where(few, torch.log1p(-torch.where(few, survival, -1.0).exp()), torch.logaddexp(below, between))
    return torch.where(z < 0, lower, right)
