"""The raw outputs that all rows have in common: what heads add to."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["Level"]

# Numbers of 24 bits whose sum has the 53 bits of a float64.
_PARTS = 3


class Level(nn.Module):
    """Raw outputs (K, 1, size) of each of `members` networks that are not learned: those of the constant model, or near to them.

    They are kept as sums of a few numbers, so that they are exact in float64 while all weights have the dtype of the trunk: what float32
    rounds away of the constant model costs nats where a scale is small. `constant` (size,) are those of the constant model itself.
    """

    parts: Tensor

    def __init__(self, members: int, size: int) -> None:
        super().__init__()
        self.register_buffer("parts", torch.zeros(members, _PARTS, size))
        self.constant = torch.zeros(size, dtype=torch.float64)

    def start(self, raw: Tensor, constant: Tensor) -> None:
        """Begin at `raw` (size,), of which the constant model has `constant`."""
        self.parts.copy_(self.holding(raw))
        self.constant = constant.double()

    def holding(self, raw: Tensor) -> Tensor:
        """The numbers (K, 3, size) whose sum over the second axis is `raw`, (K, size) or (size,) of all members."""
        members, _, size = self.parts.shape
        rest, parts = raw.double().expand(members, size), []
        for _ in range(_PARTS):
            parts.append(rest.to(self.parts.dtype))
            rest = rest - parts[-1].double()
        return torch.stack(parts, 1)

    def forward(self, dtype: torch.dtype) -> Tensor:
        return self.parts.to(dtype).sum(1, keepdim=True)
