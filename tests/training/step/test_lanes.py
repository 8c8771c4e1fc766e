"""The state of lanes: steps, evaluations, checkpoints, lanes that leave."""

import pytest
import torch

from adamcmp.training.engines.torch_internals import tree_flatten
from adamcmp.training.engines.traced import BoundFunction
from adamcmp.training.step.executables import Executables
from tests.support.lanes import group_training

SEEDS = ["seed=0,1,2", "optimizer=adamw"]


def bits(lanes):
    """Return copies of the tensors of the state."""
    return [tensor.clone() for tensor in tree_flatten(lanes.state)[0]]


def test_training_continues_from_a_state(specs):
    """In a group of other lanes, in another order."""
    whole = group_training(specs, *SEEDS)
    chunk = whole.chunk(0)
    whole.lanes.steps(chunk, 3)
    saved = whole.lanes.state_dict()
    some = group_training(specs, "seed=2,0", "optimizer=adamw")
    some.lanes.load_state_dict(saved, [2, 0])
    for tensor, same in zip(bits(some.lanes), bits(whole.lanes), strict=True):
        assert torch.equal(tensor, same[[2, 0]])


def test_lanes_that_are_kept_are_unchanged(specs):
    training = group_training(specs, *SEEDS)
    before = bits(training.lanes)
    training.lanes.select([2, 1])
    assert training.lanes.seeds == [2, 1]
    for tensor, same in zip(bits(training.lanes), before, strict=True):
        assert torch.equal(tensor, same[[2, 1]])


def test_a_loss_above_the_bound_marks_the_lane(specs):
    training = group_training(specs, *SEEDS)
    lanes = training.lanes
    lanes.state["bound"][1] = 0.0
    for begin in (1, 2):
        lanes.steps(training.chunk(0), begin)
    assert lanes.state["stopped"].tolist() == [-1, 0, -1]  # the first step counts


def test_results_are_those_of_the_last_step(specs):
    training, single = (group_training(specs, *SEEDS) for _ in range(2))
    result = training.lanes.steps(training.chunk(0), 2)
    single.lanes.steps(single.chunk(0), 1)
    again = single.lanes.steps(single.chunk(1), 1)
    assert torch.equal(result.loss_M, again.loss_M)
    assert torch.equal(result.grad_norm_M, again.grad_norm_M)
    assert torch.equal(result.update_norm_M, again.update_norm_M)


@pytest.mark.parametrize("batch_size", [7, 100])
def test_measures_do_not_depend_on_the_batch_size(batch_size, specs):
    one, other = (group_training(specs, *SEEDS) for _ in range(2))
    examples = one.data.train
    expected = one.lanes.measure(examples, len(examples), keep_outcomes=True)
    measured = other.lanes.measure(examples, batch_size, keep_outcomes=True)
    torch.testing.assert_close(measured.weighted_M, expected.weighted_M)
    torch.testing.assert_close(measured.loss_M, expected.loss_M, rtol=1e-5, atol=0)
    assert torch.equal(measured.error_M, expected.error_M)
    assert torch.equal(measured.wrong_MN, expected.wrong_MN)


def test_outcomes_are_kept_on_request(specs):
    training = group_training(specs, *SEEDS)
    examples = training.data.train
    assert training.lanes.measure(examples, 7).loss_MN is None
    measured = training.lanes.measure(examples, 7, keep_outcomes=True)
    assert measured.wrong_MN.shape == (3, len(examples))
    assert torch.equal(measured.wrong_MN.sum(1).double(), measured.error_M)
    sums = measured.loss_MN.double().sum(1)
    torch.testing.assert_close(sums, measured.loss_M, rtol=2**-11, atol=0)


def test_outcomes_are_copies_of_outputs_that_a_cuda_graph_overwrites(specs, monkeypatch):
    training = group_training(specs, *SEEDS)
    examples = training.data.train
    expected = training.lanes.measure(examples, 7, keep_outcomes=True)
    bind = Executables.bind

    def overwriting(self, *arguments):
        execute, outputs = bind(self, *arguments).execute, []

        def replay(*inputs):
            results = execute(*inputs)
            outputs.extend(result.clone() for result in results[len(outputs) :])
            for output, result in zip(outputs, results, strict=True):
                output.copy_(result)
            return outputs

        return BoundFunction(replay, replay)

    monkeypatch.setattr(Executables, "bind", overwriting)
    measured = training.lanes.measure(examples, 7, keep_outcomes=True)
    assert torch.equal(measured.wrong_MN, expected.wrong_MN)
    assert torch.equal(measured.loss_MN, expected.loss_MN)


def test_sizes_and_norms(specs):
    lanes = group_training(specs, *SEEDS).lanes
    params = list(lanes.state["params"].values())
    assert lanes.parameter_count * 3 == sum(param.numel() for param in params)
    squares = sum(param.square().flatten(1).sum(1) for param in params)
    torch.testing.assert_close(lanes.param_norm(), squares.sqrt())
    assert lanes.nbytes == sum(tensor.nbytes for tensor in bits(lanes))
