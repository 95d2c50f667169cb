"""The linear fit: where a network with linear paths may start, so that it need not learn anew what a regression finds at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.loop import Epoch, epochs
from disttrain.training.optimizers import OptimizerPlan, SchedulePlan
from disttrain.training.passes import NotFinite, Plan
from disttrain.training.rows import Rows

__all__ = ["best_of", "start_linear"]

# Rows of all members together that the fit looks at: enough for a start, in a second or two.
_ROWS = 20_000
# L-BFGS rounds of 25 iterations: a start need not converge, and far-out slopes of collinear inputs are hard to unlearn.
_ROUNDS = 1
# Steps of the trial: enough to tell a target that a trunk explains from one that a regression does.
_TRIAL_STEPS = 400

Weights = dict[str, Tensor]


def start_linear(
    network: Network, family: Family, train: Rows, validation: Rows | None, plan: Plan, stop: Callable[[], bool] = lambda: False,
    *, trial: bool = False,
) -> bool:  # fmt: skip
    """Fit the linear paths of `network` alone, in place, by L-BFGS on at most some 20,000 rows; its trunk adds nothing yet.

    A member that its validation rows say is better as it was stays so. With `trial` the network trains for some 400 steps from where it is
    as well, and all members start linear only where that has not led, on the mean over members, to lower losses of those rows; says whether
    they do.
    """
    begun = _weights(network)
    own = replace(
        plan, epochs=_ROUNDS, optimizer=OptimizerPlan("lbfgs", 1.0), schedule=SchedulePlan("constant"), patience=1, gradient_clip=None
    )
    with network.linear_alone():
        linear, reached = _best(network, epochs(network, family, _some(train, network.members), validation, own, stop))
    network.load_state_dict(begun)
    deep = math.inf
    if trial:
        few = math.ceil(_TRIAL_STEPS / math.ceil(len(train) / plan.batch_size))
        _, deep = _best(network, islice(epochs(network, family, train, validation, plan, stop), few))
    network.load_state_dict(begun if deep < reached else linear)
    return not deep < reached


def best_of(improved: tuple[bool, ...], now: Weights, before: Weights) -> Weights:
    """The weights `now` of the members that improved, and those `before` of the others: every tensor has its members on the first axis."""
    chosen = torch.tensor(improved)
    return {
        name: torch.where(chosen.to(best.device).reshape(-1, *(1 for _ in best.shape[1:])), now[name], best)
        for name, best in before.items()
    }


def _best(network: Network, run: Iterator[Epoch]) -> tuple[Weights, float]:
    """The weights of each member at its best epoch of a run, or at its start, and the mean of their losses: infinite where there was none."""
    weights, loss = _weights(network), math.inf
    # It is only a start: where numbers run out, what was reached before is good enough.
    with suppress(NotFinite):
        for epoch in run:
            weights, loss = best_of(epoch.improved, _weights(network), weights), epoch.best
    return weights, loss


def _weights(network: Network) -> Weights:
    return {name: value.detach().clone() for name, value in network.state_dict().items()}


def _some(rows: Rows, members: int) -> Rows:
    """The rows, or some spread over them where each member has more than its share."""
    step = max(1, len(rows) * members // _ROWS)
    if step == 1:
        return rows
    return rows[::step] if rows.seats is None else rows.seated(rows.seats[:, ::step])
