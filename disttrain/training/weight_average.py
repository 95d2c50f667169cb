"""The moving average of weights along a descent: what is scored and kept, while the descent goes on from the weights themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from disttrain.training.fused_optimizers import FusedOptimizer

__all__ = ["WeightAverage", "averaged"]

# Of step t at most (1 + t) / (10 + t): at first an average of the few weights there were, not of the start.
_EARLY = 10


class WeightAverage:
    """A descent of `weights` that follows their exponential moving average, which keeps `decay` of itself at every step.

    Steps jump around a minimum; their average is nearer to it. Source: Polyak & Juditsky (1992), Acceleration of Stochastic Approximation
    by Averaging; with exponential weights as in Tarvainen & Valpola (2017), Mean Teachers Are Better Role Models, section 2.
    """

    def __init__(self, descent: FusedOptimizer | torch.optim.Optimizer, weights: nn.Parameter, decay: float) -> None:
        self.descent, self.weights, self.decay = descent, weights, decay
        self.average, self.steps = weights.detach().clone(), 0

    @property
    def param_groups(self) -> list[dict[str, Any]]:
        """Those of the descent, with the learning rate, `lr`."""
        return self.descent.param_groups

    def step(self) -> None:
        """One step of the descent, and of the average behind it."""
        self.descent.step()
        self.steps += 1
        self.average.lerp_(self.weights.detach(), 1.0 - min(self.decay, (1 + self.steps) / (_EARLY + self.steps)))

    def swap(self) -> None:
        """Put the average in the place of the weights, and the weights in its own."""
        now: Tensor = self.weights.detach().clone()
        self.weights.data.copy_(self.average)
        self.average.copy_(now)

    def state_dict(self) -> dict[str, Any]:
        """All that the steps to come depend on: a tree of tensors and numbers, not copies."""
        return {"descent": self.descent.state_dict(), "average": self.average, "steps": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state, which is copied. Raises ValueError where it is that of other weights."""
        if "average" not in state or state["average"].shape != self.average.shape:
            raise ValueError("the state is that of another optimizer")
        self.descent.load_state_dict(state["descent"])
        self.average.copy_(state["average"])
        self.steps = state["steps"]


@contextmanager
def averaged(descent: object) -> Iterator[None]:
    """Within the block the network has the averaged weights, where the descent has any."""
    if not isinstance(descent, WeightAverage):
        yield
        return
    descent.swap()
    try:
        yield
    finally:
        descent.swap()
