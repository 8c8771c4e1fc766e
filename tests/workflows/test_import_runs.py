"""Runs of other programs: their files are imported without a change of their numbers."""

import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import adamcmp
from adamcmp.analysis import RunTable, comparisons
from adamcmp.analysis.measures.tuning_curves import overtakes
from adamcmp.analysis.sentences import sentence
from adamcmp.cli import main
from adamcmp.storage import reader
from adamcmp.workflows.import_runs import import_runs
from adamcmp.workflows.importing import ImportOptions, MappedTable, read_csv_table
from tests.support.imports import BASE, CIFAR, ROWS
from tests.support.studies import FAST


def test_final_metrics(imported, vector_plots, capsys):
    runs, metrics, out = imported(BASE + ROWS)
    assert len(metrics) == 0 and set(runs["status"]) == {"done"}
    assert runs["test_accuracy"].tolist() == [0.75, 0.65, 0.55]
    assert runs["optimizer"].tolist() == ["adamw", "adamw", "sgd"]
    assert set(runs["study"]) == {"theirs"} and set(runs["dataset"]) == {"cifar10"}
    assert runs[["hardware", "torch_version", "engine", "finished_at"]].isna().all(axis=None)
    assert "3 runs (3 done), 2 optimizers, 2 settings, 2 seeds; 3 new, 0 replaced" in out
    assert main(["report", "theirs"]) == 0
    best = pd.read_csv(Path("results") / "theirs" / "report" / "summary.csv", index_col="optimizer")
    assert best["test_error"].to_dict() == pytest.approx({"adamw": 0.3, "sgd": 0.45})
    assert main(["ls", "theirs"]) == 0 and main(["ls"]) == 0
    assert main(["show", runs["run_id"][0]]) == 0
    assert len(pd.read_parquet(reader.study_folder(Path("results"), "theirs") / "runs")) == 3


def test_a_changed_row_replaces_the_old_one(imported):
    before = imported(BASE + ROWS)[0]
    assert "0 new, 0 replaced, 3 unchanged" in imported(BASE + ROWS)[2]
    runs, _, out = imported(BASE + ROWS.replace("0.45", "0.5") + "sgd,0.2,0.01,0,0.4,0.41\n")
    assert "1 new, 1 replaced, 2 unchanged" in out
    assert set(before["run_id"]) < set(runs["run_id"]) and len(runs) == 4
    assert sorted(runs["test_error"]) == [0.25, 0.35, 0.41, 0.5]


def test_a_repeated_import_says_what_it_changed(imported):
    """Whether another import came between does not matter, but what that changed does."""
    other = BASE + "sgd,0.5,0.01,0,0.4,0.41\n"
    imported(BASE + ROWS)
    imported(other)
    assert "0 new, 0 replaced, 3 unchanged" in imported(BASE + ROWS)[2]
    assert "0 new, 1 replaced" in imported(other.replace("0.41", "0.42"))[2]
    assert "0 new, 1 replaced" in imported(other)[2]


