"""The command line as people use it."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from adamcmp.cli import COMMANDS, main
from adamcmp.cli.completion import candidates

SMALL = ["dataset=teacher", "dataset.train_examples=200", "dataset.test_examples=50"]
FAST = [*SMALL, "steps=3", "eval.every_steps=1"]
PYTHON = [sys.executable, "-m", "adamcmp"]


def run(capsys, *words):
    """Run a command that should succeed; return what it printed on stdout."""
    code = main(list(words))
    out, err = capsys.readouterr()
    assert code == 0, err
    return out


@pytest.mark.parametrize(
    ("words", "heavy"),
    [
        (["--help"], {"torch", "pandas", "hydra", "numpy", "matplotlib", "pyarrow"}),
        (["--version"], {"torch", "pandas", "hydra", "numpy", "matplotlib", "pyarrow"}),
        (["ls"], {"torch", "pandas", "hydra", "matplotlib"}),
        (["parts"], {"torch", "pandas", "hydra", "numpy", "matplotlib"}),
        (["run", "--cfg", "job"], {"torch", "pandas", "matplotlib"}),
        (["run", "lr=nan"], {"torch", "pandas", "matplotlib"}),
        (["report"], {"torch", "hydra"}),
    ],
)
def test_nothing_heavy_is_imported_before_it_is_needed(words, heavy, results, capsys):
    main(["run", *FAST])
    script = (
        "import sys; from adamcmp.cli import main; main(sys.argv[1:]); "
        "print(sorted({m.split('.')[0] for m in sys.modules}), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *words], capture_output=True, text=True, check=True
    )
    assert not heavy & set(eval(done.stderr.splitlines()[-1]))


def test_help_names_every_command(capsys):
    text = run(capsys, "--help")
    assert all(f"\n  {command} " in text for command in COMMANDS)
    for command in COMMANDS:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert f"usage: adamcmp {command}" in capsys.readouterr().out


def test_version(capsys):
    assert run(capsys, "--version").startswith("adamcmp 0.")


class TestRun:
    def test_prints_a_short_table(self, capsys):
        out = run(capsys, "run", "optimizer=adamw", "wd=0.01", "steps=3")
        assert "adamw on mnist1d, mlp: lr 0.001, wd 0.01, seed 0, 3 steps" in out
        assert all(word in out for word in ("train", "val", "test", "gap", "loss", "error"))
        assert "files in " in out and len(out.splitlines()) == 6

    def test_what_is_there_is_shown_not_trained(self, capsys, results):
        first = json.loads(run(capsys, "run", "--json", *FAST))
        part = next((results / "scratch" / "runs").iterdir())
        again = json.loads(run(capsys, "run", "--json", *FAST))
        assert (first["trained"], again["trained"]) == (True, False)
        assert {**again, "trained": True} == first
        assert [part] == list((results / "scratch" / "runs").iterdir())
        assert "already exists (--force retrains it)" in run(capsys, "run", *FAST)

    def test_force_replaces(self, capsys, results):
        first = json.loads(run(capsys, "run", "--json", *FAST))
        forced = json.loads(run(capsys, "run", "--json", "--force", *FAST))
        assert forced["trained"] and forced["train_loss"] == first["train_loss"]
        (row,) = listed(capsys, "scratch")
        assert row.split()[0] == first["run_id"]

    def test_json_is_alone_on_stdout(self, tmp_path):
        done = subprocess.run(
            [*PYTHON, "run", "--json", *FAST], capture_output=True, text=True, check=True
        )
        assert json.loads(done.stdout)["status"] == "done"

    def test_flags_before_between_and_after(self, capsys):
        for words in (
            ["--json", *FAST, "seed=1"],
            [*FAST, "--json", "seed=1"],
            [*FAST, "seed=1", "--json"],
        ):
            assert json.loads(run(capsys, "run", *words))["seed"] == 1

    def test_multirun_is_sweep(self, capsys):
        out = run(capsys, "run", "seed=0,1", "-m", *FAST)
        assert "2 runs (2 newly trained): 2 done" in out

    def test_short_keys_work_for_every_optimizer(self, capsys):
        for optimizer in ("sgd", "sgdw", "adam_l2", "amsgradw"):
            words = [f"optimizer={optimizer}", "lr=0.02", "wd=0.003", "seed=4", "batch_size=50"]
            row = json.loads(run(capsys, "run", "--json", *words, "study=s", "device=cpu", *FAST))
            assert (row["lr"], row["wd"], row["seed"], row["batch_size"]) == (0.02, 0.003, 4, 50)
            assert row["optimizer.lr"] == 0.02 and row["study"] == "s"

    def test_delete_and_add(self, capsys):
        row = json.loads(run(capsys, "run", "--json", "~optimizer.betas", *FAST))
        assert row["optimizer.betas"] == [0.9, 0.999]
        words = [
            "optimizer=torch",
            "optimizer.target=torch.optim.NAdam",
            "+optimizer.momentum_decay=0.1",
        ]
        row = json.loads(run(capsys, "run", "--json", *words, *FAST))
        assert json.loads(row["optimizer.arguments"]) == {"momentum_decay": 0.1}

    def test_a_crash_exits_1_and_is_recorded(self, capsys, tmp_path):
        (tmp_path / "badnet.py").write_text(
            "import torch\n"
            "class Net(torch.nn.Linear):\n"
            "    def __init__(self): super().__init__(20, 10)\n"
            "    def forward(self, x):\n"
            "        if len(x) > 2: raise RuntimeError('out of luck')\n"
            "        return super().forward(x)\n"
        )
        words = ["model=custom", "model.target=badnet.Net", *FAST]
        assert main(["run", *words]) == 1
        err = capsys.readouterr().err
        assert "The run crashed: RuntimeError: out of luck (`adamcmp show" in err
        shown = run(capsys, "show", err.partition("show ")[2].partition("`")[0])
        assert "Traceback" in shown and "badnet.py" in shown
        assert main(["sweep", "seed=0,1", "study=scratch", *words]) == 1
        assert "2 failed" in capsys.readouterr().out
        assert all("failed" in row for row in listed(capsys, "scratch"))

    def test_a_diverged_run_is_a_result(self, capsys):
        out = run(capsys, "run", "optimizer=sgd", "lr=1e30", *FAST)
        assert "diverged after" in out
        json.loads(run(capsys, "run", "optimizer=sgd", "lr=1e30", "--json", *FAST))


def listed(capsys, *words):
    return run(capsys, "ls", *words).splitlines()[2:]


class TestSweep:
    def test_grid_of_hydras_grammar(self, capsys):
        words = ["optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seed=range(0,2)", "wd=choice(0,0.1)"]
        out = run(capsys, "sweep", *words, "study=g", *FAST)
        assert "16 runs (16 newly trained): 16 done" in out
        assert "8 runs (0 newly trained)" in run(capsys, "sweep", *words[1:], "study=g", *FAST)
        assert len(listed(capsys, "g", "optimizer=adamw", "wd=0.1")) == 4
        assert len(listed(capsys, "g", "lr<0.005", "seed!=0")) == 4
        wider = json.loads(
            run(capsys, "sweep", "--json", "seed=range(3)", *words[:2], words[3], "study=g", *FAST)
        )
        assert (wider["runs"], wider["trained"]) == (24, 8)

    def test_an_optimizer_without_decay_in_a_grid_with_decay(self, capsys):
        assert main(["sweep", "optimizer=adam,adamw", "wd=0,0.1", *FAST]) == 0
        out, err = capsys.readouterr()
        assert "3 runs (3 newly trained)" in out and "1 of 4 combinations are the same run" in err

    def test_interrupted(self, capsys, monkeypatch):
        """Ctrl-C keeps what was finished, and says how to go on."""
        import adamcmp.training.loop as loop

        trained = loop.GroupTraining.run
        calls = []

        def second_is_interrupted(self):
            calls.append(self)
            if len(calls) == 2:
                raise KeyboardInterrupt
            return trained(self)

        monkeypatch.setattr(loop.GroupTraining, "run", second_is_interrupted)
        words = ["sweep", "optimizer=sgd,adam", "wd=0", "study=cut", *FAST]
        assert main(words) == 130
        assert "interrupted" in capsys.readouterr().err
        assert len(listed(capsys, "cut")) == 1
        out = run(capsys, *words)
        assert "2 runs (1 newly trained): 2 done" in out


class TestConfig:
    def test_cfg_shows_the_config_and_trains_nothing(self, capsys, results):
        shown = yaml.safe_load(run(capsys, "run", "--cfg", "job", "optimizer=sgd", "lr=0.3"))
        assert shown["optimizer"]["lr"] == 0.3 and shown["dataset"]["name"] == "mnist1d"
        assert "hydra" not in shown and not results.exists()
        part = yaml.safe_load(run(capsys, "run", "-c", "job", "-p", "optimizer", "--resolve"))
        assert part["betas"] == [0.9, 0.999]
        assert "hydra" in yaml.safe_load(run(capsys, "run", "--cfg", "hydra"))

    def test_own_config_folder(self, capsys, tmp_path):
        folder = tmp_path / "mine" / "optimizer"
        folder.mkdir(parents=True)
        (folder / "paper.yaml").write_text(
            "# AdamW as the paper writes it\n"
            "defaults: [adamw, _self_]\ncoupling: independent\nweight_decay: 0.001\n"
        )  # no name: the label is the file's
        words = ["run", "optimizer=paper", "--json", "--config-dir", "mine", *FAST]
        row = json.loads(run(capsys, *words))
        assert (row["optimizer"], row["coupling"], row["wd"]) == ("paper", "independent", 0.001)
        (folder / "adamw.yaml").write_text("defaults: [sgd]\n")
        assert main(words) == 2
        assert "has the name of one of ours" in capsys.readouterr().err
        assert "AdamW as the paper writes it" in run(
            capsys, "parts", "optimizer", "--config-dir", "mine"
        )

    def test_own_config_group(self, capsys, tmp_path):
        """An experiment that chooses among our groups, in Hydra's way."""
        (tmp_path / "mine" / "experiment").mkdir(parents=True)
        (tmp_path / "mine" / "experiment" / "quick.yaml").write_text(
            "# @package _global_\ndefaults:\n  - override /optimizer: sgd\nseed: 7\n"
        )
        words = ["run", "+experiment=quick", "--json", "--config-dir", "mine", *FAST]
        row = json.loads(run(capsys, *words))
        assert (row["optimizer"], row["rule"], row["seed"]) == ("sgd", "sgd", 7)

    def test_results_by_word_and_environment(self, capsys, tmp_path, monkeypatch):
        run(capsys, "run", "results=elsewhere", *FAST)
        assert (tmp_path / "elsewhere" / "scratch" / "study.yaml").exists()
        assert "scratch" in run(capsys, "ls", "--results", "elsewhere")
        monkeypatch.delenv("ADAMCMP_RESULTS")
        run(capsys, "run", *FAST)
        assert (tmp_path / "results" / "scratch" / "runs").exists()


