"""Format tables as csv, Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from adamcmp.reporting.tables import Table, shown_columns


def as_csv(table: Table) -> str:
    """Return a table's data as csv, with all columns and every digit."""
    return "" if table.data is None else table.data.to_csv(index=False)


def as_markdown(table: Table) -> str:
    """Return a table as Markdown: title, headlines, the table with the best in bold, caption."""
    from tabulate import tabulate

    if not table.is_shown:
        return f"## {table.title}\n\n{table.missing_reason}\n"
    cells = _cells(table, lambda text: text.replace("|", "\\|"), "**{}**".format)
    body = tabulate(cells, headers="keys", tablefmt="pipe", disable_numparse=True)
    omitted = [table.omitted] if table.omitted else []
    paragraphs = [f"## {table.title}", *table.headlines, body, table.caption, *omitted]
    return "\n\n".join(paragraphs) + "\n"


def as_latex(table: Table) -> str:
    """Return a table as LaTeX for the package booktabs, the best in bold.

    Its caption is the title and the first sentence of the table's caption.
    """
    if not table.is_shown:
        return f"% {table.title}: {' '.join(table.missing_reason.split())}\n"
    cells = _cells(table, latex, r"\textbf{{{}}}".format)
    alignment = "".join("r" if column.numeric else "l" for column in shown_columns(table))
    first_sentence = table.caption.partition(". ")[0].rstrip(".")
    text: str = (
        pd.DataFrame(cells)
        .style.hide(axis="index")
        .to_latex(
            hrules=True,
            column_format=alignment,
            position_float="centering",
            caption=latex(f"{table.title}. {first_sentence}."),
            label=f"tab:{table.name}",
        )
    )
    return f"% \\usepackage{{booktabs}}\n{text}"


def _cells(
    table: Table, escape: Callable[[str], str], bold: Callable[[str], str]
) -> dict[str, list[str]]:
    """Return the escaped texts of each shown column by its escaped heading, the best in bold."""
    cells = {}
    for column in shown_columns(table):
        texts = [escape(text) for text in column.texts]
        bold_best = [bold(text) if i in column.best else text for i, text in enumerate(texts)]
        cells[escape(column.heading)] = bold_best
    return cells


#: Characters that LaTeX interprets as commands, or that its fonts do not contain.
_LATEX = {
    **{character: "\\" + character for character in "&%$#_{}"},
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "−": "$-$",
    "–": "--",
    "η": r"$\eta$",
    "λ": r"$\lambda$",
}


def latex(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> print(latex("adam_l2 & 50 %"))
    adam\_l2 \& 50 \%
    """
    return "".join(_LATEX.get(character, character) for character in text)


#: The formats of `adamcmp report --format`.
FORMATS: dict[str, Callable[[Table], str]] = {
    "md": as_markdown,
    "csv": as_csv,
    "latex": as_latex,
}
