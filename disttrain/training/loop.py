"""The training loop: a generator that yields what each epoch brought. It owns no files and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from disttrain.data.batches import bounds, order
from disttrain.errors import Finding, FitFailed
from disttrain.families import Family
from disttrain.likelihood import cross_entropy, log_likelihood
from disttrain.networks import Network
from disttrain.training.optimizers import OptimizerPlan, SchedulePlan, learning_rate, optimizer
from disttrain.training.rows import Rows
from disttrain.training.standing import Standing
from disttrain.training.stopping import Stopping

__all__ = ["Epoch", "NotFinite", "Plan", "epochs", "mean_nll"]

_ROLLBACKS = 3
_SCORED_AT_ONCE = 65_536


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


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: losses in nats per row and target units, the learning rate, and seconds since the start.

    `validation_nll` is nan where there are no validation rows; `improved` says that this is the best epoch so far.
    """

    number: int
    train_nll: float
    validation_nll: float
    learning_rate: float
    seconds: float
    rows_per_second: float
    improved: bool
    best: float
    best_epoch: int


class NotFinite(FitFailed):
    """The loss or its gradient stopped being a number and did so again after rolling back; `row` counts training rows from 0."""

    def __init__(self, epoch: int, batch: int, row: int, parameter: str, value: float) -> None:
        super().__init__(Finding("not-finite", f"the loss became NaN or infinite in epoch {epoch}, batch {batch}"))
        self.epoch, self.batch, self.row, self.parameter, self.value = epoch, batch, row, parameter, value


def epochs(
    network: Network, family: Family, train: Rows, validation: Rows | None, plan: Plan, stop: Callable[[], bool] = lambda: False,
    begin: Standing | None = None, keep: Callable[[Standing], None] = lambda standing: None,
) -> Iterator[Epoch]:  # fmt: skip
    """Train `network` in place and yield every epoch; `stop` is asked after every batch.

    `keep` is given where the loop stands before each epoch; begun there again, the loop goes on to the same bits. An epoch that was
    stopped is begun anew.

    A step that is not finite is not taken: the network goes back to the end of the last epoch, with half the learning rate.
    Raises NotFinite after three such returns.
    """
    watched_rows = train if validation is None or not len(validation) else validation
    descent = optimizer(network.parameters(), plan.optimizer)
    begin = begin or Standing.of(network, descent, Stopping(plan.patience, plan.min_delta, mean_nll(network, family, watched_rows)))
    begin.restore(network, descent)
    stopping, rollbacks, stalls = begin.stopped(), begin.rollbacks, begin.stalls
    started, number = time.perf_counter() - begin.seconds, begin.epoch + 1
    run = _full_batch if isinstance(descent, torch.optim.LBFGS) else _mini_batches
    while number <= plan.epochs and not stopping.over:
        began = time.perf_counter()
        good = Standing.of(network, descent, stopping, number - 1, rollbacks, stalls, began - started)
        keep(good)
        rate = learning_rate(plan.optimizer.lr, plan.schedule, number, plan.epochs, stalls) / 2**rollbacks
        _set_rate(descent, rate)
        try:
            train_nll = run(network, family, train, plan, descent, number, stop)
        except NotFinite:
            rollbacks += 1
            good.restore(network, descent)
            if rollbacks > _ROLLBACKS:
                raise
            continue
        held_out = mean_nll(network, family, validation) if validation is not None and len(validation) else None
        watched = train_nll if held_out is None else held_out
        improved = stopping.improved(number, watched)
        stalls += stopping.waited > 0 and stopping.waited % plan.schedule.patience == 0
        now = time.perf_counter()
        yield Epoch(
            number, train_nll + plan.constant, math.nan if held_out is None else held_out + plan.held_out_constant, rate,
            now - started, len(train) / max(now - began, 1e-9), improved,
            stopping.best + (plan.constant if held_out is None else plan.held_out_constant), stopping.best_epoch,
        )  # fmt: skip
        number += 1
        if stop():
            return


