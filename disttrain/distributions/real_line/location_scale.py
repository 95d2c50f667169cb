"""Location-scale distributions on the real line: normal, Laplace, logistic, Gumbel, Cauchy."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core.increasing import CAUCHY, LAPLACE, LOGISTIC, NORMAL, gumbel, gumbel_of_minima, location_scale
from disttrain.distributions.core.parametrised import Positive, Real
from disttrain.distributions.numerics.tensors import Shape


@location_scale(NORMAL)
class Normal(Distribution):
    """Normal with mean `loc` and standard deviation `scale`, both (n,) in target units."""

    loc: Real
    scale: Positive

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape))


@location_scale(LAPLACE)
class Laplace(Distribution):
    """Laplace: two exponential tails of mean length `scale` around the median `loc`, both (n,) in target units."""

    loc: Real
    scale: Positive


@location_scale(LOGISTIC)
class Logistic(Distribution):
    """Logistic with mean `loc` and variance (π · `scale`)²/3, both (n,) in target units."""

    loc: Real
    scale: Positive


@location_scale(gumbel())
class Gumbel(Distribution):
    """Gumbel of maxima, skewed to the right, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units."""

    loc: Real
    scale: Positive


@location_scale(gumbel_of_minima())
class ReverseGumbel(Distribution):
    """Gumbel of minima, skewed to the left, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units."""

    loc: Real
    scale: Positive


@location_scale(CAUCHY)
class Cauchy(Distribution):
    """Cauchy around the median `loc`, with half the distance between the quartiles `scale`: both (n,) in target units. No mean exists."""

    loc: Real
    scale: Positive
