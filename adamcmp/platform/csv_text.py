"""The text of CSV files in any of the common encodings, and their separators."""

from __future__ import annotations

import codecs

#: Characters that may stand between the columns.
SEPARATORS = ",;\t|"


def decode(content: bytes) -> str:
    """Return the text of a file in UTF-8 or UTF-16, without its byte-order mark.

    Raises:
        UnicodeDecodeError: If it is in another encoding.
    """
    is_utf16 = content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    # utf-8-sig also decodes a file without a byte-order mark.
    return content.decode("utf-16" if is_utf16 else "utf-8-sig")


def detect_separator(text: str) -> str:
    r"""Return the separator that is most frequent in the first line; a comma if there is none.

    >>> detect_separator("a;b;c\n1,5;2;3")
    ';'
    """
    return max(SEPARATORS, key=text.partition("\n")[0].count)
