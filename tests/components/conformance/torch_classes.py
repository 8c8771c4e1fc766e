"""Cases whose oracle is a class of torch.optim: all its arguments that change what it computes."""

from torch import optim

from tests.components.conformance.case import WD, Oracle, same

L2 = {"l2": {"weight_decay": WD}}
NATIVE = {
    "l2": {"weight_decay": WD},
    "decoupled": {"weight_decay": WD, "decoupled_weight_decay": True},
}
DECOUPLED = {"decoupled": {"weight_decay": WD}}


def _oracle(rule, create, couplings=L2, lr=0.01, **settings):
    """Return an oracle whose settings have the same names in torch and in adamcmp."""
    return Oracle(rule, create, *same(**settings), couplings, lr)


TORCH_ORACLES = (
    *(
        Oracle(rule, create, arguments, option, without_decay=False, adds_couplings=True)
        for rule, create, arguments in (
            ("sgd", optim.SGD, {"momentum": 0.9}),
            ("adam", optim.Adam, {}),
        )
        for option in ({"cautious": True}, {"decay_filter": "no_bias_norm"}, {"normalized": True})
    ),
    Oracle("sgd", optim.SGD, {}, {"momentum": 0.0}, L2, adds_couplings=True),
    Oracle("sgd", optim.SGD, {"momentum": 0.9}, {}, L2, adds_couplings=True),
    _oracle("sgd", optim.SGD, momentum=0.8, dampening=0.4),
    _oracle("sgd", optim.SGD, momentum=0.8, nesterov=True),
    Oracle("adam", optim.Adam, {}, {}, NATIVE, adds_couplings=True),
    Oracle("adam", optim.AdamW, couplings=DECOUPLED, without_decay=False),
    _oracle("adam", optim.Adam, NATIVE, betas=(0.8, 0.97), eps=1e-3),
    _oracle("adam", optim.Adam, NATIVE, betas=(0.0, 0.9)),
    _oracle("adam", optim.Adam, NATIVE, amsgrad=True),
    Oracle(
        "adam",
        optim.AdamW,
        *same(amsgrad=True, betas=(0.8, 0.97), eps=1e-3),
        DECOUPLED,
        without_decay=False,
    ),
    Oracle("adagrad", optim.Adagrad, {}, {}, L2, adds_couplings=True),
    _oracle("adagrad", optim.Adagrad, lr_decay=0.1, initial_accumulator_value=0.5, eps=1e-3),
    Oracle("adadelta", optim.Adadelta, {}, {}, L2, lr=0.5, adds_couplings=True),
    _oracle("adadelta", optim.Adadelta, lr=0.5, rho=0.7, eps=1e-3),
    Oracle("adamax", optim.Adamax, {}, {}, L2, adds_couplings=True),
    _oracle("adamax", optim.Adamax, betas=(0.8, 0.97), eps=1e-3),
    Oracle("rmsprop", optim.RMSprop, {}, {}, L2, adds_couplings=True),
    _oracle("rmsprop", optim.RMSprop, alpha=0.9, eps=1e-3),
    _oracle("rmsprop", optim.RMSprop, momentum=0.8),
    _oracle("rmsprop", optim.RMSprop, centered=True, momentum=0.8),
    Oracle("nadam", optim.NAdam, {}, {}, NATIVE, adds_couplings=True),
    _oracle("nadam", optim.NAdam, NATIVE, betas=(0.8, 0.97), eps=1e-3, momentum_decay=0.01),
    Oracle("radam", optim.RAdam, {}, {}, NATIVE, adds_couplings=True),
    _oracle("radam", optim.RAdam, NATIVE, betas=(0.8, 0.97), eps=1e-3),
    Oracle("adafactor", optim.Adafactor, {}, {}, DECOUPLED, adds_couplings=True),
    Oracle(
        "adafactor",
        optim.Adafactor,
        {"beta2_decay": -0.6, "d": 1.5, "eps": (1e-6, 1e-2)},
        {"beta2_decay": -0.6, "d": 1.5, "eps1": 1e-6, "eps2": 1e-2},
        DECOUPLED,
        lr=0.3,
    ),
)
#: Arguments of torch's classes that choose an implementation, and maximize, which negates gradients.
NOT_COMPARED = {"params", "lr", "foreach", "fused", "capturable", "differentiable", "maximize"}
#: Classes that are no rule (trained as a torch.optim class), or are compared in another module.
ELSEWHERE = {"Optimizer", "LBFGS", "SparseAdam", "Rprop", "ASGD", "Muon"}
