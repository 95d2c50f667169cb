"""Adaptive sums and integrals of many rows at once: an interval of a row is halved only while halving changes its estimate."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Where the integrand has a kink, whole and halves may agree by chance to a few digits, but hardly to eleven.
_TOLERANCE = 1e-11
# Enough to come within rounding of a jump inside an interval.
_ROUNDS = 55
# Halving takes half of what a jump leaves open, and all but nothing of what a smooth integrand does; what rounding leaves stays as it is.
# A row whose open rest, this small a share of its total, falls by less than that for so many rounds has no more digits to give.
_FALLING, _RESOLVED, _STALLED = 0.8, 1e-6, 3

Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


def refined(rule: Rule, row: Tensor, start: Tensor, length: Tensor, size: Tensor, least: float = 0.0) -> Tensor:
    """The sum over the intervals of each row: (n,), in the unit of the rule.

    `rule(row, start, length)` estimates M intervals [start, start + length) of rows `row`, all three (M,). It is called again for both
    halves of an interval until they agree with the whole to 1e-11 of the row's total plus `size` (n,), or to the rounding error of the
    rule. Intervals of length `least` or less are exact.
    """
    done, rest, stalled = torch.zeros_like(size), torch.full_like(size, torch.inf), torch.zeros_like(size)
    estimate = rule(row, start, length) if len(row) else start
    for remaining in range(_ROUNDS, -1, -1):
        exact = length <= least
        done = done.index_add(0, row[exact], estimate[exact])
        row, start, half, estimate = row[~exact], start[~exact], 0.5 * length[~exact], estimate[~exact]
        if not len(row):
            break
        left, right = rule(row, start, half), rule(row, start + half, half)
        total = size + done.index_add(0, row, left + right).abs()
        # Written so that a nan counts as settled: no halving will mend it.
        gap = (left + right - estimate).abs()
        open_ = (gap > _TOLERANCE * total[row]) & (remaining > 0)
        before, rest = rest, torch.zeros_like(size).index_add(0, row[open_], gap[open_])
        stalled = torch.where((rest > _FALLING * before) & (rest < _RESOLVED * total), stalled + 1.0, 0.0)
        open_ = open_ & (stalled < _STALLED)[row]
        done = done.index_add(0, row[~open_], (left + right)[~open_])
        if not bool(open_.any()):
            break
        row, start, half = row[open_], start[open_], half[open_]
        start = torch.cat([start, start + half])
        row, length = torch.cat([row, row]), torch.cat([half, half])
        estimate = torch.cat([left[open_], right[open_]])
    return done