class TestBrowse:
    def test_ls_studies(self, capsys):
        assert "There are no studies" in run(capsys, "ls")
        run(capsys, "run", "study=one", *FAST)
        run(capsys, "run", "study=two", "optimizer=sgd", *FAST)
        rows = listed(capsys)
        assert [row.split()[:3] for row in rows] == [["one", "1", "1"], ["two", "1", "1"]]
        assert main(["ls", "on"]) == 2
        assert "Did you mean 'one'?" in capsys.readouterr().err

    def test_ls_lists_the_others_beside_a_damaged_study(self, capsys, results):
        run(capsys, "run", "study=one", *FAST)
        run(capsys, "run", "study=two", *FAST)
        (part,) = (results / "one" / "runs").iterdir()
        part.write_bytes(b"")
        assert main(["ls"]) == 2
        out, err = capsys.readouterr()
        assert [row.split()[:2] for row in out.splitlines()[2:]] == [
            ["one", "damaged"],
            ["two", "1"],
        ]
        assert part.name in err and "Traceback" not in err

    def test_ls_filters_over_all_studies(self, capsys):
        run(capsys, "run", "study=one", *FAST)
        run(capsys, "run", "study=two", *FAST)
        run(capsys, "run", "study=two", "optimizer=sgd", *FAST)
        assert [row.split()[0] for row in listed(capsys, "optimizer=adamw")] == ["one", "two"]
        assert len(listed(capsys, "optimizer.betas=[0.9,0.999]")) == 2
        assert main(["ls", "lr<abc"]) == 2
        assert "is not a number" in capsys.readouterr().err

    def test_ls_filters(self, capsys):
        run(capsys, "sweep", "seed=0,1,2", "study=scratch", *FAST)
        assert len(listed(capsys, "scratch", "seed=1")) == 1
        assert len(listed(capsys, "scratch", "model.width=100", "seed>=1")) == 2
        assert "No run in study 'scratch' matches" in run(capsys, "ls", "scratch", "seed=7")
        assert main(["ls", "scratch", "sed=1"]) == 2
        assert "Did you mean 'seed'?" in capsys.readouterr().err
        assert main(["ls", "scratch", "seed"]) == 2

    def test_show(self, capsys):
        row = json.loads(run(capsys, "run", "--json", *FAST))
        for name in (row["run_id"], row["run_id"][:5], f"scratch/{row['run_id'][:4]}"):
            out = run(capsys, "show", name)
            assert row["run_id"] in out and "torch_version" in out and "optimizer.betas" in out
            assert "epochs" in out.splitlines()[-2] and "\x1b" not in out
        run(capsys, "run", *FAST, "study=second")
        assert main(["show", row["run_id"][:4]]) == 2
        assert "2 runs begin with" in capsys.readouterr().err

    def test_show_reads_past_another_study_that_is_damaged(self, capsys, results):
        row = json.loads(run(capsys, "run", "--json", *FAST))
        run(capsys, "run", *FAST, "study=hurt", "seed=1")
        (part,) = (results / "hurt" / "runs").iterdir()
        part.write_bytes(part.read_bytes()[:-100])
        assert row["run_id"] in run(capsys, "show", row["run_id"])
        for wanted in ("hurt/1", "zzzz"):
            assert main(["show", wanted]) == 2
            assert "is damaged" in capsys.readouterr().err

    def test_words_of_the_next_command_name_the_folder(self, capsys):
        words = ["seed=0,1", "study=two", "results='else where'", *FAST]
        said = run(capsys, "sweep", *words)
        assert "`adamcmp report two --results 'else where'` compares the optimizers." in said
        assert main(["report", "two", "--results", "else where"]) == 0

    def test_components_lists_every_yaml(self, capsys):
        out = run(capsys, "components")
        assert out == run(capsys, "parts")
        import adamcmp.configs

        files = Path(adamcmp.configs.__file__).parent.glob("*/*.yaml")
        for file in (file for file in files if file.parent.name != "study"):
            (line,) = [x for x in out.splitlines() if x.split()[:1] == [file.stem]]
            assert len(line.split(None, 1)[1]) > 10, (
                f"{file} needs a first line that says what it is"
            )

    def test_a_closed_pipe_is_no_error(self, capsys):
        run(capsys, "run", *FAST)
        done = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m adamcmp parts | head -1"],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert done.stderr == "" and done.stdout == "dataset=\n"


