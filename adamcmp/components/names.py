"""Names of the config groups and of the optimizer's hyperparameters.

They are apart from the components, so that reading stored runs does not import these.
"""

#: The groups whose components define a run, in the order of `groups.COMPONENT_GROUPS`.
COMPONENT_GROUP_NAMES = ("dataset", "model", "optimizer", "schedule", "loss", "wd_schedule")
#: All groups, in the order of `groups.CONFIG_GROUPS`.
CONFIG_GROUP_NAMES = (*COMPONENT_GROUP_NAMES, "logger")
#: Groups that have the components and yaml files of another group. They are null by default.
OPTIONS_OF = {"wd_schedule": "schedule"}

#: Short name of a hyperparameter, in overrides and columns -> field of `Optimizer`.
HYPERPARAMETER_FIELDS = {"lr": "lr", "wd": "weight_decay"}
