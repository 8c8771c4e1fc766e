"""Every rule on gradients of zero, of extreme size, with a spike, and on parameters of odd shapes."""

import pytest
import torch

from adamcmp.config import build_component, component_defaults
from tests.components.conformance.problem import Problem, trained_by_oracle, trained_by_rule
from tests.components.conformance.table import ORACLES
from tests.support.rules import rule_steps

#: The first oracle of each rule, which has no settings unless the package has other defaults.
ORACLE_OF = {oracle.rule: oracle for oracle in reversed(ORACLES) if oracle.without_decay}
#: The size of the gradient of each step.
SIZES = {
    "zero at first and in between": [0.0, 0.0, 1.0, 1.0, 0.0, 0.0, 1.0],
    "tiny, then huge": [1e-30, 1e-30, 1e30, 1e30],
    "huge, then tiny": [1e30, 1e30, 1e-30, 1e-30],
}
SPIKE = [1.0, 1.0, 1e8, *[1.0] * 7]
SHAPES = [(), (1,), (1, 1), (0,), (0, 3), (3, 0), (1, 4, 1, 1)]


class OddProblem(Problem):
    """Gradients of given sizes in float32.

    Args:
        sizes: The size of the gradient of each step.
        names: Which of the parameters it has.
    """

    dtype = torch.float32

    def __init__(self, sizes, names):
        super().__init__(names)
        self.start = {name: p.float() for name, p in self.start.items()}
        self.steps, self._sizes = len(sizes), sizes

    def gradient(self, t, name, param):
        return self._sizes[t] * self._noise[name][t].float()


def settings(rule):
    """Return the defaults of a rule, without weight decay."""
    values = component_defaults("optimizer", rule)
    return {**values, "coupling": "none", "weight_decay": 0.0}


def trained(rule, sizes):
    """Return the weights after training with a rule and with its oracle."""
    oracle = ORACLE_OF[rule]
    problem = OddProblem(sizes, oracle.names)

    def create(params):
        return oracle.create(params, lr=oracle.lr, **oracle.arguments)

    ours = trained_by_rule({**settings(rule), "lr": oracle.lr, **oracle.settings}, problem)
    try:
        return ours, trained_by_oracle(create, problem, oracle.lr)
    except torch.linalg.LinAlgError:  # SOAP's, where ours is a diverged run
        return ours, {}


@pytest.mark.parametrize(
    "sizes",
    [
        pytest.param(sizes, marks=[] if name == "huge, then tiny" else [pytest.mark.slow], id=name)
        for name, sizes in SIZES.items()
    ],
)
@pytest.mark.parametrize("rule", ORACLE_OF)
def test_a_rule_is_finite_where_its_oracle_is(rule, sizes):
    ours, expected = trained(rule, sizes)
    for name, p in expected.items():
        assert ours[name][p.isfinite()].isfinite().all(), name


@pytest.mark.parametrize("rule", ORACLE_OF)
def test_calm_after_a_spike(rule):
    """The weights are those of the oracle, up to rounding in float32."""
    ours, expected = trained(rule, SPIKE)
    for name, p in expected.items():
        assert (ours[name] - p).norm() <= 1e-3 * p.norm(), name


@pytest.mark.parametrize("rule", ORACLE_OF)
def test_parameters_of_one_element_and_without_elements(rule):
    component = build_component("optimizer", settings(rule))
    start = {str(shape): torch.ones(shape) for shape in SHAPES}
    params = list(rule_steps(component, start, [start] * 3))[-1].params
    assert [p.shape for p in params.values()] == SHAPES
    assert all(p.isfinite().all() for p in params.values())


@pytest.mark.parametrize("rule", ORACLE_OF)
def test_without_gradients_weights_stay(rule):
    """Except those of ASGD, which decays weights by `lambd`."""
    problem = OddProblem([0.0] * 4, ORACLE_OF[rule].names)
    values = settings(rule) | ({"lambd": 0.0} if rule == "asgd" else {})
    weights = trained_by_rule(values, problem)
    for name, p in problem.start.items():
        assert torch.equal(weights[name], p)