class TestCompletion:
    @pytest.mark.parametrize(
        ("line", "expected"),
        [
            ("adamcmp r", {"run", "report"}),
            (
                "adamcmp run optimizer=ad",
                {"optimizer=adam", "optimizer=adam_l2", "optimizer=adamw"},
            ),
            ("adamcmp sweep --json schedule=one", {"schedule=one_cycle"}),
            ("adamcmp run optimizer=sgd optimizer.nest", {"optimizer.nesterov="}),
            ("adamcmp run w", {"wd=", "workers="}),
            ("adamcmp run optimizer.bet", {"optimizer.betas="}),
            ("adamcmp run --js", {"--json"}),
            ("adamcmp sweep see", {"seed=", "seeds="}),
            ("adamcmp study tu", {"tuned"}),
            ("adamcmp study tuned --dr", {"--dry-run"}),
            ("adamcmp parts sch", {"schedule"}),
            ("adamcmp run lr=", set()),
            (
                "adamcmp sweep sampler=",
                {f"sampler={s}" for s in ("random", "sobol", "tpe", "cmaes")},
            ),
            ("adamcmp run optimizer.coupling=in", {"optimizer.coupling=independent"}),
            ("adamcmp run dataset.shuffled=t", {"dataset.shuffled=true"}),
            ("adamcmp run optimizer=nope optimizer.nest", set()),
        ],
    )
    def test_candidates(self, line, expected):
        found = candidates(line)
        assert set(found) == expected

    def test_studies(self, capsys):
        run(capsys, "run", "study=mine", *FAST)
        assert candidates("adamcmp report m") == ["mine"]
        assert "mine" in candidates("adamcmp ls ")
        assert candidates("adamcmp extend m") == ["mine"]
        assert candidates("adamcmp sweep study=m") == ["study=mine"]

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("adamcmp run optimizer=adamw sched", ["schedule.", "schedule="]),
            ("adamcmp run optimizer=amsgradw", ["amsgradw"]),  # bash cuts words at "="
            ("adamcmp re", ["report"]),
        ],
    )
    def test_in_bash(self, typed, expected):
        script = f"""
        set -e
        adamcmp() {{ {sys.executable} -m adamcmp "$@"; }}
        eval "$(adamcmp completion bash)"
        COMP_LINE={typed!r} COMP_POINT={len(typed)}
        read -ra COMP_WORDS <<< "${{COMP_LINE//=/ = }}"
        COMP_CWORD=$(( ${{#COMP_WORDS[@]}} - 1 ))
        compopt() {{ :; }}
        _adamcmp
        printf '%s\\n' "${{COMPREPLY[@]}}"
        """
        done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
        assert sorted(done.stdout.split()) == expected

    @pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed")
    def test_in_zsh(self):
        script = f"""
        adamcmp() {{ {sys.executable} -m adamcmp "$@" }}
        compdef() {{ :; }}
        eval "$(adamcmp completion zsh)"
        compadd() {{ shift 4; print -l -- "$@" }}
        BUFFER='adamcmp run optimizer=adam_' CURSOR=27
        _adamcmp
        """
        done = subprocess.run(["zsh", "-fc", script], capture_output=True, text=True, check=True)
        assert done.stdout.split() == ["optimizer=adam_l2"]


def test_a_terminal_shows_a_bar():
    """In a terminal: loss, accuracy and gap while it trains; nothing of it on stdout."""
    pty = pytest.importorskip("pty")
    termios = pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 120))
    words = ["run", *SMALL, "steps=300", "eval.every_steps=20"]
    done = subprocess.run(
        [*PYTHON, *words], stdout=subprocess.PIPE, stderr=theirs, text=True, check=True
    )
    os.set_blocking(ours, False)
    shown = os.read(ours, 1 << 16).decode()
    assert all(word in shown for word in ("loss 0.", "acc 0.", "gap ", "%|"))
    assert "%|" not in done.stdout and "300 steps" in done.stdout
