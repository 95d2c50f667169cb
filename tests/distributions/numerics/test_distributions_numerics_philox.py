"""Random numbers that are a function of their place: the published answers, and that every place has numbers of its own."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from disttrain.distributions.numerics.philox import philox, uniforms

# Random123, kat_vectors: philox4x32, 10 rounds: counter, key, answer.
ANSWERS = [
    ((0, 0, 0, 0), (0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    ((0xFFFFFFFF,) * 4, (0xFFFFFFFF,) * 2, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
    ),
]
ROWS = 20_000


@pytest.mark.parametrize(("counter", "key", "answer"), ANSWERS)
def test_the_words_are_the_published_ones(counter, key, answer):
    words = philox(tuple(np.full(3, word, dtype=np.uint64) for word in counter), key)
    assert [word.tolist() for word in words] == [[expected] * 3 for expected in answer]


def test_a_number_depends_on_seed_row_draw_and_place_alone():
    whole = uniforms(5, np.arange(100), 2, 7)
    rows = np.array([99, 3, 3, 40])
    assert np.array_equal(uniforms(5, rows, 2, 7), whole[rows])
    assert np.array_equal(uniforms(5, np.arange(100), 2, 3), whole[:, :3])
    others = [whole, uniforms(6, np.arange(100), 2, 7), uniforms(5, np.arange(100), 3, 7), uniforms(5, np.arange(100) + 2**32, 2, 7)]
    assert len(np.unique(np.stack(others))) == 4 * 700
    assert uniforms(0, np.arange(0), 0, 2).shape == (0, 2)


def test_the_numbers_are_uniform_and_independent_of_their_neighbours():
    made = uniforms(0, np.arange(ROWS), np.arange(2)[:, None], 3)
    assert made.min() > 0
    assert made.max() < 1
    # One seed, tested once; 6 columns.
    assert min(stats.kstest(column, "uniform").pvalue for column in made.transpose(0, 2, 1).reshape(6, ROWS)) > 1e-3
    columns = np.concatenate([made.transpose(0, 2, 1).reshape(6, ROWS)[:, 1:], made.transpose(0, 2, 1).reshape(6, ROWS)[:, :-1]])
    # Correlations of independent columns have a standard error of 1/sqrt(n); 66 pairs.
    between = np.corrcoef(columns)[np.triu_indices(12, 1)]
    assert np.abs(between).max() < 4.5 / np.sqrt(ROWS)
