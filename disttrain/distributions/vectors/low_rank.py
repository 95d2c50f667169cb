"""The multivariate normal with a covariance of low rank plus a diagonal."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import centred
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Shape


@take_plain_values
@centred
class LowRankMultivariateNormal(Distribution):
    """Normal vectors around `loc` (n, d) with covariance W Wᵀ + diag(D): W = `cov_factor` (n, d, r) in target units, D = `cov_diag` (n, d),
    variances, in target units squared. Parameters and distribution are the same as in torch's class of this name.

    torch's class takes the difference of two squared lengths, which loses all digits where D is small beside W Wᵀ, and raises an error
    where the matrix I + Wᵀ D⁻¹ W is singular in float64; this class does neither. A row costs d r² operations, not d³.

    >>> from disttrain.distributions import LowRankMultivariateNormal
    >>> distribution = LowRankMultivariateNormal(loc=torch.zeros(2), cov_factor=torch.ones(2, 1), cov_diag=torch.ones(2))
    >>> distribution.log_prob([0.0, 0.0])  # -math.log(2 * math.pi) - 0.5 * math.log(3)
    tensor(-2.3872, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {
        "loc": constraints.real_vector,
        "cov_factor": constraints.independent(constraints.real, 2),  # type: ignore[no-untyped-call]
        "cov_diag": constraints.independent(constraints.positive, 1),  # type: ignore[no-untyped-call]
    }
    support = constraints.real_vector

    def __init__(self, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor, validate_args: bool = False) -> None:
        batch = tensors.common_shape(loc.shape[:-1], cov_factor.shape[:-2], cov_diag.shape[:-1])
        self.loc, self.cov_factor, self.cov_diag = _grown(batch, loc, cov_factor, cov_diag)
        super().__init__(batch, loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> LowRankMultivariateNormal:
        return LowRankMultivariateNormal(*_grown(batch_shape, self.loc, self.cov_factor, self.cov_diag))

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance: the squared length of each row of W, and D."""
        return self.cov_factor.square().sum(-1) + self.cov_diag

    @torch.no_grad()
    def sample(self, sample_shape: Shape = ()) -> Tensor:
        shared, independent = (
            torch.randn(*sample_shape, *self.batch_shape, size, dtype=self.loc.dtype, device=self.loc.device)
            for size in self.cov_factor.shape[:-3:-1]
        )
        return self.loc + (self.cov_factor @ shared.unsqueeze(-1)).squeeze(-1) + self.cov_diag.sqrt() * independent

    def log_prob(self, value: Tensor) -> Tensor:
        """With A = D^(-½) W and e = D^(-½) (y - μ), the squared distance eᵀ (I + A Aᵀ)⁻¹ e is the least |e - A z|² + |z|² over z.

        Source: the identities of Woodbury and Sylvester; least squares by modified Gram-Schmidt, Björck (1967), BIT 7, 1-21.
        """
        scale = self.cov_diag.sqrt()
        directions, log_det = _orthonormal(self.cov_factor / scale.unsqueeze(-1))
        rest = torch.nn.functional.pad((value - self.loc) / scale, (0, len(directions)))
        for direction in directions:
            rest = rest - direction * (direction * rest).sum(-1, keepdim=True)
        return -0.5 * rest.square().sum(-1) - log_det - scale.log().sum(-1) - value.shape[-1] * HALF_LOG_2PI


def _orthonormal(factor: Tensor) -> tuple[list[Tensor], Tensor]:
    """An orthonormal basis, r times (n, d + r), of the columns of A (n, d, r) with the identity below, and ½ log det(I + Aᵀ A): (n,).

    Each column has a 1 in the identity that no projection changes, so no length is below 1, even for nearly parallel columns of A.
    """
    size = factor.shape[-1]
    identity = torch.eye(size, dtype=factor.dtype, device=factor.device).expand(*factor.shape[:-2], size, size)
    columns = torch.cat([factor, identity], -2)
    directions, log_det = [], torch.zeros_like(factor[..., 0, 0])
    while columns.shape[-1]:
        first, columns = columns[..., :1], columns[..., 1:]
        length = first.square().sum(-2, keepdim=True).sqrt()
        direction = first / length
        columns = columns - direction * (direction * columns).sum(-2, keepdim=True)
        directions.append(direction.squeeze(-1))
        log_det = log_det + length[..., 0, 0].log()
    return directions, log_det


def _grown(batch: Shape, loc: Tensor, cov_factor: Tensor, cov_diag: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return (
        loc.expand(*batch, *loc.shape[-1:]),
        cov_factor.expand(*batch, *cov_factor.shape[-2:]),
        cov_diag.expand(*batch, *cov_diag.shape[-1:]),
    )
