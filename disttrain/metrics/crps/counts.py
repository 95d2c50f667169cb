"""CRPS of any distribution of whole numbers with a cdf, by a sum whose cost does not grow with the numbers."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.distributions import Distribution

from disttrain.distributions.core import derived, functionals, lattice_sums
from disttrain.metrics.crps.adaptive import refined
from disttrain.metrics.row_blocks import rows, support_ends

# Up to this many neighbouring numbers are added one by one; more are added by as many nodes.
_SHORT = lattice_sums.NODES
_LONGEST = 53
_NEGLIGIBLE = 1e-13
# A row with at most so many values between its outer quantiles, y included, is summed from their probabilities.
_FEW = 512
_TAIL_LEVEL = 1e-10

Pair = tuple[Tensor, Tensor]


def crps_by_summation(distribution: Distribution, lower: Tensor, upper: Tensor) -> Tensor:
    """Continuous ranked probability score of each row by a sum over all values k of its lattice: (n,), target units.

    step · (ΣF(k)² below `lower` + Σ(1 - F(k))² from `upper` on), the two equal for exact y; -inf and inf leave a side out. The values are
    whole numbers, negative ones included, or multiples of the distribution's own `step`. Between values an end is interpolated as the
    integral of the step function is.
    Source: Epstein (1969), A scoring system for probability forecasts of ranked categories.
    """
    ends = functionals.quantile(distribution, _TAIL_LEVEL), functionals.quantile(distribution, 1.0 - _TAIL_LEVEL)
    sides = lower > -math.inf, upper < math.inf
    # A side that is left out is computed at the outer quantile and has a factor of 0.
    observed = torch.where(sides[0], lower, ends[0]), torch.where(sides[1], upper, ends[1])
    first, last = torch.minimum(ends[0], torch.minimum(*observed)), torch.maximum(ends[1], torch.maximum(*observed))
    few = (last - first) / derived.step_of(distribution) <= _FEW
    # A distribution may have tails only, and no probabilities of single values.
    few &= derived.if_implemented(lambda: distribution.log_prob(ends[0])) is not None
    score = torch.empty_like(lower)
    for form, some in ((_few_values, few), (_many_values, ~few)):
        row = torch.nonzero(some).squeeze(-1)
        if len(row):
            arguments = [(pair[0][row], pair[1][row]) for pair in (observed, sides, (first, last))]
            score[row] = form(rows(distribution, row), *arguments)
    return score


def _few_values(distribution: Distribution, observed: Pair, sides: Pair, limits: Pair) -> Tensor:
    """The score from the probabilities of all values within the `limits` of each row, and the tails outside."""
    step = derived.step_of(distribution)
    (start, _), (end, _) = (_split(value / step) for value in limits)
    lowest, highest = support_ends(distribution)
    counts = start + torch.arange(int((end - start).max()) + 1, dtype=torch.float64).unsqueeze(-1)
    values = torch.maximum(torch.minimum(step * counts, highest), lowest)
    inside = (counts <= end) & ((step * counts - values).abs() <= 1e-9 * step)
    mass = torch.where(inside, derived.density(distribution)(values), 0.0)
    below = _lower(distribution, start - 1.0) + mass.cumsum(0)
    # From the upper end, where it is small, and without the value itself.
    above = torch.cat([mass[1:], torch.zeros_like(mass[:1])]).flip(0).cumsum(0).flip(0) + _upper(distribution, end)
    shares = []
    for value in observed:
        count, between = _split(value / step)
        shares.append(torch.where(counts == count, between, (counts < count).double()))
    terms = sides[0] * shares[0] * below.square() + sides[1] * (1.0 - shares[1]) * above.square()
    return step * torch.where(counts <= end, terms, 0.0).sum(0)


def _many_values(distribution: Distribution, observed: Pair, sides: Pair, limits: Pair) -> Tensor:
    """The score from the two tails: each sum begins at an end of the outcome and continues while the tail is above 1e-13."""
    del limits
    step = derived.step_of(distribution)
    (start, over), (end, between) = (_split(value / step) for value in observed)
    here = sides[0] * over * _lower(distribution, start).square() + sides[1] * (1.0 - between) * _upper(distribution, end).square()
    lowest, highest = (limit / step for limit in support_ends(distribution))
    length = _length(lambda offset: _lower(distribution, start - offset), start)
    length = torch.minimum(length, (start - lowest).clamp(min=0.0).round())
    score = here + sides[0] * _sum_of_squares(_lower, distribution, start - length, length, here)
    length = _length(lambda offset: _upper(distribution, end + offset), end)
    length = torch.minimum(length, (highest - end).clamp(min=0.0).round())
    return step * (score + sides[1] * _sum_of_squares(_upper, distribution, end + 1.0, length, score))


def _split(value: Tensor) -> tuple[Tensor, Tensor]:
    """The whole number at or below a value, and the rest in [0, 1).

    A multiple of 0.1 is a whole number of steps only up to rounding.
    """
    nearest = value.round()
    count = torch.where((value - nearest).abs() <= 1e-9, nearest, value.floor())
    return count, (value - count).clamp(min=0.0)


def _lower(distribution: Distribution, count: Tensor) -> Tensor:
    return _within(functionals.cdf, distribution, count, 0.0)


def _upper(distribution: Distribution, count: Tensor) -> Tensor:
    return _within(functionals.survival, distribution, count, 1.0)


def _within(function: Callable[[Distribution, Tensor], Tensor], distribution: Distribution, count: Tensor, below: float) -> Tensor:
    """A tail probability at `count`, computed inside the support only: torch's own distributions give any number outside."""
    step = derived.step_of(distribution)
    lowest, highest = (end / step for end in support_ends(distribution))
    value = function(distribution, step * torch.maximum(torch.minimum(count, highest), lowest))
    value = torch.where(count < lowest, below, value)
    return torch.where(count >= highest, 1.0 - below, value)


def _length(tail: Callable[[Tensor], Tensor], like: Tensor) -> Tensor:
    """The smallest power of 2, at least 16, after which the tail of each row is negligible: (n,)."""
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
        offsets, weights = (table[exponent.clamp(min=0)].T for table in lattice_sums.rules())
        # Half of an interval that is added one by one may be half a number: its sum is not used.
        return (tail(rows(distribution, row), start + offsets).square() * weights).sum(0)

    return refined(rule, *_powers_of_two(start, length), size, least=float(_SHORT))


def _powers_of_two(start: Tensor, length: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The rows, starts and lengths of intervals that cover `length` numbers per row; lengths are powers of 2, the shortest first."""
    count = length.long()
    bits = 1 << torch.arange(_LONGEST + 1).unsqueeze(-1)
    bit, row = torch.nonzero(count & bits, as_tuple=True)
    passed = count[row] & (bits[bit, 0] - 1)
    return row, start[row] + passed, bits[bit, 0].double()
