"""CRPS of any distribution of whole numbers with a cdf, by a sum whose cost does not grow with the numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions import functionals
from disttrain.metrics.adaptive import refined
from disttrain.metrics.rows import rows, support_ends

__all__ = ["crps_by_summation"]

# Up to this many neighbouring numbers are added one by one; more are added by as many nodes.
_SHORT = 16
_LONGEST = 53
_NEGLIGIBLE = 1e-13


def crps_by_summation(distribution: Distribution, y: Tensor) -> Tensor:
    """Continuous ranked probability score Σ(F(k) - 1{y <= k})² of each row over all whole numbers k: (n,), target units.

    The sum is split at y, and either side taken as far as its tail holds more than 1e-13; between whole numbers y is interpolated
    as the integral of the step function is. Source: Epstein (1969), A scoring system for probability forecasts of ranked categories.
    """
    count = y.floor()
    between = y - count
    here = between * _lower(distribution, count).square() + (1.0 - between) * _upper(distribution, count).square()
    lowest, highest = support_ends(distribution)
    length = _length(lambda step: _lower(distribution, count - step), count)
    length = torch.minimum(length, (count - lowest).clamp(min=0.0))
    score = here + _sum_of_squares(_lower, distribution, count - length, length, here)
    length = _length(lambda step: _upper(distribution, count + step), count)
    length = torch.minimum(length, (highest - count).clamp(min=0.0))
    return score + _sum_of_squares(_upper, distribution, count + 1.0, length, score)


def _lower(distribution: Distribution, count: Tensor) -> Tensor:
    return _within(functionals.cdf, distribution, count, 0.0)


def _upper(distribution: Distribution, count: Tensor) -> Tensor:
    return _within(functionals.survival, distribution, count, 1.0)


def _within(function: Callable[[Distribution, Tensor], Tensor], distribution: Distribution, count: Tensor, below: float) -> Tensor:
    """A tail probability at `count`, asked inside the support alone: torch's own distributions answer anything outside."""
    lowest, highest = support_ends(distribution)
    value = function(distribution, torch.maximum(torch.minimum(count, highest), lowest))
    value = torch.where(count < lowest, below, value)
    return torch.where(count >= highest, 1.0 - below, value)


def _length(tail: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """The smallest power of 2, at least 16, beyond which the tail of each row is negligible: (n,)."""
    length = torch.full_like(like, _SHORT)
    for _ in range(_LONGEST - 4):
        longer = tail(length) > _NEGLIGIBLE
        if not bool(longer.any()):
            break
        length = torch.where(longer, 2.0 * length, length)
    return length


def _sum_of_squares(
    tail: Callable[[Distribution, Tensor], Tensor], distribution: Distribution, start: Tensor, length: Tensor, size: Tensor
) -> Tensor:
    """Σ tail(k)² over the numbers k from `start` to start + length - 1 of each row: (n,)."""

    def rule(row: Tensor, start: Tensor, length: Tensor) -> Tensor:
        exponent = torch.frexp(length)[1].long() - 1
        offsets, weights = (table[exponent.clamp(min=0)].T for table in _rules())
        # Half of an interval that is added one by one may be half a number: its sum is not used.
        return (tail(rows(distribution, row), start + offsets).square() * weights).sum(0)

    return refined(rule, *_powers_of_two(start, length), size, least=float(_SHORT))


def _powers_of_two(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The rows, starts and lengths of intervals that are powers of 2 long, the shortest first, and cover `length` numbers per row."""
    whole = length.long()
    bits = 1 << torch.arange(_LONGEST + 1).unsqueeze(-1)
    place, row = torch.nonzero(whole & bits, as_tuple=True)
    passed = whole[row] & (bits[place, 0] - 1)
    return row, start[row] + passed, bits[place, 0].double()


@cache
def _rules() -> tuple[Tensor, Tensor]:
    """For each length 2^j the places (j, 16) of up to 16 numbers among 0 ... 2^j - 1, and weights (j, 16).

    The weighted sum over the places is the sum over all numbers for every polynomial below degree 16. The sums of the Chebyshev
    polynomials of a length follow from the rule of half that length, which is exact for them.
    """
    base = np.arange(_SHORT)
    places = [np.where(base < 2**j, base, 0).astype(float) for j in range(5)]
    weights = [np.where(base < 2**j, 1.0, 0.0) for j in range(5)]
    for j in range(5, _LONGEST + 1):
        whole, half = 2.0**j, 2.0 ** (j - 1)
        position = _spread_places(whole)
        halves, shares = np.concatenate([places[-1], places[-1] + half]), np.concatenate([weights[-1], weights[-1]])
        sums = shares @ _chebyshev(halves, whole)
        places.append(position)
        weights.append(np.linalg.solve(_chebyshev(position, whole).T, sums))
    return torch.from_numpy(np.stack(places)), torch.from_numpy(np.stack(weights))


def _spread_places(length: float) -> NDArray[np.float64]:
    """16 different numbers among 0 ... length - 1, both ends in it, dense near the ends as Chebyshev's points are."""
    lower = np.round((length - 1.0) * 0.5 * (1.0 - np.cos(np.pi * np.arange(_SHORT // 2) / (_SHORT - 1))))
    for i in range(1, len(lower)):
        lower[i] = max(lower[i], lower[i - 1] + 1.0)
    return np.concatenate([lower, length - 1.0 - lower[::-1]])


def _chebyshev(places: NDArray[np.float64], length: float) -> NDArray[np.float64]:
    scaled = 2.0 * places / (length - 1.0) - 1.0
    return np.asarray(np.polynomial.chebyshev.chebvander(scaled, _SHORT - 1), dtype=np.float64)