def test_a_changed_evaluation_changes_a_run(imported):
    header = "optimizer,lr,wd,seed,step,epoch,test_error\n"
    rows = "a,1,0,0,1,1,0.5\na,1,0,0,2,2,0.25\nb,1,0,0,1,1,0.5\nb,1,0,0,2,2,0.125\n"
    imported(header + rows)
    swapped = "".join(reversed(rows.splitlines(keepends=True)))
    assert "0 new, 0 replaced, 2 unchanged" in imported(header + swapped)[2]
    assert "0 new, 1 replaced, 1 unchanged" in imported(header + rows.replace("0.5", "0.6", 1))[2]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A study trained here: some runs diverge."""
    from adamcmp.config import Composer
    from adamcmp.execution.execute import execute

    root = tmp_path_factory.mktemp("trained")
    overrides = [*FAST, "optimizer=sgd,adamw", "lr=1e-2,1e-1,1e30", "wd=0,0.1", "seeds=3"]
    execute(Composer().sweep([*overrides, f"results={root}", "workers=0"]))
    return reader.load(root / "s")


def summary(runs):
    return RunTable.from_frames(runs).summary


def test_an_imported_copy_equals_the_trained_study(trained, imported):
    """A table that pandas wrote is imported unchanged, with and without evaluations."""
    runs, metrics = trained
    assert set(runs["status"]) == {"done", "diverged"}
    expected = summary(runs)
    finals, _, _ = imported(runs.to_csv(index=False).encode(), "")
    pd.testing.assert_frame_equal(summary(finals), expected)
    settings_of_runs = runs[
        ["run_id", "dataset", "model", "optimizer", "wd", "seed", "steps", "status"]
    ]
    settings_of_runs = settings_of_runs.assign(rate=runs["lr"])
    rows = metrics.drop(columns="lr").merge(settings_of_runs, on="run_id")
    with_nan = rows.to_csv(index=False, na_rep="nan").encode()
    from_evaluations, evaluations, _ = imported(with_nan, "--map lr=rate", study="evaluations")
    measures = [c for c in expected.columns if c.startswith(("train", "val", "test", "gap", "div"))]
    pd.testing.assert_frame_equal(summary(from_evaluations)[measures], expected[measures])
    keys = ["optimizer", "lr", "wd", "seed"]
    best = ["best_step", "best_val_error", "best_test_loss", "steps", "status"]
    pd.testing.assert_frame_equal(
        *(t.set_index(keys).sort_index()[best] for t in (from_evaluations, runs)), check_dtype=False
    )
    assert len(evaluations) == len(metrics)


SEEDED = BASE + "".join(
    f"{name},0.1,0,{seed},0.3,{0.3 + seed / 100 + offset * (1 + seed % 3)}\n"
    for name, offset in (("adamw", 0.0), ("sgd", 0.01))
    for seed in range(5)
)


def test_equal_seeds_are_paired_only_if_the_import_says_so(imported, capsys):
    """Welch's test, unless --paired-seeds; the flag changes no run id."""
    runs, metrics, _ = imported(SEEDED)
    table = RunTable.from_frames(runs, metrics)
    (row,) = comparisons(table).to_dict("records")
    a, b = (group["test_error"] for _, group in runs.groupby("optimizer"))
    expected = scipy.stats.ttest_ind(a, b, equal_var=False)
    assert not row["paired"] and row["p_value"] == pytest.approx(expected.pvalue)
    assert overtakes(table).empty and "not paired" in sentence(row)

    paired, metrics, _ = imported(SEEDED, f"{CIFAR} --paired-seeds")
    assert paired["run_id"].tolist() == runs["run_id"].tolist()
    (row,) = comparisons(RunTable.from_frames(paired, metrics)).to_dict("records")
    assert row["paired"] and row["n"] == 5 and "5 paired seeds" in sentence(row)
    command = yaml.safe_load(Path("results/theirs/study.yaml").read_text())["asked"][-1]
    assert command["paired_seeds"] is True and command["words"][-1] == "--paired-seeds"


tables = st.lists(
    st.tuples(
        st.sampled_from(["adam", "sgd", "a,b;\"c\"\n"]),
        st.sampled_from([1e-3, 0.1, 1.0]),
        st.integers(0, 2**62),
        *[st.floats(0, 1, allow_subnormal=False)] * 3,
        st.floats(0, 1e6),
    ),
    min_size=1,
    max_size=12,
    unique_by=lambda row: row[:3],
)  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=tables, separator=st.sampled_from(",\t|;"), momentum=st.booleans())
def test_any_table_is_read_back_to_the_bit(rows, separator, momentum, tmp_path_factory):
    folder = tmp_path_factory.mktemp("any")
    columns = ["optimizer", "lr", "seed", "train_error", "val_error", "test_error", "test_loss"]
    table = pd.DataFrame(rows, columns=columns)
    if momentum:
        table["my momentum"] = np.arange(len(table)) / 8
    decimal = "," if separator == ";" else "."
    table.to_csv(folder / "t.csv", sep=separator, index=False, decimal=decimal)
    constants = {"dataset": "d", "model": "m", "wd": "0"}
    additional = ("my momentum",) if momentum else ()
    mapping = ImportOptions({}, constants, settings=additional)
    assert MappedTable(read_csv_table(folder / "t.csv"), mapping).unused == []
    import_runs(folder / "t.csv", folder / "s", mapping)
    back = reader.load(folder / "s")[0]
    strip = table.assign(optimizer=table["optimizer"].str.strip())
    pd.testing.assert_frame_equal(
        back[[*columns, *additional]], strip, check_dtype=False, check_exact=True
    )
    assert (back["test_accuracy"] == 1 - back["test_error"]).all()
    assert (back["gap_error"] == back["test_error"] - back["train_error"]).all()
    assert back["run_id"].is_unique


