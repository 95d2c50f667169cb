"""Continuous ranked probability score: by a closed form where one is known, else by quadrature or summation."""

from __future__ import annotations

import math
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain import distributions
from disttrain.distributions import functionals
from disttrain.errors import Finding, UsageError
from disttrain.metrics.applicability import exact_target, needs_order
from disttrain.metrics.crps_closed import CLOSED_FORMS
from disttrain.metrics.crps_counts import crps_by_summation
from disttrain.metrics.crps_quadrature import crps_by_quadrature
from disttrain.metrics.rows import blocks, rows
from disttrain.outcomes import Outcome

__all__ = ["crps", "crps_without_closed_form"]

# Rows per block: what bounds the memory. A row of quadrature takes some hundred numbers at a time.
_CLOSED_ROWS = 65_536
_DERIVED_ROWS = 4_096
# Closer to df = 1 two terms of the closed form, which both grow without bound, have lost more than four digits.
_LEAST_DF = 1.0001


@torch.no_grad()
def crps(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Continuous ranked probability score ∫(F(t) - 1{y <= t})² dt of each row: (n,), target units, 0 or larger.

    It is |y - x| for a forecast that is sure of x. inf where the integral does not exist or y is infinite.
    Raises UsageError for classes without order, for vectors, and where the distribution has no cdf.
    Source: Gneiting & Raftery (2007), section 4.2.
    """
    if reason := needs_order(distribution):
        raise UsageError(Finding("metric-does-not-apply", "crps cannot score this distribution", why=reason))
    y = exact_target(outcome)
    closed = type(distribution) in CLOSED_FORMS
    score = torch.empty_like(y)
    for block in blocks(len(y), _CLOSED_ROWS if closed else _DERIVED_ROWS):
        part = rows(distribution, block)
        score[block] = _closed(part, y[block]) if closed else _derived(part, y[block])
    return score


@torch.no_grad()
def crps_without_closed_form(distribution: Distribution, y: Tensor) -> Tensor:
    """The score of each row (n,) by quadrature of the cdf, for whole numbers by summation, though a closed form may be known."""
    score = torch.empty_like(y, dtype=torch.float64)
    for block in blocks(len(y), _DERIVED_ROWS):
        score[block] = _derived(rows(distribution, block), y[block].double())
    return score


def _closed(distribution: Distribution, y: Tensor) -> Tensor:
    finite = y.isfinite()
    score = CLOSED_FORMS[type(distribution)](distribution, torch.where(finite, y, 0.0))
    score = torch.where(finite, score, y.abs())
    if not isinstance(distribution, distributions.StudentT):
        return score
    heavy = torch.nonzero(distribution.df < _LEAST_DF).squeeze(-1)
    if len(heavy):
        score[heavy] = crps_without_closed_form(rows(distribution, heavy), y[heavy])
    return score


def _derived(distribution: Distribution, y: Tensor) -> Tensor:
    step: Tensor | None = getattr(distribution, "step", None)
    if step is not None:
        # Of a forecast of multiples of a step the numbers of steps are whole.
        return step * _derived(_InSteps(distribution, step), y / step)
    finite = y.isfinite()
    by = crps_by_summation if functionals.is_discrete(distribution) else crps_by_quadrature
    return torch.where(finite, by(distribution, torch.where(finite, y, 0.0)), torch.where(y.isnan(), math.nan, math.inf))


class _InSteps(Distribution):
    """A distribution of multiples of `step` (n,), counted in steps."""

    arg_constraints: ClassVar = {}
    support = constraints.integer_interval(-math.inf, math.inf)  # type: ignore[no-untyped-call]

    def __init__(self, base: Distribution, width: Tensor) -> None:
        self.base, self.width = base, width
        super().__init__(base.batch_shape, validate_args=False)

    def cdf(self, value: Tensor) -> Tensor:
        return functionals.cdf(self.base, value * self.width)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return functionals.survival(self.base, value * self.width)
