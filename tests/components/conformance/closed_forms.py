"""Cases whose oracle is a formula, written as a torch optimizer: for what no package has."""

from unittest import mock

import torch

from tests.components.conformance.case import WD, Oracle
from tests.components.conformance.problem import COEFFICIENTS


class AveragedMomentum(torch.optim.SGD):
    """torch.optim.SGD with dampening μ, and its first gradient times 1 − μ."""

    def __init__(self, params, lr, **arguments):
        super().__init__(params, lr, momentum=0.9, dampening=0.9, **arguments)
        self._is_first = True

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        if self._is_first:
            for p in self.param_groups[0]["params"]:
                p.grad *= 1 - 0.9
        self._is_first = False
        super().step(closure)


class LrInMomentum(torch.optim.Optimizer):
    """Formula: m ← μ·m + η·g; θ ← θ − m (Loshchilov & Hutter 2019, Algorithm 1)."""

    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self._m = [torch.zeros_like(p) for p in self.param_groups[0]["params"]]

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        for p, m in zip(group["params"], self._m, strict=True):
            m.mul_(0.9).add_(p.grad, alpha=group["lr"])
            p.sub_(m)


class RMSpropEpsInRoot(torch.optim.Optimizer):
    """Formula: v ← α·v + (1 − α)·g²; θ ← θ − η·g / √(v + ε)."""

    def __init__(self, params, lr, eps):
        super().__init__(params, {"lr": lr, "eps": eps})
        self._v = [torch.zeros_like(p) for p in self.param_groups[0]["params"]]

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        for p, v in zip(group["params"], self._v, strict=True):
            v.mul_(0.99).addcmul_(p.grad, p.grad, value=0.01)
            p.sub_(group["lr"] * p.grad / (v + group["eps"]).sqrt())


class AdamEpsHat(torch.optim.Adam):
    """torch.optim.Adam with ε / √(1 − β2^t) as ε."""

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        eps, count = group["eps"], 1 + next((int(s["step"]) for s in self.state.values()), 0)
        group["eps"] = eps / (1 - group["betas"][1] ** count) ** 0.5
        super().step(closure)
        group["eps"] = eps


class Rprop(torch.optim.Rprop):
    """torch.optim.Rprop, which ignores schedules, with its steps times s_t."""

    def __init__(self, params, lr, **arguments):
        super().__init__(params, lr, **arguments)
        self._base = lr

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        multiplier = group["lr"] / self._base
        before = [p.clone() for p in group["params"]]
        group["lr"] = self._base
        super().step(closure)
        for p, old in zip(group["params"], before, strict=True):
            p.copy_(old + multiplier * (p - old))


class LAMB(torch.optim.Optimizer):
    """torch.optim.Adam with its step, or u − c·θ, scaled to length η·‖θ‖."""

    def __init__(self, params, lr, coupling=None, **arguments):
        super().__init__(params, {"lr": lr})
        self._base, self._coupling = lr, coupling
        self._steps = [torch.zeros_like(p) for p in self.param_groups[0]["params"]]
        self._adam = torch.optim.Adam(self._steps, lr=1.0, **{"eps": 1e-6, **arguments})

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        eta = group["lr"]
        for p, u in zip(group["params"], self._steps, strict=True):
            u.zero_()
            u.grad = p.grad
        self._adam.step()
        for p, u in zip(group["params"], self._steps, strict=True):
            step = eta * u
            if self._coupling:
                step = step - COEFFICIENTS[self._coupling](eta / self._base, self._base, WD) * p
            p.add_(step, alpha=float(eta * p.norm() / step.norm()))


class CautiousAdam(torch.optim.Adam):
    """torch.optim.Adam with its step masked where it ascends, and scaled by all / unmasked."""

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        before = [p.clone() for p in group["params"]]
        super().step()
        for p, old in zip(group["params"], before, strict=True):
            descends = ((p - old) * p.grad < 0).to(p.dtype)
            p.copy_(old + (p - old) * descends / descends.mean().clamp(min=1e-3))


class ASGD(torch.optim.ASGD):
    """torch.optim.ASGD with the lr of the present step."""

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        (group,) = self.param_groups
        for p in group["params"]:
            if self.state[p]:
                decrease = 1 + group["lambd"] * group["lr"] * self.state[p]["step"]
                self.state[p]["eta"] = group["lr"] / decrease ** group["alpha"]
        super().step()

    @torch.no_grad()
    def eval(self):
        """Set the parameters to their average."""
        for p, state in self.state.items():
            p.copy_(state["ax"])


