"""What `adamcmp report` prints and writes: files that open, formats, several studies, watching."""

import contextlib
import json
import re
import shlex
import subprocess
import sys
import xml.etree.ElementTree as ET

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image

import adamcmp
from adamcmp.analysis import MEASURES, Measure
from adamcmp.cli import main
from adamcmp.cli import report as report_command
from adamcmp.errors import NotFound
from adamcmp.execution.reservations import reserve
from adamcmp.plots import PLOTS
from adamcmp.reporting import load_table, provenance, report
from adamcmp.reporting.formats import as_csv, as_latex, as_markdown, latex
from adamcmp.reporting.provenance import commands
from adamcmp.reporting.statistics import measure_table
from adamcmp.reporting.tables import Table, shown_columns
from adamcmp.reporting.watch import watch
from tests.support import hand_made as made

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
FAST = [*SMALL, "steps=6", "eval.every_steps=2", "study=s"]


class TestCommand:
    def test_writes_page_plots_and_tables(self, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seed=0,1"])
        adamcmp.run([*FAST, "optimizer=sgd", "lr=1e30"])
        assert main(["report", "s"]) == 0
        out = capsys.readouterr().out
        assert "s: teacher, mlp (8 done, 1 diverged)" in out
        folder = results / "s" / "report"
        assert f"page: {folder / 'index.html'}" in out
        drawn = {path.stem for path in folder.glob("*.svg")}
        assert {"learning_curves", "loss_vs_error", "gap_curves"} <= drawn <= set(PLOTS)
        for name in drawn:
            with Image.open(folder / f"{name}.png") as image:
                assert min(image.size) > 300
                assert len(image.convert("RGB").getcolors(1 << 20)) > 20
            text = " ".join(ET.parse(folder / f"{name}.svg").getroot().itertext())
            assert "adam_l2" in text and "adamw" in text
            assert (folder / f"{name}.pdf").read_bytes().startswith(b"%PDF")
        page = (folder / "index.html").read_text()
        for name in PLOTS:
            assert f'id="plot-{name}"' in page
        table = pd.read_csv(folder / "summary.csv")
        assert sorted(table["optimizer"]) == ["adam_l2", "adamw", "sgd"]
        assert table.set_index("optimizer")["diverged"].to_dict() == {
            "adam_l2": 0,
            "adamw": 0,
            "sgd": 1,
        }
        assert "validation" in (folder / "summary.md").read_text()

    def test_the_same_data_gives_the_same_files(self, two_plots, results):
        adamcmp.sweep([*FAST, "seed=0,1"])
        contents = []
        for _ in range(2):
            assert main(["report", "s"]) == 0
            files = sorted((results / "s" / "report").iterdir())
            contents.append([file.read_bytes() for file in files])
        assert contents[0] == contents[1]

    def test_latest_study_and_filters(self, two_plots, capsys):
        adamcmp.sweep([*FAST, "lr=1e-3,1e-2"])
        assert main(["report", "lr=0.01"]) == 0
        assert "(1 done)" in capsys.readouterr().out
        assert main(["report", "s", "lr=7"]) == 2
        assert "no run that ended and matches the filters" in capsys.readouterr().err

    def test_regression_several_problems_and_one_seed(self, results, two_plots, capsys):
        words = ["dataset.task=regression", "loss=mse", "model=mlp,logistic"]
        adamcmp.sweep([*FAST, *words])
        assert main(["report", "s"]) == 0
        out = capsys.readouterr().out
        assert "logistic" in out and "test loss" in out and "test error" not in out
        svg = (results / "s" / "report" / "learning_curves.svg").read_text()
        assert "mean squared error" in svg and "One seed" in svg

    def test_classification_beside_regression(self, results, two_plots, capsys):
        adamcmp.run([*FAST])
        adamcmp.run([*FAST, "dataset.task=regression", "loss=mse", "model=logistic"])
        assert main(["report", "s"]) == 0
        (header,) = (r for r in capsys.readouterr().out.splitlines() if r.startswith("problem"))
        assert "test error" in header and "test loss" in header
        svg = (results / "s" / "report" / "learning_curves.svg").read_text()
        assert "mean squared error" in svg and "cross-entropy (nats)" in svg

    def test_only_failed_or_diverged_runs(self, capsys):
        adamcmp.run([*FAST, "optimizer=sgd", "lr=1e30"])
        assert main(["report", "s"]) == 2
        assert "has no run that ended" in capsys.readouterr().err

    def test_a_plot_that_fails_costs_no_other(self, results, two_plots, monkeypatch, caplog):
        def broken(table):
            raise ZeroDivisionError("of <b>one's</b> own")

        monkeypatch.setattr(PLOTS["loss_vs_error"], "data", broken)
        adamcmp.run(FAST)
        assert main(["report", "s"]) == 0
        page = (results / "s" / "report" / "index.html").read_text()
        assert "ZeroDivisionError: of &lt;b&gt;one" in page
        assert "loss_vs_error failed" in caplog.text and "Traceback" in caplog.text

    def test_starts_without_torch(self, two_plots, results):
        adamcmp.sweep([*FAST, "seed=0,1"])
        code = (
            "import sys; from adamcmp.cli import main; main(['report', 's']); "
            "print([m for m in ('torch', 'hydra', 'optuna') if m in sys.modules])"
        )
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
        assert done.stdout.splitlines()[-1] == "[]", done.stderr

    def test_leaves_no_files_of_another_report(self, two_plots, results):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seeds=2"])
        assert main(["report", "s"]) == 0
        folder = results / "s" / "report"
        (folder / "mine.png").write_bytes(b"")
        assert (folder / "comparisons.csv").exists()
        assert main(["report", "s", "optimizer=adamw"]) == 0
        assert not (folder / "comparisons.csv").exists()
        assert (folder / "summary.csv").exists() and (folder / "mine.png").exists()

    def test_a_study_without_runs(self, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adamw", "seeds=2"])
        for part in (*(results / "s" / "runs").iterdir(), *(results / "s" / "metrics").iterdir()):
            part.unlink()
        for words in (["report", "s"], ["plot", "strip", "s"], ["report", "s", "--format", "md"]):
            assert main(words) == 2
            assert "has no runs yet" in capsys.readouterr().err
        assert main(["extend", "s"]) == 2
        assert "no run that ended" in capsys.readouterr().err

    def test_strict(self, two_plots, results, capsys):
        each = [*FAST, "eval.every_steps=1"]  # a quarter of six steps has an evaluation
        adamcmp.sweep([*each, "optimizer=adam_l2,adamw", "seeds=5"])
        assert main(["report", "s", "--strict"]) == 0
        assert "audit, " not in capsys.readouterr().out
        page = (results / "s" / "report" / "index.html").read_text()
        assert "These checks found nothing." in page
        adamcmp.sweep([*each, "optimizer=sgd", "seeds=2"])
        assert main(["report", "s"]) == 0
        assert main(["report", "s", "--strict"]) == 1
        assert "audit, warning: " in capsys.readouterr().out
        page = (results / "s" / "report" / "index.html").read_text()
        assert "trained with different seeds" in page and "These checks found nothing" not in page

    def test_a_check_that_could_not_be_made_is_no_finding(self, two_plots, capsys):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seeds=5", "study=late"])
        assert main(["report", "late", "--strict"]) == 0
        assert "audit, note: The ranking could not be read at" in capsys.readouterr().out

    def test_runs_that_were_asked_for_and_are_not_there(self, two_plots, results, capsys):
        """As after a sweep that was interrupted."""
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seeds=5"])
        about = results / "s" / "study.yaml"
        assert "runs: 10" in about.read_text()
        about.write_text(about.read_text().replace("runs: 10", "runs: 12"))
        assert main(["report", "s", "--strict"]) == 1
        out = capsys.readouterr().out
        assert "2 of the 12 requested runs are missing" in out
        assert main(["report", "s", "optimizer=adamw"]) == 0
        assert "requested" not in capsys.readouterr().out
        about.write_text("{")
        assert main(["report", "s"]) == 2
        assert "study.yaml is damaged" in capsys.readouterr().err


class TestFormats:
    TABLE = Table(
        "t",
        "A & B",
        "50 % of <x>",
        pd.DataFrame(
            {
                "problem": ["p"] * 2,
                "optimizer": ["adam_l2", "a|b"],
                "test_error": [0.25, 0.1234],
                "test_error_ci_low": [0.2, 0.12],
                "test_error_ci_high": [0.3, np.nan],
                "n": [3, 1],
            }
        ),
    )

    def test_columns(self):
        optimizer, error, n = shown_columns(self.TABLE)
        assert [optimizer.label, error.label, n.label] == ["optimizer", "test error", "n"]
        assert error.texts == ["0.25 [0.20, 0.30]", "0.123"]
        assert error.best == {1} and error.values == [0.25, 0.1234] and error.metric == "test_error"
        assert n.texts == ["3", "1"] and not n.best

    def test_digits_follow_the_interval(self):
        data = pd.DataFrame(
            {"estimate": [1234.5678, 0.00012345, -3.0], "ci_low": [1000, 1e-4, -4.0]}
        )
        data["ci_high"] = [1500, 2e-4, -2.0]
        assert shown_columns(Table("t", "", "", data))[0].texts == [
            "1235 [1000, 1500]",
            "0.00012 [0.00010, 0.00020]",
            "−3.0 [−4.0, −2.0]",
        ]

    def test_csv_has_every_digit(self, tmp_path):
        (tmp_path / "t.csv").write_text(as_csv(self.TABLE))
        pd.testing.assert_frame_equal(pd.read_csv(tmp_path / "t.csv"), self.TABLE.data)

    def test_markdown(self):
        text = as_markdown(self.TABLE)
        assert "| adam_l2" in text and "a\\|b" in text and "**0.123**" in text

    def test_latex_is_booktabs_with_the_best_in_bold(self):
        text = as_latex(self.TABLE)
        for part in (r"\toprule", r"\midrule", r"\bottomrule", r"\textbf{0.123}", r"adam\_l2"):
            assert part in text
        assert r"\caption{A \& B. 50 \% of \textless{}x\textgreater{}}" in text
        assert r"\begin{tabular}{lrr}" in text

    def test_latex_leaves_no_command_in_a_name(self):
        assert latex(r"\input{x}^~#$") == (
            r"\textbackslash{}input\{x\}\textasciicircum{}\textasciitilde{}\#\$"
        )

    @pytest.mark.parametrize(
        ("kind", "part"), [("md", "| optimizer"), ("csv", "problem,opt"), ("latex", r"\toprule")]
    )
    def test_command(self, kind, part, tmp_path, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adam_l2,adamw", "seed=0,1"])
        assert main(["report", "s", "--format", kind]) == 0
        printed = capsys.readouterr().out
        assert part in printed
        assert not (results / "s" / "report").exists()
        assert main(["report", "s", "--format", kind, "--out", "table"]) == 0
        assert (tmp_path / "table").read_text() == printed
        assert main(["report", "s", "--format", kind, "--out", "no/table"]) == 2

    @pytest.mark.parametrize(
        ("words", "says"),
        [
            (["--format", "csv", "--watch"], "goes without --format"),
            (["--out", "x"], "add --format"),
        ],
    )
    def test_options_that_do_not_go_together(self, words, says, capsys):
        adamcmp.run(FAST)
        assert main(["report", "s", *words]) == 2
        assert says in capsys.readouterr().err


class TestSeveralStudies:
    def test_are_one_pool(self, two_plots, results, capsys):
        adamcmp.sweep([*FAST, "optimizer=adamw", "seed=0,1", "study=a"])
        adamcmp.sweep([*FAST, "optimizer=adam_l2", "seed=0,1", "study=b"])
        assert main(["report", "a", "b"]) == 0
        assert "a + b: teacher, mlp (4 done)" in capsys.readouterr().out
        assert (results / "a+b" / "report" / "index.html").exists()
        assert main(["ls"]) == 0 and "a+b" not in capsys.readouterr().out

    def test_are_told_apart_where_one_optimizer_is_in_both(self, results):
        adamcmp.sweep([*FAST, "seed=0,1", "study=a"])
        adamcmp.sweep([*FAST, "seed=0,1,2", "study=b"])
        table = load_table([results / "a", results / "b"])
        runs, metrics = table.runs, table.metrics
        assert runs["problem"].value_counts().to_dict() == {
            "teacher, mlp, study a": 2,
            "teacher, mlp, study b": 3,
        }
        assert runs["run_id"].is_unique and set(metrics["run_id"]) == set(runs["run_id"])
        assert (metrics.groupby("run_id").size() == 4).all()


class TestWatching:
    def test_follows_a_sweep_to_its_end(self, two_plots, results):
        adamcmp.run([*FAST, "seed=0"])
        folder, counts, pages = results / "s", [], []
        with contextlib.ExitStack() as sweep:
            sweep.enter_context(reserve(folder, ["some"]))

            def on_report(made):
                counts.append(sum(made.answer.counts.values()))
                pages.append((made.folder / "index.html").read_text())
                if len(counts) == 1:
                    adamcmp.run([*FAST, "seed=1"])
                else:
                    sweep.close()

            notes = []
            made = watch([folder], [], 2.0, on_report, notes.append, sleep=lambda seconds: None)
        assert counts == [1, 2] and len(made.answer.runs) == 2
        assert all('http-equiv="refresh" content="2"' in page for page in pages)
        assert 'http-equiv="refresh"' not in (made.folder / "index.html").read_text()
        assert "0 of 1 runs" in notes[1] and "the last" in notes[-1]

    def test_an_interrupt_leaves_a_page_that_is_finished(self, two_plots, results):
        adamcmp.run(FAST)

        def stop(seconds):
            raise KeyboardInterrupt

        with reserve(results / "s", ["some"]):
            made = watch([results / "s"], [], 2.0, lambda made: None, lambda text: None, sleep=stop)
        page = (made.folder / "index.html").read_text()
        assert 'http-equiv="refresh"' not in page and "</html>" in page

    def test_waits_for_the_study(self, two_plots, results, monkeypatch, capsys):
        monkeypatch.setattr(report_command, "STUDY_TIMEOUT", 0.1)
        assert main(["report", "later", "--watch"]) == 2
        assert "Waiting 0.1 s for it." in capsys.readouterr().err
        sleeps = iter([lambda: None, lambda: adamcmp.run([*FAST, "study=later"])])
        monkeypatch.setattr(report_command, "STUDY_TIMEOUT", 60)
        monkeypatch.setattr("adamcmp.workflows.report.time.sleep", lambda seconds: next(sleeps)())
        assert main(["report", "later", "--watch"]) == 0
        assert (results / "later" / "report" / "index.html").exists()

    def test_waits_for_the_first_run(self, two_plots, results):
        adamcmp.run([*FAST, "optimizer=sgd", "lr=1e30"])  # diverged: nothing to report yet
        with reserve(results / "s", ["some"]):
            looks = []

            def sleep(seconds):
                looks.append(seconds)
                adamcmp.run(FAST)
                if len(looks) == 2:
                    raise KeyboardInterrupt

            made = watch([results / "s"], [], 2.0, lambda made: None, lambda text: None, sleep)
        assert looks == [2.0, 2.0] and len(made.answer.runs) == 2

    def test_without_a_sweep_it_reports_once(self, two_plots, capsys):
        adamcmp.run(FAST)
        assert main(["report", "s", "--watch", "1"]) == 0
        done = capsys.readouterr()
        assert "No process trains" in done.err and "(1 done)" in done.out

    @pytest.mark.parametrize("seconds", ["0", "-1", "x", "nan", "1e9"])
    def test_seconds_are_checked(self, seconds, capsys):
        assert main(["report", "s", f"--watch={seconds}"]) == 2
        assert "no number of seconds" in capsys.readouterr().err


def test_commands_can_be_pasted(results):
    words = [*FAST, "optimizer=adam_l2,adamw", "lr=logspace(1e-3,1e-2,2)"]
    adamcmp.sweep(words)
    adamcmp.sweep(words)  # nothing left to train; asked again all the same
    found = report([results / "s"], ["lr=0.001"])
    made, reported = commands(found.answer)
    assert reported == "adamcmp report s lr=0.001"
    shell = f"python3 -c 'import json, sys; print(json.dumps(sys.argv[1:]))' {made}"
    typed = json.loads(subprocess.run(shell, shell=True, capture_output=True, text=True).stdout)
    assert typed == ["adamcmp", "sweep", *words]


def test_every_setting_is_shown_once(results, two_plots):
    adamcmp.sweep([*FAST, "optimizer=adamw,sgd", "lr=1e-3,1e-2", "batch_size=20,50"])
    made = report([results / "s"])
    table = provenance.differing_settings(made.answer)
    values = table.pivot(index="setting", columns="optimizer", values="estimate").fillna("")
    assert values.loc["optimizer.momentum"].to_dict() == {"adamw": "", "sgd": "0.9"}
    assert values.loc["optimizer.betas"].to_dict() == {"adamw": "[0.9, 0.999]", "sgd": ""}
    assert values.loc["coupling"].nunique() == 2
    told = {
        *values.index,
        *provenance.common_settings(made.answer),
        *provenance.varied_settings(made.answer),
    }
    columns = {"batch_size", "lr", "wd", "schedule", "steps"}
    columns |= {c for c in made.answer.runs if c.startswith("optimizer.")}
    columns -= {f"optimizer.{same}" for same in ("lr", "weight_decay", "rule", "coupling")}
    known = {c for c in columns if made.answer.runs[c].notna().any()}
    assert known <= told and not {"batch_size", "lr"} & {*values.index}
    page = (made.folder / "index.html").read_text()
    (shown,) = re.findall(r'<table id="table-differing">.*?</table>', page, re.DOTALL)
    assert '<td data-optimizer="sgd" data-value="0.9">0.9</td>' in shown
    assert ">–</td>" in shown and "swatch" not in shown  # the rule's name is no optimizer's here


def test_alike_optimizers_differ_in_nothing(results, two_plots):
    adamcmp.sweep([*FAST, "lr=1e-3,1e-2"])
    made = report([results / "s"])
    assert provenance.differing_settings(made.answer).empty
    assert "table-differing" not in (made.folder / "index.html").read_text()


OWN_STUDY = """\
common: {dataset: teacher, dataset.train_examples: 200, dataset.test_examples: 50, steps: 6}
blocks: {all: {optimizer: own, seeds: 2}}
scales: {smoke: {common: {steps: 3}}}
"""
THEIRS = "optimizer,dataset,model,lr,wd,seed,acc\nadam,d,m,0.1,0,0,0.9\nsgd,d,m,0.1,0,0,0.8\n"


@pytest.mark.parametrize(
    ("words", "study"),
    [
        (["study", "mine", "--config-dir", "my own"], "mine"),
        (["study", "mine", "-cd", "my own", "--scale", "smoke", "wd=0.1"], "mine-smoke"),
        (["sweep", *FAST, "optimizer=own", "seeds=2", "--config-dir=my own"], "s"),
        (["run", *FAST, "optimizer=own", "--config-dir", "my own"], "s"),
        (["import-csv", "their runs.csv", "--study", "s", "--map", "test_accuracy=acc"], "s"),
    ],
)
def test_commands_do_it_again(words, study, results, tmp_path, two_plots, capsys):
    for kind, name, text in (("study", "mine", OWN_STUDY), ("optimizer", "own", "defaults: [sgd]")):
        (tmp_path / "my own" / kind).mkdir(parents=True)
        (tmp_path / "my own" / kind / f"{name}.yaml").write_text(text)
    (tmp_path / "their runs.csv").write_text(THEIRS)
    assert main(words) == 0
    made, reported = commands(report([results / study]).answer)
    trained = sorted((results / study / "runs").iterdir())
    for command in (made, reported):
        adamcmp_, *argv = shlex.split(command)
        assert adamcmp_ == "adamcmp" and main(argv) == 0, capsys.readouterr().err
    assert [path.name for path in results.iterdir()] == [study]
    if words[0] != "import-csv":  # which writes its rows anew
        assert sorted((results / study / "runs").iterdir()) == trained


def test_commands_of_a_study_that_noted_no_flags(results):
    adamcmp.run(FAST)
    file = results / "s" / "study.yaml"
    about = yaml.safe_load(file.read_text())
    assert about["asked"][0].pop("flags") == []
    file.write_text(yaml.safe_dump(about))
    assert commands(report([results / "s"]).answer)[0] == shlex.join(["adamcmp", "sweep", *FAST])


def test_profiles_have_a_column_for_each_optimizer():
    profiles = next(m for m in MEASURES if m.name == "profiles")
    table = measure_table(profiles, made.table(problems=("d", "e")))
    factor, first, second = shown_columns(table)
    assert (factor.label, first.label, second.label) == ("within a factor of", "adam_l2", "adamw")
    assert factor.texts[0] == "1" and first.texts[0].startswith("1.")  # it wins on both problems
    assert "tau" in as_csv(table)
    assert (
        measure_table(profiles, made.table()).missing_reason
        == "It needs several optimizers on several problems."
    )


def test_a_statistic_that_does_not_apply_or_fails_says_why(caplog):
    def fails(table):
        raise KeyError("x")

    def not_there(table):
        raise NotFound("There is no grid.")

    def table(function):
        return measure_table(Measure("s", "S", "", function), made.table())

    assert table(not_there).missing_reason == "There is no grid."
    assert "KeyError" in table(fails).missing_reason and "Traceback" in caplog.text
    assert table(lambda runs: pd.DataFrame()).missing_reason == "It needs completed runs."
