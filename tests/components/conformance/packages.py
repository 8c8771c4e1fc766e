"""Cases whose oracle is a class of another package, for rules that torch.optim lacks.

A class that differs from the rule in one respect is changed here in that respect. The first line
of its docstring is the name of the oracle in the table.
"""

import contextlib
import io
from unittest import mock

import prodigyopt
import pytorch_optimizer
import torch
from schedulefree.adamw_schedulefree_reference import AdamWScheduleFreeReference
from schedulefree.sgd_schedulefree_reference import SGDScheduleFreeReference

from tests.components.conformance.case import WD, Oracle, same
from tests.components.conformance.problem import COEFFICIENTS


class AdaBound(pytorch_optimizer.AdaBound):
    """pytorch_optimizer.AdaBound without the 1e-15 that it adds to v."""

    @staticmethod
    def apply_ams_bound_foreach(*arguments):
        """Return the denominators."""
        base = pytorch_optimizer.AdaBound
        return base.apply_ams_bound_foreach(*arguments, exp_avg_sq_eps=0.0)


class ADOPT(pytorch_optimizer.ADOPT):
    """pytorch_optimizer.ADOPT, whose clipping does not count the first step."""

    def __init__(self, params, clip=True, **arguments):
        limit = (lambda step: (step - 1) ** 0.25) if clip else None
        super().__init__(params, clip_lambda=limit, **arguments)


class AdaBelief(pytorch_optimizer.AdaBelief):
    """pytorch_optimizer.AdaBelief without the rectification of RAdam."""

    def __init__(self, params, **arguments):
        super().__init__(params, rectify=False, **arguments)


class SOAP(pytorch_optimizer.SOAP):
    """pytorch_optimizer.SOAP with QR decompositions in float64."""

    def __init__(self, params, **arguments):
        super().__init__(params, weight_decay=0.0, **arguments)

    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        with mock.patch.object(torch, "float32", torch.float64):
            return super().step(closure)


class Prodigy(prodigyopt.Prodigy):
    """prodigyopt.Prodigy."""

    def __init__(self, params, **arguments):
        with contextlib.redirect_stdout(io.StringIO()):
            super().__init__(params, **arguments)


class ProdigyCorrected(Prodigy):
    """prodigyopt.Prodigy with its decay multiplied by s_t once more."""

    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        for group in self.param_groups:
            group["weight_decay"] = WD * group["lr"]  # the base lr is 1
        return super().step(closure)


class _ScheduleFree:
    """Decays by c·y instead of η·wd·y, and prints nothing."""

    def __init__(self, params, lr, coupling=None, **arguments):
        super().__init__(params, lr, **arguments)
        self._base, self._coupling = lr, coupling
        self._silently(super().train)

    @staticmethod
    def _silently(function):
        with contextlib.redirect_stdout(io.StringIO()):
            function()

    def eval(self):
        """Set the parameters to their average."""
        self._silently(super().eval)

    def step(self, closure=None):
        """See torch.optim.Optimizer.step."""
        for group in self.param_groups:
            eta = group["lr"]
            if self._coupling:
                c = COEFFICIENTS[self._coupling](eta / self._base, self._base, WD)
                group["weight_decay"] = c / eta
        super().step()


class ScheduleFreeSGD(_ScheduleFree, SGDScheduleFreeReference):
    """schedulefree.SGDScheduleFreeReference with c/η as weight_decay."""


class ScheduleFreeAdamW(_ScheduleFree, AdamWScheduleFreeReference):
    """schedulefree.AdamWScheduleFreeReference with c/η as weight_decay."""


class SAM(pytorch_optimizer.SAM):
    """pytorch_optimizer.SAM around torch.optim.SGD."""

    def __init__(self, params, lr, **arguments):
        super().__init__(params, torch.optim.SGD, momentum=0.9, lr=lr, **arguments)


def lookahead_adam(params, lr):
    """pytorch_optimizer.Lookahead around torch.optim.Adam."""
    return pytorch_optimizer.Lookahead(torch.optim.Adam(params, lr), k=4, alpha=0.3)


_DECOUPLED = {"decoupled": {"weight_decay": WD}}
_L2 = {"l2": {"weight_decay": WD, "weight_decouple": False}}
_PRODIGY = {
    "l2": {"weight_decay": WD, "decouple": False},
    "decoupled": {"weight_decay": WD, "decouple": True},
}
_COUPLED = {coupling: {"coupling": coupling} for coupling in COEFFICIENTS}

