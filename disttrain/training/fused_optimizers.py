"""Adam, AdamW and SGD of one tensor by torch's fused kernels, and torch's own optimizers without the import of torch._dynamo."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

# The state of an optimizer, as torch types it: a tree of tensors and plain values.
OptimizerState = dict[str, Any]

Class = TypeVar("Class", bound=type[torch.optim.Optimizer])

# Torch's defaults, as is the 1e-8 that keeps a step finite.
_BETAS = (0.9, 0.999)
_TINY = 1e-8


class FusedOptimizer:
    """An optimizer of `weights` by one of torch's fused kernels; it takes the very steps of torch.optim with `fused=True`.

    `kernel` is torch's `_fused_adam_`, `_fused_adamw_` or `_fused_sgd_` (Nesterov's momentum, if there is any). It is called directly
    because an optimizer of torch.optim imports torch._dynamo, which takes about a second, and because its step takes 24 µs of Python
    around the 14 of the kernel (torch 2.13). `param_groups` holds the learning rate, `lr`, as in torch.
    """

    def __init__(self, kernel: Callable[..., None], weights: nn.Parameter, lr: float, weight_decay: float, momentum: float) -> None:
        self.weights, self.param_groups = weights, [{"lr": lr, "weight_decay": weight_decay, "momentum": momentum}]
        sgd = kernel is getattr(torch, "_fused_sgd_", None)
        self._kernel, self._move = kernel, self._by_momentum if sgd else self._by_moments
        self._steps = torch.zeros((), device=weights.device)
        self._moments = [torch.zeros_like(weights.detach()) for _ in range((momentum > 0) if sgd else 2)]

    def step(self) -> None:
        """Take one step along the gradient of the weights."""
        with torch.no_grad():
            self._move([self.weights], [self.weights.grad])

    def _by_moments(self, weights: list[nn.Parameter], gradient: list[Tensor | None]) -> None:
        group, (first, second) = self.param_groups[0], self._moments
        self._steps += 1
        self._kernel(
            weights, gradient, [first], [second], [], [self._steps], amsgrad=False, lr=group["lr"], beta1=_BETAS[0], beta2=_BETAS[1],
            weight_decay=group["weight_decay"], eps=_TINY, maximize=False, grad_scale=None, found_inf=None,
        )  # fmt: skip

    def _by_momentum(self, weights: list[nn.Parameter], gradient: list[Tensor | None]) -> None:
        group, momentum = self.param_groups[0], self.param_groups[0]["momentum"]
        # From a momentum of 0 the first step is that of torch, which begins with the gradient itself.
        self._kernel(
            weights, gradient, self._moments, weight_decay=group["weight_decay"], momentum=momentum, lr=group["lr"], dampening=0.0,
            nesterov=momentum > 0, maximize=False, is_first_step=False, grad_scale=None, found_inf=None,
        )  # fmt: skip

    def state_dict(self) -> OptimizerState:
        """The tensors that the next steps depend on; they are not copies."""
        return {"steps": self._steps, "moments": list(self._moments)}

    def load_state_dict(self, state: OptimizerState) -> None:
        """Copy a state into the optimizer. Raises ValueError if it belongs to weights of another shape."""
        if [stored.shape for stored in state["moments"]] != [stored.shape for stored in self._moments]:
            raise ValueError("the state is that of another optimizer")
        self._steps.copy_(state["steps"])
        for moment, stored in zip(self._moments, state["moments"], strict=True):
            moment.copy_(stored)


def without_dynamo(cls: Class) -> Class:
    """A subclass of an optimizer of torch.optim whose methods do not import torch._dynamo.

    That import takes about a second, and only serves to exclude the methods from compilation; nothing here is compiled. `__wrapped__` is
    torch's own reference to the undecorated method.
    """
    methods = ("add_param_group", "load_state_dict", "state_dict", "zero_grad")
    subclass: Class = type(cls.__name__, (cls,), {name: inspect.unwrap(getattr(cls, name)) for name in methods})  # type: ignore[assignment]
    return subclass
