"""Names of columns: a public interface.

Errors and accuracies are fractions in [0, 1]; losses are means in nats (or squared units);
regression has losses only.
"""

#: Version of the layout on disk, kept in every part's metadata.
VERSION = 1

SPLITS = ("train", "val", "test")
MEASURES = ("loss", "error", "accuracy")
#: ``train_loss`` … ``test_accuracy``, then the gaps, test minus train.
METRICS = (
    *(f"{split}_{measure}" for split in SPLITS for measure in MEASURES),
    "gap_loss",
    "gap_error",
)
BEST = tuple(f"best_{metric}" for metric in METRICS)
NORMS = ("grad_norm", "param_norm", "update_norm")
STATUSES = ("done", "diverged", "failed")

#: Columns of `runs` that name and end a run, and their types; settings follow under their paths.
RUN_COLUMNS: dict[str, type] = {
    "run_id": str,
    "study": str,
    "dataset": str,
    "model": str,
    "optimizer": str,
    "rule": str,
    "coupling": str,
    "schedule": str,
    "loss": str,
    "lr": float,
    "wd": float,
    "seed": int,
    "epochs": int,
    "batch_size": int,
    "status": str,
    "error": str,
    "stopped_at_step": int,
    "steps": int,
    "best_step": int,
    "train_examples": int,
    "parameters": int,
    "wall_time_s": float,
    **dict.fromkeys(METRICS, float),
    **dict.fromkeys(BEST, float),
}

#: Columns of `runs` that say what computed it.
PROVENANCE_COLUMNS: dict[str, type] = {
    "device": str,
    "dtype": str,
    "threads": int,
    "engine": str,
    "hardware": str,
    "adamcmp_version": str,
    "python_version": str,
    "torch_version": str,
    "numpy_version": str,
    "git_commit": str,
    "git_dirty": bool,
    "finished_at": str,
}

METRIC_COLUMNS: dict[str, type] = {
    "run_id": str,
    "step": int,
    "epoch": float,
    "examples": int,
    "lr": float,
    **dict.fromkeys(METRICS, float),
    **dict.fromkeys(NORMS, float),
    "wall_time_s": float,
}
