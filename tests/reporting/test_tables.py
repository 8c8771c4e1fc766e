"""Tables as they are shown, and as csv, Markdown and LaTeX."""

import numpy as np
import pandas as pd

from adamcmp.reporting.formats import as_csv, as_latex, as_markdown, latex
from adamcmp.reporting.tables import Table, shown_columns


class TestFormats:
    TABLE = Table(
        "t",
        "A & B",
        "50 % of <x>",
        pd.DataFrame(
            {
                "problem": ["p"] * 2,
                "optimizer": ["adam_l2", "a|b"],
                "test_error": [0.25, 0.1234],
                "test_error_ci_low": [0.2, 0.12],
                "test_error_ci_high": [0.3, np.nan],
                "n": [3, 1],
            }
        ),
    )

    def test_columns(self):
        optimizer, error, n = shown_columns(self.TABLE)
        assert [optimizer.heading, error.heading, n.heading] == ["optimizer", "test error", "n"]
        assert error.texts == ["0.25 [0.20, 0.30]", "0.123"]
        assert error.best == {1} and error.values == [0.25, 0.1234] and error.metric == "test_error"
        assert n.texts == ["3", "1"] and not n.best

    def test_digits_follow_the_interval(self):
        data = pd.DataFrame(
            {"estimate": [1234.5678, 0.00012345, -3.0], "ci_low": [1000, 1e-4, -4.0]}
        )
        data["ci_high"] = [1500, 2e-4, -2.0]
        assert shown_columns(Table("t", "", "", data))[0].texts == [
            "1235 [1000, 1500]",
            "0.00012 [0.00010, 0.00020]",
            "−3.0 [−4.0, −2.0]",
        ]

    def test_csv_has_every_digit(self, tmp_path):
        (tmp_path / "t.csv").write_text(as_csv(self.TABLE))
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), self.TABLE.data)

    def test_markdown(self):
        text = as_markdown(self.TABLE)
        assert "| adam_l2" in text and "a\\|b" in text and "**0.123**" in text

    def test_latex_is_booktabs_with_the_best_in_bold(self):
        text = as_latex(self.TABLE)
        for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\textbf{0.123}", r"adam\_l2"):
            assert part in text
        assert r"\caption{A \& B. 50 \% of \textless{}x\textgreater{}}" in text
        assert r"\begin{tabular}{lrr}" in text

    def test_latex_leaves_no_command_in_a_name(self):
        assert latex(r"\input{x}^~#$") == (
            r"\textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#\$"
        )
