"""The inverse Gaussian distribution, the first passage time of a Brownian motion with drift."""

from __future__ import annotations

import math

import numpy as np
import scipy
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.distributions import Distribution, constraints

from disttrain.distributions.core import functionals
from disttrain.distributions.core.parametrised import Positive, parametrised, stored
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI, ROOT_HALF
from disttrain.distributions.numerics.tensors import Context, Floats, Shape

# erfcx(x) √π = Σ c_n / x^(2n + 1): from _LARGE on these terms are exact to 1e-15.
_ERFCX = (1.0, -1 / 2, 3 / 4, -15 / 8, 105 / 16)
_LARGE = 30.0


@parametrised
class InverseGaussian(Distribution):
    """Inverse Gaussian: positive and skewed, variance `mean`³/`concentration`; both (n,) in target units.

    Source: Chhikara & Folks (1989); cdf by scaled complementary error functions, as exp(2 λ/μ) overflows.

    >>> from disttrain.distributions import InverseGaussian
    >>> InverseGaussian(mean=2.0, concentration=4.0).cdf(1.0)  # scipy.stats.invgauss(0.5, scale=4.0).cdf(1.0)
    tensor(0.2324, dtype=torch.float64)
    """

    support = constraints.positive
    _mean: Positive = stored(alias="mean")
    concentration: Positive

    @property
    def mode(self) -> Tensor:
        skew = 1.5 * self._mean / self.concentration
        # mean · (sqrt(1 + skew²) - skew), without its cancellation.
        return self._mean / (torch.hypot(skew, torch.ones_like(skew)) + skew)

    @property
    def variance(self) -> Tensor:
        return self._mean.square() * (self._mean / self.concentration)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        """Independent draws of shape sample_shape + (n,). Source: Michael, Schucany & Haas (1976), smaller root rewritten."""
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            mean = self._mean.expand(shape)
            skew = 0.5 * torch.randn(shape, dtype=mean.dtype, device=mean.device).square() * mean / self.concentration
            root = 1.0 / (1.0 + skew + (skew * (2.0 + skew)).sqrt())
            return mean * torch.where(tensors.open_uniform(shape, mean) * (1.0 + root) <= 1.0, root, 1.0 / root)

    def log_prob(self, value: Tensor) -> Tensor:
        distance = (value - self._mean) / self._mean
        return 0.5 * self.concentration.log() - 1.5 * value.log() - 0.5 * self.concentration * distance.square() / value - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_inverse_gaussian_lower, value, self._mean, self.concentration)

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(_inverse_gaussian_upper, value, self._mean, self.concentration)

    def log_cdf(self, value: Tensor) -> Tensor:
        return _log_tail(value, self._mean, self.concentration, False)

    def log_survival(self, value: Tensor) -> Tensor:
        return _log_tail(value, self._mean, self.concentration, True)

    def icdf(self, value: Tensor) -> Tensor:
        return functionals.searched_quantile(self, value, 0.0, math.inf)


def _arms(y: Floats, mean: Floats, concentration: Floats) -> tuple[Floats, ...]:
    """z = sqrt(λ/(2 y)) (y/μ - 1), the difference of sqrt(λ/(2 y)) (y/μ + 1) from z, and the density kernel ½ exp(-z²)."""
    root = np.sqrt(concentration / y) * ROOT_HALF
    z = root * ((y - mean) / mean)
    return z, 2.0 * root, 0.5 * np.exp(-z * z)


def _erfcx_drop(x: Floats, gap: Floats) -> Floats:
    """erfcx(x) - erfcx(x + gap): of a small gap by the derivatives at its midpoint, of a large x by the asymptotic series."""
    middle = x + 0.5 * gap
    value: Floats = scipy.special.erfcx(middle)
    slope = 2.0 * middle * value - 2.0 / math.sqrt(math.pi)
    third = 4.0 * slope + 4.0 * middle * (value + middle * slope)
    direct = np.where(gap < 1e-3, -gap * (slope + gap * gap / 24.0 * third), scipy.special.erfcx(x) - scipy.special.erfcx(x + gap))
    return np.where(x > _LARGE, _asymptotic_drop(np.maximum(x, _LARGE), gap), direct)


def _asymptotic_drop(x: Floats, gap: Floats) -> Floats:
    """erfcx(x) - erfcx(x + gap) of a large x, by the differences of the terms of the asymptotic series.

    p^k - q^k = (p - q) (p^(k-1) + ... + q^(k-1)) with p = 1/x, q = 1/(x + gap). Source: DLMF 7.12.1.
    """
    p, ratio = 1.0 / x, x / (x + gap)
    terms = (c * p ** (2 * n) * sum(ratio**k for k in range(2 * n + 1)) for n, c in enumerate(_ERFCX))
    return np.asarray(gap / x * (ratio / x) * sum(terms) / math.sqrt(math.pi))


