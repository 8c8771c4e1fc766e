"""Bad input: one or two clear lines with what would be right, exit 2, no traceback, nothing written.

Each row is a command, and what its message must say.
"""

import shlex
from pathlib import Path

import pytest

from adamcmp.cli import main

TABLE = [
    # ranges and types
    ("run wd=-1", "wd=-1: should be at least 0"),
    ("run lr=abc", "lr=abc: should be a number"),
    ("run lr=nan", "lr=nan: should be a finite number"),
    ("run lr=inf", "lr=inf: should be a finite number"),
    ("run eval.every_steps=99999999999999999999", "eval.every_steps=99999999999999999999: a whole number is at most 9,223,372,036,854,775,807."),
    ("run seed=9223372036854775808", "a whole number is at most 9,223,372,036,854,775,807."),
    (f"run seed={'9' * 5000}", f"adamcmp: seed={'9' * 95}…: the number has too many digits."),
    ("sweep lr=1e-3..1e-1", "lr=1e-3..1e-1: several values are lr=logspace(1e-3,1e-1,5), or a list such as lr=1e-3,1e-1."),
    ("sweep 'lr=(1e-3,1e-1)'", "Several values are a list such as lr=1,2, or a function such as linspace."),
    ("run dataset=csv dataset.path=c,d.csv", """Text with a comma needs quotes: 'dataset.path="c,d.csv"'"""),
    ("run dataset=csv dataset.path=~data.csv dataset.target=y", "dataset.path=~data.csv: there is no such file."),
    ("run wd=0:0.1", "wd=0:0.1: several values are wd=linspace(0,0.1,5)"),
    ("run --cfg job epochs=3 steps=10", "epochs=3 and steps=10: set only one of them."),
    ("run lr=true", "lr=true: should be a number"),
    ("run lr=null", "lr=null: should be a number"),
    ("run optimizer.betas=[0.9]", "optimizer.betas=[0.9]: has too few values: 2 are needed"),
    ("run optimizer.betas=[0.9,0.99,0.9]", "optimizer.betas=[0.9, 0.99, 0.9]: has too many values"),
    ("run optimizer.betas=[0.9,1.5]", "optimizer.betas=[0.9, 1.5]: should be less than 1"),
    ("run optimizer.betas=0.9", "optimizer.betas=0.9: should be a list, like [0.9,0.999]"),
    ("run epochs=0", "epochs=0: should be at least 1"),
    ("run epochs=1.5", "epochs=1.5: should be a whole number"),
    ("run seed=1.5", "seed=1.5: should be a whole number"),
    ("run seed=-1", "seed=-1: should be at least 0"),
    ("run batch_size=0", "batch_size=0: should be at least 1"),
    ("run batch_size=99999", "batch_size=99999: mnist1d trains on 3600 examples"),
    ("run grad_clip=0", "grad_clip=0: should be greater than 0"),
    ("run eval.every=0", "eval.every=0: should be greater than 0"),
    ("run dtype=float16", "dtype=float16: should be one of auto, float32, float64, bf16. Did you mean"),
    ("run optimizer.amsgrad=maybe", "optimizer.amsgrad=maybe: should be true or false"),
    ("run optimizer.coupling=decupled", "Did you mean 'decoupled'?"),
    ("run +lr=0.1", "+optimizer.lr already exists: leave out the +"),
    ("run hydra.run.dir=x", "Hydra's settings have no effect"),
    ("run --cfg job lr=1e-3,1e-2", "--cfg shows one"),
    ("run eval.train_examples=99999", "eval.train_examples=99999: mnist1d trains on 3600 examples"),
    ("run model=custom model.target=torch.nn.ReLU", "has no parameters to train"),
    ("run model=custom model.target=torch.nn.Linear +model.in_features=40 +model.out_features=9", "should have shape (2, 10), not (2, 9)"),
    ("run model=custom model.target=torch.nn.Linear +model.in_features=41 +model.out_features=9", "fails on examples of shape (40,)"),
    ("run dataset.validation=1", "dataset.validation=1: should be less than 1"),
    ("run optimizer=sgd optimizer.nesterov=true optimizer.momentum=0", "nesterov=true needs momentum > 0"),
    ("run optimizer=rprop optimizer.coupling=decoupled wd=0.1", "coupling=decoupled does not apply to rule=rprop: it finds a step size"),
    ("run optimizer=rprop 'optimizer.step_sizes=[1,0.1]'", "step_sizes=[1.0, 0.1]: the first must be the smaller"),
    ("run optimizer=sgd optimizer.sam_adaptive=true", "sam_adaptive=true has no effect with sam_rho=0: set sam_rho"),
    ("sweep optimizer.lookahead_alpha=0.3,0.5", "lookahead_alpha=0.3 has no effect with lookahead_steps=0: set lookahead_steps"),
    ("run optimizer=adam wd=0.1", "weight_decay=0.1 has no effect: coupling=none has no weight decay"),
    ("run dataset=teacher dataset.task=regression", "use loss=mse"),
    # inspections
    ("inspect torch.optim.AdamV", "torch.optim has no 'AdamV'. Did you mean"),
    ("inspect torch.nn.Linear", "torch.nn.Linear should be a class derived from torch.optim.Optimizer"),
    ("inspect torch.optim.AdamW lr=-1", "refuses lr=-1 (ValueError: Invalid learning rate: -1). Its arguments are NAME=VALUE, and"),
    ("inspect torch.optim.SGD lr=0 momentum=0.9", "lr=0: should not be 0"),
    ("inspect torch.optim.AdamW weight_decay=abc", "torch.optim.AdamW refuses weight_decay='abc' (TypeError"),
    ("inspect torch.optim.AdamW betas=0.9", "torch.optim.AdamW refuses betas=0.9 (TypeError"),
    ("inspect adamw 0.1", "0.1: should be NAME=VALUE."),
    # conversions
    ("convert wd=0.1 --from decoupled --to independent", "The conversion from decoupled to independent also needs --lr."),
    ("convert wd=0.1 --from decoupld", "There is no convention 'decoupld'. Did you mean 'decoupled'?"),
    ("convert lr=0.1 --from l2", "lr=0.1: should be wd=NUMBER, such as wd=0.1."),
    ("convert wd=0 --from l2", "wd=0: should be a finite number greater than 0."),
    ("convert wd=0.1 --from l2 --epochs inf", "epochs=inf: should be a finite number greater than 0."),
    ("convert wd=1e308 --from independent --lr 1e-10 --json", "in the convention l2 is beyond the range of numbers."),
    ("convert wd=0.1 --from norm", "the couplings none and norm have no coefficient."),
    ("convert", "the following arguments are required: wd=VALUE, --from"),
    ("convert wd=0.1", "the following arguments are required: --from"),
    ("run optimizer=sgd wd_schedule=cosine", "wd_schedule=cosine has no effect with wd=0: set wd="),
    ("run wd_schedule=cosin", "there is no such wd_schedule. Did you mean 'cosine'?"),
    ("run wd_schedule=cosine wd_schedule.warmup=2", "wd_schedule.warmup=2: should be less than 1"),
    ("run optimizer=torch optimizer.target=torch.optim.SGD wd=0.1 wd_schedule=linear", "only built-in rules have a schedule"),
    ("components --cost", "--cost is for optimizers: `adamcmp components optimizer --cost`"),
    ("run wd_schedule.warmup=0.1", "choose one first, such as wd_schedule=cosine"),
    # classes and rules of the user's code
    ("run optimizer=torch optimizer.target=torch.optim.Muon lr=0.1", "takes only some of the model's parameters. Train the others with another class: optimizer.groups.biases_norms.target=torch.optim.AdamW."),
    ("run optimizer=torch optimizer.target=torch.optim.SGD optimizer.groups.head.target=torch.optim.SGDD lr=0.1", "optimizer.groups.head.target=torch.optim.SGDD: torch.optim has no 'SGDD'. Did you mean 'SGD'?"),
    ("run optimizer=torch optimizer.target=torch.optim.SGD optimizer.groups.head.momentun=0.5 lr=0.1", "optimizer.groups.head.momentun: SGD has no such setting. Did you mean 'momentum'?"),
    ("run optimizer=sgd optimizer.groups.head.target=torch.optim.SGD", "There is no setting 'optimizer.groups.head.target'."),
    ("run optimizer=sgd optimizer.rule=torch.optim.SGD", "should be the dotted path of a class derived from adamcmp.components.optimizers.Rule."),
    ("check tests.support.user_rules.Lion", "a rule is checked by the name of its yaml file"),
    # options
    ("run --jsn", "unrecognized arguments: --jsn. Did you mean '--json'?"),
    ("run --lr 0.01", "--lr: settings have no dashes. Write lr=0.01."),
    ("sweep --lr=0.01,0.1 --seeds 5", "--lr=0.01,0.1: settings have no dashes. Write lr=0.01,0.1."),
    ("run --batch-size epochs=3", "--batch-size: settings have no dashes. Write batch_size=VALUE."),
    ("run --learning-rate 0.01", "Write lr=0.01."),
    ("report first --optimizer adamw", "Write optimizer=adamw."),
    ("report --formt=md", "--formt=md. Did you mean '--format'?"),
    ("report --watch x", "'x' should be a number of seconds from 1 to 86400. `adamcmp report --help`"),
    ("compare --a lr=1", "the following arguments are required: --b"),
    ("show", "the following arguments are required: RUN"),
    ("completion tcsh", "invalid choice: 'tcsh' (choose from 'bash', 'zsh')"),
    # names
    ("run optimzer=adam", "no setting 'optimzer'. Did you mean 'optimizer'?"),
    ("run optimizer=adamv", "optimizer=adamv: there is no such optimizer. Did you mean 'adam"),
    ("run select=rmse", "select=rmse: the dataset is a classification problem: use select=loss or error or balanced_error"),
    ("run select=accuracy", "select=accuracy: should be one of error, balanced_error, loss, rmse"),
    ("run dataset=nope", "dataset=nope: there is no such dataset. Choose from: cifar10,"),
    ("run model=mpl", "Did you mean 'mlp'?"),
    ("run optimizer.momentum=0.9", "no setting 'optimizer.momentum' of optimizer=adamw. Settings: coupling, lr, weight_decay"),
    ("run optimizer.bets=[0.9,0.9]", "Did you mean 'optimizer.betas'?"),
    ("run logger=tensorbord", "logger=tensorbord: there is no such logger. Did you mean 'tensorboard'?"),
    ("run logger=wandb logger.project=x", "no setting 'logger.project'"),
    ("run +optimizer.foo=1", "no setting 'optimizer.foo'. optimizer has: "),
    ("run +foo=1", "There is no setting 'foo'. `adamcmp run --cfg job` shows all settings."),
    ("run learning_rate=0.1", "Did you mean 'lr'?"),
    ("run opt=adamw", "Did you mean 'optimizer'?"),
    ("run random_seed=1", "Did you mean 'seed'?"),
    ("run beta1=0.8", "Did you mean 'optimizer.betas'?"),
    ("run weight_decay=0.1", "Did you mean 'wd'?"),
    ("run optimizer.learning_rate=0.1", "Did you mean 'optimizer.lr'?"),
    ("run epoch=3", "Did you mean 'epochs'?"),
    ("run ~optimizer", "optimizer is needed"),
    ("run ~dataset", "one dataset is needed"),
    ("run dataset=[digits,teacher]", "one dataset is needed"),
    ("run ~nothing", "no setting 'nothing'"),
    ("run optimizer.name.foo=1", "no setting 'optimizer.name.foo'"),
    ("run optimizer=", "optimizer="),
    ("run dataset=csv", "dataset.path is needed: the file to read"),
    ("run dataset=csv dataset.path=ü=b.csv dataset.target=y", "dataset.path=ü=b.csv: there is no such file"),
    ("run dataset=csv dataset.target=y \"dataset.path=it's.csv\"", "dataset.path=it's.csv: there is no such file"),
    ("run dataset=csv dataset.path=no.csv dataset.target=y", "dataset.path=no.csv: there is no such file"),
    ("run dataset=mnist", "is missing. Add download=true"),
    ("run optimizer=torch", "optimizer.target is needed: the dotted path of a class"),
    ("run model=custom model.target=os.system", "derived from torch.nn.Module"),
    ("run model=cnn", "model=cnn needs images"),
    # devices and folders
    ("run device=cuda", "device=cuda: torch finds no CUDA GPU on this machine. Use device=cpu"),
    ("run device=gpu", "device=gpu: should be one of auto, cpu, cuda"),
    ("run study=../evil", "study=../evil: should be a plain folder name"),
    ("run study=a/b", "study=a/b: should be a plain folder name"),
    ("run study=..", "study=..: should be a plain folder name"),
    (f"run study={'a' * 300}", f"study={'a' * 100}…: should be a plain folder name of at most 64"),
    ("run study=Überschrift", "study=Überschrift: should be a plain folder name"),
    ("run study=CON", "study=CON: should be a plain folder name"),
    ("run study=", "study=: should be a plain folder name"),
    ("run 'study=\"a b\"'", "study=a b: should be a plain folder name"),
    ("run results=''", "results=: should be the path of a folder"),
    ("parts --config-dir nowhere", "--config-dir nowhere: there is no such folder"),
    ("run --config-dir nowhere", "--config-dir nowhere: there is no such folder"),
    # grammar
    ("run lr=1e-3,1e-2", "lr=1e-3,1e-2: `run` trains one run, and --cfg shows one. For several values use `adamcmp sweep`"),
    ("run 'seed=range(3)'", "use `adamcmp sweep`"),
    ("run lr", "Cannot read 'lr'"),
    ("run 'lr=[1'", "Cannot read 'lr=[1'"),
    ("run model=custom +model.path=a=b", """quotes: '+model.path="a=b"'"""),
    ("run 'lr=${nope}'", "nope"),
    ("sweep study=a,b", "belong to one study"),
    ("sweep 'seed=range(0,0)'", "seed=range(0,0): range has no values"),
    ("run loss=mse loss.label_smoothing=0.1", "Settings: none"),
    ("sweep device=cpu,auto", "belong to one study"),
    ("sweep logger=mlflow,wandb", "logger. Set each to one value."),
    ("sweep 'lr=interval(0,1)'", "an interval has no list of values"),
    ("sweep lr=1e-3,-1", "lr=-1: should be at least 0"),
    ("sweep optimizer=adam,adamx", "optimizer=adamx: there is no such optimizer"),
    ("sweep model=mlp,cnn", "model=cnn needs images"),
    # commands and studies
    ("runn", "no command 'runn'. Did you mean 'run'?"),
    ("optimizer=adam", "Did you mean 'adamcmp run optimizer=adam'?"),
    ("plot heatmp", "Did you mean 'heatmap'?"),
    ("study tuend", "Did you mean 'tuned'?"),
    ("study configs/tuned", "a path ends in .yaml"),
    ("study configs/tuned.yaml", "There is no study file configs/tuned.yaml: looked for /"),
    ("report", "There are no studies in /"),
    ("ls nope --results elsewhere", "elsewhere. `adamcmp run` creates one. --results FOLDER or ADAMCMP_RESULTS selects"),
    ("report nope", "There are no studies in"),
    ("compare nope --a optimizer=adamw --b optimizer=sgd", "There are no studies in"),
    ("ls nope", "There are no studies in"),
    ("show 12ab", "There is no run '12ab'"),
    ("parts optimiser", "no group 'optimiser'. Did you mean 'optimizer'?"),
    # experiments
    ("equivalence sdg", "optimizer=sdg: there is no such optimizer. Did you mean 'sgd'?"),
    ("equivalence sgd:momentm=0", "Did you mean 'optimizer.momentum'?"),
    ("equivalence sgd:momentum", "'momentum' should be SETTING=VALUE"),
    ("equivalence optimizer=sgd", "optimizer=sgd: write the optimizer's name only, as in sgd."),
    ("equivalence sgd lr=1,2", "lr=1,2: `run` trains one run"),
    ("equivalence sgd lr=1e200 steps=2 dataset=teacher", "training diverges. Choose a smaller lr"),
    ("equivalence sgd device=cuda", "device=cuda: experiments run with device=cpu. Leave it out."),
    ("equivalence sgd engine=compiled", "experiments run with engine=eager"),
    ("landscape quadratc", "There is no function 'quadratc'. Did you mean 'quadratic'?"),
    ("landscape quadratic:condition=0", "quadratic.condition=0: should be at least 1."),
    ("landscape quadratic:cond=2", "Did you mean 'condition'?"),
    ("landscape beale sgd --start 1", "--start 1: should be two numbers, such as --start=-1.5,2"),
    ("landscape beale sgd --start=nan,1", "--start nan,1: should be two numbers"),
    ("landscape beale --out x.jpg", "--out x.jpg: the file's name must end in .png, .svg, .pdf, .gif, .mp4"),
    ("landscape beale adam wd=0.1", "weight_decay=0.1 has no effect: coupling=none has no weight decay"),
    ("equivalence --check sgd", "--check takes neither optimizers nor overrides nor --out."),
    ("run --cfg job -p nope", "--package nope: the config has no such section"),
]  # fmt: skip


