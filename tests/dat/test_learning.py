from dataclasses import replace

import numpy as np
import pytest
import torch

from tracker.dat.attention import evidence_maps, gradient_maps, head_gradients, regulariser
from tracker.dat.head import Head
from tracker.dat.learning import Learner
from tracker.dat.params import FAST
from tracker.dat.schedule import scheduled
from tracker.features.samples import Memory, Samples

CELLS, CHANNELS = 9, 6
PARAMS = replace(FAST, grid=3, hidden=32, mining_pool=256, mined_negatives=32, batch_negatives=16, batch_positives=16)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(params=PARAMS, seed: int = 0) -> tuple[Head, Learner]:
    rng = np.random.default_rng(seed)
    head = Head(CHANNELS * CELLS, params.hidden, rng)
    return head, Learner(head, lambda g, _: gradient_maps(g, CELLS), params, rng)


def classes(count: int = 200) -> tuple[Samples, Samples]:
    noise = torch.randn(2, count, CHANNELS * CELLS, generator=generator(7))
    return Samples(noise[0] + 1), Samples(noise[1] - 1)


@pytest.mark.parametrize("weight", [0.0, 5.0])
def test_training_separates_the_classes(weight):
    head, learner = make(replace(PARAMS, attention_weight=weight))
    positives, negatives = classes()
    learner.train(positives, negatives, 1e-3, 60)
    assert (head.margins(positives.features) > 0).float().mean() > 0.98
    assert (head.margins(negatives.features) < 0).float().mean() > 0.98


def test_evidence_is_each_cells_part_of_the_taylor_expansion():
    head, _ = make()
    features = torch.randn(5, CHANNELS * CELLS, generator=generator())
    gradients = head_gradients(head, head.activations(head.forward(features).z4)).features
    own = evidence_maps(gradients, features, CELLS)[1]
    # Piecewise linear: without its biases the head's score is exactly A^T I, so scaling a cell changes the score by it.
    for cell in range(CELLS):
        changed = features.unflatten(1, (CELLS, CHANNELS)).clone()
        changed[:, cell] *= 1 + 1e-4
        change = head.forward(changed.flatten(1).double().float()).logits[:, 1] - head.forward(features).logits[:, 1]
        assert (1e4 * change).clamp(min=0).numpy() == pytest.approx(own[:, cell].numpy(), abs=5e-3)


def test_lambda_changes_the_weights_of_all_layers():
    plain, regularised = make(replace(PARAMS, attention_weight=0.0)), make()
    for _, learner in (plain, regularised):
        learner.train(*classes(), 1e-3, 1)
    for name in ("w4", "w5", "w6"):
        without, with_lambda = (getattr(head.layers, name) for head, _ in (plain, regularised))
        assert not torch.allclose(without, with_lambda, atol=1e-7)


def test_training_with_lambda_lowers_the_regulariser():
    positives, negatives = classes()
    values = []
    for weight in (0.0, 5.0):
        head, learner = make(replace(PARAMS, attention_weight=weight))
        learner.train(positives, negatives, 1e-3, 60)
        gradients = head_gradients(head, head.activations(head.forward(positives.features).z4))
        values.append(regulariser(gradient_maps(gradients.features, CELLS), 200).item())
    assert values[1] < 0.9 * values[0]


def test_an_update_ends_when_its_loss_is_small():
    head, learner = make()
    learner.train(*classes(), 1e-3, 60)
    before = head.weights.clone()
    learner.train(*classes(), 1e-3, 60, stop=1e9)
    assert torch.equal(before, head.weights)
    learner.train(*classes(), 1e-3, 1, stop=1e-9)
    assert not torch.equal(before, head.weights)


def test_the_loss_is_the_summed_cross_entropy():
    head, learner = make()
    positives, negatives = classes(3)
    loss, _ = learner.gradient(Samples.join([positives, negatives]), 3, None)
    probability = [head.margins(s.features).sigmoid() for s in (positives, negatives)]
    assert loss == pytest.approx(float(-probability[0].log().sum() - (1 - probability[1]).log().sum()), rel=1e-5)


