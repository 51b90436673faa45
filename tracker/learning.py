"""Online learning of the head: sample memory, hard negative mining and SGD on the joint loss (paper eq. 5).

As in the published code the classification loss is a sum over the batch and the regulariser one ratio per batch; with a
mean instead of the sum, lambda and the learning rates would have to be divided by the batch's size.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from tracker.attention import head_gradients, regulariser
from tracker.head import Head
from tracker.params import Params
from tracker.samples import Samples
from tracker.stages import stage

Attention = Callable[[Tensor, Samples], Tensor]
"""Maps (2, N, cells) from the head's gradients (2, N, D) and the samples they belong to."""


class Memory:
    """Samples of the last frames, one entry a frame."""

    def __init__(self, frames: int):
        self._entries: deque[Samples] = deque(maxlen=frames)

    def add(self, samples: Samples) -> None:
        """Remember a frame's samples; with the memory full, the oldest frame is forgotten."""
        self._entries.append(samples)

    def recent(self, frames: int) -> Samples:
        """The samples of the last ``frames`` entries."""
        return Samples.join(list(self._entries)[-frames:])


class Learner:
    """Trains one head; owns the state of its optimiser.

    Args:
        head: what is trained.
        attention: how gradients at the features become attention maps.
        params: batch, rates, lambda.
        generator: source of batches and dropout.
    """

    def __init__(self, head: Head, attention: Attention, params: Params, generator: torch.Generator):
        self._head, self._attention, self._params, self._generator = head, attention, params, generator
        slow, last = head.parameters[:4], head.parameters[4:]
        self._optimiser = torch.optim.SGD(
            [{"params": slow}, {"params": last}], lr=0.0, momentum=params.momentum, weight_decay=params.weight_decay
        )

    @stage("learning")
    def train(self, positives: Samples, negatives: Samples, rate: float, iterations: int) -> None:
        """Run SGD steps on batches of positives and hard negatives.

        Args:
            positives: samples of the target.
            negatives: samples of the background, among which the hard ones are mined.
            rate: learning rate of fc4 and fc5.
            iterations: number of steps.
        """
        p = self._params
        slow, last = self._optimiser.param_groups
        slow["lr"], last["lr"] = rate, rate * p.last_layer_rate
        for iteration in range(iterations):
            if iteration % p.mining_interval == 0:
                hard = self._mine(negatives)
            self.step(self._draw(positives, p.batch_positives), self._draw(hard, p.batch_negatives))

    def step(self, positives: Samples, negatives: Samples) -> None:
        """One step on a batch: eq. 5 down its gradient."""
        head, p = self._head, self._params
        batch = Samples.join([positives, negatives])
        positive = torch.arange(len(batch.features), device=batch.features.device) < len(positives.features)
        logits = head.logits(batch.features, self._dropout(batch.features))
        loss = F.cross_entropy(logits, positive.long(), reduction="sum")
        if p.attention_weight:
            chosen = slice(0, len(positives.features) + p.attention_negatives)
            loss = loss + p.attention_weight * self.penalty(batch.take(chosen), positive[chosen])
        self._optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(head.parameters, p.gradient_clip)
        self._optimiser.step()

    @stage("attention")
    def penalty(self, samples: Samples, positive: Tensor) -> Tensor:
        """The regulariser of eqs. 3-4 for samples and their classes (N,), differentiable in the head's weights."""
        gradients = head_gradients(self._head, self._head.activations(samples.features))
        return regulariser(self._attention(gradients, samples), positive)

    def _mine(self, negatives: Samples) -> Samples:
        """The negatives that the head takes most for the target, out of a random pool."""
        rows = self._rows(negatives, self._params.mining_pool)
        margins = self._head.margins(negatives.features[rows])
        return negatives.take(rows[margins.topk(min(self._params.mined_negatives, len(rows))).indices])

    def _draw(self, samples: Samples, count: int) -> Samples:
        return samples.take(self._rows(samples, count))

    def _rows(self, samples: Samples, count: int) -> Tensor:
        rows = torch.randperm(len(samples.features), generator=self._generator)[:count]
        return rows.to(samples.features.device)

    def _dropout(self, features: Tensor) -> tuple[Tensor, Tensor] | None:
        p = self._params
        if not p.dropout:
            return None
        kept = torch.rand((2, len(features), p.hidden), generator=self._generator) >= p.dropout
        first, second = kept.to(features) / (1 - p.dropout)
        return first, second
