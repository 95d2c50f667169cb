"""One draw of each row's distribution from uniform numbers: a draw depends on its numbers alone, not on other rows."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.composed.mixture import Mixture
from disttrain.distributions.core import derived, functionals
from disttrain.distributions.positive.gamma_exponential import Gamma
from disttrain.distributions.vectors.continuous import Dirichlet, MultivariateNormal, MultivariateStudentT
from disttrain.distributions.vectors.low_rank import LowRankMultivariateNormal
from disttrain.distributions.vectors.multinomial import DirichletMultinomial, Multinomial

# A share of a whole below it would be 0, which is no share.
_SMALLEST = 1e-300


class _Sampler(NamedTuple):
    """The number `size` of uniform numbers of one draw, and the function from these, (*s, n, size), to the draw, (*s, n, d)."""

    size: Callable[[Any], int]
    draw: Callable[[Any, Tensor], Tensor]


def uniforms_needed(distribution: Distribution) -> int:
    """The number of uniform numbers that one draw of each row takes: 1 where each row is a number."""
    if not distribution.event_shape:
        return 1
    return _sampler(distribution).size(distribution)


@torch.no_grad()
def draw(distribution: Distribution, uniform: Tensor) -> Tensor:
    """One draw of each row from its uniform numbers inside (0, 1), (*s, n, uniforms_needed): (*s, n, *event), float64.

    A number is drawn by inversion of its cdf. Raises UsageError for a distribution without a quantile, and for vectors of other classes.
    """
    if not distribution.event_shape:
        return functionals.quantile(distribution, uniform.squeeze(-1))
    return _sampler(distribution).draw(distribution, uniform)


def _sampler(distribution: Distribution) -> _Sampler:
    samplers = [sampler for kind, sampler in _SAMPLERS.items() if isinstance(distribution, kind)]
    return samplers[0] if samplers else derived.refuse(distribution, "its vectors are drawn by no known construction from uniform numbers")


def _normal_vector(distribution: MultivariateNormal, uniform: Tensor) -> Tensor:
    """loc + L z, z standard normal."""
    return distribution.loc + _times(distribution.scale_tril, _normals(uniform))


def _student_vector(distribution: MultivariateStudentT, uniform: Tensor) -> Tensor:
    """loc + L z sqrt(df/w), w chi-square of df degrees of freedom, by inversion. Source: Kotz & Nadarajah (2004), section 1.7."""
    half = 0.5 * distribution.df
    squares = 2.0 * functionals.quantile(Gamma(half, torch.ones_like(half)), uniform[..., 0])
    stretched = (distribution.df / squares.clamp(min=_SMALLEST)).sqrt().unsqueeze(-1)
    return distribution.loc + _times(distribution.scale_tril, _normals(uniform[..., 1:])) * stretched


def _low_rank_vector(distribution: LowRankMultivariateNormal, uniform: Tensor) -> Tensor:
    """loc + W e + sqrt(D) z, e and z standard normal."""
    rank = distribution.cov_factor.shape[-1]
    common, alone = _normals(uniform[..., :rank]), _normals(uniform[..., rank:])
    return distribution.loc + _times(distribution.cov_factor, common) + distribution.cov_diag.sqrt() * alone


def _composition(distribution: Dirichlet, uniform: Tensor) -> Tensor:
    return _shares(distribution.concentration, uniform)


def _shares(concentration: Tensor, uniform: Tensor) -> Tensor:
    """Gamma variables of each concentration a, divided by their sum; in logarithms, as a gamma variable of a small a underflows.

    log G(a) = log G(a + 1) + log(U)/a, with U uniform. Source: Stuart (1962), Gamma-distributed products of independent random variables.
    """
    size, a = concentration.shape[-1], concentration.double()
    above = functionals.quantile(Gamma(a + 1.0, torch.ones_like(a)), uniform[..., :size])
    share = torch.softmax(above.log() + uniform[..., size : 2 * size].log() / a, -1).clamp(min=_SMALLEST)
    return share / share.sum(-1, keepdim=True)


def _counts(distribution: Multinomial, uniform: Tensor) -> Tensor:
    return _counted(distribution.probs.double(), uniform)


def _scattered_counts(distribution: DirichletMultinomial, uniform: Tensor) -> Tensor:
    size = 2 * distribution.concentration.shape[-1]
    return _counted(_shares(distribution.concentration, uniform[..., :size]), uniform[..., size:])


def _counted(probs: Tensor, uniform: Tensor) -> Tensor:
    """The number of draws of each class (..., d), with one uniform number for each trial (..., t)."""
    code = _chosen(probs.unsqueeze(-2), uniform)
    return torch.nn.functional.one_hot(code, probs.shape[-1]).double().sum(-2)


def _elements(distribution: Any, uniform: Tensor) -> Tensor:
    return functionals.quantile(distribution.base_dist, uniform)


def _of_components(mixture: Mixture, uniform: Tensor) -> Tensor:
    """The draw of one component, chosen by the first uniform number; the draws of the other components are dropped."""
    drawn = draw(mixture.component, uniform[..., 1:].unsqueeze(-2).expand(*uniform.shape[:-1], mixture.weights.shape[-1], -1))
    code = _chosen(mixture.weights, uniform[..., 0])
    where = code.unsqueeze(-1).unsqueeze(-1).expand(*code.shape, 1, drawn.shape[-1])
    return drawn.gather(-2, where).squeeze(-2)


def _chosen(probs: Tensor, uniform: Tensor) -> Tensor:
    """The class (...) drawn by each uniform number (...), by inversion of the cdf of classes with `probs` (..., d)."""
    ends = probs.cumsum(-1)
    # Divided by the last, so that rounding leaves no number beyond it.
    below: Tensor = uniform.unsqueeze(-1) > (ends / ends[..., -1:])[..., :-1]
    return below.sum(-1)


def _normals(uniform: Tensor) -> Tensor:
    normal: Tensor = torch.special.ndtri(uniform)
    return normal


def _times(matrix: Tensor, vector: Tensor) -> Tensor:
    """matrix (n, d, r) times vector (*s, n, r): (*s, n, d); term by term, as the order of sums in a product depends on the number of rows."""
    total = torch.zeros_like(vector[..., :1]) * matrix[..., 0]
    for column in range(matrix.shape[-1]):
        total = total + matrix[..., column] * vector[..., column : column + 1]
    return total


_SAMPLERS: dict[type[Distribution], _Sampler] = {
    MultivariateNormal: _Sampler(lambda d: d.event_shape[0], _normal_vector),
    MultivariateStudentT: _Sampler(lambda d: d.event_shape[0] + 1, _student_vector),
    LowRankMultivariateNormal: _Sampler(lambda d: sum(d.cov_factor.shape[-2:]), _low_rank_vector),
    Dirichlet: _Sampler(lambda d: 2 * d.event_shape[0], _composition),
    Multinomial: _Sampler(lambda d: d.total_count, _counts),
    DirichletMultinomial: _Sampler(lambda d: 2 * d.event_shape[0] + d.total_count, _scattered_counts),
    torch.distributions.Independent: _Sampler(lambda d: d.event_shape[0], _elements),
    Mixture: _Sampler(lambda d: 1 + uniforms_needed(d.component), _of_components),
}
