"""Every rule × coupling against torch.optim, and in closed form where torch has none."""

import inspect
import math

import pytest
import pytorch_optimizer
import torch
from torch import Tensor

from adamcmp.components.optimizers.torch import DECAYING_BY_DEFAULT, Torch
from adamcmp.config import CONFIG_GROUPS, build_component, component_defaults
from adamcmp.errors import ConfigError
from tests.support.tensors import TOLERANCE, assert_close


def problem(seed: int) -> tuple[dict[str, Tensor], list[dict[str, Tensor]]]:
    """Parameters of several shapes and 100 gradients of different scales, float64."""
    g = torch.Generator().manual_seed(seed)
    shapes = {"w": (5, 3), "b": (5,), "scale": (), "conv": (2, 3, 2)}
    params = {n: torch.randn(s, generator=g, dtype=torch.float64) for n, s in shapes.items()}
    scale = {n: 10.0 ** torch.randint(-3, 3, (), generator=g).item() for n in shapes}
    grads = [
        {n: scale[n] * torch.randn(s, generator=g, dtype=torch.float64) for n, s in shapes.items()}
        for _ in range(100)
    ]
    return params, grads


def ours(values, params, grads, multipliers=None, lanes=None):
    """Apply a variant's chain to one run (or, with `lanes`, to copies under vmap)."""
    variant = build_component("optimizer", values)
    chain = variant.chain(clip=False)
    init, update = (torch.vmap(chain.init), torch.vmap(chain.update)) if lanes else chain[:2]
    params = {n: (p.expand(lanes, *p.shape) if lanes else p).clone() for n, p in params.items()}
    state = init(params)
    for t, step_grads in enumerate(grads):
        hypers = {**variant.hypers(), "multiplier": multipliers[t] if multipliers else 1.0}
        shape = (lanes,) if lanes else ()
        tensors = {k: torch.full(shape, v, dtype=torch.float64) for k, v in hypers.items()}
        step = torch.full(shape, t + 1.0, dtype=torch.float64)
        lane_grads = {n: g.expand(lanes, *g.shape) if lanes else g for n, g in step_grads.items()}
        updates, state = update(lane_grads, state, params, tensors, step)
        params = {n: p + updates[n] for n, p in params.items()}
    return params


def torch_steps(optimizer, params, grads, multipliers=None, **arguments):
    params = {n: torch.nn.Parameter(p.clone()) for n, p in params.items()}
    torch_optimizer = optimizer(params.values(), **arguments)
    for t, step_grads in enumerate(grads):
        for n, p in params.items():
            p.grad = step_grads[n].clone()
        if multipliers:
            torch_optimizer.param_groups[0]["lr"] = arguments["lr"] * multipliers[t]
        torch_optimizer.step()
    return {n: p.detach() for n, p in params.items()}