PACKAGE_ORACLES = (
    # The package computes SAM's norms in float32.
    Oracle(
        *("sgd", SAM, {"rho": 0.1}, {"sam_rho": 0.1}, {"l2": {"weight_decay": WD}}), tolerance=1e-6
    ),
    Oracle(
        *("sgd", SAM, {"rho": 0.1, "adaptive": True}, {"sam_rho": 0.1, "sam_adaptive": True}),
        tolerance=1e-6,
    ),
    Oracle("adam", lookahead_adam, settings={"lookahead_steps": 4, "lookahead_alpha": 0.3}),
    Oracle("schedulefree_sgd", ScheduleFreeSGD, couplings=_COUPLED, adds_couplings=True),
    Oracle("schedulefree_sgd", ScheduleFreeSGD, *same(momentum=0.7, r=1.0, weight_lr_power=1.0)),
    Oracle("schedulefree_adamw", ScheduleFreeAdamW, couplings=_COUPLED, adds_couplings=True),
    Oracle(
        "schedulefree_adamw",
        ScheduleFreeAdamW,
        *same(betas=(0.8, 0.97), eps=1e-3, r=1.0, weight_lr_power=1.0),
    ),
    Oracle("lion", pytorch_optimizer.Lion, couplings=_DECOUPLED, adds_couplings=True),
    Oracle("lion", pytorch_optimizer.Lion, *same(betas=(0.8, 0.95))),
    Oracle("adabelief", AdaBelief, {"eps": 1e-16}, couplings=_DECOUPLED, adds_couplings=True),
    Oracle("adabelief", AdaBelief, *same(eps=1e-6, betas=(0.8, 0.97))),
    # The package keeps the weights of QHAdam's averages in float32.
    Oracle(
        "qhadam",
        pytorch_optimizer.QHAdam,
        {"betas": (0.995, 0.999), "nus": (0.7, 1.0)},
        adds_couplings=True,
        tolerance=1e-6,
    ),
    Oracle(
        "qhadam",
        pytorch_optimizer.QHAdam,
        *same(betas=(0.9, 0.99), nus=(0.6, 0.8), eps=1e-3),
        tolerance=1e-6,
    ),
    Oracle(
        "aggmo",
        pytorch_optimizer.AggMo,
        {"betas": (0.0, 0.9, 0.99)},
        couplings=_L2,
        adds_couplings=True,
    ),
    Oracle("aggmo", pytorch_optimizer.AggMo, *same(betas=(0.0, 0.5, 0.9))),
    Oracle("adopt", ADOPT, {"betas": (0.9, 0.9999), "eps": 1e-6}, adds_couplings=True),
    Oracle("adopt", ADOPT, *same(betas=(0.8, 0.99), eps=1e-3)),
    Oracle("adopt", ADOPT, {"eps": 1e-6, "clip": False}, {"clip": False}),
    Oracle(
        "adan",
        pytorch_optimizer.Adan,
        {"betas": (0.98, 0.92, 0.99), "eps": 1e-8},
        adds_couplings=True,
    ),
    Oracle("adan", pytorch_optimizer.Adan, *same(betas=(0.9, 0.8, 0.95), eps=1e-4)),
    Oracle("adabound", AdaBound, couplings={**_L2, **_DECOUPLED}, adds_couplings=True),
    Oracle("adabound", AdaBound, *same(betas=(0.8, 0.97), eps=1e-3, final_lr=0.02, gamma=0.1)),
    Oracle("adabound", AdaBound, {"ams_bound": True}, {"amsbound": True}),
    Oracle(
        "lamb",
        pytorch_optimizer.Lamb,
        {"eps": 0.0, "adam_debias": True, "weight_decouple": False},
        {"eps": 0.0, "bias_correction": False},
        _DECOUPLED,
    ),
    # Prodigy's estimate of the distance amplifies rounding.
    Oracle("prodigy", Prodigy, couplings=_PRODIGY, lr=1.0, tolerance=1e-10),
    Oracle(
        *("prodigy", ProdigyCorrected),
        couplings={"corrected": {}},
        lr=1.0,
        without_decay=False,
        tolerance=1e-10,
    ),
    Oracle(
        "prodigy",
        Prodigy,
        *same(
            betas=(0.8, 0.97),
            beta3=0.9,
            eps=1e-6,
            d0=1e-4,
            d_coef=0.5,
            growth_rate=1.05,
            use_bias_correction=True,
            safeguard_warmup=True,
        ),
        lr=0.5,
    ),
    Oracle("soap", SOAP, adds_couplings=True),
    Oracle(
        "soap",
        SOAP,
        *same(
            betas=(0.8, 0.97),
            shampoo_beta=0.9,
            eps=1e-6,
            precondition_frequency=3,
            max_precondition_dim=3,
            precondition_1d=True,
        ),
    ),
)
