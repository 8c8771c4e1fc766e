"""Names of studies."""

import pytest

from adamcmp.cli import main
from adamcmp.config import Composer
from adamcmp.errors import ConfigError


class TestNames:
    def test_readable(self, composer):
        def name(overrides):
            return composer.sweep(overrides.split()).location.study

        overrides = "optimizer=adam_l2,adamw lr=logspace(1e-4,1e-1,5)"
        readable = name(overrides)
        assert readable.startswith("optimizer-adam_l2-adamw_lr-0.0001..0.1_")
        # Names do not depend on the order and form of overrides, on seeds, or on settings that
        # change no number.
        assert readable == name("lr=1e-1,1e-2,0.000562341,1e-4,0.0177828,0.00316228"
                             .replace("1e-2,0.000562341", "0.000562341") + " optimizer=adamw,adam_l2")  # fmt: skip
        assert (
            readable
            == name(f"{overrides} seeds=5 workers=1")
            == name(f"seed=3 {overrides} results=r")
        )
        others = ["lr=1", "wd=1", "dtype=float64", "lr,wd=1:1", "optimizer=sgd"]
        assert len({readable, *(name(f"{overrides} {other}") for other in others[1:3])}) == 3
        assert len({name(other) for other in others}) == len(others)
        assert name("seeds=2").startswith("defaults_")

    def test_any_overrides_give_a_folder_name(self, composer):
        many = ["optimizer=glob(sgd*)", "dataset=glob(*1d),digits", "lr=0.1,2",
                "optimizer.decay_filter=all,no_bias_norm", "eval.every=1,2", "schedule=cosine,step",
                "optimizer.name='a/b c',\"é\"", "~model.norm", "+dataset.validation=0.2"]  # fmt: skip
        for n in range(1, 8):
            name = composer.sweep([*many[:n], "seeds=2"]).location.study
            assert len(name) <= 64 and name.isascii() and not set(name) & set("/ +~'=")

    def test_an_explicit_name_takes_precedence(self, composer, tmp_path):
        assert composer.sweep(["study=mine", "lr=1,2"]).location.study == "mine"
        assert composer.run(["lr=1"]).location.study == "scratch"
        assert composer.sweep(["study=null", "lr=1,2"]).location.study.startswith("lr-1-2_")
        (tmp_path / "experiment").mkdir()
        (tmp_path / "experiment" / "own.yaml").write_text("# @package _global_\nstudy: theirs\n")
        user_composer = Composer(str(tmp_path))
        assert user_composer.sweep(["+experiment=own", "lr=1,2"]).location.study == "theirs"
        assert user_composer.sweep(["+experiment=own", "lr=1,2", "study=x"]).location.study == "x"

    def test_more_seeds_extend_the_same_study(self, capsys, results):
        small = ["dataset=teacher", "steps=2", "model=logistic", "lr=0.1,0.2"]
        assert main(["sweep", "-q", "seeds=1", *small]) == 0
        assert main(["sweep", "-q", "seeds=2", *small]) == 0
        assert "4 runs (2 newly trained)" in capsys.readouterr().out
        assert len(list(results.iterdir())) == 1

    def test_study_is_no_config_group(self, tmp_path, capsys):
        """Files in the folder `study` of a config folder are no choices of the setting `study`."""
        (tmp_path / "study").mkdir()
        (tmp_path / "study" / "foo.yaml").write_text("blocks: {a: {lr: 1}}\n")
        user_composer = Composer(str(tmp_path))
        for name in ("foo", "other"):
            assert user_composer.run([f"study={name}"]).location.study == name
            assert user_composer.sweep([f"study={name}", "lr=1,2"]).location.study == name
            assert f"\nstudy: {name}\n" in user_composer.config_yaml(
                [f"study={name}", "lr=1"], "all"
            )
        with pytest.raises(ConfigError, match="belong to one study"):
            user_composer.sweep(["study=foo,other"])
        assert main(["run", "--cfg", "all", "--config-dir", str(tmp_path), "study=foo"]) == 0
        assert "\nstudy: foo\n" in capsys.readouterr().out
