"""`adamcmp.torch_optimizer` in a training loop of the user, against torch.optim."""

import pytest
import torch

import adamcmp
from adamcmp.errors import ConfigError
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

    got = trained(lambda p: adamcmp.torch_optimizer(name, p, **hypers))
    assert_close(got, trained(lambda p: torch_class(p, **hypers)))


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

    got = trained(lambda p: adamcmp.torch_optimizer(name, p, **hypers))
    assert_close(got, trained(lambda p: classes[name](p, **hypers)))


def test_groups_have_their_own_numbers():
    def trained(make):
        net, x, y = problem()
        first = {"params": net[0].parameters(), "lr": 0.02, "betas": (0.5, 0.9)}
        second = {"params": net[2].parameters(), "weight_decay": 0.3}
        return train(net, x, y, make([first, second]))

    got = trained(lambda groups: adamcmp.torch_optimizer("adamw", groups, lr=0.01, wd=0.1))
    expected = trained(lambda groups: torch.optim.AdamW(groups, lr=0.01, weight_decay=0.1))
    assert_close(got, expected)
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


def test_state_can_be_saved_and_loaded():
    def make(net):
        return adamcmp.torch_optimizer("amsgradw", net.parameters(), lr=0.01, wd=0.1)

    net, x, y = problem()
    whole = train(net, x, y, make(net))
    half, x, y = problem()
    optimizer = make(half)
    train(half, x, y, optimizer, steps=15)
    fresh, x, y = problem()
    fresh.load_state_dict(half.state_dict())
    resumed = make(fresh)
    resumed.load_state_dict(optimizer.state_dict())
    assert_close(train(fresh, x, y, resumed, steps=15), whole)


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
