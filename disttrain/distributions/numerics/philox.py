"""Random numbers as a function of a counter: Philox4x32-10, a counter-based generator."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
Integers = NDArray[np.integer] | int
_LOW, _HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
_MULTIPLIERS = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_WEYL = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_ROUNDS = 10


def philox(counter: tuple[Words, Words, Words, Words], key: tuple[int, int]) -> tuple[Words, Words, Words, Words]:
    """Four words of 32 random bits for each counter of four words of 32 bits, all arrays of one shape.

    Source: Salmon, Moraes, Dror & Shaw (2011), Parallel random numbers: as easy as 1, 2, 3, section 3.3.
    """
    first, second, third, fourth = counter
    left, right = np.uint64(key[0]), np.uint64(key[1])
    for _ in range(_ROUNDS):
        low, high = first * _MULTIPLIERS[0], third * _MULTIPLIERS[1]
        first, second = (high >> _HALF) ^ second ^ left, high & _LOW
        third, fourth = (low >> _HALF) ^ fourth ^ right, low & _LOW
        left, right = (left + _WEYL[0]) & _LOW, (right + _WEYL[1]) & _LOW
    return first, second, third, fourth


def uniforms(seed: int, row: Integers, draw: Integers, size: int = 1) -> NDArray[np.float64]:
    """`size` uniform numbers for each row's number and number of a draw, (*shape, size): midpoints of 2^52 parts of (0, 1).

    `row` and `draw` broadcast to `shape`. A number depends on the seed, the row's number and the draw's number alone: not on other rows,
    nor on the number of draws.
    """
    index, number = np.broadcast_arrays(np.asarray(row).astype(np.uint64), np.asarray(draw).astype(np.uint64))
    key = np.random.SeedSequence(seed).generate_state(2, np.uint32)
    uniform = np.empty((*index.shape, size))
    for first in range(0, size, 2):
        pair = np.full_like(index, first // 2)
        words = philox((index & _LOW, index >> _HALF, number, pair), (int(key[0]), int(key[1])))
        uniform[..., first] = _share(words[0], words[1])
        if first + 1 < size:
            uniform[..., first + 1] = _share(words[2], words[3])
    return uniform


def _share(first: Words, second: Words) -> NDArray[np.float64]:
    """A number inside (0, 1) from the upper 52 of 64 bits."""
    return (((first << _HALF | second) >> np.uint64(12)).astype(np.float64) + 0.5) * 2.0**-52
