"""Files of another program, and studies of imported runs."""

from collections.abc import Mapping
from pathlib import Path

from adamcmp.workflows.import_runs import import_runs
from adamcmp.workflows.importing import ImportOptions

BASE = "optimizer,lr,wd,seed,val_error,test_error\n"
ROWS = "adamw,0.1,0,0,0.2,0.25\nadamw,0.1,0,1,0.3,0.35\nsgd,0.1,0.01,0,0.4,0.45\n"
PROBLEM = {"dataset": "cifar10", "model": "resnet18"}
CIFAR = "--set dataset=cifar10 model=resnet18"


def imported_study(
    folder: Path,
    content: str = BASE + ROWS,
    constants: Mapping[str, str] = PROBLEM,
    paired_seeds: bool = False,
) -> Path:
    """Write a study of imported runs, which costs no training; return its folder."""
    file = folder.with_suffix(".csv")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    import_runs(file, folder, ImportOptions(constants=constants, paired_seeds=paired_seeds))
    return folder
