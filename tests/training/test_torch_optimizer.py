"""`adamcmp.torch_optimizer` in a training loop of the user, against torch.optim."""

import copy
import inspect
import io
import pickle

import pytest
import pytorch_optimizer
import torch
from torch.optim import lr_scheduler

import adamcmp
from adamcmp.errors import ConfigError
from adamcmp.training.engines.torch_internals import tree_flatten
from adamcmp.workflows.components import list_components
from tests.support.rules import predefined
from tests.support.tensors import assert_close


def problem():
    torch.manual_seed(0)
    net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Tanh(), torch.nn.Linear(8, 2))
    return net.double(), torch.randn(64, 4).double(), torch.randn(64, 2).double()


def train(net, x, y, optimizer, scheduler=None, steps=30):
    for _ in range(steps):
        optimizer.zero_grad()
        (net(x) - y).square().mean().backward()
        optimizer.step()
        if scheduler:
            scheduler.step()
    return {str(i): p.detach() for i, p in enumerate(net.parameters())}


@pytest.mark.parametrize(
    ("name", "torch_class", "hypers"),
    [
        ("adamw", torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1}),
        ("adam_l2", torch.optim.Adam, {"lr": 0.01, "weight_decay": 0.1}),
        ("amsgradw", torch.optim.AdamW, {"lr": 0.01, "weight_decay": 0.1, "amsgrad": True}),
        ("sgd", torch.optim.SGD, {"lr": 0.1, "momentum": 0.9, "weight_decay": 0.01}),
    ],
)
def test_equals_torch(name, torch_class, hypers):
    def trained(make):
        net, x, y = problem()
        optimizer = make(net.parameters())
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 30)
        return train(net, x, y, optimizer, schedule)

    actual = trained(lambda p: adamcmp.torch_optimizer(name, p, **hypers))
    assert_close(actual, trained(lambda p: torch_class(p, **hypers)))


def test_a_rule_of_the_users_code():
    def trained(name):
        net, x, y = problem()
        settings = {"lr": 0.01, "wd": 0.1, "coupling": "decoupled"}
        return train(
            net, x, y, adamcmp.torch_optimizer(name, net.parameters(), **settings), steps=5
        )

    actual, expected = trained("tests.support.user_rules.Lion"), trained("lion")
    assert all(torch.equal(actual[name], value) for name, value in expected.items())


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_one_cycle_moves_lr_and_momentum(name):
    classes = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}
    hypers = {"lr": 0.05, "weight_decay": 0.1} | ({"momentum": 0.9} if name == "sgd" else {})

    def trained(make):
        net, x, y = problem()
        optimizer = make(net.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.05, 30)
        return train(net, x, y, optimizer, schedule)

    actual = trained(lambda p: adamcmp.torch_optimizer(name, p, **hypers))
    assert_close(actual, trained(lambda p: classes[name](p, **hypers)))


def test_groups_have_their_own_numbers():
    def trained(make):
        net, x, y = problem()
        first = {"params": net[0].parameters(), "lr": 0.02, "betas": (0.5, 0.9)}
        second = {"params": net[2].parameters(), "weight_decay": 0.3}
        return train(net, x, y, make([first, second]))

    actual = trained(lambda groups: adamcmp.torch_optimizer("adamw", groups, lr=0.01, wd=0.1))
    expected = trained(lambda groups: torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1))
    assert_close(actual, expected)
    weight = torch.nn.Parameter(torch.ones(2))
    with pytest.raises(ConfigError, match="Did you mean 'betas'"):
        adamcmp.torch_optimizer("adamw", [{"params": [weight], "beta": (0.5, 0.9)}])


def test_independent_decay_does_not_scale_with_lr_under_one_cycle():
    weight = torch.nn.Parameter(torch.ones(2, dtype=torch.float64))
    optimizer = adamcmp.torch_optimizer("sgd", [weight], lr=0.1, wd=0.01, coupling="independent")
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.1, 10)
    expected = 1.0
    for _ in range(9):
        expected *= 1 - optimizer.param_groups[0]["lr"] / 0.1 * 0.01
        weight.grad = torch.zeros_like(weight)
        optimizer.step()
        schedule.step()
    assert weight.detach().tolist() == pytest.approx([expected] * 2, rel=1e-12)


def saved(optimizer):
    """Return a state dict as it is after `torch.save` and `torch.load`."""
    file = io.BytesIO()
    torch.save(optimizer.state_dict(), file)
    return torch.load(io.BytesIO(file.getvalue()), weights_only=True)


