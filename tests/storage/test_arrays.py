"""Arrow arrays of Python values, against `pyarrow.array`."""

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from adamcmp.storage.arrays import array_of

VALUES = {
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.float64(): st.floats() | st.integers(-100, 100),
    pa.bool_(): st.booleans(),
    pa.string(): st.text(),
    pa.binary(): st.binary(),
}
LISTS = {pa.list_(item): st.lists(values) for item, values in VALUES.items()}


@given(st.data())
def test_it_equals_that_of_pyarrow(data):
    arrow_type = data.draw(st.sampled_from([*VALUES, *LISTS]))
    values = data.draw(st.lists(st.none() | (VALUES | LISTS)[arrow_type]))
    array = array_of(values, arrow_type)
    array.validate(full=True)
    expected = pa.array(values, arrow_type)
    assert array.type == arrow_type and array.null_count == expected.null_count
    assert repr(array.to_pylist()) == repr(expected.to_pylist())  # also NaN, and the sign of 0