ADAM = {"name": "x", "rule": "adam", "lr": 0.01}
SGD = {"name": "x", "rule": "sgd", "lr": 0.02, "momentum": 0.0}
RMSPROP = {"name": "x", "rule": "rmsprop", "lr": 0.01}
AGAINST_TORCH = {
    "adam": ({**ADAM, "coupling": "none"}, torch.optim.Adam, {}),
    "adam betas eps": (
        {**ADAM, "coupling": "none", "betas": [0.8, 0.97], "eps": 1e-3},
        torch.optim.Adam,
        {"betas": (0.8, 0.97), "eps": 1e-3},
    ),
    "adam beta1=0": ({**ADAM, "coupling": "none", "betas": [0.0, 0.9]}, torch.optim.Adam, {"betas": (0.0, 0.9)}),
    "adam_l2": (
        {**ADAM, "coupling": "l2", "weight_decay": 0.1}, torch.optim.Adam, {"weight_decay": 0.1},
    ),
    "adamw": (
        {**ADAM, "coupling": "decoupled", "weight_decay": 0.1}, torch.optim.AdamW, {"weight_decay": 0.1},
    ),
    "amsgrad": (
        {**ADAM, "coupling": "l2", "weight_decay": 0.1, "amsgrad": True},
        torch.optim.Adam,
        {"weight_decay": 0.1, "amsgrad": True},
    ),
    "amsgradw": (
        {**ADAM, "coupling": "decoupled", "weight_decay": 0.1, "amsgrad": True},
        torch.optim.AdamW,
        {"weight_decay": 0.1, "amsgrad": True},
    ),
    "sgd": ({**SGD, "coupling": "none"}, torch.optim.SGD, {}),
    "sgd l2": ({**SGD, "coupling": "l2", "weight_decay": 0.1}, torch.optim.SGD, {"weight_decay": 0.1}),
    "sgd momentum": (
        {**SGD, "coupling": "l2", "weight_decay": 0.1, "momentum": 0.9},
        torch.optim.SGD,
        {"weight_decay": 0.1, "momentum": 0.9},
    ),
    "sgd nesterov": (
        {**SGD, "coupling": "l2", "weight_decay": 0.1, "momentum": 0.9, "nesterov": True},
        torch.optim.SGD,
        {"weight_decay": 0.1, "momentum": 0.9, "nesterov": True},
    ),
    "sgd dampening": (
        {**SGD, "coupling": "l2", "weight_decay": 0.1, "momentum": 0.9, "dampening": 0.4},
        torch.optim.SGD,
        {"weight_decay": 0.1, "momentum": 0.9, "dampening": 0.4},
    ),
    "rmsprop": ({**RMSPROP, "coupling": "l2", "weight_decay": 0.1}, torch.optim.RMSprop, {"weight_decay": 0.1}),
    "rmsprop alpha eps": (
        {**RMSPROP, "coupling": "none", "alpha": 0.9, "eps": 1e-3}, torch.optim.RMSprop, {"alpha": 0.9, "eps": 1e-3},
    ),
    "rmsprop centered momentum": (
        {**RMSPROP, "coupling": "l2", "weight_decay": 0.1, "centered": True, "momentum": 0.8},
        torch.optim.RMSprop,
        {"weight_decay": 0.1, "centered": True, "momentum": 0.8},
    ),
    "adagrad": (
        {"name": "x", "rule": "adagrad", "lr": 0.02, "coupling": "l2", "weight_decay": 0.1},
        torch.optim.Adagrad,
        {"weight_decay": 0.1},
    ),
    "adagrad lr_decay initial eps": (
        {
            "name": "x", "rule": "adagrad", "lr": 0.02, "coupling": "none",
            "lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3,
        },
        torch.optim.Adagrad,
        {"lr_decay": 0.1, "initial_accumulator_value": 0.5, "eps": 1e-3},
    ),
    "adadelta": (
        {"name": "x", "rule": "adadelta", "lr": 0.5, "coupling": "l2", "weight_decay": 0.1},
        torch.optim.Adadelta,
        {"weight_decay": 0.1},
    ),
    "adadelta rho eps": (
        {"name": "x", "rule": "adadelta", "lr": 0.5, "coupling": "none", "rho": 0.7, "eps": 1e-3},
        torch.optim.Adadelta,
        {"rho": 0.7, "eps": 1e-3},
    ),
    "adamax": (
        {"name": "x", "rule": "adamax", "lr": 0.01, "coupling": "l2", "weight_decay": 0.1},
        torch.optim.Adamax,
        {"weight_decay": 0.1},
    ),
    "adamax betas eps": (
        {"name": "x", "rule": "adamax", "lr": 0.01, "coupling": "none", "betas": [0.8, 0.97], "eps": 1e-3},
        torch.optim.Adamax,
        {"betas": (0.8, 0.97), "eps": 1e-3},
    ),
    "nadam": (
        {"name": "x", "rule": "nadam", "lr": 0.01, "coupling": "l2", "weight_decay": 0.1},
        torch.optim.NAdam,
        {"weight_decay": 0.1},
    ),
    "nadamw betas eps momentum_decay": (
        {
            "name": "x", "rule": "nadam", "lr": 0.01, "coupling": "decoupled", "weight_decay": 0.1,
            "betas": [0.8, 0.97], "eps": 1e-3, "momentum_decay": 0.01,
        },
        torch.optim.NAdam,
        {
            "weight_decay": 0.1, "decoupled_weight_decay": True,
            "betas": (0.8, 0.97), "eps": 1e-3, "momentum_decay": 0.01,
        },
    ),
    "radam": (
        {"name": "x", "rule": "radam", "lr": 0.01, "coupling": "l2", "weight_decay": 0.1},
        torch.optim.RAdam,
        {"weight_decay": 0.1},
    ),
    "radamw betas eps": (
        {
            "name": "x", "rule": "radam", "lr": 0.01, "coupling": "decoupled", "weight_decay": 0.1,
            "betas": [0.8, 0.97], "eps": 1e-3,
        },
        torch.optim.RAdam,
        {"weight_decay": 0.1, "decoupled_weight_decay": True, "betas": (0.8, 0.97), "eps": 1e-3},
    ),
}  # fmt: skip