@pytest.mark.parametrize(("command", "message"), TABLE, ids=[row[0] for row in TABLE])
def test_bad_input(command, message, capsys, results, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    before = sorted(Path.cwd().rglob("*"))
    assert main(shlex.split(command)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert "Traceback" not in err and 1 <= len(err.strip().splitlines()) <= 2
    assert err.startswith("adamcmp: ")
    assert sorted(Path.cwd().rglob("*")) == before
    assert not results.exists()


@pytest.mark.parametrize(
    ("text", "message"),
    [("{a: [", "A yaml file cannot be read"), ("name: adamw\nrule: sdg\n", "Did you mean 'sgd'")],
)
def test_bad_yaml_of_the_user(text, message, tmp_path, capsys):
    (tmp_path / "mine" / "optimizer").mkdir(parents=True)
    (tmp_path / "mine" / "optimizer" / "own.yaml").write_text(text)
    assert main(["run", "optimizer=own", "--config-dir", "mine"]) == 2
    err = capsys.readouterr().err
    assert message in err and "Traceback" not in err


def test_no_command(capsys):
    assert main([]) == 2
    assert "usage: adamcmp" in capsys.readouterr().out


def test_other_numerics_in_one_study(capsys):
    small = ["run", "dataset=teacher", "steps=2"]
    assert main(small) == 0
    assert main([*small, "dtype=float64"]) == 2
    assert "was created with dtype=float32" in capsys.readouterr().err
    assert main([*small, "threads=2"]) == 2
    assert main([*small, "dtype=float64", "study=other"]) == 0
    # Settings that are not given are those of the study.
    assert main([*small, "seed=1", "study=other"]) == 0