#: A rule whose state has numbers, one that counts steps, one that averages its iterates, one that
#: treats matrices differently, one without concatenation.
RULES = {
    "amsgradw": {"wd": 0.1},
    "nadam": {"wd": 0.1},
    "prodigy": {"lr": 1.0},
    "adafactor": {},
    "sgd": {"lookahead_steps": 3},
    "adamw": {"coupling": "norm", "wd": 0.0},
    "lion": {"cautious_updates": True},
}


def other_process(optimizer):
    return pickle.loads(pickle.dumps(optimizer))


#: Every optimizer, by the name of its yaml file.
OPTIMIZERS = [name for name in list_components("optimizer")["optimizer"] if name != "torch"]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        *((name, "state dict") for name in OPTIMIZERS),
        *((name, how) for name in RULES for how in ("deepcopy", "pickle")),
    ],
)
def test_training_continues_with_the_same_bits(name, how):
    """Also if a parameter had no gradient in some steps."""

    def make(net):
        return adamcmp.torch_optimizer(
            name, net.parameters(), **{"lr": 0.01, **RULES.get(name, {})}
        )

    def train_partly(net, x, y, optimizer):
        train(net, x, y, optimizer, steps=5)
        net[0].requires_grad_(False)
        train(net, x, y, optimizer, steps=2)
        net[0].requires_grad_(True)

    whole, x, y = problem()
    optimizer = make(whole)
    train_partly(whole, x, y, optimizer)
    if how == "state dict":
        net, x, y = problem()
        net.load_state_dict(whole.state_dict())
        resumed = make(net)
        resumed.load_state_dict(saved(optimizer))
    else:
        copied = copy.deepcopy if how == "deepcopy" else other_process
        net, resumed = copied((whole, optimizer))
    expected = train(whole, x, y, optimizer, steps=5)
    actual = train(net, x, y, resumed, steps=5)
    assert all(torch.equal(actual[name], value) for name, value in expected.items())


#: Every scheduler of torch with its arguments; those that wrap others are tested with these.
SCHEDULERS = {
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda step: 0.9**step),
    "MultiplicativeLR": lambda o: lr_scheduler.MultiplicativeLR(o, lambda step: 0.9),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 4]),
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 3),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=4),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 20),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 20),
    "CosineAnnealingWarmRestarts": lambda o: lr_scheduler.CosineAnnealingWarmRestarts(o, 3),
    "CyclicLR": lambda o: lr_scheduler.CyclicLR(o, 1e-3, 1e-2, 2, cycle_momentum=False),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, 1e-2, 20),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=0),
    "SequentialLR": lambda o: lr_scheduler.SequentialLR(
        o, [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], [2]
    ),
    "ChainedScheduler": lambda o: lr_scheduler.ChainedScheduler(
        [lr_scheduler.ConstantLR(o, 0.1, 2), lr_scheduler.ExponentialLR(o, 0.9)], o
    ),
}


def test_every_scheduler_of_torch_is_tested():
    base = (lr_scheduler.LRScheduler, lr_scheduler.ReduceLROnPlateau)
    classes = {
        name
        for name, value in vars(lr_scheduler).items()
        if inspect.isclass(value) and issubclass(value, base) and name != "LRScheduler"
    }
    assert {name for name in classes if name[0] != "_"} <= SCHEDULERS.keys()


@pytest.mark.filterwarnings("ignore:The epoch parameter", "ignore:Detected call of")
@pytest.mark.parametrize("scheduler", SCHEDULERS)
def test_schedulers(scheduler):
    def trained(make):
        net, x, y = problem()
        optimizer = make(net.parameters())
        schedule = SCHEDULERS[scheduler](optimizer)
        arguments = (1.0,) if scheduler == "ReduceLROnPlateau" else ()
        for _ in range(8):
            train(net, x, y, optimizer, steps=1)
            schedule.step(*arguments)
        return {str(i): p.detach() for i, p in enumerate(net.parameters())}

    actual = trained(lambda p: adamcmp.torch_optimizer("adamw", p, lr=0.01, wd=0.1))
    assert_close(actual, trained(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)))


def test_a_group_that_is_added_and_parameters_without_gradient():
    def trained(make):
        net, x, y = problem()
        optimizer = make(net[0].parameters())
        train(net, x, y, optimizer, steps=3)
        optimizer.add_param_group({"params": net[2].parameters(), "lr": 0.02})
        net[0].bias.requires_grad_(False)
        train(net, x, y, optimizer, steps=3)
        net[0].bias.requires_grad_(True)
        return train(net, x, y, optimizer, steps=3)

    actual = trained(lambda p: adamcmp.torch_optimizer("adamw", p, lr=0.01, wd=0.1))
    assert_close(actual, trained(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1)))