@pytest.fixture
def double_precision():
    """Let torch keep scalars of an optimizer's state, such as NAdam's, in float64 too."""
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


@pytest.mark.parametrize(("seed", "moving"), [(0, False), (1, True), (2, True)])
@pytest.mark.parametrize("case", AGAINST_TORCH)
def test_against_torch(case, seed, moving, double_precision):
    values, optimizer, arguments = AGAINST_TORCH[case]
    params, grads = problem(seed)
    multipliers = [0.5 * (1 + math.cos(math.pi * t / 100)) for t in range(100)] if moving else None
    expected = torch_steps(optimizer, params, grads, multipliers, lr=values["lr"], **arguments)
    assert_close(ours(values, params, grads, multipliers), expected)
    lanes = ours(values, params, grads, multipliers, lanes=3)
    assert_close({n: p[1] for n, p in lanes.items()}, expected)


X = {"name": "x", "lr": 0.01}
#: torch.optim lacks these.
AGAINST_PYTORCH_OPTIMIZER = {
    "lion": (
        {**X, "rule": "lion", "coupling": "decoupled", "weight_decay": 0.1, "betas": [0.8, 0.95]},
        pytorch_optimizer.Lion,
        {"betas": (0.8, 0.95), "weight_decay": 0.1},
    ),
    "adabelief": (
        {**X, "rule": "adabelief", "coupling": "decoupled", "weight_decay": 0.1, "eps": 1e-6},
        pytorch_optimizer.AdaBelief,
        {"eps": 1e-6, "weight_decay": 0.1, "rectify": False},
    ),
    "qhadam": (
        {**X, "rule": "qhadam", "coupling": "none", "betas": [0.9, 0.99], "nus": [0.6, 0.8]},
        pytorch_optimizer.QHAdam,
        {"betas": (0.9, 0.99), "nus": (0.6, 0.8)},
    ),
    "aggmo": (
        {**X, "rule": "aggmo", "coupling": "l2", "weight_decay": 0.1, "betas": [0.0, 0.5, 0.9]},
        pytorch_optimizer.AggMo,
        {"betas": (0.0, 0.5, 0.9), "weight_decay": 0.1, "weight_decouple": False},
    ),
    "adopt": (
        {**X, "rule": "adopt", "coupling": "none", "betas": [0.8, 0.99], "eps": 1e-3},
        pytorch_optimizer.ADOPT,
        # It counts the first step, which only initializes v; the authors' code does not.
        {"betas": (0.8, 0.99), "eps": 1e-3, "clip_lambda": lambda step: (step - 1) ** 0.25},
    ),
    "adopt without clipping": (
        {**X, "rule": "adopt", "coupling": "none", "clip": False},
        pytorch_optimizer.ADOPT,
        {"betas": (0.9, 0.9999), "eps": 1e-6, "clip_lambda": None},
    ),
    "adan": (
        {**X, "rule": "adan", "coupling": "none", "betas": [0.9, 0.8, 0.95], "eps": 1e-4},
        pytorch_optimizer.Adan,
        {"betas": (0.9, 0.8, 0.95), "eps": 1e-4},
    ),
}


