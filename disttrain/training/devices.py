"""Where a fit runs: the device by name, and deterministic algorithms for as long as a fit asks for them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from disttrain.errors import Finding, UsageError

__all__ = ["deterministic", "device", "threads"]


def device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` is a CUDA device where there is one, else the CPU.

    Raises UsageError where this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    wanted = torch.device(name)
    there = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (wanted.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if there.get(wanted.type, False):
        return wanted
    raise UsageError(
        Finding("no-device", f"there is no device `{name}` on this machine", "training.device", hints=("use `auto` or `cpu`",))
    )


@contextmanager
def threads(batch_size: int, widest: int) -> Iterator[None]:
    """One thread inside the block where the largest product, (batch_size, widest) by (widest, widest), is too small to share.

    Below some 2 million multiplications a second thread costs more in waiting than it computes, and much more on a busy machine.
    """
    before = torch.get_num_threads()
    if batch_size * widest**2 < 2_000_000:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Deterministic algorithms inside the block where `wanted`; torch's own setting comes back afterwards."""
    before = torch.get_deterministic_debug_mode()
    if wanted:
        # Not use_deterministic_algorithms, which says the same and imports torch._inductor, more than a second (torch 2.13).
        torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
