"""Tables as csv, Markdown and LaTeX."""

from dataclasses import replace

import pandas as pd

from adamcmp.reporting.formats import as_csv, as_latex, as_markdown, latex
from adamcmp.reporting.tables import Table
from tests.support.tables import TABLE


def test_csv_has_every_digit(tmp_path):
    (tmp_path / "t.csv").write_text(as_csv(TABLE))
    pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), TABLE.data)


def test_markdown():
    text = as_markdown(TABLE)
    assert "| Adam+L2" in text and "a\\|b" in text and "**12**" in text


def test_headings_are_escaped():
    values = Table("t", "T", "c", pd.DataFrame({"a|b_c": [0.5]}), headings={"a|b_c": "a|b_c"})
    assert as_markdown(values).splitlines()[2] == "| a\\|b_c   |"
    assert r"a|b\_c \\" in as_latex(values)


def test_latex_is_booktabs_with_the_best_in_bold():
    text = as_latex(TABLE)
    for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\textbf{12}", "Adam+L2"):
        assert part in text
    assert r"\caption{A \& B. 50 \% of \textless{}x\textgreater{}.}" in text
    assert r"\begin{tabular}{lrr}" in text and text.startswith("% \\usepackage{booktabs}")


def test_a_latex_caption_is_one_sentence():
    text = as_latex(replace(TABLE, caption="What it is. How it is computed."))
    assert r"\caption{A \& B. What it is.}" in text


def test_markdown_has_the_headlines():
    text = as_markdown(replace(TABLE, headlines=("One line.",)))
    assert text.startswith("## A & B\n\nOne line.\n\n| optimizer")


def test_latex_leaves_no_command_in_a_name():
    assert latex(r"\input{x}^~#$") == (
        r"\textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#\$"
    )


def test_a_table_without_data_has_the_reason():
    missing = Table("t", "Title", "caption", missing_reason="It needs\ntwo seeds.")
    assert as_csv(missing) == ""
    assert as_markdown(missing) == "## Title\n\nIt needs\ntwo seeds.\n"
    assert as_latex(missing) == "% Title: It needs two seeds.\n"
