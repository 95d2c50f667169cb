"""Densities that no data can show: rows that earn more nats than the last digit of their target allows."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.outcomes import Outcome

Array = np.ndarray[Any, Any]
_SHOWN = 5


def impossible(nll: Tensor, outcome: Outcome) -> Tensor:
    """Which rows, (n,), have a density above one over the distance of neighbouring float64 numbers at their target, of a vector over all of them.

    It lives in less than the last digit of the number, about 36 nats of a target near 1. `nll` (n,) is in nats and target units.
    """
    y = outcome.value.detach().double().cpu()
    resolution = torch.from_numpy(np.log(np.spacing(np.abs(y.numpy()))))
    exact = outcome.seen.cpu()
    if y.dim() > 1:
        resolution, exact = resolution.flatten(1).sum(1), exact.flatten(1).all(1)
    return exact & (nll.cpu() < resolution)


def impossible_notes(family: Family, column: str, nll: Tensor, outcome: Outcome, row: Array, of: str = "") -> tuple[str, ...]:
    """The warning that a likelihood is none, with the rows that it comes from, whose numbers are `row` (n,): one line or none."""
    if family.support.discrete:
        return ()
    wrong = impossible(nll, outcome).numpy()
    if not wrong.any():
        return ()
    first = ", ".join(f"{number}" for number in row[wrong][:_SHOWN])
    more = ", ..." if wrong.sum() > _SHOWN else ""
    plural = "s" if wrong.sum() > 1 else ""
    text = (
        f"`{column}`: {int(wrong.sum()):,} of {len(wrong):,} {of}rows (row{plural} {first}{more}) have a log-density of up to "
        f"{-float(nll[torch.from_numpy(wrong)].min()):,.6g} nats, in less than the last digit of the number: no data can show that, and the "
        f"nll says nothing; look for repeated targets, lower `training.optimizer.lr`, or set `distribution.parameters.NAME.bounds`"
    )
    return (text,)