@pytest.mark.parametrize(("seed", "moving"), [(0, False), (1, True)])
@pytest.mark.parametrize("case", AGAINST_PYTORCH_OPTIMIZER)
def test_against_pytorch_optimizer(case, seed, moving, double_precision):
    values, optimizer, arguments = AGAINST_PYTORCH_OPTIMIZER[case]
    params, grads = problem(seed)
    multipliers = [0.5 * (1 + math.cos(math.pi * t / 100)) for t in range(100)] if moving else None
    expected = torch_steps(optimizer, params, grads, multipliers, lr=values["lr"], **arguments)
    # The package keeps the weights of QHAdam's averages in float32.
    tolerance = 1e-7 if case == "qhadam" else TOLERANCE
    assert_close(ours(values, params, grads, multipliers), expected, tolerance)


RULES = sorted(
    {
        values["rule"]
        for values, _, _ in [*AGAINST_TORCH.values(), *AGAINST_PYTORCH_OPTIMIZER.values()]
    }
)


def test_every_rule_is_compared():
    assert {*RULES, "torch"} == set(CONFIG_GROUPS["optimizer"].names)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize(
    ("coupling", "factor"),
    [
        ("decoupled", lambda s, lr, wd: s * lr * wd),
        ("independent", lambda s, lr, wd: s * wd),
        ("fixed", lambda s, lr, wd: wd),
        ("corrected", lambda s, lr, wd: s * s * lr * wd),
    ],
)
def test_couplings_in_closed_form(rule, coupling, factor):
    """With zero gradients only the decay moves: θ_T = θ_0·Π(1 − c_t)."""
    params, grads = problem(0)
    nothing = [{n: torch.zeros_like(g) for n, g in step.items()} for step in grads]
    multipliers = [1 - t / 100 for t in range(100)]
    values = {"name": "x", "rule": rule, "coupling": coupling, "lr": 0.3, "weight_decay": 0.02}
    shrink = math.prod(1 - factor(s, 0.3, 0.02) for s in multipliers)
    got = ours(values, params, nothing, multipliers)
    assert_close(got, {n: p * shrink for n, p in params.items()})


@pytest.mark.parametrize("cautious", [False, True])
@pytest.mark.parametrize("coupling", ["decoupled", "independent", "fixed", "corrected"])
@pytest.mark.parametrize(
    ("values", "optimizer", "arguments"),
    [
        ({**SGD, "momentum": 0.9}, torch.optim.SGD, {"momentum": 0.9}),
        ({**SGD, "momentum": 0.9, "nesterov": True}, torch.optim.SGD, {"momentum": 0.9, "nesterov": True}),
        (ADAM, torch.optim.Adam, {}),
        ({**ADAM, "amsgrad": True}, torch.optim.Adam, {"amsgrad": True}),
    ],
)  # fmt: skip
def test_couplings_beside_real_steps(values, optimizer, arguments, coupling, cautious):
    """torch's undecayed step, then θ ← θ − c·θ by hand, where step and weight agree if cautious."""
    params, grads = problem(7)
    multipliers = [1 - t / 150 for t in range(100)]
    lr, wd = values["lr"], 0.05
    factor = {
        "decoupled": lambda s: s * lr * wd, "independent": lambda s: s * wd,
        "fixed": lambda s: wd, "corrected": lambda s: s * s * lr * wd,
    }[coupling]  # fmt: skip
    expected = {n: torch.nn.Parameter(p.clone()) for n, p in params.items()}
    torch_optimizer = optimizer(expected.values(), lr=lr, **arguments)
    for s, step_grads in zip(multipliers, grads, strict=True):
        before = {n: p.detach().clone() for n, p in expected.items()}
        for n, p in expected.items():
            p.grad = step_grads[n].clone()
        torch_optimizer.param_groups[0]["lr"] = lr * s
        torch_optimizer.step()
        for n, p in expected.items():
            agree = (before[n] - p.detach()) * before[n] >= 0 if cautious else 1
            p.data -= factor(s) * before[n] * agree
    coupled = {**values, "coupling": coupling, "weight_decay": wd, "cautious": cautious}
    got = ours(coupled, params, grads, multipliers)
    assert_close(got, {n: p.detach() for n, p in expected.items()})