class Muon(torch.optim.Optimizer):
    """torch.optim.Muon in float64, torch.optim.AdamW for vectors and numbers."""

    def __init__(self, params, lr, muon=(), adamw=(), scale=0.015, corrected=False, **shared):
        matrices = [p for p in params if p.ndim > 1]
        others = [p for p in params if p.ndim < 2]
        super().__init__([{"params": matrices}, {"params": others, "lr_scale": scale}], {"lr": lr})
        self._base, self._corrected = lr, corrected
        self._matrices = {p: torch.nn.Parameter(p.detach().flatten(1)) for p in matrices}  # views
        self._muon = torch.optim.Muon(
            self._matrices.values(), lr, **{"weight_decay": 0.0, **dict(muon), **shared}
        )
        defaults = {"betas": (0.9, 0.95), "eps": 1e-10, "weight_decay": 0.0}
        self._adamw = torch.optim.AdamW(others, lr, **{**defaults, **dict(adamw), **shared})

    @torch.no_grad()
    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        for group, optimizer in zip(self.param_groups, (self._muon, self._adamw), strict=True):
            optimizer.param_groups[0]["lr"] = group["lr"]
            if self._corrected:
                multiplier = self.param_groups[0]["lr"] / self._base
                optimizer.param_groups[0]["weight_decay"] = WD * multiplier
        for p, matrix in self._matrices.items():
            matrix.grad = p.grad.flatten(1)
        with mock.patch.object(torch.Tensor, "bfloat16", lambda t: t.clone()):
            self._muon.step()
        self._adamw.step()


_ETAS = {"etas": (0.4, 1.3), "step_sizes": (1e-3, 0.1)}

CLOSED_FORMS = (
    Oracle("sgd", AveragedMomentum, settings={"average": True}, adds_couplings=True),
    Oracle("sgd", LrInMomentum, settings={"lr_in_momentum": True}, adds_couplings=True),
    Oracle("rmsprop", RMSpropEpsInRoot, {"eps": 1e-3}, {"eps": 1e-3, "eps_in_root": True}),
    Oracle("rprop", Rprop, adds_couplings=True),
    Oracle("rprop", Rprop, _ETAS, {name: list(value) for name, value in _ETAS.items()}),
    Oracle("lamb", LAMB, couplings={c: {"coupling": c} for c in COEFFICIENTS}, adds_couplings=True),
    Oracle("lamb", LAMB, {"betas": (0.8, 0.97), "eps": 1e-3}, {"betas": [0.8, 0.97], "eps": 1e-3}),
    Oracle("lamb", LAMB, settings={"decay_in_trust_ratio": False}, adds_couplings=True),
    Oracle("adam", AdamEpsHat, {"eps": 1e-2}, {"eps": 1e-2, "eps_hat": True}),
    Oracle("adam", CautiousAdam, settings={"cautious_updates": True}, adds_couplings=True),
    Oracle("asgd", ASGD, couplings={"l2": {"weight_decay": WD}}),
    Oracle(
        "asgd",
        ASGD,
        {"lambd": 0.1, "alpha": 0.5, "t0": 50},
        {"lambd": 0.1, "alpha": 0.5, "t0": 50.0},
    ),
    Oracle(
        "muon",
        Muon,
        couplings={"decoupled": {"weight_decay": WD}, "corrected": {"corrected": True}},
        adds_couplings=True,
    ),
    Oracle(
        "muon",
        Muon,
        {
            "muon": {
                "momentum": 0.8,
                "nesterov": False,
                "ns_coefficients": (2.0, -1.5, 0.5),
                "ns_steps": 4,
                "eps": 1e-3,
                "adjust_lr_fn": "match_rms_adamw",
            },
            "adamw": {"betas": (0.8, 0.97), "eps": 1e-3},
            "scale": 1.0,
        },
        {
            "momentum": 0.8,
            "nesterov": False,
            "ns_coefficients": [2.0, -1.5, 0.5],
            "ns_steps": 4,
            "eps": 1e-3,
            "adjust_lr_fn": "match_rms_adamw",
            "adamw_lr_scale": 1.0,
            "adamw_betas": [0.8, 0.97],
            "adamw_eps": 1e-3,
        },
    ),
)
