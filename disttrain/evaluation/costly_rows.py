"""Costly rows: a few rows that the forecast explains so much worse than the baseline that they decide the mean nll."""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disttrain.model import Model

_MAX_LISTED = 5
# If the forecast q were right, E[b/q] = 1 for any baseline b, so that by Markov's inequality a row costs t nats more than under b with
# probability exp(-t) at most: above log(20 n), in fewer than 1 of 20 data sets of n rows does any row do so.
_SURPRISE = 20.0
# More rows than this share are not few, and a smaller part of the gain does not matter.
_FEW, _PART = 0.05, 0.05


def costly_rows(nll: Tensor, baseline: Tensor, weight: Tensor | None = None) -> Tensor:
    """The indices of the costly rows, the most expensive first; empty if there are none, or if they do not decide the mean.

    `nll` and `baseline` (n,) are the nats of each row, `weight` (n,) its weight. A row is costly if it exceeds the baseline by more than
    log(20 n) nats. Costly rows are named if they are few and take more than 5 % of the gain of all other rows.
    """
    weight = torch.ones_like(nll) if weight is None else weight
    excess = torch.where(weight > 0, (nll - baseline).nan_to_num(nan=0.0, posinf=math.inf, neginf=-math.inf), 0.0)
    costly = excess > math.log(_SURPRISE * max(len(nll), 1))
    if not 0 < int(costly.sum()) <= max(1, _FEW * len(nll)):
        return torch.empty(0, dtype=torch.int64)
    cost, gain = (weight * excess)[costly].sum(), -(weight * excess)[~costly].sum()
    order = (weight * excess).argsort(descending=True, stable=True)[: int(costly.sum())]
    return order if float(cost) > _PART * abs(float(gain)) else order[:0]


def costly_notes(
    model: Model, nll: Tensor, baseline: Tensor | None, weight: Tensor | None, row: NDArray[np.int64], of: str = ""
) -> tuple[str, ...]:
    """A warning about costly rows with their numbers `row` (n,) in the source, and the way out: one line or none."""
    if baseline is None or not len(index := costly_rows(nll, baseline, weight)):
        return ()
    weight = torch.ones_like(nll) if weight is None else weight
    total, part = float((weight * nll).sum()), float((weight * nll)[index].sum())
    one = len(index) == 1
    rows = [
        f"{row[number]:,}, {float(nll[number]):,.4g} nats" if one else f"{row[number]:,} ({float(nll[number]):,.4g} nats)"
        for number in index.tolist()
    ]
    listed = ", ".join(rows[:_MAX_LISTED]) + (", ..." if len(rows) > _MAX_LISTED else "")
    size = f"{100 * part / total:.3g} %" if 0.0 < part <= total < math.inf else f"{part / float(weight.sum()):.4g} nats"
    verb, plural = ("carries", "") if one else ("carry", "s")
    return (f"{len(index):,} of {len(nll):,} {of}rows {verb} {size} of the nll: row{plural} {listed}; {_way_out(model)}",)


def _way_out(model: Model) -> str:
    share = "a larger `forecast.marginal_share`" if model.marginal_share else "`forecast.marginal_share: auto`"
    tail = "" if model.labels is not None else ", or choose a family with a heavier tail"
    return f"set {share}, which bounds what a row can cost{tail}"
