from dataclasses import replace

import pytest
import torch

from tracker.attention import feature_maps
from tracker.head import Head
from tracker.learning import Learner, Memory
from tracker.params import FAST
from tracker.samples import Samples

CELLS, CHANNELS = 9, 6
PARAMS = replace(FAST, grid=3, hidden=32, mining_pool=256, mined_negatives=32, batch_negatives=16, batch_positives=16)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def make(params=PARAMS, seed: int = 0) -> tuple[Head, Learner]:
    head = Head(CHANNELS * CELLS, params.hidden, generator(seed))
    return head, Learner(head, lambda g, _: feature_maps(g, CELLS), params, generator(seed + 1))


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


def test_lambda_changes_the_weights_of_all_layers():
    plain, regularised = make(replace(PARAMS, attention_weight=0.0)), make()
    for _, learner in (plain, regularised):
        learner.train(*classes(), 1e-3, 1)
    for name in ("w4", "w5", "w6"):
        assert not torch.allclose(getattr(plain[0], name), getattr(regularised[0], name), atol=1e-7)


def test_training_with_lambda_lowers_the_regulariser():
    positives, negatives = classes()
    both = Samples.join([positives, negatives])
    positive = torch.arange(400) < 200
    values = []
    for weight in (0.0, 5.0):
        _, learner = make(replace(PARAMS, attention_weight=weight))
        learner.train(positives, negatives, 1e-3, 60)
        values.append(learner.penalty(both, positive).item())
    assert values[1] < 0.9 * values[0]


def test_the_same_seed_gives_the_same_weights():
    heads = []
    for _ in range(2):
        head, learner = make()
        learner.train(*classes(), 1e-3, 5)
        heads.append(head)
    assert all(torch.equal(a, b) for a, b in zip(heads[0].parameters, heads[1].parameters, strict=True))


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
    _, learner = make()
    learner.train(Samples(torch.randn(2, CHANNELS * CELLS)), Samples(torch.randn(3, CHANNELS * CELLS)), 1e-3, 3)


def test_memory_keeps_the_last_frames():
    memory = Memory(3)
    for frame in range(5):
        memory.add(Samples(torch.full((2, 4), float(frame))))
    assert memory.recent(10).features[:, 0].tolist() == [2, 2, 3, 3, 4, 4]
    assert memory.recent(1).features[:, 0].tolist() == [4, 4]
