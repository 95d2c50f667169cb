"""The device of a fit, its precision, its threads and its deterministic algorithms."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch

from disttrain.errors import Finding, UsageError

# Products below these sizes are slower in bfloat16, because of the casts: rows times width squared, and width.
_PAYS, _WIDE = 16_000_000, 128


def device(name: str) -> torch.device:
    """The device called `auto`, `cpu`, `cuda`, `cuda:1` or `mps`; `auto` is a CUDA device if there is one, else the CPU.

    Raises UsageError if this machine does not have it.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    requested = torch.device(name)
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available() and (requested.index or 0) < torch.cuda.device_count(),
        "mps": torch.backends.mps.is_available(),
    }
    if available.get(requested.type, False):
        return requested
    raise UsageError(
        Finding("no-device", f"there is no device `{name}` on this machine", "training.device", hints=("use `auto` or `cpu`",))
    )


def use_bfloat16(device: torch.device, batch_size: int, hidden: Sequence[int]) -> bool:
    """True if the products of training are faster in bfloat16 than in float32 on the device, for hidden layers of these widths.

    Measured on one core with AVX512_BF16: the products are 1.25 to 1.7 times as fast if the function is true, 0.7 to 0.96 times as fast
    for narrower layers or smaller batches.
    """
    if min(hidden, default=0) < _WIDE or batch_size * max(hidden) ** 2 < _PAYS:
        return False
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    # Not in every torch that this runs with.
    able: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)() if device.type == "cpu" else {}
    return bool(able.get("avx512_bf16") or able.get("amx_bf16"))


@contextmanager
def threads(batch_size: int, widest: int) -> Iterator[None]:
    """Use one thread inside the block if the largest product, (batch_size, widest) by (widest, widest), is too small to share.

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
def deterministic(enabled: bool) -> Iterator[None]:
    """Use deterministic algorithms inside the block if `enabled`; torch's own setting comes back afterwards."""
    before = torch.get_deterministic_debug_mode()
    if enabled:
        # Not use_deterministic_algorithms, which says the same and imports torch._inductor, more than a second (torch 2.13).
        torch.set_deterministic_debug_mode("warn")
    try:
        yield
    finally:
        torch.set_deterministic_debug_mode(before)
