"""The constant part of the raw outputs, which is equal for all rows."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Numbers of 24 bits whose sum has the 53 bits of a float64.
_PARTS = 3


class Level(nn.Module):
    """The constant part (K, 1, size) of the raw outputs of `members` networks: those of the constant model, or near them. It is not learned.

    It is stored as a sum of a few numbers, so that it is exact in float64 while all weights have the dtype of the trunk: the rounding of
    the constant model to float32 costs nats if a scale is small. `constant` (size,) are the raw outputs of the constant model itself.
    """

    parts: Tensor

    def __init__(self, members: int, size: int) -> None:
        super().__init__()
        self.register_buffer("parts", torch.zeros(members, _PARTS, size))
        self.constant = torch.zeros(size, dtype=torch.float64)

    def start(self, raw: Tensor, constant: Tensor) -> None:
        """Set the level to `raw` (size,); `constant` (size,) are the raw outputs of the constant model."""
        self.parts.copy_(self.split(raw))
        self.constant = constant.double()

    def split(self, raw: Tensor) -> Tensor:
        """Numbers (K, 3, size) that sum over the second axis to `raw`, (K, size), or (size,) for all members."""
        members, _, size = self.parts.shape
        rest, parts = raw.double().expand(members, size), []
        for _ in range(_PARTS):
            parts.append(rest.to(self.parts.dtype))
            rest = rest - parts[-1].double()
        return torch.stack(parts, 1)

    def add(self, shift: Tensor) -> None:
        """Add constants (K, size) to the level of each member."""
        self.parts.copy_(self.split(self.parts.double().sum(1) + shift.to(self.parts.device).double()))

    def forward(self, dtype: torch.dtype) -> Tensor:
        return self.parts.to(dtype).sum(1, keepdim=True)
