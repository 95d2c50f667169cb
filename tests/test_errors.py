"""Memory that runs out is one kind of error, whichever library says it and in whichever words."""

from __future__ import annotations

import errno

import numpy as np
import pyarrow as pa
import pytest
import torch

from disttrain.errors import DataError, Finding, OutOfMemory, bytes_requested, enough_memory

TOO_MANY = 10**15
FAULTS = {
    "python": MemoryError(),
    "torch on the CPU": RuntimeError(
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to allocate 64000000 bytes."
    ),
    "torch on a GPU": torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79 GiB"),
    "a library of a GPU": RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    "a thread": RuntimeError("can't start new thread"),
    "an import": ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    "the system": OSError(errno.ENOMEM, "Cannot allocate memory"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_library_that_has_no_memory_is_understood(name):
    with pytest.raises(OutOfMemory) as caught, enough_memory("a smaller network", saved=lambda: "runs/a/model"):
        raise FAULTS[name]
    (finding,) = caught.value.findings
    assert (caught.value.exit_code, finding.code) == (4, "out-of-memory")
    assert (finding.hints, finding.kept) == (("a smaller network",), "runs/a/model")


@pytest.mark.parametrize(
    "ask",
    [
        lambda: torch.empty(TOO_MANY, dtype=torch.uint8),
        lambda: np.empty(TOO_MANY, dtype=np.uint8),
        lambda: pa.allocate_buffer(TOO_MANY),
        lambda: bytearray(TOO_MANY),
    ],
    ids=["torch", "numpy", "arrow", "python"],
)
def test_so_is_what_libraries_really_raise(ask):
    with pytest.raises(OutOfMemory), enough_memory():
        ask()


@pytest.mark.parametrize(
    ("message", "number"),
    [
        ("you tried to allocate 64000000 bytes", 64e6),
        ("Tried to allocate 2.00 GiB.", 2 * 1024**3),
        ("Unable to allocate 74.5 GiB for an array with shape (10,)", 74.5 * 1024**3),
        ("malloc of size 131136 failed", 131136),
        ("out of memory", 0),
    ],
)
def test_the_message_says_how_much_was_asked_for(message, number):
    assert bytes_requested(message) == number


@pytest.mark.parametrize(
    "fault",
    [
        DataError(Finding("x", "out of memory")),
        ValueError("out of memory"),
        RuntimeError("shape mismatch"),
        ImportError("no module named x"),
    ],
    ids=lambda fault: f"{type(fault).__name__}: {fault}",
)
def test_other_faults_stay_what_they_are(fault):
    with pytest.raises(type(fault)) as caught, enough_memory():
        raise fault
    assert caught.value is fault
