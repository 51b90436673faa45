"""Online learning of the head: sample memory, hard negative mining and SGD on the joint loss (paper eq. 5).

As in the published code the classification loss is a sum over the batch and the regulariser one ratio per batch; with a
mean instead of the sum, lambda and the learning rates would have to be divided by the batch's size.

A training is kept whole or not at all: one that meets a number which is not finite leaves no trace but a count.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from tracker.core.timing import stage
from tracker.dat.attention import add_penalty_gradient, head_gradients, regulariser
from tracker.dat.head import Head, Layers, Pass
from tracker.dat.params import Params
from tracker.features.samples import Pool, Samples

log = logging.getLogger(__name__)

Attention = Callable[[Tensor, Samples], Tensor]
"""Maps (2, N, cells) from the gradients at the features (2, N, D) and the samples they belong to, differentiable."""


class Learner:
    """Trains one head; owns the state of SGD.

    Args:
        head: what is trained.
        attention: how gradients at the features become attention maps.
        params: batch, rates, lambda.
        rng: source of batches and dropout.

    Attributes:
        params: as they are in the present frame.
        attention: what ``attention`` was.
        faults: how often ``undo`` was called, by ``train`` or from outside.
    """

    def __init__(self, head: Head, attention: Attention, params: Params, rng: np.random.Generator):
        self.params, self.attention = params, attention
        self._head, self._rng = head, rng
        self._velocity = torch.zeros_like(head.weights)
        self._gradients = head.weights.new_zeros(2 if params.clip_apart else 1, len(head.weights))
        self._slow = head.weights.numel() - head.layers.w6.numel() - head.layers.b6.numel()  # of fc4 and fc5
        self._kept = head.weights.clone(), self._velocity.clone()
        self.faults = 0

    @stage("learning")
    @torch.no_grad()
    def train(self, positives: Pool, negatives: Pool, rate: float, iterations: int, stop: float = 0.0) -> bool:
        """Run SGD steps on batches of positives and hard negatives.

        If a loss, a gradient, a weight or a score of the trained head is not finite, all steps are undone.

        Args:
            positives: samples of the target.
            negatives: samples of the background, among which the hard ones are mined.
            rate: learning rate of fc4 and fc5.
            iterations: largest number of steps.
            stop: classification loss of a batch below which nothing more is to be learned.

        Returns:
            Whether the steps were kept.
        """
        p = self.params
        for iteration in range(iterations):
            if iteration % p.mining_interval == 0:
                hard = self._mine(negatives)
            drawn = self._draw(positives, p.batch_positives)
            batch = Samples.join([drawn, self._draw(hard, p.batch_negatives)])
            dropout = self._dropout(len(batch))
            passed, log_share, loss = self._classified(batch, len(drawn), dropout)
            if loss < stop:
                break
            self._differentiate(batch, len(drawn), dropout, passed, log_share)
            if not (math.isfinite(loss) and self.descend(rate)):
                self.undo("the loss or its gradient")
                return False
        if not self._is_finite(positives):
            self.undo("a weight or a score of the trained head")
            return False
        for kept, now in zip(self._kept, (self._head.weights, self._velocity), strict=True):
            kept.copy_(now)
        return True

    def undo(self, reason: str) -> None:
        """Put weights and velocity back to what the last training that was kept has left; count and log it."""
        for kept, now in zip(self._kept, (self._head.weights, self._velocity), strict=True):
            now.copy_(kept)
        self.faults += 1
        log.warning("training undone: %s was not finite (number %d since the first frame)", reason, self.faults)

    @torch.no_grad()
    def gradient(
        self, batch: Samples, positives: int, dropout: tuple[Tensor, Tensor] | None
    ) -> tuple[float, list[Layers]]:
        """Classification loss of a batch, and the gradient of eq. 5 in the head's weights, valid until the next call.

        Args:
            batch: N samples, the positives first.
            positives: how many of them show the target.
            dropout: of the classification term, see ``Head.forward``.

        Returns:
            The loss, and the gradient; where the terms are clipped apart, that of the classification, then that of the
            regulariser.
        """
        passed, log_share, loss = self._classified(batch, positives, dropout)
        return loss, self._differentiate(batch, positives, dropout, passed, log_share)

    def _classified(
        self, batch: Samples, positives: int, dropout: tuple[Tensor, Tensor] | None
    ) -> tuple[Pass, Tensor, float]:
        """A pass of a batch, the logarithms (N, 2) of its class probabilities, and their loss."""
        passed = self._head.forward(batch.features, dropout)
        log_share = passed.logits.log_softmax(dim=1)
        return passed, log_share, -float(log_share[:positives, 1].sum() + log_share[positives:, 0].sum())

    def _differentiate(
        self, batch: Samples, positives: int, dropout: tuple[Tensor, Tensor] | None, passed: Pass, log_share: Tensor
    ) -> list[Layers]:
        """The gradient of what ``_classified`` gave."""
        head, p = self._head, self.params
        terms = [head.split(term) for term in self._terms]
        of_logits = log_share.exp()
        of_logits[:positives, 1] -= 1
        of_logits[positives:, 0] -= 1
        head.backward(batch.features, passed, of_logits, dropout, terms[0])
        if p.attention_weight:
            chosen = slice(0, positives + p.attention_negatives)
            self._gradients[1:].zero_()
            self._add_penalty(batch.take(chosen), passed.z4[chosen], positives, terms[-1])
        return terms

    @property
    def _terms(self) -> Tensor:
        """The gradients that are clipped one by one; with lambda 0, which a schedule may reach, only the first."""
        return self._gradients if self.params.attention_weight else self._gradients[:1]

    @stage("attention")
    def _add_penalty(self, samples: Samples, z4: Tensor, positives: int, out: Layers) -> None:
        """Add the gradient of lambda R, eqs. 3-4, of samples whose output of fc4 is known."""
        activations = self._head.activations(z4)
        gradients = head_gradients(self._head, activations)
        with torch.enable_grad():
            leaf = gradients.features.detach().requires_grad_()
            penalty = self.params.attention_weight * regulariser(self.attention(leaf, samples), positives)
            (of_features,) = torch.autograd.grad(penalty, leaf)
        add_penalty_gradient(self._head, activations, gradients, of_features, out)

    def descend(self, rate: float) -> bool:
        """One step of SGD with momentum and weight decay down the last gradient, clipped; False if it is not finite."""
        p, weights, velocity = self.params, self._head.weights, self._velocity
        norms = [float(term.norm()) for term in self._terms]
        if not all(map(math.isfinite, norms)):
            return False
        velocity.mul_(p.momentum)
        for term, norm in zip(self._terms, norms, strict=True):
            velocity.add_(term, alpha=min(1.0, p.gradient_clip / (norm + 1e-6)))
        velocity.add_(weights, alpha=p.weight_decay)
        weights[: self._slow].add_(velocity[: self._slow], alpha=-rate)
        weights[self._slow :].add_(velocity[self._slow :], alpha=-rate * p.last_layer_rate)
        return True

    def _is_finite(self, samples: Pool) -> bool:
        """Whether all weights are, and the score of the first sample, which overflows if the layers' product does."""
        first = samples.features_of(torch.zeros(1, dtype=torch.long, device=self._head.weights.device))
        return math.isfinite(float(self._head.weights.sum()) + float(self._head.margins(first)))

    def _mine(self, negatives: Pool) -> Samples:
        """The negatives that the head takes most for the target, out of a random pool."""
        rows = self._rows(negatives, self.params.mining_pool)
        margins = self._head.margins(negatives.features_of(rows))
        return negatives.take(rows[margins.topk(min(self.params.mined_negatives, len(rows))).indices])

    def _draw(self, samples: Pool, count: int) -> Samples:
        return samples.take(self._rows(samples, count))

    def _rows(self, samples: Pool, count: int) -> Tensor:
        rows = self._rng.permutation(len(samples))[:count]
        return torch.from_numpy(rows).to(self._head.weights.device)

    def _dropout(self, count: int) -> tuple[Tensor, Tensor] | None:
        """Factors of the outputs of fc4 and fc5; the share that is kept is a multiple of one step."""
        p = self.params
        if not p.dropout:
            return None
        drawn = torch.from_numpy(self._rng.integers(0, p.dropout_steps, (2, count, p.hidden), np.uint8))
        first, second = (drawn >= round(p.dropout_steps * p.dropout)).to(self._head.weights) / (1 - p.dropout)
        return first, second
