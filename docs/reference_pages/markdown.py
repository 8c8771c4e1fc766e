"""Parts of Markdown pages."""

from __future__ import annotations

from collections.abc import Iterable


def one_line(paragraph: str) -> str:
    """Return a paragraph of a docstring as one line of Markdown."""
    return " ".join(paragraph.replace("``", "`").split())


def markdown_table(headers: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table; a bar within a cell is escaped."""
    headers = list(headers)
    lines = [headers, ["---"] * len(headers), *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped)


def markdown_page(title: str, *parts: str) -> str:
    """Return a page of a title and parts."""
    return "\n\n".join([f"# {title}", *parts]) + "\n"


def markdown_section(title: str, *parts: str) -> str:
    """Return a section of a title and parts."""
    return "\n\n".join([f"## {title}", *parts])
