"""Conversions between numbers, tensors and numpy arrays: broadcast parameters, scipy functions of tensors, uniform random numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributions import Distribution, constraints

Floats = NDArray[np.float64]
# The shape of a batch or of a sample.
Shape = torch.Size | list[int] | tuple[int, ...]


class Context(Protocol):
    """The state of a function of autograd, from forward to backward."""

    saved_tensors: tuple[Tensor, ...]
    needs_input_grad: tuple[bool, ...]
    upper: bool
    steepest: float
    law: Any

    def save_for_backward(self, *tensors: Tensor) -> None: ...


def parameters(*values: Tensor | float) -> tuple[Tensor, ...]:
    """The parameters of a distribution, broadcast to one shape; plain numbers become float64."""
    tensors = [value if isinstance(value, Tensor) else torch.as_tensor(value, dtype=torch.float64) for value in values]
    # The rule while training, where the views that broadcasting makes would cost microseconds a step.
    shape = tensors[0].shape
    if all(tensor.shape == shape for tensor in tensors[1:]):
        return tuple(tensors)
    return tuple(torch.broadcast_tensors(*tensors))  # type: ignore[no-untyped-call]


def open_uniform(shape: torch.Size, like: Tensor) -> Tensor:
    """Uniform numbers strictly between 0 and 1, in float64 on the device of `like`, from torch's own generator."""
    return torch.rand(shape, dtype=torch.float64, device=like.device).clamp_(min=2.0**-54)


def on_arrays(function: Callable[..., Floats], *tensors: Tensor | float) -> Tensor:
    """`function` of float64 numpy arrays, applied to tensors: a float64 tensor on the device of the first one, without gradient."""
    home = next(tensor for tensor in tensors if isinstance(tensor, Tensor))
    arrays = [t.detach().cpu().double().numpy() if isinstance(t, Tensor) else t for t in tensors]
    with np.errstate(all="ignore"):
        result = np.asarray(function(*arrays), dtype=np.float64)
    return torch.from_numpy(np.ascontiguousarray(result)).reshape(result.shape).to(home.device)


def common_shape(*shapes: torch.Size) -> torch.Size:
    """The shape that tensors of these shapes broadcast to."""
    # Not torch.broadcast_shapes, whose first call imports sympy, in half a second (torch 2.13).
    scalar = torch.empty(())
    return torch.Size(torch.broadcast_tensors(*(scalar.expand(shape) for shape in shapes))[0].shape)  # type: ignore[no-untyped-call]


def inside(support: constraints.Constraint, value: Tensor) -> Tensor:
    """The value, or the end of the support that it lies beyond."""
    lower, upper = (getattr(support, end, None) for end in ("lower_bound", "upper_bound"))
    return value if lower is None and upper is None else value.clamp(lower, upper)


def device_of(distribution: Distribution) -> torch.device:
    """The device of the parameters of a distribution, or of its component distributions."""
    for part in vars(distribution).values():
        if isinstance(part, Tensor):
            return part.device
        if isinstance(part, Distribution):
            return device_of(part)
    return torch.device("cpu")
