"""Optimizers and learning-rate schedules, by name."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import nn

from disttrain.training.fused_optimizers import FusedOptimizer, without_dynamo
from disttrain.training.plan import OptimizerPlan, SchedulePlan
from disttrain.training.weight_average import WeightAverage

LBFGS = without_dynamo(torch.optim.LBFGS)


Optimizer = FusedOptimizer | torch.optim.Optimizer | WeightAverage
Make = Callable[[nn.Parameter, OptimizerPlan], FusedOptimizer | torch.optim.Optimizer]


def _fused(name: str, otherwise: Make) -> Make:
    """The fused optimizer of that name, or `otherwise` if this torch lacks its kernel, which is private to torch."""
    kernel = getattr(torch, f"_fused_{name}_", None)
    if kernel is None:
        return otherwise
    return lambda weights, plan: FusedOptimizer(kernel, weights, plan.lr, plan.weight_decay, plan.momentum)


OPTIMIZERS: dict[str, Make] = {
    "adam": _fused("adam", lambda weights, plan: without_dynamo(torch.optim.Adam)([weights], lr=plan.lr, weight_decay=plan.weight_decay)),
    "adamw": _fused(
        "adamw", lambda weights, plan: without_dynamo(torch.optim.AdamW)([weights], lr=plan.lr, weight_decay=plan.weight_decay)
    ),
    "sgd": _fused(
        "sgd",
        lambda weights, plan: without_dynamo(torch.optim.SGD)(
            [weights], lr=plan.lr, momentum=plan.momentum, weight_decay=plan.weight_decay, nesterov=plan.momentum > 0
        ),
    ),
    # Full batch. The line search chooses the step; a history of 50 pays for itself where features are correlated.
    "lbfgs": lambda weights, plan: LBFGS(
        [weights], lr=plan.lr, max_iter=25, history_size=50, tolerance_grad=1e-9, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    ),
}

# The share of the learning rate in the given epoch (from 0, after warm-up) of `total`, when the loss has stalled `plateaus` times.
SCHEDULES: dict[str, Callable[[SchedulePlan, int, int, int], float]] = {
    "constant": lambda plan, epoch, total, plateaus: 1.0,
    "cosine": lambda plan, epoch, total, plateaus: 0.5 * (1.0 + math.cos(math.pi * min(1.0, epoch / max(1, total)))),
    "step": lambda plan, epoch, total, plateaus: plan.gamma ** (epoch // plan.step_size),
    "plateau": lambda plan, epoch, total, plateaus: plan.factor**plateaus,
}


def build_optimizer(weights: nn.Parameter, plan: OptimizerPlan) -> Optimizer:
    """The optimizer of a plan for all weights, one tensor with a gradient. Raises KeyError for an unknown name."""
    optimizer = OPTIMIZERS[plan.name](weights, plan)
    return WeightAverage(optimizer, weights, plan.averaging) if plan.averaging else optimizer


def learning_rate(lr: float, plan: SchedulePlan, epoch: int, epochs: int, plateaus: int) -> float:
    """The learning rate of epoch number `epoch` (from 1) of at most `epochs`, after `plateaus` plateaus of the loss."""
    if epoch <= plan.warmup_epochs:
        return lr * epoch / (plan.warmup_epochs + 1)
    return lr * SCHEDULES[plan.name](plan, epoch - plan.warmup_epochs - 1, epochs - plan.warmup_epochs, plateaus)
