"""One pass over the rows: in batches, or all at once; and the losses of rows under each member."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from disttrain.data.batches import bounds, order
from disttrain.errors import Finding, FitFailed
from disttrain.families import Family
from disttrain.likelihood import log_likelihood
from disttrain.networks import Network
from disttrain.training.flat_parameters import FlatParameters
from disttrain.training.optimizers import Descent
from disttrain.training.plan import Plan
from disttrain.training.row_losses import batch_nll, member_nll
from disttrain.training.row_tensors import RowTensors

__all__ = ["NotFinite", "full_batch", "mini_batches"]


class NotFinite(FitFailed):
    """The loss, or its `gradient` alone, stopped being a number and did so again after rolling back; `row` counts training rows from 0."""

    def __init__(self, epoch: int, batch: int, row: int, parameter: str, value: float, *, gradient: bool = False) -> None:
        what = "gradient became NaN, infinite or too large to be squared" if gradient else "loss became NaN or infinite"
        super().__init__(Finding("not-finite", f"the {what} in epoch {epoch}, batch {batch}"))
        self.epoch, self.batch, self.row, self.parameter, self.value, self.gradient = epoch, batch, row, parameter, value, gradient


def mini_batches(
    network: Network,
    family: Family,
    train: RowTensors,
    plan: Plan,
    flat: FlatParameters,
    descent: Descent,
    epoch: int,
    stop: Callable[[], bool],
) -> Tensor:
    network.train()
    members = network.members
    orders = torch.stack([order(plan.seed, epoch, len(train), member) for member in range(members)]).to(train.x.device)
    orders = orders if train.seats is None else train.seats.gather(1, orders)
    mean_weight = _mass(train, orders) / len(train)
    # One network alone has its rows permuted once; of several each would have a copy of all of them.
    shuffled = train.taken(orders[0]) if members == 1 else None
    total = [0.0] * members
    for number, (first, last) in enumerate(bounds(len(train), plan.batch_size), 1):
        chosen = orders[:, first:last]
        batch = train.taken(chosen.flatten()) if shuffled is None else shuffled[first:last]
        losses = _means(batch_nll(network, family, batch, batch.x.reshape(members, last - first, -1)), batch.weight, mean_weight)
        flat.zero_grad()
        losses.backward(torch.ones_like(losses))  # type: ignore[no-untyped-call]
        lengths = _lengths(flat.lengths(), batch.weight, mean_weight)
        # One question to the device in a step.
        numbers = torch.cat([losses.detach(), lengths]).tolist()
        values, longest = numbers[:members], max(numbers[members:])
        if not all(map(math.isfinite, numbers)):
            lengths = _lengths(flat.large_lengths(), batch.weight, mean_weight)
            # Without a clip the square that Adam takes would be no number either, and the weight would never move again.
            if plan.gradient_clip is None or not all(map(math.isfinite, (*values, *lengths.tolist()))):
                raise _worst(network, family, train, chosen.flatten(), epoch, number)
        if plan.gradient_clip is not None and longest > plan.gradient_clip:
            flat.shorten(lengths, plan.gradient_clip)
        descent.step()
        total = [before + value * (last - first) for before, value in zip(total, values, strict=True)]
        if stop():
            break
    return torch.tensor(total, dtype=torch.float64) * (mean_weight / _mass(train, orders[:, :last])).cpu()


def _mass(rows: RowTensors, chosen: Tensor) -> Tensor:
    """What the rows (K, m) of each member weigh together, (K,): their number where they have no weights."""
    return torch.full((len(chosen),), float(chosen.shape[1]), dtype=torch.float64) if rows.weight is None else rows.weight[chosen].sum(1)


def _lengths(lengths: Tensor, weight: Tensor | None, mean_weight: Tensor) -> Tensor:
    """The lengths (K,) of the members' gradients, for as many rows as a batch stands for where its rows weigh more than the usual.

    A row that stands for forty has forty times the gradient; clipped as that of one row it would lose its weight again.
    """
    if weight is None:
        return lengths
    return lengths / (weight.reshape(len(lengths), -1).mean(1) / mean_weight).clamp(min=1.0).to(lengths.device)


def _means(nll: Tensor, weight: Tensor | None, mean_weight: Tensor) -> Tensor:
    """Σ w nll / (rows · `mean_weight`) of each member, (K,), from the losses (K, n) of a batch; without weights the plain mean.

    `mean_weight` (K,) is that of all training rows. The batch's own would make a step the ratio of two sums, whose mean over the batches is
    another gradient: one in which a heavy row counts for little, and for less the smaller the batch.
    """
    if weight is None:
        return nll.mean(1)
    return (nll * weight.reshape(len(nll), -1).to(nll)).mean(1) / mean_weight.to(nll)


def full_batch(
    network: Network,
    family: Family,
    train: RowTensors,
    plan: Plan,
    flat: FlatParameters,
    descent: Descent,
    epoch: int,
    stop: Callable[[], bool],
) -> Tensor:
    del plan, stop
    assert isinstance(descent, torch.optim.LBFGS)
    network.train()
    every = train.positions(network.members)
    rows, x = train.of_members(0, len(train), network.members)
    mean_weight, seen = _mass(train, every) / len(train), 0

    def closure() -> float:
        nonlocal seen
        flat.zero_grad()
        means = _means(batch_nll(network, family, rows, x), rows.weight, mean_weight)
        # The sum over rows: L-BFGS forgets directions whose curvature is below 1e-10, as it is in the mean where a likelihood is flat.
        loss = means.sum() * len(train)
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        # Before the first step it is a row's own fault; afterwards all rows would look guilty.
        if not (seen or math.isfinite(value)):
            raise _worst(network, family, train, every.flatten(), epoch, 1)
        seen += 1
        return value

    descent.step(closure)  # type: ignore[no-untyped-call]
    values = member_nll(network, family, train)
    if not bool(values.isfinite().all()):
        raise _worst(network, family, train, every.flatten(), epoch, 1)
    return values


def _worst(network: Network, family: Family, train: RowTensors, rows: Tensor, epoch: int, batch: int) -> NotFinite:
    """The training row and parameter to blame: a row whose likelihood is not finite and its most extreme parameter, else the steepest slope."""
    with torch.no_grad():
        part = train[rows.to(train.x.device)]
        parameters = network(part.x.reshape(network.members, -1, part.x.shape[1]), part.conditions)
    parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
    nll = -log_likelihood(family.distribution(**parameters, validate_args=False), part.outcome)
    bad = (~nll.isfinite()).nonzero().flatten()
    slopes = parameters if len(bad) else _slopes(nll, parameters)
    extremes = {name: value.detach().abs().reshape(len(part), -1).amax(1).nan_to_num(nan=math.inf) for name, value in slopes.items()}
    row = int(bad[0]) if len(bad) else int(torch.stack(list(extremes.values())).amax(0).argmax())
    name = max(extremes, key=lambda key: float(extremes[key][row]))
    return NotFinite(epoch, batch, int(rows[row]), name, float(parameters[name][row].detach().flatten()[0]), gradient=not len(bad))


def _slopes(nll: Tensor, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of each row's negative log-likelihood in each of its parameters."""
    found = torch.autograd.grad(nll.sum(), list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(value) if slope is None else slope for (name, value), slope in zip(parameters.items(), found, strict=True)
    }
