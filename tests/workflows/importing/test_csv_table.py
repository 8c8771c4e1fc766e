"""CSV files: dialects, row numbers, and what is no table."""

import pandas as pd
import pytest

from adamcmp.workflows.importing import CsvTable, read_csv_table
from tests.support.imports import BASE, CIFAR, ROWS

MESSY = {
    "a byte-order mark": b"\xef\xbb\xbf" + (BASE + ROWS).encode(),
    "semicolons, decimal commas": (BASE + ROWS).replace(",", ";").replace(".", ","),
    "tabs": (BASE + ROWS).replace(",", "\t"),
    "UTF-16, as spreadsheets write text": (BASE + ROWS).replace(",", "\t").encode("utf-16"),
    "line ends of Windows, blank lines": (BASE + "\n" + ROWS + ",,,,,\n").replace("\n", "\r\n"),
    "an index, quotes, spaces": '"",optimizer , lr,wd,seed,val_error,test_error,"a ""note"", long"\n'
    '0,adamw, 0.1,0,0,0.2,0.25,"a\nb,c"\n1,adamw,1e-1,0.0,1,0.3,0.35,""\n2,"sgd",.1,0.01,0,0.4,0.45,x\n',
}


@pytest.mark.parametrize("content", MESSY.values(), ids=MESSY)
def test_dialects(content, imported):
    """However it is written, it is the same runs with the same ids."""
    plain = imported(BASE + ROWS)[0]
    pd.testing.assert_frame_equal(imported(content, study="messy")[0].assign(study="theirs"), plain)


def test_a_sheet_names_rows_as_a_spreadsheet_does(tmp_path):
    (tmp_path / "t.csv").write_text('a,b\n1,"x\ny"\n\n2,z\n')
    table = read_csv_table(tmp_path / "t.csv")
    assert isinstance(table, CsvTable) and list(table.rows) == [2, 4]
    assert table.columns["b"].to_pylist() == ["x\ny", "z"]
    assert table.values("a", int, "a").to_pylist() == [1, 2]


@pytest.mark.parametrize(
    ("content", "flags", "message"),
    [
        ("", CIFAR, "is empty: it should have a header line"),
        (b"\xef\xbb\xbf", CIFAR, "is empty"),
        (BASE, CIFAR, "has a header but no rows"),
        (BASE + "\n,,,,,\n", CIFAR, "has a header but no rows"),
        (b"\xff\xfe\xfd", CIFAR, "is not UTF-8 text"),
        (b"a,b\n\xe4,1\n", CIFAR, "is not UTF-8 text"),
        (BASE + 'a,"0.1,0\n', CIFAR, "is not a CSV table"),
        (BASE + "a,0.1,0,0,0.2\n", CIFAR, "row 2: has 5 values, but the header has 6 columns"),
        (BASE.replace("wd", "lr") + ROWS, CIFAR, "column 'lr' appears twice"),
    ],
)  # fmt: skip
def test_files_that_are_no_table(content, flags, message, rejected):
    assert message in rejected(content, flags)
