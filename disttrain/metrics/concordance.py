"""Harrell's C: the share of concordant pairs among all comparable pairs of rows. The longer forecast of a concordant pair lasted longer.

A pair is comparable if the earlier row is exact, and its time is less than the other's, or equal to that of a right-censored one that
lasted longer. A right-censored row that may have ended at its time, which has a probability of its own, makes no pair there. A pair counts
with the product of the two weights; equal forecasts count one half. Source: Harrell, Lee & Mark (1996), Multivariable prognostic models,
Statistics in Medicine 15.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import functionals
from disttrain.metrics.applicability import needs_lifetimes, needs_right, require
from disttrain.outcomes import Outcome


@torch.no_grad()
def concordance(distribution: Distribution, outcome: Outcome) -> Tensor:
    """The time, the end and the median forecast of each row: (n, 3).

    The end is 1 for an exact row, 0 for one that lasted longer, -1 for one that may also have ended at that time. Raises UsageError if the
    target is not a positive real number, or if a row is neither exact nor right-censored.
    """
    require("concordance", needs_lifetimes(distribution))
    require("concordance", needs_right(distribution, outcome), "these targets")
    time = outcome.lower.detach().double()
    longer = ~outcome.is_exact & (functionals.probability_at(distribution, time) == 0)
    if outcome.above is not None:
        longer = longer | outcome.above
    end = torch.where(outcome.is_exact, 1.0, longer.double() - 1.0)
    return torch.stack([time, end, functionals.median(distribution).detach()], -1)


def concordant_share(scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """C = Σ w_i c_i / Σ w_i m_i over rows (n, 3) as `concordance` gives them, and the influence of each row (n,).

    c_i and m_i are the weights of the rows that make a concordant and a comparable pair with row i. Both sums are U-statistics of pairs,
    so the influence is 2 (c_i - C m_i)/mean(m). nan without comparable pairs. Source: Hoeffding (1948), section 7.
    """
    time, end, forecast = scores.unbind(-1)
    if not len(scores) or bool(scores.isnan().any()):
        return scores.new_tensor(math.nan), torch.full_like(time, math.nan)
    # Rows that lasted longer come last among equal times; a row makes pairs with rows of a higher position.
    position, observed = 2 * _ranks(time) + (end == 0).long(), (end == 1).double()
    concordant = _both_ways(_concordant, position, _ranks(forecast), observed, weight)
    comparable = _both_ways(_lower, position, torch.zeros_like(position), observed, weight)
    pairs = (weight * comparable).sum()
    value = (weight * concordant).sum() / pairs
    return value, 2.0 * (concordant - value * comparable) * (weight.sum() / pairs)


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value among the distinct ones, from 0: (n,)."""
    _, ranks = torch.unique(values, return_inverse=True)
    return cast(Tensor, ranks)


def _both_ways(
    count: Callable[[Tensor, Tensor, Tensor], Tensor], position: Tensor, forecast: Tensor, observed: Tensor, weight: Tensor
) -> Tensor:
    """The weight of the rows that make a pair with each row: rows after it, if it is exact, and exact rows before it: (n,)."""
    return observed * count(position.max() - position, forecast.max() - forecast, weight) + count(position, forecast, observed * weight)


def _concordant(position: Tensor, forecast: Tensor, weight: Tensor) -> Tensor:
    """The weight of the rows of a lower position and a lower forecast, plus half of those of a lower position and an equal forecast: (n,).

    Two different positions agree in their leading bits up to the highest bit in which they differ, so each pair is counted at one bit
    only.
    """
    total = 0.5 * _lower(position, forecast, weight)
    for bit in range(int(position.max()).bit_length()):
        upper = (position >> bit) % 2 == 1
        total = total + torch.where(upper, _lower(forecast, position >> (bit + 1), torch.where(upper, 0.0, weight)), 0.0)
    return total


def _lower(position: Tensor, part: Tensor, weight: Tensor) -> Tensor:
    """The weight of the rows of the same part and of a lower position than each row: (n,)."""
    width = position.max() + 1
    cells, cell = torch.unique(part * width + position, return_inverse=True)
    before = torch.zeros(len(cells) + 1, dtype=weight.dtype).index_add(0, cell + 1, weight).cumsum(0)[:-1]
    first = torch.searchsorted(cells, (cells // width) * width)
    return (before - before[first])[cell]
