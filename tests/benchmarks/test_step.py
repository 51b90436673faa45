"""benchmarks/step.py compares equals: its three formulations have one gradient."""

import pytest
import torch

from benchmarks import step


@pytest.mark.parametrize("at", ["input", "conv1"])
def test_the_formulations_agree(at):
    problem = step.make_problem(torch.float64, positives=1, negatives=1)
    ours = step.Ours(problem, at).gradient()
    for loss in (step.tuned_loss, step.reference_loss):
        assert step.difference(ours, step.Autograd(loss, problem, at).gradient()) < 1e-7
