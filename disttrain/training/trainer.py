"""The steps of a network in training: mini-batches, or L-BFGS on all rows."""

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
from disttrain.training.optimizers import Optimizer, build_optimizer
from disttrain.training.plan import Plan
from disttrain.training.row_losses import batch_nll, member_nll
from disttrain.training.row_tensors import RowTensors


class NotFinite(FitFailed):
    """A loss, or with `gradient` only a gradient, is not finite, and was not finite again after rollbacks; `row` counts training rows from 0."""

    def __init__(self, epoch: int, batch: int, row: int, parameter: str, value: float, *, gradient: bool = False) -> None:
        what = "gradient became NaN, infinite or too large to be squared" if gradient else "loss became NaN or infinite"
        super().__init__(Finding("not-finite", f"the {what} in epoch {epoch}, batch {batch}"))
        self.epoch, self.batch, self.row, self.parameter, self.value, self.gradient = epoch, batch, row, parameter, value, gradient


class Trainer:
    """A network in training: its family, its training `rows`, its plan, its `parameters` in one tensor, and the optimizer of that tensor."""

    def __init__(self, network: Network, family: Family, rows: RowTensors, plan: Plan) -> None:
        self.network, self.family, self.rows, self.plan = network, family, rows, plan
        self.parameters = FlatParameters(network)
        self.optimizer: Optimizer = build_optimizer(self.parameters.weights, plan.optimizer)

    @property
    def full_batch(self) -> bool:
        """True if a step takes all rows, as L-BFGS does. The losses of an epoch are then those of the weights at its end."""
        return isinstance(self.optimizer, torch.optim.LBFGS)

    def set_learning_rate(self, rate: float) -> None:
        """Set the learning rate of the next steps."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def epoch(self, number: int, stop: Callable[[], bool]) -> Tensor:
        """Take the steps of epoch number `number`, up to the batch after which `stop()` is true; return the loss of each member, (K,).

        Raises NotFinite before a step whose loss or gradient is not finite.
        """
        self.network.train()
        return self._full_batch(number) if self.full_batch else self._mini_batches(number, stop)

    def losses(self, rows: RowTensors) -> Tensor:
        """The mean loss of each member on rows, (K,), in nats and standardised units, with dropout off."""
        return member_nll(self.network, self.family, rows)

    def _mini_batches(self, epoch: int, stop: Callable[[], bool]) -> Tensor:
        """Take a step per batch of rows; return the mean loss of each member over the batches, (K,), float64."""
        rows, orders = self.rows, self._orders(epoch)
        mean_weight = _mass(rows, orders) / len(rows)
        # The rows of one network are permuted once; several networks would need a copy of all rows each.
        shuffled = rows.index_select(orders[0]) if len(orders) == 1 else None
        total = [0.0] * len(orders)
        for number, (first, last) in enumerate(bounds(len(rows), self.plan.batch_size), 1):
            chosen = orders[:, first:last]
            losses = self._step(rows.index_select(chosen.flatten()) if shuffled is None else shuffled[first:last], mean_weight)
            if losses is None:
                raise self._worst(chosen.flatten(), epoch, number)
            total = [before + loss * (last - first) for before, loss in zip(total, losses, strict=True)]
            if stop():
                break
        return torch.tensor(total, dtype=torch.float64) * (mean_weight / _mass(rows, orders[:, :last])).cpu()

    def _orders(self, epoch: int) -> Tensor:
        """The indices of the rows of each member in the order of an epoch, (K, m)."""
        rows, members = self.rows, range(self.network.members)
        orders = torch.stack([order(self.plan.seed, epoch, len(rows), member) for member in members]).to(rows.x.device)
        return orders if rows.member_rows is None else rows.member_rows.gather(1, orders)

    def _step(self, batch: RowTensors, mean_weight: Tensor) -> list[float] | None:
        """Take one step along the gradient of the rows of all members; return the loss of each. If it is not finite: no step, and None."""
        members, parameters, max_norm = self.network.members, self.parameters, self.plan.gradient_clip
        losses = _means(
            batch_nll(self.network, self.family, batch, batch.x.reshape(members, -1, batch.x.shape[1])), batch.weight, mean_weight
        )
        parameters.zero_grad()
        # The sum, because a gradient of `losses` given to `backward` makes torch import sympy, in half a second (torch 2.13).
        losses.sum().backward()  # type: ignore[no-untyped-call]
        grad_norms = _norms_per_row(parameters.grad_norms(), batch.weight, mean_weight)
        # One transfer from the device in a step.
        numbers = torch.cat([losses.detach(), grad_norms]).tolist()
        values, largest_norm = numbers[:members], max(numbers[members:])
        if not all(map(math.isfinite, numbers)):
            grad_norms = _norms_per_row(parameters.large_grad_norms(), batch.weight, mean_weight)
            # Without a clip the square in Adam overflows too, and the weight would never move again.
            if max_norm is None or not all(map(math.isfinite, (*values, *grad_norms.tolist()))):
                return None
        if max_norm is not None and largest_norm > max_norm:
            parameters.clip(grad_norms, max_norm)
        self.optimizer.step()
        return values

    def _full_batch(self, epoch: int) -> Tensor:
        """Take one step of L-BFGS on all rows; return the loss of each member after it, (K,)."""
        assert isinstance(self.optimizer, torch.optim.LBFGS)
        train, members = self.rows, self.network.members
        every = train.positions(members)
        rows, x = train.of_members(0, len(train), members)
        mean_weight, evaluations = _mass(train, every) / len(train), 0

        def closure() -> float:
            nonlocal evaluations
            self.parameters.zero_grad()
            means = _means(batch_nll(self.network, self.family, rows, x), rows.weight, mean_weight)
            # The sum over rows: L-BFGS forgets directions whose curvature is below 1e-10, as it is in the mean where a likelihood is flat.
            loss = means.sum() * len(train)
            loss.backward()  # type: ignore[no-untyped-call]
            value = float(loss.detach())
            # Before the first step a row is the cause; afterwards the weights are, and no row is finite.
            if not (evaluations or math.isfinite(value)):
                raise self._worst(every.flatten(), epoch, 1)
            evaluations += 1
            return value

        self.optimizer.step(closure)  # type: ignore[no-untyped-call]
        losses = self.losses(train)
        if not bool(losses.isfinite().all()):
            raise self._worst(every.flatten(), epoch, 1)
        return losses

    def _worst(self, rows: Tensor, epoch: int, batch: int) -> NotFinite:
        """The error for the row and the parameter that caused it.

        They are a row without a finite likelihood and its most extreme parameter, or else the row and the parameter of the steepest
        gradient.
        """
        with torch.no_grad():
            part = self.rows[rows.to(self.rows.x.device)]
            parameters = self.network(part.x.reshape(self.network.members, -1, part.x.shape[1]), part.conditions)
        parameters = {name: value.detach().requires_grad_() for name, value in parameters.items()}
        nll = -log_likelihood(self.family.distribution(**parameters, validate_args=False), part.outcome)
        bad = (~nll.isfinite()).nonzero().flatten()
        slopes = parameters if len(bad) else _slopes(nll, parameters)
        extremes = {name: value.detach().abs().reshape(len(part), -1).amax(1).nan_to_num(nan=math.inf) for name, value in slopes.items()}
        row = int(bad[0]) if len(bad) else int(torch.stack(list(extremes.values())).amax(0).argmax())
        name = max(extremes, key=lambda key: float(extremes[key][row]))
        return NotFinite(epoch, batch, int(rows[row]), name, float(parameters[name][row].detach().flatten()[0]), gradient=not len(bad))


def _mass(rows: RowTensors, chosen: Tensor) -> Tensor:
    """The total weight (K,) of the rows (K, m) of each member; without weights, their number."""
    return torch.full((len(chosen),), float(chosen.shape[1]), dtype=torch.float64) if rows.weight is None else rows.weight[chosen].sum(1)


def _norms_per_row(grad_norms: Tensor, weight: Tensor | None, mean_weight: Tensor) -> Tensor:
    """The norms (K,) of the members' gradients, divided by the mean weight of the batch over that of all rows, if that is above 1.

    A row of forty times the weight has forty times the gradient. If it were clipped like that of one row, it would lose its weight again.
    """
    if weight is None:
        return grad_norms
    return grad_norms / (weight.reshape(len(grad_norms), -1).mean(1) / mean_weight).clamp(min=1.0).to(grad_norms.device)


def _means(nll: Tensor, weight: Tensor | None, mean_weight: Tensor) -> Tensor:
    """Σ w nll / (rows · `mean_weight`) of each member, (K,), from the losses (K, n) of a batch; without weights the plain mean.

    `mean_weight` (K,) is that of all training rows. With the batch's own mean a step would be the ratio of two sums, and the mean of this
    ratio over the batches is another gradient: one that counts a heavy row for little, and for less in smaller batches.
    """
    if weight is None:
        return nll.mean(1)
    return (nll * weight.reshape(len(nll), -1).to(nll)).mean(1) / mean_weight.to(nll)


def _slopes(nll: Tensor, parameters: dict[str, Tensor]) -> dict[str, Tensor]:
    """The gradient of each row's negative log-likelihood in each of its parameters."""
    gradients = torch.autograd.grad(nll.sum(), list(parameters.values()), allow_unused=True)
    return {
        name: torch.zeros_like(value) if slope is None else slope
        for (name, value), slope in zip(parameters.items(), gradients, strict=True)
    }
