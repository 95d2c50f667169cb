"""Closed forms of the CRPS of mixtures, by the type of their components."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from disttrain import distributions

# The CRPS (n,) of a distribution of one class and of outcomes (n,).
ClosedForm = Callable[..., Tensor]

_ROOT_2 = math.sqrt(2.0)
# Rows at once: the pairs of one of 40 components with the others then fit the cache of the processor.
_ROWS = 1024


def closed_form_of_mixture(mixture: distributions.Mixture) -> ClosedForm | None:
    """The closed form of a mixture, or of a mixture of mixtures; None if there is none."""
    part = mixture.component
    while isinstance(part, distributions.Mixture):
        part = part.component
    return CLOSED_FORMS_OF_MIXTURES.get(type(part))


def normals(d: distributions.Mixture, y: Tensor) -> Tensor:
    """A mixture of normals: Σ wₖ A(y - mₖ, sₖ²) - ½ ΣΣ wₖ wⱼ A(mₖ - mⱼ, sₖ² + sⱼ²), where A(m, s²) is the mean of |m + s Z|, Z standard normal.

    Source: Grimit, Gneiting, Berrocal & Johnson (2006), The continuous ranked probability score for circular variables and its
    application to mesoscale forecast ensemble verification, equation 5.
    """
    loc, scale, weights = _normals_of(d)
    blocks = zip(*(torch.split(part, _ROWS) for part in (loc, scale, weights, y)), strict=True)
    return torch.cat([_of_normals(a.mT.contiguous(), b.mT.contiguous(), c.mT.contiguous(), values) for a, b, c, values in blocks])


def _of_normals(loc: Tensor, scale: Tensor, weights: Tensor, y: Tensor) -> Tensor:
    """The score of each row from the parts (K, n) of its mixture: the rows of a part side by side, so that the sums run along them."""
    score = (weights * _mean_distance(y - loc, scale)).sum(0)
    # A component and another draw from itself; then one against all behind it at a time: all pairs at once would take K times the memory.
    score -= (weights.square() * scale).sum(0) / math.sqrt(math.pi)
    for k in range(len(loc) - 1):
        pairs = _mean_distance(loc[k] - loc[k + 1 :], torch.hypot(scale[k], scale[k + 1 :]))
        score -= weights[k] * pairs.mul_(weights[k + 1 :]).sum(0)
    return score


def _normals_of(d: distributions.Mixture) -> tuple[Tensor, Tensor, Tensor]:
    """Loc, scale and weights, each (n, K), of the K normals of a mixture, including those of mixtures within it."""
    part = d.component
    if isinstance(part, distributions.Mixture):
        loc, scale, weights = _normals_of(part)
        return loc.flatten(-2), scale.flatten(-2), (d.weights.unsqueeze(-1) * weights).flatten(-2)
    assert isinstance(part, distributions.Normal)
    return part.loc.expand(d.weights.shape), part.scale.expand(d.weights.shape), d.weights


def _mean_distance(centre: Tensor, scale: Tensor) -> Tensor:
    """The mean of |X| for X normal around `centre`."""
    z = centre / scale
    density = z.square().mul_(-0.5).exp_().mul_(math.sqrt(2.0 / math.pi))
    return density.addcmul_(z, torch.erf(z / _ROOT_2)).mul_(scale)


CLOSED_FORMS_OF_MIXTURES: dict[type, ClosedForm] = {distributions.Normal: normals}
