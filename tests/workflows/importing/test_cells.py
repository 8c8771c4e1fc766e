"""Cells of CSV files: numbers, missing values, lists, seeds."""

import hashlib

import pyarrow as pa
import pytest

from adamcmp.workflows.importing.cells import parse_cell, parse_plain_numbers, parse_seed


@pytest.mark.parametrize(
    ("text", "value_type", "value"),
    [
        (" adamw ", str, "adamw"),
        *((text, float, None) for text in ("", " ", "NA", "n/a", "null", "None")),
        (" 1e-3", float, 0.001),
        ("3.0", int, 3),
        ("9007199254740993", int, 2**53 + 1),
        ("Yes", bool, True),
        ("0", bool, False),
        ("(0.9, 0.999)", list[float], [0.9, 0.999]),
    ],
)
def test_values(text, value_type, value):
    assert parse_cell(text, value_type) == value


@pytest.mark.parametrize(
    ("text", "value_type", "expected"),
    [
        ("0,5", float, "a number"),
        ("1_000", float, "a number"),  # as Python reads it, it would be one
        ("1.5", int, "a whole number"),
        (str(2**63), int, "a whole number"),
        ("maybe", bool, "true or false"),
    ],
)
def test_invalid_cells(text, value_type, expected):
    with pytest.raises(ValueError, match=expected):
        parse_cell(text, value_type)


def test_the_seed_of_a_text_is_a_hash():
    assert parse_seed(" run-3") == int(hashlib.sha256(b"run-3").hexdigest()[:12], 16)
    assert parse_seed("7") == 7 and parse_seed("") is None
    with pytest.raises(ValueError, match="a whole number"):
        parse_seed("1.5")


@pytest.mark.parametrize("decimal_comma", [False, True])
def test_plain_numbers_are_those_of_single_cells(decimal_comma):
    texts = ["1", " 2.5 ", "-1e-3", "", "NA", "inf", "-Infinity"]
    texts = [text.replace(".", ",") for text in texts] if decimal_comma else texts
    numbers = parse_plain_numbers(pa.chunked_array([texts[:3], texts[3:]]), decimal_comma)
    assert numbers.to_pylist() == [parse_cell(text, float, decimal_comma) for text in texts]


@pytest.mark.parametrize("text", ["1_000", "high"])
def test_other_cells_are_parsed_one_by_one(text):
    assert parse_plain_numbers(pa.chunked_array([["1", text]]), decimal_comma=False) is None
