"""Continuous ranked probability score: by a closed form if there is one, else by quadrature or summation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import torch
from torch import Tensor
from torch.distributions import Distribution, constraints

from disttrain import distributions
from disttrain.distributions.core import functionals
from disttrain.metrics.applicability import needs_no_entry, needs_order, require
from disttrain.metrics.crps.closed_forms import closed_form
from disttrain.metrics.crps.counts import crps_by_summation
from disttrain.metrics.crps.quadrature import crps_by_quadrature, quadrature_outside
from disttrain.metrics.row_blocks import blocks, distinct_rows, rows
from disttrain.outcomes import Outcome

# Rows per block: what bounds the memory. A row of quadrature takes some hundred numbers at a time.
_CLOSED_ROWS = 65_536
_DERIVED_ROWS = 4_096
# Closer to df = 1 two terms of the closed form, which both grow without bound, have lost more than four digits.
_LEAST_DF = 1.0001


@torch.no_grad()
def crps(distribution: Distribution, outcome: Outcome) -> Tensor:
    """Continuous ranked probability score ∫(F(t) - 1{y <= t})² dt of each row: (n,), target units, 0 or larger.

    It is |y - x| for a forecast that is certain of x. For an inexact row the integral covers only the t with a known 1{y <= t}: ∫F² below
    lower and ∫(1 - F)² above upper, the survival CRPS. That one is not proper: the forecast above the point of censoring counts only
    against exact rows before it, so a forecast with a shorter tail than the truth gains; the nll is proper. inf if the integral does not
    exist or y is infinite. Raises UsageError for classes without order, for vectors, for rows with an entry, and for a distribution
    without a cdf.
    Source: Gneiting & Raftery (2007), section 4.2; Avati et al. (2020), Countdown Regression; Rindt et al. (2022), Survival regression
    with proper scoring rules and monotonic neural networks, that it is improper.
    """
    require("crps", needs_order(distribution))
    require("crps", needs_no_entry(distribution, outcome), "these targets")
    lower, upper, exact = outcome.lower.detach().double(), outcome.upper.detach().double(), outcome.is_exact
    if outcome.above is not None:
        lower = torch.where(outcome.above, functionals.just_above(distribution, lower), lower)
    if outcome.all_exact:
        return _exact(distribution, lower)
    score = torch.empty_like(lower)
    score[exact] = _exact(rows(distribution, torch.nonzero(exact).squeeze(-1)), lower[exact])
    for block in torch.split(torch.nonzero(~exact).squeeze(-1), _DERIVED_ROWS):
        score[block] = _each_once(_outside, rows(distribution, block), lower[block], upper[block])
    return score


def _exact(distribution: Distribution, y: Tensor) -> Tensor:
    closed = closed_form(distribution)
    score = torch.empty_like(y)
    for block in blocks(len(y), _CLOSED_ROWS if closed is not None else _DERIVED_ROWS):
        part = rows(distribution, block)
        score[block] = _closed(closed, part, y[block]) if closed is not None else _each_once(_derived, part, y[block])
    return score


def _each_once(formula: Callable[..., Tensor], distribution: Distribution, *columns: Tensor) -> Tensor:
    """A score of every row (n,), computed once for equal rows."""
    first, inverse = distinct_rows(distribution, *columns)
    return formula(rows(distribution, first), *(column[first] for column in columns))[inverse]


@torch.no_grad()
def crps_without_closed_form(distribution: Distribution, y: Tensor) -> Tensor:
    """The score of each row (n,) by quadrature of the cdf, or by summation for whole numbers, without the closed form."""
    score = torch.empty_like(y, dtype=torch.float64)
    for block in blocks(len(y), _DERIVED_ROWS):
        score[block] = _derived(rows(distribution, block), y[block].double())
    return score


def _closed(formula: Callable[[Distribution, Tensor], Tensor], distribution: Distribution, y: Tensor) -> Tensor:
    finite = y.isfinite()
    score = formula(distribution, torch.where(finite, y, 0.0))
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
    safe = torch.where(finite, y, 0.0)
    score = crps_by_summation(distribution, safe, safe) if functionals.is_discrete(distribution) else crps_by_quadrature(distribution, safe)
    return torch.where(finite, score, torch.where(y.isnan(), math.nan, math.inf))


def _outside(distribution: Distribution, lower: Tensor, upper: Tensor) -> Tensor:
    """∫F² below `lower` plus ∫(1 - F)² above `upper`, each (n,); an infinite end leaves its side out."""
    step: Tensor | None = getattr(distribution, "step", None)
    if step is not None:
        return step * _outside(_InSteps(distribution, step), lower / step, upper / step)
    by = crps_by_summation if functionals.is_discrete(distribution) else quadrature_outside
    return by(distribution, lower, upper)


class _InSteps(Distribution):
    """A distribution of multiples of `step` (n,), counted in steps."""

    arg_constraints: ClassVar = {}
    support = constraints.integer_interval(-math.inf, math.inf)  # type: ignore[no-untyped-call]

    def __init__(self, base: Distribution, width: Tensor) -> None:
        self.base, self.width = base, width
        super().__init__(base.batch_shape, validate_args=False)

    def expand(self, batch_shape: torch.Size | list[int] | tuple[int, ...], _instance: Distribution | None = None) -> _InSteps:
        return _InSteps(self.base.expand(batch_shape), self.width.expand(batch_shape))

    def cdf(self, value: Tensor) -> Tensor:
        return functionals.cdf(self.base, value * self.width)

    def survival(self, value: Tensor) -> Tensor:
        """P(Y > value), exact in the upper tail."""
        return functionals.survival(self.base, value * self.width)
