"""Student's t distribution on the real line."""

from __future__ import annotations

import math

import numpy as np
import scipy
import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import Positive, Real, parametrised
from disttrain.distributions.numerics import special, student_t_cdf, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Floats, Shape


@parametrised
class StudentT(Distribution):
    """Student's t with `df` degrees of freedom with median `loc` and `scale`: all (n,), the last two in target units.

    The log-density tends to the normal's as `df` grows, exactly to rounding.

    >>> from disttrain.distributions import StudentT
    >>> StudentT(df=5.0, loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.t(5.0).cdf(1.0)
    tensor(0.8184, dtype=torch.float64)
    """

    support = constraints.real
    df: Positive
    loc: Real
    scale: Positive

    @property
    def mean(self) -> Tensor:
        """`loc`; nan where df <= 1."""
        return torch.where(self.df > 1, self.loc, math.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """scale² df/(df - 2); inf where 1 < df <= 2, nan where df <= 1."""
        above = torch.where(self.df > 2, self.df, 4.0)
        finite = self.scale.square() * (above / (above - 2.0))
        return torch.where(self.df > 2, finite, torch.where(self.df > 1, math.inf, math.nan))

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return torch.distributions.StudentT(self.df, self.loc, self.scale, validate_args=False).sample(torch.Size(sample_shape))

    def _z(self, value: Tensor) -> Tensor:
        return (value - self.loc) / self.scale

    def log_prob(self, value: Tensor) -> Tensor:
        kernel = special.log1p_square(self._z(value) / self.df.sqrt())
        return special.half_step(0.5 * self.df) - 0.5 * (self.df + 1.0) * kernel - self.scale.log() - HALF_LOG_2PI

    def cdf(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.stdtr, self.df, self._z(value))

    def survival(self, value: Tensor) -> Tensor:
        return tensors.on_arrays(scipy.special.stdtr, self.df, -self._z(value))

    def log_cdf(self, value: Tensor) -> Tensor:
        return student_t_cdf.log_t_lower(self.df, self._z(value))

    def log_survival(self, value: Tensor) -> Tensor:
        return student_t_cdf.log_t_lower(self.df, -self._z(value))

    def icdf(self, value: Tensor) -> Tensor:
        return self.loc + self.scale * tensors.on_arrays(_standard_t_quantile, self.df, value)


def _standard_t_quantile(df: Floats, p: Floats) -> Floats:
    # The lower half alone: above it, p has lost the digits of the tail.
    tail: Floats = np.where((p == 0) | (p == 1), -np.inf, scipy.special.stdtrit(df, np.minimum(p, 1.0 - p)))
    return np.where(p > 0.5, -tail, tail)
