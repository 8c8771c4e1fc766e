"""Names of the config groups and of the optimizer's hyperparameters.

They are apart from the components, so that reading stored runs does not import these.
"""

#: The groups whose components define a run, in the order of `groups.COMPONENT_GROUPS`.
COMPONENT_GROUP_NAMES = ("dataset", "model", "optimizer", "schedule", "loss", "wd_schedule")
#: All groups, in the order of `groups.CONFIG_GROUPS`.
CONFIG_GROUP_NAMES = (*COMPONENT_GROUP_NAMES, "logger", "executor")
#: Groups that have the components and yaml files of another group.
OPTIONS_OF = {"wd_schedule": "schedule"}
#: Groups that are null by default, with one of their options as an example.
OPTIONAL_GROUPS = {"wd_schedule": "cosine", "executor": "slurm"}

#: Short name of a hyperparameter, in overrides and columns -> field of `Optimizer`.
HYPERPARAMETER_FIELDS = {"lr": "lr", "wd": "weight_decay"}
