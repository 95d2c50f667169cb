"""The linear fit: where a network with linear paths may start, so that it need not learn anew what a regression finds at once."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import islice

import torch
from torch import Tensor

from disttrain.families import Family
from disttrain.networks import Network
from disttrain.training.initial_state import Weights, best_of, weights_of
from disttrain.training.loop import Epoch, epochs
from disttrain.training.plan import OptimizerPlan, Plan, SchedulePlan
from disttrain.training.row_losses import row_nll
from disttrain.training.row_tensors import RowTensors
from disttrain.training.steps import NotFinite

__all__ = ["start_linear"]

# Rows of all members together that the fit looks at: enough for a start, in a second or two.
_ROWS = 20_000
# L-BFGS rounds of 25 iterations: a start need not converge, and far-out slopes of collinear inputs are hard to unlearn.
_ROUNDS = 1
# Steps of the trial: enough to tell a target that a trunk explains from one that a regression does.
_TRIAL_STEPS = 400


def start_linear(
    network: Network, family: Family, train: RowTensors, validation: RowTensors | None, plan: Plan, stop: Callable[[], bool] = lambda: False,
    *, trial: bool = False,
) -> bool:  # fmt: skip
    """Fit the linear paths of `network` alone, in place, by L-BFGS on at most some 20,000 rows; its trunk adds nothing yet.

    A member that its validation rows say is better as it was stays so. With `trial` the network trains for some 400 steps from where it is
    as well, and all members start linear unless that has led to lower losses of those rows, by more than a standard error: the simpler of
    two that are hardly to be told apart. Says whether they do. Source of the rule: Breiman et al. (1984), Classification and Regression
    Trees, section 3.4.3.
    """
    begun, watched = weights_of(network), train if validation is None or not len(validation) else validation
    own = replace(
        plan, epochs=_ROUNDS, optimizer=OptimizerPlan("lbfgs", 1.0), schedule=SchedulePlan("constant"), patience=1, gradient_clip=None
    )
    with network.linear_alone():
        linear = _best(network, epochs(network, family, _some(train, network.members), validation, own, stop))
        reached, weight = row_nll(network, family, watched)
    network.load_state_dict(begun)
    lead = False
    if trial:
        few = math.ceil(_TRIAL_STEPS / math.ceil(len(train) / plan.batch_size))
        _best(network, epochs(network, family, train, validation, plan, stop), few)
        lead = _clearly_positive(reached - row_nll(network, family, watched)[0], weight, watched.positions(network.members))
    network.load_state_dict(begun if lead else linear)
    return not lead


def _best(network: Network, run: Generator[Epoch, None, None], most: int | None = None) -> Weights:
    """The weights of each member at its best epoch of `most` of a run, or at its start, which the network then has."""
    weights = weights_of(network)
    # It is only a start: where numbers run out, what was reached before is good enough. A run that is left open between two epochs would
    # put the weights that it goes on from into the network when it is collected.
    with suppress(NotFinite), closing(run):
        for epoch in islice(run, most):
            weights = best_of(epoch.improved, weights_of(network), weights)
    network.load_state_dict(weights)
    return weights


def _clearly_positive(differences: Tensor, weight: Tensor, rows: Tensor) -> bool:
    """Whether the weighted mean of the differences (K, n) of K members lies more than its standard error above 0; nan does not.

    `rows` (K, n) says which row each is of. Those of one row are added up first: the members see the same target, so that they are not
    independent. Source: Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, for means of clusters.
    """
    mean = (differences * weight).sum() / weight.sum()
    deviations = ((differences - mean) * weight).flatten()
    of_row = torch.zeros(int(rows.max()) + 1, dtype=deviations.dtype).index_add(0, rows.flatten().cpu(), deviations)
    return bool(mean > of_row.square().sum().sqrt() / weight.sum())


def _some(rows: RowTensors, members: int) -> RowTensors:
    """The rows, or some spread over them where each member has more than its share."""
    step = max(1, len(rows) * members // _ROWS)
    if step == 1:
        return rows
    return rows[::step] if rows.seats is None else rows.seated(rows.seats[:, ::step])
