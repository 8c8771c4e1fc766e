"""Optimizers whose weight decay is not what their names say."""

import torch

ADAPTIVE_RATE = 0.9


class Flawed(torch.optim.Optimizer):
    """RMSprop without weight decay; subclasses add a decay with a flaw."""

    def __init__(self, params, lr=0.01, weight_decay=0.0):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure=None):
        if closure is not None:
            closure()
        for group in self.param_groups:
            for p in group["params"]:
                self.update(p, p.grad.clone(), group["lr"], group["weight_decay"])

    def update(self, p, g, lr, wd):
        p.sub_(self.direction(p, g), alpha=lr)

    def direction(self, p, g):
        state = self.state[p]
        v = state.setdefault("v", torch.zeros_like(p))
        v.mul_(ADAPTIVE_RATE).addcmul_(g, g, value=1 - ADAPTIVE_RATE)
        return g / (v.sqrt() + 1e-8)


class NeverApplied(Flawed):
    """The decay is stored in the parameter groups, and no step reads it."""


class WrongSign(Flawed):
    def update(self, p, g, lr, wd):
        p.mul_(1 + lr * wd)
        super().update(p, g, lr, wd)


class Twice(Flawed):
    def update(self, p, g, lr, wd):
        p.mul_(1 - lr * wd)
        p.sub_(lr * self.direction(p, g) + lr * wd * p / (1 - lr * wd))


class ByLrSquared(Flawed):
    def update(self, p, g, lr, wd):
        p.mul_(1 - lr**2 * wd)
        super().update(p, g, lr, wd)


class AfterTheStep(Flawed):
    def update(self, p, g, lr, wd):
        super().update(p, g, lr, wd)
        p.mul_(1 - lr * wd)


class SquaresWithoutHalf(Flawed):
    """L2 of the penalty wd·Σθ²."""

    def update(self, p, g, lr, wd):
        super().update(p, g + 2 * wd * p, lr, wd)


class Masked(Flawed):
    """Decays where the weight agrees in sign with the step's descent direction."""

    def update(self, p, g, lr, wd):
        direction = self.direction(p, g)
        p.sub_(lr * direction + lr * wd * p * (p * direction > 0))


class IntoMomentum(Flawed):
    """The decay is added after the normalization, to a momentum."""

    def update(self, p, g, lr, wd):
        m = self.state[p].setdefault("m", torch.zeros_like(p))
        m.mul_(0.9).add_(self.direction(p, g) + wd * p)
        p.sub_(m, alpha=lr)


class UnscheduledDecay(Flawed):
    """Multiplied by the initial learning rate, and not by the present one."""

    def __init__(self, params, lr=0.01, weight_decay=0.0):
        super().__init__(params, lr, weight_decay)
        self.initial = lr

    def update(self, p, g, lr, wd):
        p.mul_(1 - self.initial * wd)
        super().update(p, g, lr, wd)


class RowNorms(Flawed):
    """Each row of the weights keeps its norm."""

    def update(self, p, g, lr, wd):
        norms = p.norm(dim=1, keepdim=True)
        super().update(p, g, lr, wd)
        p.mul_(norms / p.norm(dim=1, keepdim=True))


class FixedLr(Flawed):
    """Schedules that change the parameter groups have no effect."""

    def __init__(self, params, lr=0.01, weight_decay=0.0):
        super().__init__(params, lr, weight_decay)
        self.lr = lr

    def update(self, p, g, lr, wd):
        p.mul_(1 - self.lr * wd)
        super().update(p, g, self.lr, wd)


class WithoutLr(torch.optim.Optimizer):
    """Neither its constructor nor its parameter groups have a learning rate."""

    def __init__(self, params, shrink=0.001):
        super().__init__(params, {"shrink": shrink})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            for p in group["params"]:
                p.mul_(1 - group["shrink"]).sub_(p.grad, alpha=0.1)


class AdamW(Flawed):
    """Has L2, under the name of a class with decoupled decay and another argument."""

    def __init__(self, params, lr=0.01, ridge=0.0):
        super().__init__(params, lr, ridge)

    def update(self, p, g, lr, wd):
        super().update(p, g + wd * p, lr, wd)


class NeedsTrainMode(Flawed):
    """As schedule-free optimizers, it steps in train mode only."""

    training = False

    def train(self):
        self.training = True

    def eval(self):
        self.training = False

    def update(self, p, g, lr, wd):
        assert self.training
        p.mul_(1 - lr * wd)
        super().update(p, g, lr, wd)


class NeedsClosure(Flawed):
    def step(self, closure):
        assert float(closure()) == float(closure())
        super().step()

    def update(self, p, g, lr, wd):
        super().update(p, g + wd * p, lr, wd)


class VectorsOnly(Flawed):
    def update(self, p, g, lr, wd):
        assert p.ndim == 1
        super().update(p, g + wd * p, lr, wd)


class Float32Only(Flawed):
    def update(self, p, g, lr, wd):
        assert p.dtype == torch.float32
        p.mul_(1 - lr * wd)
        super().update(p, g, lr, wd)


class Broken(Flawed):
    def update(self, p, g, lr, wd):
        raise RuntimeError("no such kernel")


class BreaksLater(Flawed):
    """Fails in its third step."""

    def update(self, p, g, lr, wd):
        count = self.state[p].setdefault("count", torch.zeros(()))
        count.add_(1)
        if count > 2:
            raise RuntimeError("out of steps")
        super().update(p, g, lr, wd)
