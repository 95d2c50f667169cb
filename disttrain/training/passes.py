"""One pass over the rows: in batches, or all at once; and the losses of rows under each member."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from disttrain.data.batches import bounds, order
from disttrain.errors import Finding, FitFailed
from disttrain.families import Family
from disttrain.likelihood import log_likelihood
from disttrain.networks import Network
from disttrain.training.flat import Flat
from disttrain.training.optimizers import Descent, OptimizerPlan, SchedulePlan
from disttrain.training.rows import Rows

__all__ = ["NotFinite", "Plan", "full_batch", "mean_nll", "member_nll", "mini_batches", "row_nll"]

# Rows scored at once: on a CPU what stays in its cache, three times as fast as all of them; elsewhere enough to keep the device busy.
_IN_CACHE, _ELSEWHERE = 1_024, 65_536


@dataclass(frozen=True)
class Plan:
    """How to train: at most `epochs` passes in batches of `batch_size` rows, in an order that `seed` fixes.

    `constant` (nats) is added to every reported loss of the training rows, `held_out_constant` to that of the validation rows: log spread,
    so that they are those of the target in its own units.
    """

    epochs: int
    batch_size: int
    optimizer: OptimizerPlan
    schedule: SchedulePlan = field(default_factory=SchedulePlan)
    patience: int | None = None
    min_delta: float = 0.0
    gradient_clip: float | None = None
    seed: int = 0
    constant: float = 0.0
    held_out_constant: float = 0.0


class NotFinite(FitFailed):
    """The loss, or its `gradient` alone, stopped being a number and did so again after rolling back; `row` counts training rows from 0."""

    def __init__(self, epoch: int, batch: int, row: int, parameter: str, value: float, *, gradient: bool = False) -> None:
        what = "gradient became NaN, infinite or too large to be squared" if gradient else "loss became NaN or infinite"
        super().__init__(Finding("not-finite", f"the {what} in epoch {epoch}, batch {batch}"))
        self.epoch, self.batch, self.row, self.parameter, self.value, self.gradient = epoch, batch, row, parameter, value, gradient


def mean_nll(network: Network, family: Family, rows: Rows) -> float:
    """Weighted mean negative log-likelihood of rows, averaged over members, in nats and standardised units, with dropout off."""
    return float(member_nll(network, family, rows).mean())


def member_nll(network: Network, family: Family, rows: Rows) -> Tensor:
    """The weighted mean negative log-likelihood of rows under each member, (K,), in nats and standardised units, with dropout off."""
    total, mass = (torch.zeros(network.members, dtype=torch.float64) for _ in range(2))
    for nll, weight in _scored(network, family, rows):
        total += (nll * weight).sum(1)
        mass += weight.sum(1)
    return total / mass


def row_nll(network: Network, family: Family, rows: Rows) -> tuple[Tensor, Tensor]:
    """The same of each row under each member, (K, n), not averaged, and what each row weighs, (K, n)."""
    nll, weight = zip(*_scored(network, family, rows), strict=True)
    return torch.cat(nll, 1), torch.cat(weight, 1)


def _scored(network: Network, family: Family, rows: Rows) -> Iterator[tuple[Tensor, Tensor]]:
    """The negative log-likelihoods and the weights of rows, some at a time, both (K, n)."""
    network.eval()
    at_once = max(_IN_CACHE // 2, _IN_CACHE // network.members) if rows.x.device.type == "cpu" else _ELSEWHERE
    for start in range(0, len(rows), at_once):
        with torch.no_grad():
            part, x = rows.of_members(start, start + at_once, network.members)
            nll = _nll(network, family, part, x).double().cpu()
            yield nll, torch.ones_like(nll) if part.weight is None else part.weight.reshape(nll.shape).cpu()


def _nll(network: Network, family: Family, rows: Rows, x: Tensor) -> Tensor:
    """The negative log-likelihood of each row of each member, (K, n): `rows` are those of all members, `x` their inputs (n, p) or (K, n, p)."""
    distribution = family.distribution(**network.arguments(x, rows.conditions), validate_args=False)
    return -log_likelihood(distribution, rows.outcome).reshape(network.members, -1)


def mini_batches(
    network: Network,
    family: Family,
    train: Rows,
    plan: Plan,
    flat: Flat,
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
        losses = _means(_nll(network, family, batch, batch.x.reshape(members, last - first, -1)), batch.weight, mean_weight)
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


def _mass(rows: Rows, chosen: Tensor) -> Tensor:
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
    train: Rows,
    plan: Plan,
    flat: Flat,
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
        means = _means(_nll(network, family, rows, x), rows.weight, mean_weight)
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


def _worst(network: Network, family: Family, train: Rows, rows: Tensor, epoch: int, batch: int) -> NotFinite:
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
