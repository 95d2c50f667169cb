"""From encoded columns to what a trunk sees: the columns it may see, codes of categories as learned vectors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

__all__ = ["CategoryCodes", "Inputs"]


@dataclass(frozen=True)
class CategoryCodes:
    """An encoded column that holds category codes 0 .. categories - 1, each to be given a learned vector of `dimensions` numbers."""

    column: int
    categories: int
    dimensions: int


class Inputs(nn.Module):
    """The columns of (n, p) encoded inputs that a trunk may see, with learned vectors in the place of category codes: (n, self.width)."""

    def __init__(self, columns: Sequence[int], total: int, codes: Sequence[CategoryCodes]) -> None:
        super().__init__()
        visible = [code for code in codes if code.column in set(columns)]
        plain = [column for column in columns if column not in {code.column for code in visible}]
        self.everything = plain == list(range(total))
        self.plain = plain
        self.code_columns = [code.column for code in visible]
        self.embeddings = nn.ModuleList(nn.Embedding(code.categories, code.dimensions) for code in visible)
        self.width = len(plain) + sum(code.dimensions for code in visible)

    def forward(self, x: Tensor) -> Tensor:
        if self.everything:
            return x
        parts = [x[:, self.plain]]
        parts += [embed(x[:, column].long()) for embed, column in zip(self.embeddings, self.code_columns, strict=True)]
        return torch.cat(parts, 1)
