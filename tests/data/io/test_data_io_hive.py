"""A folder's name is a column of the files in it."""

import time

import pyarrow as pa

from disttrain.data.io.hive import constant


def test_the_value_of_a_folder_stands_in_each_row_and_is_encoded_once():
    for rows in (0, 1, 5):
        assert constant("größe", pa.string(), rows).to_pylist() == ["größe"] * rows
        assert constant(None, pa.string(), rows).to_pylist() == [None] * rows
        assert constant("7", pa.int64(), rows).to_pylist() == [7] * rows
    start = time.perf_counter()
    assert constant("north", pa.string(), 2_000_000)[-1].as_py() == "north"
    # Row by row it takes half a second.
    assert time.perf_counter() - start < 0.2
