"""The text of CSV files in any of the common encodings, and their separators."""

from __future__ import annotations

import codecs

#: Characters that may stand between the columns.
SEPARATORS = ",;\t|"


def encoding_of(start: bytes) -> str:
    """Return the encoding of a file, without its byte-order mark, from its first two bytes."""
    is_utf16 = start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # utf-8-sig also decodes a file without a byte-order mark.
    return "utf-16" if is_utf16 else "utf-8-sig"


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16, without its byte-order mark.

    Raises:
        UnicodeDecodeError: If it is in another encoding.
    """
    return content.decode(encoding_of(content))


def detect_separator(text: str) -> str:
    r"""Return the separator that is most frequent in the first line; a comma if there is none.

    >>> detect_separator("a;b;c\n1,5;2;3")
    ';'
    """
    return max(SEPARATORS, key=text.partition("\n")[0].count)