#: Every rule that may be updated in pieces, and wrappers of rules, with their settings.
IN_PIECES = {
    **{name: (name, {}) for name in OPTIMIZERS if predefined(name).concatenates_at_equal_steps},
    "decay": ("adamw", {"wd": 0.1}),
    "L2": ("sgd", {"wd": 0.1, "coupling": "l2", "dampening": 0.1}),
    "cautious decay": ("adamw", {"wd": 0.1, "cautious": True}),
    "lookahead": ("sgd", {"lookahead_steps": 2}),
    "AMSGrad": ("amsgradw", {"eps_hat": True}),
    "centered": ("rmsprop", {"centered": True, "momentum": 0.9}),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("case", IN_PIECES)
def test_large_parameters_are_updated_in_pieces(case, dtype):
    """The bits are those of parameters that are not contiguous, which are updated as a whole."""
    name, settings = IN_PIECES[case]
    shape = (10, 2, 100, 70)

    def trained(memory_format):
        generator = torch.Generator().manual_seed(0)
        weights = [torch.randn(shape, generator=generator) for _ in range(2)]
        params = [
            torch.nn.Parameter(w.to(dtype).contiguous(memory_format=memory_format)) for w in weights
        ]
        optimizer = adamcmp.torch_optimizer(name, params, **{"lr": 0.01, **settings})
        for step in range(5):
            for param in params:
                param.grad = torch.randn(shape, generator=generator).to(dtype)
            optimizer.param_groups[0]["lr"] *= 0.9
            if step == 3:
                optimizer.param_groups[0]["weight_decay"] = 0.0
            optimizer.step()
        states = [optimizer.state[param]["transformations"] for param in params]
        return [*params, *tree_flatten(states)[0]]

    pieces, whole = trained(torch.contiguous_format), trained(torch.channels_last)
    assert all(map(torch.equal, pieces, whole))


def test_parameters_that_move_are_updated():
    net, x, y = problem()
    optimizer = adamcmp.torch_optimizer("adamw", net.parameters(), lr=0.01)
    train(net, x, y, optimizer, steps=2)
    for param in net.parameters():
        param.data = param.data.clone()
    before = copy.deepcopy(net.state_dict())
    train(net, x, y, optimizer, steps=1)
    assert all(not torch.equal(p, before[name]) for name, p in net.state_dict().items())


def test_a_closure_is_evaluated_with_gradients():
    net, x, y = problem()
    optimizer = adamcmp.torch_optimizer("adamw", net.parameters(), lr=0.01, wd=0.1)

    def closure():
        optimizer.zero_grad()
        loss = (net(x) - y).square().mean()
        loss.backward()
        return loss

    losses = [optimizer.step(closure).detach() for _ in range(5)]
    assert losses == sorted(losses, reverse=True)
    expected, x, y = problem()
    train(expected, x, y, torch.optim.AdamW(expected.parameters(), 0.01, weight_decay=0.1), steps=5)
    assert_close(net.state_dict(), expected.state_dict())


def test_sam_evaluates_the_closure_twice():
    def trained(make):
        net, x, y = problem()
        optimizer = make(net.parameters())

        def closure():
            optimizer.zero_grad()
            loss = (net(x) - y).square().mean()
            loss.backward()
            return loss

        for _ in range(5):
            closure()
            optimizer.step(closure)
        return {str(i): p.detach() for i, p in enumerate(net.parameters())}

    def sam(params):
        return pytorch_optimizer.SAM(params, torch.optim.SGD, rho=0.1, lr=0.1, momentum=0.9)

    actual = trained(lambda p: adamcmp.torch_optimizer("sgd", p, lr=0.1, sam_rho=0.1))
    expected = trained(sam)
    for name, value in expected.items():
        torch.testing.assert_close(actual[name], value, rtol=1e-7, atol=1e-8)  # the norm is rounded
    optimizer = adamcmp.torch_optimizer("sgd", [torch.nn.Parameter(torch.ones(1))], sam_rho=0.1)
    with pytest.raises(ConfigError, match="step needs a closure"):
        optimizer.step()


def test_modes_of_a_rule_that_averages_its_iterates():
    net, x, y = problem()
    optimizer = adamcmp.torch_optimizer("sgd", net.parameters(), lr=0.1, lookahead_steps=4)
    slow = copy.deepcopy(net.state_dict())
    optimizer.eval()  # before the first step: the same weights
    train(net, x, y, optimizer, steps=3)
    trained = copy.deepcopy(net.state_dict())
    optimizer.eval()
    optimizer.eval()
    assert all(torch.equal(p, slow[name]) for name, p in net.state_dict().items())
    with pytest.raises(ConfigError, match="mode for evaluation: call train"):
        optimizer.step()
    restored = adamcmp.torch_optimizer("sgd", net.parameters(), lr=0.1, lookahead_steps=4)
    restored.load_state_dict(saved(optimizer))
    restored.train()
    assert all(torch.equal(p, trained[name]) for name, p in net.state_dict().items())
    restored.train()
    train(net, x, y, restored, steps=1)


def test_the_state_in_half_precision():
    def trained(make):
        net, x, y = problem()
        net, x, y = net.bfloat16(), x.bfloat16(), y.bfloat16()
        return train(net, x, y, make(net.parameters()), steps=5)

    actual = trained(lambda p: adamcmp.torch_optimizer("adamw", p, lr=0.01, wd=0.1))
    expected = trained(lambda p: torch.optim.AdamW(p, lr=0.01, weight_decay=0.1))
    for name, value in expected.items():
        assert actual[name].dtype == torch.bfloat16
        torch.testing.assert_close(actual[name], value, rtol=0.02, atol=0.02)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
@pytest.mark.parametrize("name", RULES)
def test_on_a_gpu(name):
    def trained(device):
        net, x, y = problem()
        net, x, y = net.to(device), x.to(device), y.to(device)
        optimizer = adamcmp.torch_optimizer(name, net.parameters(), **{"lr": 0.01, **RULES[name]})
        return {name: p.cpu() for name, p in train(net, x, y, optimizer, steps=5).items()}

    assert_close(trained("cuda"), trained("cpu"))


def test_sparse_gradients_are_refused():
    embedding = torch.nn.Embedding(3, 2, sparse=True)
    optimizer = adamcmp.torch_optimizer("adamw", embedding.parameters())
    embedding(torch.tensor([0])).sum().backward()
    with pytest.raises(ConfigError, match=r"is sparse\. Leave out sparse=True"):
        optimizer.step()


def test_float32_parameters_stay_float32():
    net = torch.nn.Linear(3, 2)
    optimizer = adamcmp.torch_optimizer("adamw", net.parameters(), lr=0.1)
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert net.weight.dtype == torch.float32


@pytest.mark.parametrize(
    ("name", "hypers", "message"),
    [
        ("adamv", {}, "Did you mean 'adam"),
        ("adamw", {"momentun": 0.9}, "no setting 'optimizer.momentun'"),
        ("sgd", {"momentun": 0.9}, "Did you mean 'momentum'"),
        ("adamw", {"lr": -1.0}, "lr=-1.0: should be at least 0"),
        ("adamw", {"lr": 0.0}, "lr=0.0: should be greater than 0"),
        ("adamw", {"normalized": True}, "give weight_decay = wd_norm"),
    ],
)
def test_bad_input(name, hypers, message):
    with pytest.raises(ConfigError, match=message):
        adamcmp.torch_optimizer(name, torch.nn.Linear(1, 1).parameters(), **hypers)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        (torch.optim.AdamW, {}, "should be a text, the name of an optimizer"),
        (None, {}, "name=None: should be a text"),
        ("adamw", {"wd": 0.2, "weight_decay": 0.1}, "wd and weight_decay are the same setting"),
        ("adamw", {"lr": torch.ones(2)}, "lr: should be a number, not a tensor of 2"),
    ],
)
def test_arguments_that_are_no_settings(name, settings, message):
    with pytest.raises(ConfigError, match=message):
        adamcmp.torch_optimizer(name, [torch.nn.Parameter(torch.ones(1))], **settings)


def test_a_learning_rate_in_a_tensor():
    params = [torch.nn.Parameter(torch.ones(1))]
    optimizer = adamcmp.torch_optimizer("adamw", params, lr=torch.tensor(0.5))
    assert optimizer.param_groups[0]["lr"] == 0.5
    assert repr(optimizer).startswith("ChainOptimizer[adamw, coupling=decoupled] (\n")


def test_the_estimates_of_prodigy():
    """Parameters that have had gradients in different numbers of steps have separate ones."""
    params = [torch.nn.Parameter(torch.full((2,), size)) for size in (1.0, 2.0)]
    optimizer = adamcmp.torch_optimizer("prodigy", params, lr=1.0, d0=0.01)

    def estimates(gradients):
        for param, gradient in zip(params, gradients, strict=True):
            param.grad = None if gradient is None else torch.full((2,), gradient)
        optimizer.step()
        return [float(optimizer.state[param]["transformations"][0]["d"]) for param in params]

    for _ in range(4):
        one, other = estimates([1.0, 2.0])
        assert one == other
    for gradients in ([1.0, None], [1.0, 2.0], [1.0, 2.0]):
        one, other = estimates(gradients)
    assert one != other