@pytest.mark.parametrize(
    ("name", "optimizer", "arguments"),
    [
        ("adam", torch.optim.Adam, {}),
        ("adam_l2", torch.optim.Adam, {"weight_decay": 1e-4}),
        ("adamw", torch.optim.AdamW, {"weight_decay": 0.01}),
        ("amsgrad", torch.optim.Adam, {"weight_decay": 1e-4, "amsgrad": True}),
        ("amsgradw", torch.optim.AdamW, {"weight_decay": 0.01, "amsgrad": True}),
        ("sgd", torch.optim.SGD, {"momentum": 0.9}),
    ],
)
def test_each_yaml_has_the_rule_and_coupling_of_its_name(name, optimizer, arguments):
    params, grads = problem(8)
    values = component_defaults("optimizer", name)
    expected = torch_steps(optimizer, params, grads, lr=values["lr"], **arguments)
    assert_close(ours(values, params, grads), expected)


def test_sgdw_decays_beside_its_momentum():
    values = component_defaults("optimizer", "sgdw")
    assert (values["rule"], values["coupling"], values["momentum"]) == ("sgd", "decoupled", 0.9)


def test_independent_is_decoupled_with_wd_over_lr():
    params, grads = problem(1)
    values = {**ADAM, "lr": 0.01, "weight_decay": 0.002}
    independent = ours({**values, "coupling": "independent"}, params, grads)
    assert_close(
        independent, torch_steps(torch.optim.AdamW, params, grads, lr=0.01, weight_decay=0.2)
    )


def test_proposition_1_sgd_l2_equals_decay():
    """Loshchilov & Hutter 2019, Proposition 1: plain SGD, L2 λ' = λ/α equals decay λ."""
    params, grads = problem(2)
    l2 = ours({**SGD, "coupling": "l2", "weight_decay": 0.1}, params, grads)
    decay = ours({**SGD, "coupling": "independent", "weight_decay": 0.1 * 0.02}, params, grads)
    assert_close(l2, decay)


def test_with_momentum_or_adam_they_differ():
    params, grads = problem(2)
    for values in ({**SGD, "momentum": 0.9}, ADAM):
        l2 = ours({**values, "coupling": "l2", "weight_decay": 0.1}, params, grads)
        decay = ours({**values, "coupling": "decoupled", "weight_decay": 0.1}, params, grads)
        assert (l2["w"] - decay["w"]).norm() > 1e-3


def test_lr_in_momentum_is_algorithm_1_of_the_paper():
    """m ← β·m + η_t·α·g; θ ← θ − m − η_t·λ·θ."""
    params, grads = problem(3)
    multipliers = [1 - t / 200 for t in range(100)]
    theta, m = params["w"].clone(), torch.zeros(5, 3, dtype=torch.float64)
    for eta, g in zip(multipliers, grads, strict=True):
        m = 0.9 * m + eta * 0.02 * g["w"]
        theta = theta - m - eta * 0.003 * theta
    values = {**SGD, "momentum": 0.9, "lr_in_momentum": True, "coupling": "independent"}
    got = ours({**values, "weight_decay": 0.003}, params, grads, multipliers)
    assert_close({"w": got["w"]}, {"w": theta})
    outside = ours(
        {**values, "lr_in_momentum": False, "weight_decay": 0.003}, params, grads, multipliers
    )
    assert (outside["w"] - theta).norm() > 1e-6


def test_lr_in_momentum_with_a_constant_lr_equals_torch():
    params, grads = problem(3)
    values = {**SGD, "momentum": 0.9, "coupling": "none", "lr_in_momentum": True}
    assert_close(
        ours(values, params, grads),
        torch_steps(torch.optim.SGD, params, grads, lr=0.02, momentum=0.9),
    )


def test_average_momentum_is_dampened_momentum_after_the_first_step():
    """v ← γv + (1 − γ)g from zero; torch with dampening γ starts the buffer at g."""
    params, grads = problem(4)
    values = {**SGD, "coupling": "none", "momentum": 0.9, "average": True}
    first = [{n: g * 0.1 for n, g in grads[0].items()}, *grads[1:]]
    assert_close(
        ours(values, params, grads),
        torch_steps(torch.optim.SGD, params, first, lr=0.02, momentum=0.9, dampening=0.9),
    )


