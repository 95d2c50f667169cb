"""Harrell's C: of all pairs of rows whose order is known, the share in which the one with the longer forecast lasted longer.

A pair is known where the earlier row was seen exactly: its time is less than the other's, or equal to that of a right-censored one that
lasted longer. One that is only known to reach a time which has a probability of its own may have ended at it, and is no pair.
Its share counts with the product of the two weights; equal forecasts count one half. Source: Harrell, Lee & Mark (1996), Multivariable
prognostic models, Statistics in Medicine 15.
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

__all__ = ["concordance", "concordant_share"]


@torch.no_grad()
def concordance(distribution: Distribution, outcome: Outcome) -> Tensor:
    """What each row brings into its pairs: (n, 3), its time, its end, its median. The end is 1 where it was seen exactly, 0 where the row
    lasted longer, -1 where it may have ended at that time too.

    Raises UsageError where the target is not a positive real number, or a row was seen otherwise than exactly or right-censored.
    """
    require("concordance", needs_lifetimes(distribution))
    require("concordance", needs_right(distribution, outcome), "these targets")
    time = outcome.lower.detach().double()
    longer = ~outcome.seen & (functionals.probability_at(distribution, time) == 0)
    if outcome.above is not None:
        longer = longer | outcome.above
    end = torch.where(outcome.seen, 1.0, longer.double() - 1.0)
    return torch.stack([time, end, functionals.median(distribution).detach()], -1)


def concordant_share(scores: Tensor, weight: Tensor) -> tuple[Tensor, Tensor]:
    """C = Σ w_i c_i / Σ w_i m_i over rows (n, 3) as `concordance` gives them, and the influence of each row (n,).

    c_i and m_i are the weights of the rows that make a concordant and a known pair with row i. Both sums are U-statistics of pairs,
    so the influence is 2 (c_i - C m_i)/mean(m). nan where no pair is known. Source: Hoeffding (1948), section 7.
    """
    time, end, forecast = scores.unbind(-1)
    if not len(scores) or bool(scores.isnan().any()):
        return scores.new_tensor(math.nan), torch.full_like(time, math.nan)
    # Of equal times those that lasted longer come last; a row makes pairs with rows of a later place.
    place, seen = 2 * _ranks(time) + (end == 0).long(), (end == 1).double()
    concordant = _both_ways(_concordant, place, _ranks(forecast), seen, weight)
    known = _both_ways(_lower, place, torch.zeros_like(place), seen, weight)
    pairs = (weight * known).sum()
    value = (weight * concordant).sum() / pairs
    return value, 2.0 * (concordant - value * known) * (weight.sum() / pairs)


def _ranks(values: Tensor) -> Tensor:
    """The rank of each value among the distinct ones, from 0: (n,)."""
    _, ranks = torch.unique(values, return_inverse=True)
    return cast(Tensor, ranks)


def _both_ways(count: Callable[[Tensor, Tensor, Tensor], Tensor], place: Tensor, forecast: Tensor, seen: Tensor, weight: Tensor) -> Tensor:
    """The weight of the rows that make a pair with each row, of those after it, if it was seen, and of the seen ones before it: (n,)."""
    return seen * count(place.max() - place, forecast.max() - forecast, weight) + count(place, forecast, seen * weight)


def _concordant(place: Tensor, forecast: Tensor, weight: Tensor) -> Tensor:
    """The weight of the rows of a lower place and a lower forecast, and half of that of a lower place and the same forecast: (n,).

    Two different places agree in their leading bits up to the highest in which they differ, so each pair is met at one bit alone.
    """
    total = 0.5 * _lower(place, forecast, weight)
    for bit in range(int(place.max()).bit_length()):
        upper = (place >> bit) % 2 == 1
        total = total + torch.where(upper, _lower(forecast, place >> (bit + 1), torch.where(upper, 0.0, weight)), 0.0)
    return total


def _lower(place: Tensor, part: Tensor, weight: Tensor) -> Tensor:
    """The weight of the rows of the same part and of a lower place than each row: (n,)."""
    width = place.max() + 1
    cells, cell = torch.unique(part * width + place, return_inverse=True)
    before = torch.zeros(len(cells) + 1, dtype=weight.dtype).index_add(0, cell + 1, weight).cumsum(0)[:-1]
    first = torch.searchsorted(cells, (cells // width) * width)
    return (before - before[first])[cell]
