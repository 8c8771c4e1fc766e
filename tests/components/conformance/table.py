"""The table of all cases, and the page of the documentation that shows it."""

from __future__ import annotations

from collections.abc import Iterable

from tests.components.conformance.case import Case, Oracle
from tests.components.conformance.closed_forms import CLOSED_FORMS
from tests.components.conformance.packages import PACKAGE_ORACLES
from tests.components.conformance.torch_classes import TORCH_ORACLES

ORACLES = (*TORCH_ORACLES, *PACKAGE_ORACLES, *CLOSED_FORMS)
CASES: tuple[Case, ...] = tuple(
    sorted(
        (case for oracle in ORACLES for case in oracle.cases()),
        key=lambda case: (case.rule, bool(case.settings_text)),
    )
)


def _quick_label(oracle: Oracle) -> str:
    """Return the label of a case of an oracle: with a coupling that it has itself, if it has one."""
    return list(oracle.cases())[len(oracle.couplings) if oracle.without_decay else 0].label


_QUICK_LABELS = frozenset(map(_quick_label, ORACLES))
#: A case of each oracle.
QUICK: tuple[Case, ...] = tuple(case for case in CASES if case.label in _QUICK_LABELS)
#: How many steps a quick case trains in the default test suite.
QUICK_STEPS = 60

HEADERS = ("rule", "coupling", "difference", "settings", "compared with")
PAGE = """\
# Conformance of the optimizers

Each rule computes the same weights as an independent implementation, with every coupling that applies to it and
with every setting. `scripts/conformance` computes this table; `scripts/conformance --write` writes this page.

Each row trains a quadratic with noise, in float64, for 200 steps with a learning rate that changes in every step and
a weight decay of 0.05. The difference is the relative one of the weights after the last step, the largest of a
matrix, a vector, a convolution kernel and a number. It is below 1e-12, except in rows that state another tolerance:
the packages of QHAdam and SAM compute some numbers in float32, and Prodigy's estimate of its learning rate amplifies
rounding.

- Settings that are not listed have the rule's defaults.
- A class that does not have the coupling itself is followed by what the test adds to it: the gradient of the penalty
  before its step ("g + wd·θ"), the decay after it ("θ − c·θ"), or the constraint of the norm ("R·N(θ + η·R·N(u))").
- Other text after the name of a class describes what the test changes in it.

The code is in `tests/components/conformance/`. A rule, a coupling or a setting that is not in the table fails a test.

"""


def row(case: Case, difference: str) -> tuple[str, ...]:
    """Return the row of a case."""
    return case.rule, case.coupling, difference, case.settings_text, case.oracle


def shown(case: Case, difference: float) -> str:
    """Return the difference of a case as text, with its tolerance if it is not the usual one."""
    text = f"{max(difference, 1e-16):.0e}"
    return text if case.has_usual_tolerance else f"{text} (tolerance {case.tolerance:.0e})"


def page(differences: Iterable[str]) -> str:
    """Return the page of the documentation."""
    lines = [HEADERS, ["---"] * len(HEADERS)]
    for case, difference in zip(CASES, differences, strict=True):
        rule, coupling, shown_difference, settings, oracle = row(case, difference)
        code = [f"`{text}`" if text else "" for text in (rule, coupling, settings)]
        lines.append((*code[:2], shown_difference, code[2], oracle))
    return PAGE + "".join(f"| {' | '.join(line)} |\n" for line in lines)