def test_the_same_seed_gives_the_same_weights():
    heads = []
    for _ in range(2):
        head, learner = make()
        learner.train(*classes(), 1e-3, 5)
        heads.append(head)
    assert torch.equal(heads[0].weights, heads[1].weights)


def test_mining_finds_the_negatives_that_look_like_the_target():
    head, learner = make()
    positives, negatives = classes()
    learner.train(positives, negatives, 1e-3, 40)
    mixed = Samples(torch.cat([negatives.features, positives.features[:10]]))
    mined = learner._mine(mixed)
    margins = head.margins(mixed.features)
    assert len(mined.features) == PARAMS.mined_negatives
    assert head.margins(mined.features).min() >= margins.sort(descending=True).values[PARAMS.mined_negatives - 1] - 1e-5


def test_small_batches_of_samples_suffice():
    head, learner = make()
    before = head.weights.clone()
    positives, negatives = (Samples(torch.randn(count, CHANNELS * CELLS, generator=generator())) for count in (2, 3))
    learner.train(positives, negatives, 1e-3, 3)
    assert head.weights.isfinite().all()
    assert not torch.equal(head.weights, before)


def test_steps_are_those_of_pytorchs_sgd():
    head, learner = make()
    reference = [parameter.clone().requires_grad_() for parameter in head.layers]
    slow, last = reference[:4], reference[4:]
    sgd = torch.optim.SGD(
        [{"params": slow, "lr": 1e-3}, {"params": last, "lr": 1e-3 * PARAMS.last_layer_rate}],
        momentum=PARAMS.momentum,
        weight_decay=PARAMS.weight_decay,
    )
    for step in range(4):
        gradient = torch.randn(head.weights.shape, generator=generator(step)) * (0.001 if step == 2 else 1.0)
        for parameter, part in zip(reference, head.split(gradient), strict=True):
            parameter.grad = part.clone()
        torch.nn.utils.clip_grad_norm_(reference, PARAMS.gradient_clip)
        sgd.step()
        learner._gradients[0].copy_(gradient)
        learner.descend(1e-3)
        for ours, theirs in zip(head.layers, reference, strict=True):
            torch.testing.assert_close(ours, theirs.detach(), rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("apart", [True, False])
def test_a_large_regulariser_takes_nothing_from_the_classification_that_is_clipped_apart(apart):
    head, learner = make(replace(PARAMS, clip_apart=apart, momentum=0.0, weight_decay=0.0, last_layer_rate=1.0))
    before = head.weights.clone()
    classification, penalty = torch.zeros(2, len(before))
    classification[0], penalty[1] = 5.0, 1e4
    terms = torch.stack([classification, penalty])
    learner._gradients.copy_(terms if apart else terms.sum(dim=0, keepdim=True))
    learner.descend(1.0)
    step = before - head.weights
    assert float(step[1]) == pytest.approx(10.0, rel=1e-3)
    assert float(step[0]) == pytest.approx(5.0 if apart else 5e-3, rel=1e-2)


def test_a_regulariser_that_ends_leaves_no_step_behind():
    params = scheduled(PARAMS, attention_weight=lambda frame: 5.0 if frame == 0 else 0.0)
    heads = []
    for begins in (True, False):
        head, learner = make(params)
        for frame in (0, 1) if begins else (1,):
            learner.params = params.at(frame)
            learner.gradient(Samples.join([*classes(6)]), 6, None)
        assert learner.descend(1e-3)
        heads.append(head)
    assert torch.equal(heads[0].weights, heads[1].weights)


def test_the_terms_of_the_gradient_add_up_to_that_of_one_clip():
    batch = Samples.join([*classes(6)])
    learners = [make(replace(PARAMS, clip_apart=apart))[1] for apart in (False, True)]
    whole, parts = (learner.gradient(batch, 6, None)[1] for learner in learners)
    assert len(whole) == 1 and len(parts) == 2
    for one, classification, penalty in zip(*whole, *parts, strict=True):
        torch.testing.assert_close(classification + penalty, one)
    assert any(layer.abs().max() > 0 for layer in parts[1])


def poisoned(at: int, value: float):
    """Attention whose gradient is ``value`` at the ``at``-th step."""
    steps = iter(range(1000))
    return lambda g, _: gradient_maps(g, CELLS) * (value if next(steps) == at else 1.0)


@pytest.mark.parametrize("damage", ["loss", "nan gradient", "infinite gradient", "weights", "score"])
def test_a_training_that_does_not_stay_finite_is_undone(damage, monkeypatch, caplog):
    head, learner = make()
    positives, negatives = classes()
    assert learner.train(positives, negatives, 1e-3, 5)
    weights, velocity = head.weights.clone(), learner._velocity.clone()
    rate, bad = 1e-3, positives
    if damage == "loss":
        bad = Samples(positives.features.clone())
        bad.features[-150:] = float("inf")
    elif damage.endswith("gradient"):
        learner.attention = poisoned(3, float("nan") if damage == "nan gradient" else 1e38)
    elif damage == "weights":
        learner._velocity.fill_(1e3)
        rate = 1e37
    else:
        monkeypatch.setattr(head, "margins", lambda features: torch.full((len(features),), float("nan")))
    assert not learner.train(bad, negatives, rate, 1 if damage == "weights" else 5)
    assert torch.equal(head.weights, weights) and torch.equal(learner._velocity, velocity)
    assert learner.faults == 1 and "training undone" in caplog.text
    monkeypatch.undo()
    learner.attention = poisoned(-1, 1.0)
    assert learner.train(positives, negatives, 1e-3, 5)
    assert not torch.equal(head.weights, weights) and head.weights.isfinite().all() and learner.faults == 1


def test_a_training_that_is_kept_cannot_be_undone_later():
    head, learner = make()
    learner.train(*classes(), 1e-3, 5)
    kept = head.weights.clone()
    head.weights.fill_(float("nan"))
    learner.undo("a test")
    assert torch.equal(head.weights, kept)


def rows(pool):
    return pool.take(torch.arange(len(pool))).features[:, 0].tolist()


def test_memory_keeps_the_last_frames():
    memory = Memory(3, 2)
    for frame in range(5):
        memory.add(Samples(torch.full((2, 4), float(frame))))
    assert rows(memory.recent(10)) == [2, 2, 3, 3, 4, 4]
    assert rows(memory.recent(1)) == [4, 4]


@pytest.mark.parametrize("first", [0, 1, 7, 40])
def test_memory_of_frames_of_any_size_equals_a_list_of_them(first):
    rng = np.random.default_rng(first)
    memory, kept = Memory(6, 5), []
    for frame in range(200):
        count = first if frame == 0 else int(rng.integers(0, 6))
        values = torch.arange(100.0 * frame, 100.0 * frame + count)
        memory.add(Samples(values[:, None].expand(-1, 3), values[:, None].to(torch.int32)))
        kept = [*kept, values.tolist()][-6:]
        for frames in (1, 4, 9):
            assert rows(memory.recent(frames)) == [value for frame in kept[-frames:] for value in frame]
    drawn = memory.recent(6).take(torch.tensor([2, 0]))
    assert drawn.features[:, 0].tolist() == drawn.crops[:, 0].tolist()


def test_memory_refuses_more_samples_than_a_frame_may_have():
    memory = Memory(3, 2)
    memory.add(Samples(torch.zeros(9, 4)))
    with pytest.raises(ValueError, match="samples has 3 rows; a frame of this memory may have 2"):
        memory.add(Samples(torch.zeros(3, 4)))
