"""Batches of in-memory tensors: permuted once an epoch, then sliced."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from disttrain import lazy

if TYPE_CHECKING:
    import torch
    from torch import Tensor
else:
    torch = lazy.module("torch")

# Far apart, so that the epochs of one seed are not those of the next.
EPOCHS_APART = 1_000_003
MEMBERS_APART = 15_485_863 * EPOCHS_APART


def order(seed: int, epoch: int, n: int, member: int = 0) -> Tensor:
    """Return the permutation of n rows in an epoch, (n,) int64: a function of seed, epoch and member only, independent of earlier random
    draws.
    """
    generator = torch.Generator("cpu").manual_seed((seed * EPOCHS_APART + epoch + member * MEMBERS_APART) % 2**63)
    return torch.randperm(n, generator=generator)


def bounds(n: int, size: int) -> list[tuple[int, int]]:
    """Return the first and the one-past-last row of each batch of `size` rows. A last batch of one row joins the previous one, as a
    variance needs two rows.
    """
    starts = list(range(0, n, size))
    if len(starts) > 1 and n - starts[-1] == 1:
        starts.pop()
    return list(zip(starts, [*starts[1:], n], strict=True)) if starts else []


def batches(tensors: Sequence[Tensor | None], size: int, rows: Tensor | None = None) -> Iterator[tuple[Tensor | None, ...]]:
    """Yield slices of `size` rows of all `tensors`, each (n, ...), in the order `rows`, (n,), or in their given order. None stays None.

    The tensors are permuted once, so that each batch is a view and costs microseconds. The arguments are not changed.
    """
    present = [tensor for tensor in tensors if tensor is not None]
    ordered = [tensor if tensor is None or rows is None else tensor.index_select(0, rows.to(tensor.device)) for tensor in tensors]
    for start, stop in bounds(len(present[0]) if present else 0, size):
        yield tuple(None if tensor is None else tensor[start:stop] for tensor in ordered)
