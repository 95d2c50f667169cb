"""Distributions of continuous vectors: multivariate normal, multivariate Student's t, Dirichlet."""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain.distributions.core.parametrised import centred
from disttrain.distributions.core.plain_values import take_plain_values
from disttrain.distributions.numerics import special, tensors
from disttrain.distributions.numerics.constants import HALF_LOG_2PI
from disttrain.distributions.numerics.tensors import Shape
from disttrain.distributions.vectors.multinomial import shares

_POSITIVE = constraints.independent(constraints.positive, 1)  # type: ignore[no-untyped-call]


@take_plain_values
@centred
class MultivariateNormal(Distribution):
    """Normal vectors around `loc` (n, d) with covariance L Lᵀ, L = `scale_tril` (n, d, d) lower triangular, both in target units.

    >>> from disttrain.distributions import MultivariateNormal
    >>> MultivariateNormal(loc=torch.zeros(2), scale_tril=torch.eye(2)).log_prob([0.0, 1.0])  # -math.log(2 * math.pi) - 0.5
    tensor(-2.3379)
    """

    arg_constraints: ClassVar = {"loc": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector

    def __init__(self, loc: Tensor, scale_tril: Tensor, validate_args: bool = False) -> None:
        self.loc, self.scale_tril = _placed(loc, scale_tril)
        super().__init__(self.loc.shape[:-1], self.loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> MultivariateNormal:
        return MultivariateNormal(*_grown(self.loc, self.scale_tril, batch_shape))

    @property
    def variance(self) -> Tensor:
        """The diagonal of the covariance: the squared length of each row of L."""
        return self.scale_tril.square().sum(-1)

    def sample(self, sample_shape: Shape = ()) -> Tensor:
        return _drawn(self, sample_shape)

    def log_prob(self, value: Tensor) -> Tensor:
        z, log_det = _standardised(value, self.loc, self.scale_tril)
        return -0.5 * z.square().sum(-1) - log_det - value.shape[-1] * HALF_LOG_2PI


@take_plain_values
class MultivariateStudentT(Distribution):
    """Student's t vectors with `df` (n,) degrees of freedom around `loc` (n, d), with L = `scale_tril` (n, d, d) in target units.

    All elements share one `df`: they are extreme in the same rows. The log-density tends to the normal's as `df` grows.
    Source: Kotz & Nadarajah (2004), Multivariate t Distributions and Their Applications, equation 1.1.

    >>> from disttrain.distributions import MultivariateStudentT
    >>> distribution = MultivariateStudentT(df=5.0, loc=torch.zeros(2), scale_tril=torch.eye(2))
    >>> distribution.log_prob([1.0, 1.0])  # scipy.stats.multivariate_t(df=5.0, shape=np.eye(2)).logpdf([1.0, 1.0])
    tensor(-3.0155)
    """

    arg_constraints: ClassVar = {"df": constraints.positive, "loc": constraints.real_vector, "scale_tril": constraints.lower_cholesky}
    support = constraints.real_vector

    def __init__(self, df: Tensor | float, loc: Tensor, scale_tril: Tensor, validate_args: bool = False) -> None:
        loc, scale_tril = _placed(loc, scale_tril)
        df = df if isinstance(df, Tensor) else torch.as_tensor(df, dtype=loc.dtype)
        batch = tensors.common_shape(df.shape, loc.shape[:-1])
        self.df, (self.loc, self.scale_tril) = df.expand(batch), _grown(loc, scale_tril, batch)
        super().__init__(batch, self.loc.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> MultivariateStudentT:
        return MultivariateStudentT(self.df.expand(batch_shape), *_grown(self.loc, self.scale_tril, batch_shape))

    @property
    def mean(self) -> Tensor:
        """`loc`; nan where df <= 1."""
        return torch.where(self.df.unsqueeze(-1) > 1, self.loc, torch.nan)

    @property
    def mode(self) -> Tensor:
        return self.loc

    @property
    def variance(self) -> Tensor:
        """The diagonal of L Lᵀ df/(df - 2); inf where 1 < df <= 2, nan where df <= 1."""
        df = self.df.unsqueeze(-1)
        above = torch.where(df > 2, df, 4.0)
        finite = self.scale_tril.square().sum(-1) * (above / (above - 2.0))
        return torch.where(df > 2, finite, torch.where(df > 1, torch.inf, torch.nan))

    @torch.no_grad()
    def sample(self, sample_shape: Shape = ()) -> Tensor:
        normal = MultivariateNormal(torch.zeros_like(self.loc), self.scale_tril).sample(sample_shape)
        squares = torch.distributions.Chi2(self.df, validate_args=False).sample(torch.Size(sample_shape))
        return self.loc + normal * (self.df / squares.clamp(min=1e-300)).sqrt().unsqueeze(-1)

    def log_prob(self, value: Tensor) -> Tensor:
        z, log_det = _standardised(value, self.loc, self.scale_tril)
        size = value.shape[-1]
        kernel = torch.log1p((z / self.df.sqrt().unsqueeze(-1)).square().sum(-1))
        # log Γ((df + d)/2) - log Γ(df/2) - d/2 log(df/2) in half steps, each small and exact for any df.
        halves = [0.5 * (self.df + step) for step in range(size)]
        gammas = torch.stack([special.half_step(half) + 0.5 * torch.log1p(step / self.df) for step, half in enumerate(halves)]).sum(0)
        return gammas - 0.5 * (self.df + size) * kernel - log_det - size * HALF_LOG_2PI


@take_plain_values
class Dirichlet(Distribution):
    """Dirichlet: d shares that sum to 1, with `concentration` (n, d): means are proportional to it, variances fall with its sum.

    The density is with respect to the first d - 1 shares. Source: Johnson & Kotz (1972), and NIST DLMF 5.11.1 for the form used here.

    >>> from disttrain.distributions import Dirichlet
    >>> distribution = Dirichlet(concentration=torch.tensor([1.0, 2.0, 3.0]))
    >>> distribution.log_prob([0.2, 0.3, 0.5])  # scipy.stats.dirichlet([1, 2, 3]).logpdf([0.2, 0.3, 0.5])
    tensor(1.5041, dtype=torch.float64)
    """

    arg_constraints: ClassVar = {"concentration": _POSITIVE}
    support = constraints.simplex

    def __init__(self, concentration: Tensor, validate_args: bool = False) -> None:
        self.concentration = concentration
        super().__init__(concentration.shape[:-1], concentration.shape[-1:], validate_args=validate_args)

    def expand(self, batch_shape: Shape, _instance: None = None) -> Dirichlet:
        return Dirichlet(self.concentration.expand(*batch_shape, *self.event_shape))

    @property
    def mean(self) -> Tensor:
        return shares(self.concentration)

    @property
    def variance(self) -> Tensor:
        share = shares(self.concentration)
        return share * (1.0 - share) / (1.0 + self.concentration.sum(-1, keepdim=True))

    @torch.no_grad()
    def sample(self, sample_shape: Shape = ()) -> Tensor:
        drawn = torch.distributions.Dirichlet(self.concentration.double(), validate_args=False).sample(torch.Size(sample_shape))
        return shares(drawn.clamp(min=1e-300)).to(self.concentration.dtype)

    def log_prob(self, value: Tensor) -> Tensor:
        a = self.concentration
        total = a.sum(-1, keepdim=True)
        # Log-gammas of large arguments cancel; their Stirling forms leave only small terms.
        terms = special.deviance(a, total * value) + special.stirling_remainder(a) + value.log() - 0.5 * a.log()
        normaliser = special.stirling_remainder(total) - 0.5 * total.log()
        return normaliser.squeeze(-1) - terms.sum(-1) - (a.shape[-1] - 1) * HALF_LOG_2PI


def _placed(loc: Tensor, scale_tril: Tensor) -> tuple[Tensor, Tensor]:
    return _grown(loc, scale_tril, tensors.common_shape(loc.shape[:-1], scale_tril.shape[:-2]))


def _grown(loc: Tensor, scale_tril: Tensor, batch: Shape) -> tuple[Tensor, Tensor]:
    return loc.expand(*batch, loc.shape[-1]), scale_tril.expand(*batch, *scale_tril.shape[-2:])


def _standardised(value: Tensor, loc: Tensor, scale_tril: Tensor) -> tuple[Tensor, Tensor]:
    """z with L z = value - loc, and log det L; without the covariance, whose condition number is the square of L's."""
    z = torch.linalg.solve_triangular(scale_tril, (value - loc).unsqueeze(-1), upper=False).squeeze(-1)
    return z, scale_tril.diagonal(dim1=-2, dim2=-1).log().sum(-1)


@torch.no_grad()
def _drawn(normal: MultivariateNormal, sample_shape: Shape) -> Tensor:
    z = torch.randn(*sample_shape, *normal.loc.shape, dtype=normal.loc.dtype, device=normal.loc.device)
    return normal.loc + (normal.scale_tril @ z.unsqueeze(-1)).squeeze(-1)
