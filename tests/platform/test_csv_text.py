"""The encodings and separators of CSV files."""

import pytest

from adamcmp.platform.csv_text import decode, detect_separator


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_the_text_does_not_depend_on_the_encoding(encoding):
    text = "größe;Adam–L2\n1,5;2\n"
    marked = f"\ufeff{text}" if encoding.endswith(("le", "be")) else text
    assert decode(marked.encode(encoding)) == text


def test_another_encoding_is_an_error():
    with pytest.raises(UnicodeDecodeError):
        decode("größe\n".encode("latin-1"))


@pytest.mark.parametrize(
    ("text", "separator"),
    [("a,b\n1;2;3\n", ","), ("a\tb,c\td\n", "\t"), ("a|b", "|"), ("a;b", ";"), ("a\n1;2", ",")],
)
def test_the_first_line_decides_on_the_separator(text, separator):
    assert detect_separator(text) == separator
