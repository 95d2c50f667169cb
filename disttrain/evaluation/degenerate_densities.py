"""Degenerate densities: densities so high that the last digit of the target cannot support them."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from disttrain.families import Family
from disttrain.outcomes import Outcome

_MAX_LISTED = 5


def impossible(nll: Tensor, outcome: Outcome) -> Tensor:
    """A mask (n,) of the rows whose density is higher than one over the spacing of float64 numbers at their target.

    Such a density is narrower than the last digit of the number; near 1 that is about 36 nats. For vectors the spacings of all elements are
    multiplied. `nll` (n,) is in nats and target units.
    """
    y = outcome.value.detach().double().cpu()
    resolution = torch.from_numpy(np.log(np.spacing(np.abs(y.numpy()))))
    exact = outcome.is_exact.cpu()
    if y.dim() > 1:
        resolution, exact = resolution.flatten(1).sum(1), exact.flatten(1).all(1)
    return exact & (nll.cpu() < resolution)


def impossible_notes(family: Family, column: str, nll: Tensor, outcome: Outcome, row: NDArray[np.int64], of: str = "") -> tuple[str, ...]:
    """A warning about degenerate densities with the numbers `row` (n,) of their rows: one line or none."""
    if family.support.discrete:
        return ()
    wrong = impossible(nll, outcome).numpy()
    if not wrong.any():
        return ()
    first = ", ".join(f"{number}" for number in row[wrong][:_MAX_LISTED])
    more = ", ..." if wrong.sum() > _MAX_LISTED else ""
    plural = "s" if wrong.sum() > 1 else ""
    text = (
        f"`{column}`: {int(wrong.sum()):,} of {len(wrong):,} {of}rows (row{plural} {first}{more}) have a log-density of up to "
        f"{-float(nll[torch.from_numpy(wrong)].min()):,.6g} nats, in less than the last digit of the number: no data can show that, and the "
        f"nll says nothing; look for repeated targets, lower `training.optimizer.lr`, or set `distribution.parameters.NAME.bounds`"
    )
    return (text,)
