"""CSV files of the user."""

from pathlib import Path

import pytest

from adamcmp.config import build_component
from adamcmp.errors import AdamcmpError, DataError
from tests.support.datasets import load

CSV = {"name": "csv", "path": "data.csv", "target": "y"}


class TestCSV:
    def write(self, text, encoding="utf-8"):
        Path("data.csv").write_text(text, encoding=encoding)

    def test_numbers_and_text_labels(self):
        rows = "\n".join(f"{i},{i * i},{'even' if i % 2 == 0 else 'odd'}" for i in range(40))
        self.write("a,b,y\n" + rows)
        data = load(**CSV)
        assert (len(data.train), len(data.val), len(data.test)) == (29, 3, 8)
        assert data.shape.inputs == (2,) and data.shape.outputs == 2
        assert abs(data.train.x.mean(0)).max() < 1e-9

    def test_byte_order_mark_and_delimiter(self):
        self.write("y;a\n" + "\n".join(f"{i % 2};{i}" for i in range(10)), "utf-8-sig")
        assert load(**CSV, delimiter=";").shape.inputs == (1,)

    def test_regression(self):
        self.write("a,y\n" + "\n".join(f"{i},{i / 3}" for i in range(10)))
        data = load(**CSV, task="regression")
        assert data.train.y.shape == (7, 1) and data.shape.problem_type == "regression"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "is not a table"),
            ("a,b,y\n", "has a header but no rows"),
            ("a,y\n1,0\n2,1\n,0\n4,1\n", "column 'a' has no value in row 3"),
            ("a,y\n1,0\n2,1\ninf,0\n4,1\n5,0\n", "NaN or infinite"),
            ("a,y\n1,0\nred,1\n3,0\n", "column 'a' should hold numbers, but row 2 holds 'red'"),
            ("a,y\n1,7\n2,7\n3,7\n4,7\n", "all training examples are of one class"),
            ("a,y\n1,0.5\n2,1.5\n3,0\n", "For real targets use dataset.task=regression"),
            ("a,yy\n1,0\n2,1\n", "has no such column. Did you mean 'yy'"),
            ("y\n1\n0\n", "no column besides the target"),
            ("a,a,y\n1,2,0\n3,4,1\n", "column 'a' appears twice"),
            ("a,y\n1,0,9\n3,1,9\n", "more values than the header"),
            ("a,y\n1,0\n3,1,9\n", "is not a table"),
            ("a,y\n1,0\n", "holds 1 examples"),
        ],
    )  # fmt: skip
    def test_invalid_files(self, text, message):
        self.write(text)
        with pytest.raises(AdamcmpError, match=message):
            load(**CSV)

    def test_not_utf8(self):
        self.write("a,y\n1,é\n2,ö\n", "latin-1")
        with pytest.raises(DataError, match="not UTF-8"):
            load(**CSV)

    def test_missing(self):
        with pytest.raises(DataError, match="there is no such file"):
            load(**CSV)

    def test_identity_is_the_content(self):
        self.write("a,y\n1,0\n")
        first = build_component("dataset", CSV).identity()
        Path("data.csv").rename("moved.csv")
        assert build_component("dataset", {**CSV, "path": "moved.csv"}).identity() == first
        self.write("a,y\n2,0\n")
        assert build_component("dataset", CSV).identity() != first
