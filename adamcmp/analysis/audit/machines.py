"""Check: were the compared runs computed by the same processors, versions and engines?

A run has the same bits on equal processors, with the same version of torch and the same engine.
Otherwise sums are rounded differently, and training amplifies the difference, as it amplifies that
of another seed. A mixture that is the same for all optimizers therefore adds noise only. One that
differs between optimizers adds to the difference between them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from adamcmp.analysis.audit.finding import Finding
from adamcmp.analysis.run_table import RunTable
from adamcmp.analysis.wording import display_name, join_names

#: Column -> what its values are, for the texts.
_ORIGINS = {
    "hardware": ("on", "processors"),
    "adamcmp_version": ("with", "versions of adamcmp"),
    "torch_version": ("with", "versions of torch"),
    "engine": ("with", "engines"),
}


def check(table: RunTable) -> Iterator[Finding]:
    """Yield mixtures of processors, versions and engines, per problem. Imported runs have none."""
    trained = table.where(table.runs["torch_version"].notna())
    for problem, subtable in trained.by_problem():
        for column in _ORIGINS:
            yield from _mixture(problem, subtable, column)


def _mixture(problem: str, table: RunTable, column: str) -> Iterator[Finding]:
    """Yield a finding if the values of a column differ among the runs of several optimizers."""
    if column not in table.runs:
        return
    groups = table.runs.groupby("optimizer", sort=False)[column]
    origins = {str(name): frozenset(values.dropna()) for name, values in groups}
    if len(origins) < 2 or len(frozenset().union(*origins.values())) < 2:
        return
    preposition, name = _ORIGINS[column]
    listed = _listed(origins, preposition)
    # The engine depends on the model and the optimizer, and engines are tested to agree.
    if len(set(origins.values())) > 1 and column != "engine":
        text = (
            f"The optimizers were trained {preposition} different {name}: {listed}. The same run "
            f"differs by rounding between {name}, so a small difference between the optimizers may "
            f"come from the {name}."
        )
        yield Finding("machines", "warning", problem, text)
    else:
        text = (
            f"The runs were trained {preposition} several {name}: {listed}. The same run differs "
            f"by rounding between {name}, which adds to the variation over seeds."
        )
        yield Finding("rounding", "note", problem, text)


def _listed(origins: Mapping[str, frozenset[str]], preposition: str) -> str:
    """Return which optimizers have which values, such as "AdamW with A and B; SGD with A"."""
    optimizers: dict[frozenset[str], list[str]] = {}
    for optimizer, values in origins.items():
        optimizers.setdefault(values, []).append(display_name(optimizer))
    return "; ".join(
        f"{join_names(names)} {preposition} {join_names(sorted(values)) or 'unknown ones'}"
        for values, names in optimizers.items()
    )