def mean_nll(network: Network, family: Family, rows: Rows) -> float:
    """Weighted mean negative log-likelihood of rows, in nats and standardised units, with dropout off."""
    network.eval()
    total = weights = 0.0
    with torch.no_grad():
        for start in range(0, len(rows), _SCORED_AT_ONCE):
            part = rows[start : start + _SCORED_AT_ONCE]
            nll = -log_likelihood(family.distribution(**network.arguments(part.x, part.conditions), validate_args=False), part.outcome)
            total += float(nll.sum() if part.weight is None else (nll * part.weight).sum())
            weights += float(len(part) if part.weight is None else part.weight.sum())
    return total / weights


def _loss(network: Network, family: Family, rows: Rows) -> Tensor:
    distribution = family.distribution(**network.arguments(rows.x, rows.conditions), validate_args=False)
    return cross_entropy(distribution, rows.outcome, rows.weight)


def _mini_batches(
    network: Network, family: Family, train: Rows, plan: Plan, descent: torch.optim.Optimizer, epoch: int, stop: Callable[[], bool]
) -> float:
    network.train()
    shuffled = train[order(plan.seed, epoch, len(train)).to(train.x.device)]
    total = seen = 0.0
    for number, (first, last) in enumerate(bounds(len(train), plan.batch_size), 1):
        batch = shuffled[first:last]
        mass = float(last - first if batch.weight is None else batch.weight.sum())
        if mass <= 0:
            continue
        loss = _loss(network, family, batch)
        descent.zero_grad(set_to_none=False)
        loss.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(network.parameters(), plan.gradient_clip or math.inf)
        value = float(loss.detach())
        if not (math.isfinite(value) and bool(norm.isfinite())):
            raise _worst(network, family, train, order(plan.seed, epoch, len(train))[first:last], epoch, number)
        descent.step()
        total, seen = total + value * mass, seen + mass
        if stop():
            break
    return total / seen


def _full_batch(
    network: Network, family: Family, train: Rows, plan: Plan, descent: torch.optim.Optimizer, epoch: int, stop: Callable[[], bool]
) -> float:
    del plan, stop
    network.train()
    seen: list[float] = []

    def closure() -> float:
        descent.zero_grad()
        # The sum over rows: L-BFGS forgets directions whose curvature is below 1e-10, as it is in the mean where a likelihood is flat.
        loss = _loss(network, family, train) * len(train)
        loss.backward()  # type: ignore[no-untyped-call]
        value = float(loss.detach())
        # Before the first step it is a row's own fault; afterwards all rows would look guilty.
        if not (seen or math.isfinite(value)):
            raise _worst(network, family, train, torch.arange(len(train)), epoch, 1)
        seen.append(value)
        return value

    descent.step(closure)
    value = mean_nll(network, family, train)
    if not math.isfinite(value):
        raise _worst(network, family, train, torch.arange(len(train)), epoch, 1)
    return value


def _worst(network: Network, family: Family, train: Rows, rows: Tensor, epoch: int, batch: int) -> NotFinite:
    """The training row and parameter to blame: a row whose likelihood is not finite, else the most extreme parameter of the batch."""
    with torch.no_grad():
        part = train[rows.to(train.x.device)]
        parameters = network(part.x, part.conditions)
        nll = -log_likelihood(family.distribution(**parameters, validate_args=False), part.outcome)
        extremes = {name: value.abs().reshape(len(part), -1).amax(1).nan_to_num(nan=math.inf) for name, value in parameters.items()}
        bad = (~nll.isfinite()).nonzero().flatten()
        row = int(bad[0]) if len(bad) else int(torch.stack(list(extremes.values())).amax(0).argmax())
        name = max(extremes, key=lambda key: float(extremes[key][row]))
    return NotFinite(epoch, batch, int(rows[row]), name, float(parameters[name][row].flatten()[0]))


def _set_rate(descent: torch.optim.Optimizer, rate: float) -> None:
    for group in descent.param_groups:
        group["lr"] = rate
