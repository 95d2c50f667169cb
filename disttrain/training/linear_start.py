"""The linear start: the network begins as a linear model, fitted by L-BFGS, so that it need not learn the linear effects by steps."""

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
from disttrain.training.trainer import NotFinite

# The rows of the linear fit, of all members together: enough for a start, in a second or two.
_ROWS = 20_000
# L-BFGS rounds of 25 iterations: a start need not converge, and far-out slopes of collinear inputs are hard to unlearn.
_ROUNDS = 1
# Steps of the trial: enough to show if the trunk fits better than a linear model.
_TRIAL_STEPS = 400


def start_linear(
    network: Network, family: Family, train: RowTensors, validation: RowTensors | None, plan: Plan, stop: Callable[[], bool] = lambda: False,
    *, trial: bool = False,
) -> bool:  # fmt: skip
    """Fit the linear model of `network` and leave the network there, if that is the better start; return true if it is.

    The network has linear paths from its inputs to its raw outputs. They are fitted alone, in place, by L-BFGS on at most some 20,000
    rows; the trunk adds nothing yet. A member keeps its former weights if its validation loss is lower with them.

    With `trial` the whole network also trains for some 400 steps from its former weights. If this trial has a lower validation loss than the
    linear model, by more than one standard error, all members go back to their former weights. Source of this rule: Breiman et al. (1984),
    Classification and Regression Trees, section 3.4.3.
    """
    initial_weights, watched = weights_of(network), train if validation is None or not len(validation) else validation
    linear_plan = replace(
        plan, epochs=_ROUNDS, optimizer=OptimizerPlan("lbfgs", 1.0), schedule=SchedulePlan("constant"), patience=1, gradient_clip=None
    )
    with network.linear_alone():
        linear = _best(network, epochs(network, family, _some(train, network.members), validation, linear_plan, stop))
        linear_nll, weight = row_nll(network, family, watched)
    network.load_state_dict(initial_weights)
    lead = False
    if trial:
        few = math.ceil(_TRIAL_STEPS / math.ceil(len(train) / plan.batch_size))
        _best(network, epochs(network, family, train, validation, plan, stop), few)
        lead = _clearly_positive(linear_nll - row_nll(network, family, watched)[0], weight, watched.positions(network.members))
    network.load_state_dict(initial_weights if lead else linear)
    return not lead


def _best(network: Network, run: Generator[Epoch, None, None], most: int | None = None) -> Weights:
    """Run at most `most` epochs and load the best weights of each member into the network; return them. The initial weights count as epoch 0."""
    weights = weights_of(network)
    # After NotFinite the best weights so far are a good enough start. Without `closing`, a run between two epochs would exchange the weights
    # of the network and their average when it is garbage-collected.
    with suppress(NotFinite), closing(run):
        for epoch in islice(run, most):
            weights = best_of(epoch.improved, weights_of(network), weights)
    network.load_state_dict(weights)
    return weights


def _clearly_positive(differences: Tensor, weight: Tensor, rows: Tensor) -> bool:
    """True if the weighted mean of the differences (K, n) of K members is more than one standard error above 0; false for nan.

    `rows` (K, n) is the row number of each difference. The differences of one row are summed first, because the members share the target
    and are not independent. Source: Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, for means of
    clusters.
    """
    mean = (differences * weight).sum() / weight.sum()
    deviations = ((differences - mean) * weight).flatten()
    of_row = torch.zeros(int(rows.max()) + 1, dtype=deviations.dtype).index_add(0, rows.flatten().cpu(), deviations)
    return bool(mean > of_row.square().sum().sqrt() / weight.sum())


def _some(rows: RowTensors, members: int) -> RowTensors:
    """The rows, or every k-th of them if all members together have more than 20,000."""
    step = max(1, len(rows) * members // _ROWS)
    if step == 1:
        return rows
    return rows[::step] if rows.member_rows is None else rows.with_member_rows(rows.member_rows[:, ::step])
