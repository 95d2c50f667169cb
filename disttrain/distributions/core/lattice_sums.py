"""Sums over integers by quadrature, at a cost independent of their number; cdf and survival of counts by such sums."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cache, reduce
from operator import add

import numpy as np
import scipy
import torch
from torch import Tensor

from disttrain.distributions.core.root_finding import smallest_count
from disttrain.distributions.numerics import tensors
from disttrain.distributions.numerics.log_probabilities import log1mexp
from disttrain.distributions.numerics.tensors import Floats

# Up to this many neighbouring numbers are added one by one; more are added by as many nodes.
NODES = 16
# The rules reach 2^LONGEST numbers; beyond 2^53 neighbours are one float64 number.
LONGEST = 100
_EXACT = 2.0**50


@cache
def rules() -> tuple[Tensor, Tensor]:
    """The nodes (j, 16) of a quadrature rule on 0 ... 2^j - 1 for each length 2^j, and its positive weights (j, 16).

    The weighted sum over the nodes is the sum over all integers for every polynomial of degree below 16. The sums of the Chebyshev
    polynomials of a length follow from the rule of half that length, which is exact for them.
    """
    base = np.arange(NODES)
    positions = [np.where(base < 2**j, base, 0).astype(float) for j in range(5)]
    weights = [np.where(base < 2**j, 1.0, 0.0) for j in range(5)]
    for j in range(5, LONGEST + 1):
        length, half = 2.0**j, 2.0 ** (j - 1)
        position = _chebyshev_positions(length)
        halves, shares = np.concatenate([positions[-1], positions[-1] + half]), np.concatenate([weights[-1], weights[-1]])
        sums = shares @ _chebyshev(halves, length)
        positions.append(position)
        weights.append(np.linalg.solve(_chebyshev(position, length).T, sums))
    return torch.from_numpy(np.stack(positions)), torch.from_numpy(np.stack(weights))


def _chebyshev_positions(length: float) -> Floats:
    """16 different integers of 0 ... length - 1, both ends among them, dense near the ends like Chebyshev's points."""
    lower = np.round((length - 1.0) * 0.5 * (1.0 - np.cos(np.pi * np.arange(NODES // 2) / (NODES - 1))))
    for i in range(1, len(lower)):
        lower[i] = max(lower[i], lower[i - 1] + 1.0)
    return np.concatenate([lower, length - 1.0 - lower[::-1]])


def _chebyshev(points: Floats, length: float) -> Floats:
    scaled = 2.0 * points / (length - 1.0) - 1.0
    return np.asarray(np.polynomial.chebyshev.chebvander(scaled, NODES - 1), dtype=np.float64)


@cache
def _steps() -> tuple[tuple[float, ...], tuple[int, ...]]:
    """The distances of the blocks from an end, and the exponents of their lengths: 16, 16, then two of each power of 2.

    No block is longer than half its distance from the end: a term that decays on the scale of that distance is smooth in it.
    """
    starts, exponents = [0.0, 16.0, 32.0, 48.0], [4, 4, 4, 4]
    for j in range(6, LONGEST):
        starts += [2.0**j, 1.5 * 2.0**j]
        exponents += [j - 1, j - 1]
    return tuple(starts), tuple(exponents)


def nodes(length: Tensor) -> tuple[Tensor, Tensor]:
    """Nodes (J, *shape) among 0 ... length - 1 and their log weights: Σ weight · f(node) is Σ f over all integers.

    This holds for an f that is smooth on the scale of the distance from the nearer end, such as a tail that falls off from there or
    a power of a count. Nodes with a weight of -inf pad the shorter rows. A `length` of 2^50 or more is rounded.
    """
    table, weights = rules()
    starts, exponents = _steps()
    edges = torch.tensor(starts, dtype=torch.float64)
    half = torch.bucketize((0.5 * length).contiguous(), edges, right=True) - 1
    middle = length - 2.0 * edges[half]
    length = torch.where(length < _EXACT, length, 2.0 * edges[half])
    middle = torch.where(length < _EXACT, middle, 0.0).long()
    front = (NODES, *(1 for _ in length.shape))
    parts = []
    for block in range(int(half.max()) if half.numel() else 0):
        positions = starts[block] + table[exponents[block]].reshape(front)
        weight = weights[exponents[block]].reshape(front)
        used = block < half
        parts += [(positions.expand(NODES, *length.shape), weight, used), (length - 1.0 - positions, weight, used)]
    low = torch.arange(float(NODES), dtype=torch.float64).reshape(front)
    parts.append((edges[half] + low, torch.ones_like(low), low < (middle & 15)))
    for j in range(4, int(middle.max()).bit_length() if middle.numel() else 0):
        passed = edges[half] + (middle & (2**j - 1))
        parts.append((passed + table[j].reshape(front), weights[j].reshape(front), (middle & 2**j) > 0))
    points = torch.cat([torch.where(used, at, 0.0) for at, _, used in parts])
    return points, torch.cat([torch.where(used, weight, 0.0).expand(NODES, *length.shape) for _, weight, used in parts]).log()


def log_sum(log_term: Callable[[Tensor], Tensor], start: Tensor, direction: Tensor | float, length: Tensor) -> Tensor:
    """log Σ exp(log_term(k)) over the `length` >= 1 numbers k = start, start + direction, ...; differentiable as log_term is."""
    points, log_weights = nodes(length)
    terms = log_term(start + direction * points) + log_weights
    peak = terms.detach().amax(0)
    blocks = (terms - peak).exp().reshape(len(terms) // NODES, NODES, *terms.shape[1:])
    # In a fixed order, so that a row's sum does not depend on how many nodes the other rows need: quantiles meet the jumps of a cdf.
    shares = reduce(add, blocks.unbind(1))
    total: Tensor = reduce(add, shares.unbind(0)).log()
    return peak + total


def tails(
    log_sums: Callable[[Tensor, Tensor, Tensor], Tensor],
    y: Tensor,
    mean: Tensor,
    half_width: Tensor,
    ends: tuple[Tensor | float, Tensor | float],
) -> tuple[Tensor, Tensor]:
    """log P(Y <= y) and log P(Y > y) of a count: the tail on y's side of the mean summed outwards from y, the other as 1 minus it.

    `log_sums` is `log_sum` of the log-probability. Probabilities beyond `half_width` from y are negligible; `ends` are the first and the
    last count. The support must include 0.
    """
    first, last = ends
    count = y.detach().floor()
    early, late = count < first, count >= last
    at = torch.where(early | late, 0.0, count)
    mean, half_width = mean.detach().expand(at.shape), half_width.detach()
    # Of a rare event the probability itself is summed: that of none, which is all but 1, would have lost its digits.
    below = ((at < mean) & ((at != 0.0) | (mean > 0.5))) | early | late
    length = torch.minimum(half_width, torch.where(below, at - first + 1.0, last - at)).clamp(min=1.0).floor()
    tail = log_sums(torch.where(below, at, at + 1.0), torch.where(below, -1.0, 1.0), length)
    # Rounding must not make a probability of 1 more than that.
    rest = log1mexp(tail.clamp(max=-1e-300))
    lower = torch.where(early, -math.inf, torch.where(late, 0.0, torch.where(below, tail, rest)))
    upper = torch.where(early, 0.0, torch.where(late, -math.inf, torch.where(below, rest, tail)))
    return lower.clamp(max=0.0), upper.clamp(max=0.0)


def quantile(cdf: Callable[[Tensor], Tensor], p: Tensor, mean: Tensor, variance: Tensor, lowest: float = 0.0) -> Tensor:
    """The smallest count whose cdf is at least `p`, searched from the quantile of a gamma with the same mean and variance, below 0 of a normal."""
    shape = tensors.common_shape(p.shape, mean.shape)
    mean, p = mean.detach().double().expand(shape), p.double().expand(shape)
    # A variance may underflow; the guess need not be good.
    variance = variance.detach().double().clamp(min=1e-6).expand(shape)
    if lowest < 0:
        return smallest_count(cdf, p, mean + variance.sqrt() * torch.special.ndtri(p), lowest)
    guess = tensors.on_arrays(scipy.special.gammaincinv, mean * (mean / variance), p) * (variance / mean)
    return smallest_count(cdf, p, guess, lowest)


def unimodal_mode(log_mass: Callable[[Tensor], Tensor], highest: Tensor) -> Tensor:
    """The smallest k in 0, 1, ..., floor(highest) + 1 whose successor is not more probable, of a unimodal distribution."""
    low, high = torch.full_like(highest, -1.0), highest.detach().floor().clamp(max=_EXACT) + 1.0
    for _ in range(64):
        if not bool((high - low > 1.0).any()):
            break
        middle = ((low + high) / 2.0).floor().clamp(min=0.0)
        falling = log_mass(middle + 1.0) <= log_mass(middle)
        low, high = torch.where(falling, low, torch.minimum(middle, high)), torch.where(falling, middle, high)
    return high
