"""Output activations of vectors, matrices and angles: increasing cutpoints, Cholesky factors, directions."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from disttrain import lazy
from disttrain.families import supports
from disttrain.families.activations.base import FLOOR, Activation, inverse_softplus, softplus

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")


def _ordered(raw: Tensor) -> Tensor:
    """Increasing values: the first raw output, then each value a softplus above the previous one."""
    return torch.cat([raw[..., :1], FLOOR + softplus(raw[..., 1:])], -1).cumsum(-1)


def _ordered_raw(value: Tensor) -> Tensor:
    return torch.cat([value[..., :1], inverse_softplus(value.diff(dim=-1) - FLOOR)], -1)


def _size_of_triangle(numbers: int) -> int:
    """The number of rows of a triangle with this number of entries, its diagonal included."""
    return (math.isqrt(8 * numbers + 1) - 1) // 2


def _cholesky(raw: Tensor) -> Tensor:
    size = _size_of_triangle(raw.shape[-1])
    row, column = torch.tril_indices(size, size, device=raw.device)
    # Softplus on the diagonal, everything below it free.
    placed = torch.where(row == column, FLOOR + softplus(raw), raw)
    entries = raw.new_zeros(*raw.shape[:-1], size * size).index_copy(-1, row * size + column, placed)
    return entries.reshape(*raw.shape[:-1], size, size)


def _cholesky_raw(value: Tensor) -> Tensor:
    size = value.shape[-1]
    row, column = torch.tril_indices(size, size, device=value.device)
    numbers = value[..., row, column]
    diagonal = torch.where(row == column, numbers, 1.0)
    return torch.where(row == column, inverse_softplus(diagonal - FLOOR), numbers)


def _angle(raw: Tensor) -> Tensor:
    """The angle of the vector of two raw outputs; within 1e-10 of the origin x is replaced by 1e-10, so that the gradient is finite."""
    x, y = raw[..., 0], raw[..., 1]
    away = torch.where(x.square() + y.square() < 1e-20, 1e-10, x)
    return torch.atan2(y, away)


def _angle_raw(value: Tensor) -> Tensor:
    return torch.stack([value.cos(), value.sin()], -1)


def _pair(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape, 2)


def _triangle(shape: tuple[int, ...]) -> tuple[int, ...]:
    return (*shape[:-2], shape[-1] * (shape[-1] + 1) // 2)


_DEGREES = 180.0 / math.pi

SHAPED: dict[str, Activation] = {
    "ordered": Activation(
        "ordered", supports.increasing, _ordered, _ordered_raw, "z_1, then steps of softplus(z_k) + 1e-6", "cutpoints between ordered classes",
    ),
    "cholesky": Activation(
        "cholesky", supports.triangle, _cholesky, _cholesky_raw, "lower triangle, softplus(z_kk) + 1e-6 on the diagonal",
        "scale of several targets and their dependence", raw_shape=_triangle,
    ),
    "angle": Activation(
        "angle", supports.angle(2.0 * math.pi), _angle, _angle_raw,
        "atan2(z_2, z_1)", "directions in radians: two raw outputs, so that no angle is an end", raw_shape=_pair,
    ),
    "angle_degrees": Activation(
        "angle_degrees", supports.angle(360.0), lambda raw: _DEGREES * _angle(raw),
        lambda value: _angle_raw(value / _DEGREES), "180/π atan2(z_2, z_1)", "directions in degrees", raw_shape=_pair,
    ),
}  # fmt: skip
