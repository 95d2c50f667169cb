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
    """Normal with mean `loc` and standard deviation `scale`, both (n,) in target units.

    >>> from disttrain.distributions import Normal
    >>> Normal(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.norm.cdf(1.0)
    tensor(0.8413, dtype=torch.float64)
    """

    loc: Real
    scale: Positive

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shape = self._extended_shape(torch.Size(sample_shape))
        with torch.no_grad():
            return torch.normal(self.loc.expand(shape), self.scale.expand(shape))


@location_scale(LAPLACE)
class Laplace(Distribution):
    """Laplace: two exponential tails of mean length `scale` around the median `loc`, both (n,) in target units.

    >>> from disttrain.distributions import Laplace
    >>> Laplace(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.laplace.cdf(1.0)
    tensor(0.8161, dtype=torch.float64)
    """

    loc: Real
    scale: Positive


@location_scale(LOGISTIC)
class Logistic(Distribution):
    """Logistic with mean `loc` and variance (π · `scale`)²/3, both (n,) in target units.

    >>> from disttrain.distributions import Logistic
    >>> Logistic(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.logistic.cdf(1.0)
    tensor(0.7311, dtype=torch.float64)
    """

    loc: Real
    scale: Positive


@location_scale(gumbel())
class Gumbel(Distribution):
    """Gumbel of maxima, skewed to the right, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units.

    >>> from disttrain.distributions import Gumbel
    >>> Gumbel(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.gumbel_r.cdf(1.0)
    tensor(0.6922, dtype=torch.float64)
    """

    loc: Real
    scale: Positive


@location_scale(gumbel_of_minima())
class ReverseGumbel(Distribution):
    """Gumbel of minima, skewed to the left, with mode `loc` and variance (π · `scale`)²/6, both (n,) in target units.

    >>> from disttrain.distributions import ReverseGumbel
    >>> ReverseGumbel(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.gumbel_l.cdf(1.0)
    tensor(0.9340, dtype=torch.float64)
    """

    loc: Real
    scale: Positive


@location_scale(CAUCHY)
class Cauchy(Distribution):
    """Cauchy around the median `loc`, with half the distance between the quartiles `scale`: both (n,) in target units. No mean exists.

    >>> from disttrain.distributions import Cauchy
    >>> Cauchy(loc=0.0, scale=1.0).cdf(1.0)  # scipy.stats.cauchy.cdf(1.0)
    tensor(0.7500, dtype=torch.float64)
    """

    loc: Real
    scale: Positive
