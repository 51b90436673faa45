"""benchmarks/step.py compares equals: its three formulations have one gradient."""

import pytest
import torch

from benchmarks import step
from tracker.backprop import Linearisation
from tracker.vggm import VGGM


@pytest.mark.parametrize("at", ["input", "conv1"])
def test_the_formulations_agree(at):
    problem = step.make_problem(torch.float64, positives=1, negatives=1)
    linearisation = Linearisation(VGGM(problem.weights, dtype=torch.float64), at, 2)
    losses = (step.our_loss(problem, linearisation), step.tuned_loss(problem, at), step.reference_loss(problem, at))
    assert len({round(loss.item(), 6) for loss in losses}) == 1
    ours, *others = [list(torch.autograd.grad(loss, problem.head.parameters)) for loss in losses]
    assert all(step.difference(ours, theirs) < 1e-7 for theirs in others)
