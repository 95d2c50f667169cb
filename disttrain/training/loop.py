"""The training loop: a generator of epochs. It owns no files and prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from statistics import fmean

from torch import Tensor

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.early_stopping import EarlyStopping
from disttrain.training.intercepts import refitted
from disttrain.training.optimizers import learning_rate
from disttrain.training.plan import Plan
from disttrain.training.row_tensors import RowTensors
from disttrain.training.state import TrainingState
from disttrain.training.trainer import NotFinite, Trainer
from disttrain.training.weight_average import averaged

_ROLLBACKS = 3


@dataclass(frozen=True)
class Epoch:
    """The result of one epoch: losses in nats per row and target units, the learning rate, and seconds since the start of training.

    Losses are means over the members. `validation_nll` is nan without validation rows. `improved` has a flag for each member: true if this
    is its best epoch so far. `best` is the mean of the members' best losses, `best_epoch` the last epoch that was the best of any member.
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
    initial_state: TrainingState | None = None, keep: Callable[[TrainingState], None] = lambda state: None, start: Tensor | None = None,
) -> Generator[Epoch, None, None]:  # fmt: skip
    """Train the members of `network` in place, side by side, and yield an Epoch after each pass over the rows.

    Each member has its own order of the rows and its own best epoch. The loop ends after `plan.epochs` epochs, or after the early stopping
    of all members, or when `stop()` is true; `stop` is called after every batch.

    `keep` receives the TrainingState before each epoch and after the last one. A loop with this state as `initial_state` continues to the
    same bits; an epoch that was stopped starts again from its beginning. `start` (K,) are the losses of epoch 0; None computes those of
    the network as it is. If the plan averages weights, the network has the averaged weights for its scores and whenever an Epoch is
    yielded.

    If the loss or the gradient is not finite, no step is taken: the network goes back to the end of the last epoch and the learning rate
    is halved. Raises NotFinite after three rollbacks.
    """
    validation = validation if validation is not None and len(validation) else None
    trainer = Trainer(network, family, train, plan)
    optimizer = trainer.optimizer
    initial_state = initial_state or _initial_state(trainer, trainer.losses(validation or train) if start is None else start)
    initial_state.restore(network, optimizer)
    stopping, rollbacks, plateaus = initial_state.stopped(), initial_state.rollbacks, initial_state.stalls
    started, number = time.perf_counter() - initial_state.seconds, initial_state.epoch + 1
    while True:
        began = time.perf_counter()
        good = TrainingState.of(network, optimizer, stopping, number - 1, rollbacks, plateaus, began - started)
        keep(good)
        if number > plan.epochs or all(member.over for member in stopping):
            return
        rate = learning_rate(plan.optimizer.lr, plan.schedule, number, plan.epochs, plateaus) / 2**rollbacks
        trainer.set_learning_rate(rate)
        try:
            train_nll = trainer.epoch(number, stop)
        except NotFinite:
            rollbacks += 1
            good.restore(network, optimizer)
            if rollbacks > _ROLLBACKS:
                raise
            continue
        with averaged(optimizer), refitted(network, family, validation if plan.refit_intercepts else None):
            train_nll, validation_nll = _scored(trainer, validation, train_nll)
            losses = train_nll if validation_nll is None else validation_nll
            improved = tuple(member.improved(number, float(loss)) for member, loss in zip(stopping, losses, strict=True))
            epochs_without_improvement = min(member.waited for member in stopping)
            plateaus += epochs_without_improvement > 0 and epochs_without_improvement % plan.schedule.patience == 0
            now = time.perf_counter()
            speed = len(train) / max(now - began, 1e-9)
            yield _epoch(number, train_nll, validation_nll, plan, rate, now - started, speed, improved, stopping)
        number += 1
        if stop():
            return


def _scored(trainer: Trainer, validation: RowTensors | None, passed: Tensor) -> tuple[Tensor, Tensor | None]:
    """The losses (K,) of an epoch on training and on validation rows; `passed` are the losses that the steps computed on the way.

    Without validation rows the training loss decides the best epoch. Then it is computed again, by the weights at the end of the epoch.
    """
    if validation is not None:
        return passed, trainer.losses(validation)
    return passed if trainer.full_batch else trainer.losses(trainer.rows), None


def _initial_state(trainer: Trainer, losses: Tensor) -> TrainingState:
    """The state before the first epoch, from the losses (K,) of epoch 0."""
    plan = trainer.plan
    stopping = [EarlyStopping(plan.patience, plan.min_delta, float(loss)) for loss in losses]
    return TrainingState.of(trainer.network, trainer.optimizer, stopping)


def _epoch(
    number: int, train: Tensor, validation: Tensor | None, plan: Plan, rate: float, seconds: float, speed: float, improved: tuple[bool, ...],
    stopping: Sequence[EarlyStopping],
) -> Epoch:  # fmt: skip
    """The Epoch of the losses (K,) of the members on training and validation rows."""
    validation_nll = math.nan if validation is None else float(validation.mean()) + plan.held_out_constant
    best = fmean(member.best for member in stopping) + (plan.constant if validation is None else plan.held_out_constant)
    last = max(member.best_epoch for member in stopping)
    return Epoch(number, float(train.mean()) + plan.constant, validation_nll, rate, seconds, speed, improved, best, last)