def _inverse_gaussian_lower(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    z, gap, kernel = _arms(np.maximum(y, 0.0), mean, concentration)
    erfcx = scipy.special.erfcx
    below = kernel * (erfcx(-np.minimum(z, 3.0)) + erfcx(z + gap))
    return np.where(y <= 0, 0.0, np.where(y == np.inf, 1.0, np.where(z < 3.0, below, 1.0 - kernel * _erfcx_drop(z, gap))))


def _inverse_gaussian_upper(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    z, gap, kernel = _arms(np.maximum(y, 0.0), mean, concentration)
    erfcx = scipy.special.erfcx
    above = kernel * _erfcx_drop(np.maximum(z, -3.0), gap)
    return np.where(y <= 0, 1.0, np.where(y == np.inf, 0.0, np.where(z > -3.0, above, 1.0 - kernel * (erfcx(-z) + erfcx(z + gap)))))


def _scaled_lower(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    """log F without the density kernel exp(-z²)."""
    z, gap, _ = _arms(y, mean, concentration)
    erfcx = scipy.special.erfcx
    below = np.log(0.5 * (erfcx(-np.minimum(z, 3.0)) + erfcx(z + gap)))
    return np.where(z < 3.0, below, np.log1p(-_inverse_gaussian_upper(y, mean, concentration)) + z * z)


def _scaled_upper(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    """log S without the density kernel exp(-z²)."""
    z, gap, _ = _arms(y, mean, concentration)
    above = np.log(0.5 * _erfcx_drop(np.maximum(z, -3.0), gap))
    return np.where(z > -3.0, above, np.log1p(-_inverse_gaussian_lower(y, mean, concentration)) + z * z)


def _log_lower(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    z = _arms(y, mean, concentration)[0]
    below = _scaled_lower(y, mean, concentration) - z * z
    return np.where(z < 3.0, below, np.log1p(-_inverse_gaussian_upper(y, mean, concentration)))


def _log_upper(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    z = _arms(y, mean, concentration)[0]
    above = _scaled_upper(y, mean, concentration) - z * z
    return np.where(z > -3.0, above, np.log1p(-_inverse_gaussian_lower(y, mean, concentration)))


def _scaled_mirrored(y: Floats, mean: Floats, concentration: Floats) -> Floats:
    """log(exp(2 λ/μ) Φ(-sqrt(λ/y) (y/μ + 1))) without the density kernel: a term of the derivatives."""
    z, gap, _ = _arms(y, mean, concentration)
    return np.asarray(np.log(0.5 * scipy.special.erfcx(z + gap)))


_LOWER, _UPPER = (_scaled_lower, _log_lower), (_scaled_upper, _log_upper)


class _LogTail(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Context, y: Tensor, mean: Tensor, concentration: Tensor, upper: bool) -> Tensor:
        scaled, result = (tensors.on_arrays(function, y, mean, concentration) for function in (_UPPER if upper else _LOWER))
        ctx.save_for_backward(y, mean, concentration, scaled, result)
        ctx.upper = upper
        return torch.where(result.isnan(), -math.inf, result)

    @staticmethod
    @once_differentiable
    def backward(ctx: Context, grad: Tensor) -> tuple[Tensor | None, ...]:
        y, mean, concentration, scaled, result = ctx.saved_tensors
        # F has the slopes f in y, -2 λ/μ² M in μ and 2 M/μ - y f/λ in λ, with M the mirrored part; the kernel, 1e28 at the worst, cancels.
        density = 0.5 * concentration.log() - 1.5 * y.log() - HALF_LOG_2PI
        density = (density - scaled).clamp(max=650.0).exp()
        mirrored = (tensors.on_arrays(_scaled_mirrored, y, mean, concentration) - scaled).clamp(max=650.0).exp()
        slopes = (density, -2.0 * concentration / mean.square() * mirrored, 2.0 * mirrored / mean - density * y / concentration)
        pairs, grad = zip(slopes, (y, mean, concentration), strict=True), -grad if ctx.upper else grad
        return *(torch.where(result.isfinite(), slope * grad, 0.0).sum_to_size(of.shape) for slope, of in pairs), None


def _log_tail(y: Tensor, mean: Tensor, concentration: Tensor, upper: bool) -> Tensor:
    result: Tensor = _LogTail.apply(y.double(), mean.double(), concentration.double(), upper)  # type: ignore[no-untyped-call]
    return result
