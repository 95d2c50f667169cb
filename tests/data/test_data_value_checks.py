"""What a number must not be, whichever type of a file holds it."""

from decimal import Decimal

import pyarrow as pa
import pytest

from disttrain.data.io.arrow_arrays import beyond_float
from disttrain.data.value_checks import checked_numbers

WHOLE_TYPES = [pa.int64(), pa.uint64(), pa.decimal128(20, 0), pa.decimal256(50, 0)]


@pytest.mark.parametrize("kind", WHOLE_TYPES, ids=str)
def test_a_whole_number_that_no_float_holds_is_refused_in_every_type(kind):
    """Python's own float says which numbers it holds: the first that does not come back is 2^53 + 1."""
    numbers = [7, 2**53 - 1, 2**53, 2**53 + 1, 2**60, None, *([] if kind == pa.uint64() else [-(2**53), -(2**53) - 1])]
    column = pa.array([None if number is None else Decimal(number) if pa.types.is_decimal(kind) else number for number in numbers], kind)
    wrong = [number is not None and abs(number) > 2**53 for number in numbers]
    assert int(float(2**53 + 1)) != 2**53 + 1
    assert beyond_float(column).tolist() == wrong
    _, _, findings = checked_numbers("x", column)
    assert [finding.code for finding in findings] == ["number-too-long"]
    assert f"{sum(wrong)} values are beyond" in findings[0].what
    assert not checked_numbers("x", column.slice(0, 3))[2]


def test_decimals_with_places_and_floats_are_rounded_as_in_any_file():
    for column in (pa.array([Decimal("9007199254740993.25")], pa.decimal128(20, 2)), pa.array([1e20])):
        values, _, findings = checked_numbers("x", column)
        assert not findings
        # Arrow's cast of a decimal is off by the last of the 53 bits at most.
        assert values.tolist() == pytest.approx([float(column[0].as_py())], rel=2**-52)
