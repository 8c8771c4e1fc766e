"""``adamcmp sweep``."""

import json

from adamcmp.cli import main
from tests.support.commands import listed, run
from tests.support.studies import THREE_STEPS


def test_grid_of_hydras_grammar(capsys):
    overrides = ["optimizer=adam_l2,adamw", "lr=1e-3,1e-2", "seed=range(0,2)", "wd=choice(0,0.1)"]
    out = run(capsys, "sweep", *overrides, "study=g", *THREE_STEPS)
    assert "16 runs (16 newly trained): 16 done" in out
    assert "8 runs (0 newly trained)" in run(
        capsys, "sweep", *overrides[1:], "study=g", *THREE_STEPS
    )
    assert len(listed(capsys, "g", "optimizer=adamw", "wd=0.1")) == 4
    assert len(listed(capsys, "g", "lr<0.005", "seed!=0")) == 4
    wider = json.loads(
        run(
            capsys,
            "sweep",
            "--json",
            "seed=range(3)",
            *overrides[:2],
            overrides[3],
            "study=g",
            *THREE_STEPS,
        )
    )
    assert (wider["runs"], wider["trained"]) == (24, 8)


def test_an_optimizer_without_decay_in_a_grid_with_decay(capsys):
    assert main(["sweep", "optimizer=adam,adamw", "wd=0,0.1", *THREE_STEPS]) == 0
    out, err = capsys.readouterr()
    assert "3 runs (3 newly trained)" in out and "1 of 4 combinations are the same run" in err


def test_interrupted(capsys, monkeypatch):
    """Ctrl-C keeps what was finished, and says how to go on."""
    import adamcmp.training.loop as loop

    trained = loop.GroupTraining.run
    calls = []

    def second_is_interrupted(training):
        calls.append(training)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return trained(training)

    monkeypatch.setattr(loop.GroupTraining, "run", second_is_interrupted)
    overrides = ["sweep", "optimizer=sgd,adam", "wd=0", "study=cut", *THREE_STEPS]
    assert main(overrides) == 130
    assert "interrupted" in capsys.readouterr().err
    assert len(listed(capsys, "cut")) == 1
    out = run(capsys, *overrides)
    assert "2 runs (1 newly trained): 2 done" in out


def test_the_suggested_command_names_the_folder(quick_reports, capsys):
    overrides = ["seed=0,1", "study=two", "results='else where'", *THREE_STEPS]
    out = run(capsys, "sweep", *overrides)
    assert "`adamcmp report two --results 'else where'` reports on it." in out
    out = run(capsys, "sweep", *overrides, "optimizer=sgd")
    assert "`adamcmp report two --results 'else where'` compares the optimizers." in out
    assert main(["report", "two", "--results", "else where"]) == 0


def test_a_plan_without_jobs_cannot_be_detached(capsys, results):
    assert main(["sweep", *THREE_STEPS, "study=s", "--plan-only", "--detach"]) == 2
    assert "Remove --plan-only or --detach" in capsys.readouterr().err and not results.exists()
