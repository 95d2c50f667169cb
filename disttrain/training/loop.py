"""The training loop: a generator that yields what each epoch brought. It owns no files and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from statistics import fmean

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.flat_parameters import FlatParameters
from disttrain.training.optimizers import Descent, learning_rate, optimizer
from disttrain.training.plan import Plan
from disttrain.training.row_losses import member_nll
from disttrain.training.row_tensors import RowTensors
from disttrain.training.state import TrainingState
from disttrain.training.steps import NotFinite, full_batch, mini_batches
from disttrain.training.weight_average import averaged

__all__ = ["Epoch", "epochs"]

_ROLLBACKS = 3


@dataclass(frozen=True)
class Epoch:
    """What one epoch brought: losses in nats per row and target units, the learning rate, and seconds since the start.

    Losses are means over the members. `validation_nll` is nan where there are no validation rows; `improved` says of each member that this
    is its best epoch so far, `best` is the mean of their best losses and `best_epoch` the last epoch that was any member's best.
    """

    number: int
    train_nll: float
    validation_nll: float
    learning_rate: float
    seconds: float
    rows_per_second: float
    improved: tuple[bool, ...]
    best: float
    best_epoch: int


def epochs(
    network: Network, family: Family, train: RowTensors, validation: RowTensors | None, plan: Plan, stop: Callable[[], bool] = lambda: False,
    begin: TrainingState | None = None, keep: Callable[[TrainingState], None] = lambda standing: None, start: Tensor | None = None,
) -> Generator[Epoch, None, None]:  # fmt: skip
    """Train the members of `network` in place, side by side, and yield every epoch; `stop` is asked after every batch.

    Each member sees the rows in an order of its own and has a best epoch of its own; the loop ends when all have waited long enough.
    `keep` is given where the loop stands before each epoch and after the last; begun there again, the loop goes on to the same bits. An
    epoch that was stopped is begun anew. `start` (K,) are the losses that count as epoch 0; left out, those of the network as it is. Where
    weights are averaged, their average is what is scored and what the network has when an epoch is yielded.

    A step that is not finite is not taken: the network goes back to the end of the last epoch, with half the learning rate.
    Raises NotFinite after three such returns.
    """
    held = validation if validation is not None and len(validation) else None
    flat = FlatParameters(network)
    descent = optimizer(flat.weights, plan.optimizer)
    begin = begin or TrainingState.of(network, descent, _fresh(network, family, train if held is None else held, plan, start))
    begin.restore(network, descent)
    stopping, rollbacks, stalls = begin.stopped(), begin.rollbacks, begin.stalls
    started, number = time.perf_counter() - begin.seconds, begin.epoch + 1
    run = full_batch if isinstance(descent, torch.optim.LBFGS) else mini_batches
    while True:
        began = time.perf_counter()
        good = TrainingState.of(network, descent, stopping, number - 1, rollbacks, stalls, began - started)
        keep(good)
        if number > plan.epochs or all(member.over for member in stopping):
            return
        rate = learning_rate(plan.optimizer.lr, plan.schedule, number, plan.epochs, stalls) / 2**rollbacks
        _set_rate(descent, rate)
        try:
            train_nll = run(network, family, train, plan, flat, descent, number, stop)
        except NotFinite:
            rollbacks += 1
            good.restore(network, descent)
            if rollbacks > _ROLLBACKS:
                raise
            continue
        with averaged(descent):
            train_nll, held_nll = _scored(network, family, train, held, train_nll, exact=run is full_batch)
            losses = train_nll if held_nll is None else held_nll
            improved = tuple(member.improved(number, float(loss)) for member, loss in zip(stopping, losses, strict=True))
            waited = min(member.waited for member in stopping)
            stalls += waited > 0 and waited % plan.schedule.patience == 0
            now = time.perf_counter()
            yield _epoch(number, train_nll, held_nll, plan, rate, now - started, len(train) / max(now - began, 1e-9), improved, stopping)
        number += 1
        if stop():
            return


def _scored(
    network: Network, family: Family, train: RowTensors, held: RowTensors | None, passed: Tensor, *, exact: bool
) -> tuple[Tensor, Tensor | None]:
    """The losses (K,) of an epoch on training and on held-out rows; `passed` are those that the steps saw on their way.

    Without held-out rows the training rows say which epoch is the best: then they are scored by the weights that the epoch ended with.
    """
    if held is not None:
        return passed, member_nll(network, family, held)
    return passed if exact else member_nll(network, family, train), None


def _fresh(network: Network, family: Family, watched: RowTensors, plan: Plan, start: Tensor | None) -> list[EarlyStopping]:
    """The EarlyStopping of each member before its first epoch."""
    losses = member_nll(network, family, watched) if start is None else start
    return [EarlyStopping(plan.patience, plan.min_delta, float(loss)) for loss in losses]


def _epoch(
    number: int, train: Tensor, held: Tensor | None, plan: Plan, rate: float, seconds: float, speed: float, improved: tuple[bool, ...],
    stopping: Sequence[EarlyStopping],
) -> Epoch:  # fmt: skip
    """The event of an epoch, from the losses of the members (K,) on training and held-out rows."""
    held_nll = math.nan if held is None else float(held.mean()) + plan.held_out_constant
    best = fmean(member.best for member in stopping) + (plan.constant if held is None else plan.held_out_constant)
    last = max(member.best_epoch for member in stopping)
    return Epoch(number, float(train.mean()) + plan.constant, held_nll, rate, seconds, speed, improved, best, last)


def _set_rate(descent: Descent, rate: float) -> None:
    for group in descent.param_groups:
        group["lr"] = rate
