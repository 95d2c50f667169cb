"""Intercepts refitted on validation rows: a constant for the raw outputs of each parameter, with which the held-out rows are most likely."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.likelihood import log_likelihood
from disttrain.networks import Network, activated
from disttrain.training.row_tensors import RowTensors

# The rows of all members that the intercepts are fitted to at most, the Newton steps, and the gain of a step (nats per row) that ends them.
_ROWS, _STEPS, _ENOUGH = 20_000, 12, 1e-3
# The step of the finite differences of the gradient, and the least curvature.
_DIFFERENCE, _FLAT = 1e-4, 1e-3


@contextmanager
def refitted(network: Network, family: Family, rows: RowTensors | None) -> Iterator[None]:
    """Give the network the intercepts of its parameters that suit `rows` inside the block, and its own afterwards. None: change nothing.

    Training makes rows of the training set likely with a spread that is too small for new rows. One constant per parameter, added to its
    raw outputs, corrects this, and the network can be trained for longer. Source: calibration in the large, Steyerberg (2019), Clinical
    Prediction Models, section 15.3; for the spread, Guo et al. (2017), On Calibration of Modern Neural Networks.
    """
    if rows is None:
        yield
        return
    before = {name: level.parts.clone() for name, level in network.named_levels().items()}
    network.add_to_levels(intercepts(network, family, rows))
    try:
        yield
    finally:
        for name, level in network.named_levels().items():
            level.parts.copy_(before[name])


def intercepts(network: Network, family: Family, rows: RowTensors) -> dict[str, Tensor]:
    """The constants (K,) to add to the raw outputs of each learned parameter of each member, by penalised likelihood of rows.

    Each constant has a normal prior with standard deviation 1. They are 0 for a member whose rows do not become more likely by more than
    one nat for each parameter, twice what chance gives. Source of the expectation: Akaike (1973).
    """
    members, (part, x) = network.members, _some(rows, network.members)
    network.eval()
    with torch.no_grad():
        raw = network.raw(x)
    weight = (
        torch.ones(members, x.shape[-2], dtype=torch.float64) if part.weight is None else part.weight.reshape(members, -1).cpu().double()
    )
    share, counted = weight / weight.sum(1, keepdim=True), weight.sum(1).square() / weight.square().sum(1)
    size = x.shape[-2]

    def losses(shift: Tensor) -> Tensor:
        """The mean negative log-likelihood of each member (K,) with the prior of its constants (K, d)."""
        moved = {
            name: value + shift[:, number].to(value).repeat_interleave(size).reshape(-1, *(1 for _ in value.shape[1:]))
            for number, (name, value) in enumerate(raw.items())
        }
        arguments = activated(network.outputs, moved, members * size, part.conditions, logits=True)
        score = log_likelihood(family.distribution(**arguments, validate_args=False), part.outcome).reshape(members, size).cpu()
        return -(score * share).sum(1) + shift.square().sum(1) / (2.0 * counted)

    start = torch.zeros(members, len(raw), dtype=torch.float64)
    with torch.no_grad():
        plain = losses(start)
    shift, best = _minimum(losses, start, plain)
    gain = torch.where((shift == 0).all(1), 0.0, plain - best) * counted
    shift = torch.where((gain > len(raw)).unsqueeze(1), shift, 0.0)
    return {name: shift[:, number] for number, name in enumerate(raw)}


def _minimum(losses: Callable[[Tensor], Tensor], shift: Tensor, best: Tensor) -> tuple[Tensor, Tensor]:
    """The constants (K, d) near the minimum of each member's loss, and the losses (K,), by Newton steps that never increase a loss."""
    for _ in range(_STEPS):
        slope = _slope(losses, shift)
        curvature = torch.stack(
            [(_slope(losses, shift + _DIFFERENCE * axis) - slope) / _DIFFERENCE for axis in torch.eye(shift.shape[1]).to(shift)], 1
        )
        if not bool(slope.isfinite().all() & curvature.isfinite().all()):
            break
        values, vectors = torch.linalg.eigh(0.5 * (curvature + curvature.mT))
        step = (vectors @ ((vectors.mT @ slope.unsqueeze(-1)) / values.abs().clamp(min=_FLAT).unsqueeze(-1))).squeeze(-1)
        step = step / step.abs().amax(1, keepdim=True).clamp(min=1.0)
        before = best
        for _ in range(4):
            with torch.no_grad():
                found = losses(shift - step)
            better = found < best
            shift, best = torch.where(better.unsqueeze(1), shift - step, shift), torch.where(better, found, best)
            if bool(better.all()):
                break
            step = torch.where(better.unsqueeze(1), 0.0, 0.5 * step)
        if not bool((before - best > _ENOUGH).any()):
            break
    return shift, best


def _slope(losses: Callable[[Tensor], Tensor], shift: Tensor) -> Tensor:
    """The gradient (K, d) of each member's loss in its own constants."""
    at = shift.detach().requires_grad_(True)
    return torch.autograd.grad(losses(at).sum(), at)[0]


def _some(rows: RowTensors, members: int) -> tuple[RowTensors, Tensor]:
    """The rows of all members and their inputs, or every k-th row where all members together have more than 20,000."""
    step = max(1, -(-len(rows) * members // _ROWS))
    if step > 1:
        rows = rows[::step] if rows.member_rows is None else rows.with_member_rows(rows.member_rows[:, ::step])
    return rows.of_members(0, len(rows), members)
