"""The moving average of the weights over the steps of an optimizer. The average is scored and saved; the steps go on from the weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from disttrain.training.fused_optimizers import FusedOptimizer, OptimizerState

# The decay of step t is at most (1 + t) / (10 + t), so that the first averages forget the start.
_EARLY = 10


class WeightAverage:
    """An optimizer of `weights` that also keeps `average`, the exponential moving average of the weights over the steps.

    After step t, average ← d · average + (1 - d) · weights, where d is `decay`, or (1 + t)/(10 + t) while that is smaller. The steps do
    not depend on the average. Steps jump around a minimum and their average is nearer to it. Source: Polyak & Juditsky (1992),
    Acceleration of Stochastic Approximation by Averaging; with exponential weights as in Tarvainen & Valpola (2017), Mean Teachers Are
    Better Role Models, section 2.
    """

    def __init__(self, optimizer: FusedOptimizer | torch.optim.Optimizer, weights: nn.Parameter, decay: float) -> None:
        self.optimizer, self.weights, self.decay = optimizer, weights, decay
        self.average, self.steps = weights.detach().clone(), 0

    @property
    def param_groups(self) -> list[OptimizerState]:
        """The parameter groups of the optimizer, with the learning rate, `lr`."""
        return self.optimizer.param_groups

    def step(self) -> None:
        """Take one step of the optimizer and update the average."""
        self.optimizer.step()
        self.steps += 1
        self.average.lerp_(self.weights.detach(), 1.0 - min(self.decay, (1 + self.steps) / (_EARLY + self.steps)))

    def swap(self) -> None:
        """Exchange the weights and their average."""
        now: Tensor = self.weights.detach().clone()
        self.weights.data.copy_(self.average)
        self.average.copy_(now)

    def state_dict(self) -> OptimizerState:
        """All that the next steps depend on: a tree of tensors and numbers, not copies."""
        return {"descent": self.optimizer.state_dict(), "average": self.average, "steps": self.steps}

    def load_state_dict(self, state: OptimizerState) -> None:
        """Copy a state into the optimizer and the average. Raises ValueError if it belongs to other weights."""
        if "average" not in state or state["average"].shape != self.average.shape:
            raise ValueError("the state is that of another optimizer")
        self.optimizer.load_state_dict(state["descent"])
        self.average.copy_(state["average"])
        self.steps = state["steps"]


@contextmanager
def averaged(optimizer: object) -> Iterator[None]:
    """Give the network its averaged weights inside the block, if the optimizer averages weights."""
    if not isinstance(optimizer, WeightAverage):
        yield
        return
    optimizer.swap()
    try:
        yield
    finally:
        optimizer.swap()
