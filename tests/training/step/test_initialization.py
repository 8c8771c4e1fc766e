"""Initial networks and states of lanes."""

import torch

from adamcmp.platform.random_streams import stream_seed
from adamcmp.training.step.initialization import initial_networks, initial_state
from tests.support.lanes import step_config


def test_weights_depend_on_the_seed_only(specs):
    config = step_config(specs)
    three, one = initial_networks(config, [0, 1, 2]).params, initial_networks(config, [1]).params
    for name, param in three.items():
        assert param.shape[0] == 3 and torch.equal(param[1], one[name][0])
    assert not torch.equal(*next(iter(three.values()))[:2])


def test_the_global_generator_is_unchanged(specs):
    config = step_config(specs)
    before = torch.get_rng_state()
    initial_networks(config, [0])
    assert torch.equal(torch.get_rng_state(), before)


def test_keys_of_dropout_are_no_buffers(specs):
    config = step_config(specs, "model.norm=batch", "model.dropout=0.5")
    initial = initial_networks(config, [0, 1])
    assert initial.dropout_keys and not {*initial.dropout_keys} & initial.buffers.keys()
    assert any("running_mean" in name for name in initial.buffers)
    assert initial.params.keys() == dict(initial.network.named_parameters()).keys()


def test_a_frozen_parameter_is_a_buffer(specs, tmp_path):
    (tmp_path / "frozenbias.py").write_text(
        "import torch\n"
        "class Net(torch.nn.Linear):\n"
        "    def __init__(self, inputs, outputs):\n"
        "        super().__init__(inputs[0], outputs)\n"
        "        self.bias.requires_grad_(False)\n"
    )
    config = step_config(specs, "model=custom", "model.target=frozenbias.Net", fused=False)
    initial = initial_networks(config, [0])
    assert [*initial.params] == ["weight"] and [*initial.buffers] == ["bias"]


def test_the_state_has_a_key_for_each_stream_that_steps_draw_from(specs):
    for overrides, streams in (([], []), (["model.dropout=0.5"], ["dropout"])):
        config = step_config(specs, *overrides)
        initial = initial_networks(config, [3, 4])
        state = initial_state(config, [3, 4], initial.params, initial)
        assert list(state["keys"]) == streams
        for stream in streams:
            assert state["keys"][stream].tolist() == [stream_seed(s, stream) for s in (3, 4)]
        assert state["stopped"].tolist() == [-1, -1] and state["bound"].isinf().all()
