"""CSV files of the user."""

from pathlib import Path

import numpy as np
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

    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_the_delimiter_is_detected(self, separator):
        rows = [["a", "b", "y"], *([str(i), str(-i), str(i % 2)] for i in range(20))]
        self.write("\n".join(map(separator.join, rows)))
        named = "tab" if separator == "\t" else separator
        for settings in ({}, {"delimiter": separator}, {"delimiter": named}):
            assert load(**CSV, **settings).shape.inputs == (2,)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_the_first_column_after_a_byte_order_mark(self, encoding):
        self.write("y,a\n" + "\n".join(f"{'é' if i % 2 else 'ö'},{i}" for i in range(20)), encoding)
        assert load(**CSV).shape.outputs == 2

    def test_decimal_commas_in_files_with_semicolons(self):
        self.write("a;b;y\n" + "\n".join(f"{i},5;{i}.25;{i % 2}" for i in range(20)))
        x = load(**CSV, standardize=False).train.x
        assert set(x[:, 0] % 1) == {0.5} and set(x[:, 1] % 1) == {0.25}

    def test_numbers_beyond_64_bits_are_read_as_floats(self):
        self.write("a,b,y\n" + "\n".join(f"{10**30 + i * 10**29},{i},{i % 2}" for i in range(20)))
        assert load(**CSV, standardize=False).train.x[:, 0].min() >= 1e30

    def test_a_numeric_column_name_as_target(self):
        self.write("1,2\n" + "\n".join(f"{i},{i % 2}" for i in range(20)))
        assert load(**{**CSV, "target": 2}).shape.outputs == 2

    @pytest.mark.parametrize("name", ["", "Unnamed: 0"])
    def test_the_index_that_pandas_wrote_is_left_out(self, name):
        """The rows are sorted by class, so the index would reveal it."""
        noise = np.random.default_rng(0).standard_normal((200, 2))
        rows = [f"{i},{a},{b},{i // 100}" for i, (a, b) in enumerate(noise)]
        self.write(f"{name},a,b,y\n" + "\n".join(rows))
        dataset = build_component("dataset", CSV)
        data = dataset.load()
        assert data.shape.inputs == (2,)
        (notice,) = dataset.examine(data)
        assert notice.startswith("dataset.path=data.csv: leaves out a column without a name")

    def test_suspicious_columns_are_named(self):
        noise = np.random.default_rng(0).standard_normal(300)
        rows = [f"{i},{a},{i // 100},{i // 100}" for i, a in enumerate(noise)]
        self.write("id,noise,copy,y\n" + "\n".join(rows))
        dataset = build_component("dataset", CSV)
        index, leak = dataset.examine(dataset.load())
        assert "column 'id' numbers the rows" in index
        assert "column 'copy' alone predicts the validation targets perfectly" in leak

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
            ("a,y\n1,0\nred,1\n3,0\n", "column 'a' should hold numbers, but row 2 holds 'red'. Write the column as numbers, or remove"),
            ("a,y\n1,7\n2,7\n3,7\n4,7\n", "data.csv: all training examples are of one class"),
            ("a,y\n1,b\n2,NA\n3,b\n", "holds 'NA' in row 2, which may stand for a missing value"),
            ("a,y\n1,b\n2,\n3,b\n", "column 'y' has no value in row 2"),
            ("a,y\n1,0\nNA,1\n3,0\n", "row 2 holds 'NA'"),
            ("a,y\n1,0.5\n2,1.5\n3,0\n", "For real targets use dataset.task=regression"),
            ("a,yy\n1,0\n2,1\n", "has no column 'y', which is dataset.target. Did you mean 'yy'"),
            ("y\n1\n0\n", "no column besides the target"),
            ("a,a,y\n1,2,0\n3,4,1\n", "column 'a' appears twice"),
            ("a,y\n1,0,9\n3,1,9\n", "more values than the header"),
            ("a,y\n1,0\n3,1,9\n", "is not a table"),
            ("a,y\n1,0\n", "holds 1 examples; at least 2"),
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

    def test_a_folder_is_no_file(self):
        Path("folder").mkdir()
        with pytest.raises(DataError, match="is a folder"):
            load(**{**CSV, "path": "folder"})

    def test_another_separator_than_that_of_the_file(self):
        self.write("a;b;y\n1;2;0\n3;4;1\n")
        with pytest.raises(DataError, match=r"header line 'a;b;y'\. Leave dataset\.delimiter out"):
            load(**CSV, delimiter=",")

    def test_identity_is_the_content(self):
        self.write("a,y\n1,0\n")
        first = build_component("dataset", CSV).identity()
        Path("data.csv").rename("moved.csv")
        assert build_component("dataset", {**CSV, "path": "moved.csv"}).identity() == first
        self.write("a,y\n2,0\n")
        assert build_component("dataset", CSV).identity() != first
