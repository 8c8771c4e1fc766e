"""Every rule with every coupling and setting, against independent implementations."""

import inspect
from pathlib import Path

import pytest
import torch

from adamcmp.components.optimizers import Rule
from adamcmp.config import CONFIG_GROUPS
from adamcmp.training.engines.torch_internals import tree_flatten, tree_unflatten
from adamcmp.training.engines.tracing import trace
from tests.components.conformance.problem import COEFFICIENTS, MULTIPLIERS, Problem
from tests.components.conformance.table import CASES, ORACLES, QUICK, QUICK_STEPS, page
from tests.components.conformance.torch_classes import ELSEWHERE, NOT_COMPARED, TORCH_ORACLES
from tests.support.rules import predefined
from tests.support.tensors import assert_close

PAGE_FILE = Path(__file__).parents[2] / "docs" / "conformance.md"
RULES = [name for name in CONFIG_GROUPS["optimizer"].names if name != "torch"]


@pytest.mark.parametrize("case", QUICK, ids=lambda case: case.label)
def test_first_steps_against_an_independent_implementation(case):
    """The weights after fewer steps, in one case of each implementation."""
    assert case.difference(QUICK_STEPS) < case.tolerance


@pytest.mark.slow
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.label)
def test_against_an_independent_implementation(case):
    """The weights after 200 steps in float64 with a moving lr."""
    assert case.difference() < case.tolerance


def test_every_rule_and_implementation_has_a_quick_case():
    assert {case.rule for case in QUICK} == set(RULES)
    assert len(QUICK) == len(ORACLES)
    assert len({case.label for case in CASES}) == len(CASES)


def test_the_page_has_every_case():
    """`scripts/conformance --write` writes it; the differences depend on the processor."""
    text = PAGE_FILE.read_text(encoding="utf-8")
    expected = page(["" for _ in CASES])
    assert [_without_difference(line) for line in text.splitlines()] == [
        _without_difference(line) for line in expected.splitlines()
    ]


def _without_difference(line):
    """Return the cells of a row of the table without the difference, or another line."""
    cells = line.split("|")
    return cells[:3] + cells[4:] if len(cells) > 4 else cells


@pytest.mark.parametrize("rule", RULES)
def test_every_rule_is_compared_with_every_coupling(rule):
    component = CONFIG_GROUPS["optimizer"].component(rule)
    assert issubclass(component, Rule)
    expected = {"none", "l2", *COEFFICIENTS, "norm"} - component.refused_couplings.keys()
    assert {case.coupling for case in CASES if case.rule == rule} == expected


@pytest.mark.parametrize("rule", RULES)
def test_every_setting_of_a_rule_is_compared(rule):
    """With a value that is not the default."""
    component = CONFIG_GROUPS["optimizer"].component(rule)
    settings = component.model_fields.keys() - Rule.model_fields.keys()
    assert settings <= {name for case in CASES if case.rule == rule for name in case.settings}


def test_every_argument_of_torch_classes_is_compared():
    classes = {oracle.create for oracle in TORCH_ORACLES}
    for create in classes:
        arguments = [
            a
            for oracle in TORCH_ORACLES
            if oracle.create is create
            for a in (oracle.arguments, *oracle.couplings.values())
        ]
        used = {name for each in arguments for name in each}
        assert inspect.signature(create).parameters.keys() - used <= NOT_COMPARED, create
    all_classes = {c for c in vars(torch.optim).values() if inspect.isclass(c)}
    assert {c.__name__ for c in all_classes - classes} == ELSEWHERE


@pytest.mark.parametrize("rule", RULES)
def test_lanes_compute_what_a_single_run_computes(rule):
    """Under vmap, with lanes that differ in lr, seven steps."""
    variant = predefined(rule)
    chain, problem = variant.chain(), Problem()
    hypers = {k: torch.tensor(v, dtype=torch.float64) for k, v in variant.hypers().items()}

    def trained(lr, lanes):
        batch = (len(lr),) if lanes else ()
        init, update = (torch.vmap(chain.init), torch.vmap(chain.update)) if lanes else chain[:2]
        params = {n: p.expand((*batch, *p.shape)).clone() for n, p in problem.start.items()}
        values = {k: v.expand(batch) for k, v in hypers.items()} | {"lr": lr}
        state = init(params)
        for t in range(7):
            grads = {n: problem.gradient(t, n, p) for n, p in params.items()}
            values["multiplier"] = torch.full(batch, MULTIPLIERS[t], dtype=torch.float64)
            step = torch.full(batch, t + 1.0, dtype=torch.float64)
            updates, state = update(grads, state, params, values, step)
            params = {n: p + updates[n] for n, p in params.items()}
        return params

    lr = torch.tensor([0.1, 0.03, 0.01], dtype=torch.float64)
    lanes = trained(lr, lanes=True)
    for lane in range(3):
        single = trained(lr[lane], lanes=False)
        assert_close({n: p[lane] for n, p in lanes.items()}, single)


@pytest.mark.parametrize(
    "rule",
    [
        pytest.param(rule, marks=[] if rule == "muon" else [pytest.mark.slow])
        for rule in RULES
        if CONFIG_GROUPS["optimizer"].component(rule).traceable
    ],
)
def test_a_step_is_traced(rule):
    """So that it can be compiled: with a symbolic number of lanes, and the same values."""
    variant = predefined(rule, lr=0.1)
    chain, problem = variant.chain(), Problem()
    names = [*variant.hypers(), "multiplier"]

    def arguments(lanes):
        params = {n: p.expand((lanes, *p.shape)).clone() for n, p in problem.start.items()}
        grads = {n: 1 / (1 + p.abs()) for n, p in params.items()}
        numbers = torch.tensor([*variant.hypers().values(), 0.5], dtype=torch.float64)
        hypers = dict(zip(names, numbers[:, None].expand(-1, lanes).clone(), strict=True))
        step = torch.full((lanes,), 2.0, dtype=torch.float64)
        return tree_flatten((grads, torch.vmap(chain.init)(params), params, hypers, step))

    tensors, structure = arguments(3)

    def update(*tensors):
        updates = torch.vmap(chain.update)(*tree_unflatten(tensors, structure))
        return tuple(tree_flatten(updates)[0])

    graph = trace(update, tensors, [{0: "M"}] * len(tensors))
    for lanes in (1, 5):
        tensors, _ = arguments(lanes)
        torch.testing.assert_close(graph(*tensors), update(*tensors))