def test_cautious_decay_where_step_and_weight_agree():
    """One SGD step: θ decays only where −update = lr·g has θ's sign."""
    theta = torch.tensor([1.0, 1.0, -1.0, -1.0], dtype=torch.float64)
    g = torch.tensor([1.0, -1.0, 1.0, -1.0], dtype=torch.float64)
    values = {**SGD, "lr": 0.1, "coupling": "decoupled", "weight_decay": 0.5, "cautious": True}
    got = ours(values, {"w": theta}, [{"w": g}])["w"]
    agree = torch.tensor([1.0, 0.0, 0.0, 1.0], dtype=torch.float64)
    assert_close({"w": got}, {"w": theta - 0.1 * g - 0.1 * 0.5 * agree * theta})


def test_clipping_equals_torch():
    params, grads = problem(6)
    variant = build_component("optimizer", {**SGD, "coupling": "none"})
    chain = variant.chain(clip=True)
    hypers = {**variant.hypers(), "multiplier": 1.0, "grad_clip": 0.7}
    tensors = {k: torch.tensor(v, dtype=torch.float64) for k, v in hypers.items()}
    updates, _ = chain.update(grads[0], chain.init(params), params, tensors, torch.tensor(1.0))
    clipped = [torch.nn.Parameter(p.clone()) for p in params.values()]
    for p, g in zip(clipped, grads[0].values(), strict=True):
        p.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(clipped, 0.7)
    assert_close(updates, {n: -0.02 * p.grad for n, p in zip(params, clipped, strict=True)})


# ------------------------------------------------------------------------- torch.optim classes


class Subclass(torch.optim.AdamW):
    """Passes all arguments to torch's class, whose default weight decay is 0.01."""

    def __init__(self, params, **arguments):
        super().__init__(params, **arguments)


class RenamedDecay(torch.optim.SGD):
    """Decays weights by default, and calls the argument wd."""

    def __init__(self, params, lr=0.1, wd=0.3):
        super().__init__(params, lr=lr, weight_decay=wd)


class Undecayed(torch.optim.Rprop):
    """Neither its constructor nor that of torch's class takes a weight decay."""

    def __init__(self, params, **arguments):
        super().__init__(params, **arguments)


def torch_class(target, **values):
    values = {"name": "torch", "rule": "torch", "coupling": "native", "lr": 0.1, **values}
    return build_component("optimizer", {**values, "target": target})


@pytest.mark.parametrize("target", ["torch.optim.AdamW", f"{__name__}.Subclass"])
def test_a_torch_class_has_the_recorded_weight_decay(target):
    """Also if it is 0 and the default of the class is not."""
    for wd in (0.0, 0.3):
        optimizer = torch_class(target, weight_decay=wd).make([torch.nn.Parameter(torch.ones(1))])
        assert optimizer.param_groups[0]["weight_decay"] == wd


@pytest.mark.parametrize("target", ["torch.optim.Rprop", f"{__name__}.Undecayed"])
def test_a_torch_class_without_weight_decay(target):
    optimizer = torch_class(target).make([torch.nn.Parameter(torch.ones(1))])
    assert "weight_decay" not in optimizer.param_groups[0]


def test_a_class_that_decays_by_another_argument_is_refused():
    optimizer = torch_class(f"{__name__}.RenamedDecay")
    with pytest.raises(ConfigError, match=r"decays weights with weight_decay=0.3, but .* record 0"):
        optimizer.make([torch.nn.Parameter(torch.ones(1))])


def test_classes_of_torch_that_decay_by_default():
    classes = {n: c for n, c in vars(torch.optim).items() if inspect.isclass(c)}
    signatures = {name: inspect.signature(c).parameters for name, c in classes.items()}
    defaults = {n: p["weight_decay"].default for n, p in signatures.items() if "weight_decay" in p}
    assert {name for name, default in defaults.items() if default} == DECAYING_BY_DEFAULT


def test_a_class_that_decays_by_default_has_another_identity_without_decay():
    def revision(target, wd):
        return torch_class(target, weight_decay=wd).identity().get("revision", 0)

    assert revision("torch.optim.AdamW", 0.0) == Torch.revision == 1
    assert revision("torch.optim.adamw.AdamW", 0.0) == 1
    assert revision("torch.optim.AdamW", 0.1) == revision("torch.optim.RAdam", 0.0) == 0
    assert revision(f"{__name__}.Subclass", 0.0) == 0