def test_no_runs_are_trained_in_an_imported_study(imported, tmp_path, capsys, results):
    imported(BASE + ROWS)
    small = ["dataset=teacher", "steps=2", "study=theirs"]
    for command in (
        ["run", *small],
        ["sweep", *small, "seeds=2"],
        ["sweep", *small, "--dry-run"],
        ["sweep", *small, "lr=interval(0.1,1)", "sampler=random", "n=2"],
        ["extend", "theirs"],
    ):
        assert main(command) == 2
        assert "Study 'theirs' holds runs imported from " in capsys.readouterr().err
    assert len(reader.load(results / "theirs")[0]) == 3
    adamcmp.run(["dataset=teacher", "steps=2", "study=ours"])
    assert main(["import-csv", "runs.csv", "--study", "ours", *shlex.split(CIFAR)]) == 2
    assert "Study 'ours' holds runs that adamcmp trained" in capsys.readouterr().err
    assert len(reader.load(results / "ours")[0]) == 1


def test_another_mapping_of_the_same_file_is_refused(imported, capsys):
    imported(BASE + ROWS)
    overrides = [
        "import-csv",
        "runs.csv",
        "--study",
        "theirs",
        "--set",
        "dataset=cifar10",
        "model=vit",
    ]
    assert main(overrides) == 2
    err = capsys.readouterr().err
    assert (
        "was already imported into study 'theirs' with another --set, and each run would be stored twice"
        in err
    )
    assert len(reader.load(Path("results/theirs"))[0]) == 3


@pytest.mark.slow
def test_importing_a_million_evaluations_takes_less_than_a_gibibyte(tmp_path):
    """10,000 runs × 100 evaluations, whose metrics are all different."""
    rng = np.random.default_rng(0)
    run, step = np.divmod(np.arange(1_000_000), 100)
    table = pd.DataFrame({"optimizer": np.array(["adam", "sgd"])[run % 2], "lr": 0.1, "wd": run})
    table = table.assign(seed=0, step=step, epoch=step / 10)
    for metric in ("train_loss", "val_loss", "test_loss", "train_error", "val_error", "test_error"):
        table[metric] = rng.random(len(table))
    code = (
        "import resource\n"
        "from adamcmp.cli import main\n"
        "command = 'import-csv million.csv --study million --set dataset=d model=m'\n"
        "assert main(command.split()) == 0\n"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)\n"
    )
    for change, counts in (
        (0, "10000 new, 0 replaced"),
        (0, "10000 unchanged"),
        (1, "10000 replaced"),
    ):
        table.assign(test_loss=table["test_loss"] + change).to_csv(
            tmp_path / "million.csv", index=False
        )
        completed = subprocess.run(
            [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        *_, last = completed.stdout.splitlines()
        assert int(last) < 2**20  # KiB
        assert counts in completed.stdout


#: Public results beside the clone, which are not part of it.
PUBLISHED = Path(__file__).parents[3] / "shared" / "data" / "nanogpt_track3_curves.csv"


@pytest.mark.skipif(not PUBLISHED.exists(), reason=f"{PUBLISHED} does not exist")
def test_published_runs_have_the_published_means(tmp_path):
    """modded-nanogpt, track 3: seeds are names of logs, and there is a validation loss only."""
    options = ImportOptions(
        columns={"optimizer": "result", "seed": "log", "step": "step", "epoch": "step"},
        constants={"dataset": "fineweb", "model": "gpt2", "lr": "0", "wd": "0"},
        where=("result>=4", "result<=5"),
    )
    result = import_runs(PUBLISHED, tmp_path / "s", options)
    table = RunTable.from_frames(result.runs, result.metrics)
    (row,) = comparisons(table).to_dict("records")
    assert (row["n_a"], row["n_b"], row["paired"], row["better"]) == (5, 10, False, "a")
    assert (round(row["mean_a"], 4), round(row["mean_b"], 4)) == (3.2741, 3.2782)
