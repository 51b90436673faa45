"""Every number of the tracker in one frozen dataclass, and a named preset per published or measured result.

"code" is the published code of the paper (``options.py``, ``run_tracker.py``), "MDNet" is py-MDNet, on which it builds;
values without a source were measured on real sequences (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from tracker.core.allowed import Count, Factor, Number, OneOf, Positive, Share, ShareBelowOne, Whole, check
from tracker.core.errors import InvalidValue


@dataclass(frozen=True)
class View:
    """A changed copy of the first frame to learn from as well.

    Attributes:
        zoom: size of the region relative to the search region.
        angle: rotation about the target's centre, degrees.
        mirrored: whether left and right change places.
        blur: (width, height) of a box filter, pixels of the resampled region.
        gain: factor of the brightness.
    """

    zoom: Positive = 1.0
    angle: float = 0.0
    mirrored: bool = False
    blur: tuple[int, int] = (1, 1)
    gain: Positive = 1.0

    def __post_init__(self) -> None:
        check(self)
        if not all(isinstance(side, int) and side > 0 for side in self.blur):
            raise InvalidValue(f"blur is {self.blur!r}; give two whole numbers of pixels, at least 1")


@dataclass(frozen=True)
class Params:
    """Settings of one tracker; the defaults are those of ``FAST``.

    Overlap is intersection over union; translations are in units of the target's mean side.

    Attributes:
        seed: where all random numbers come from, anew at every ``init``; None draws one.
        device: "cpu", "cuda", or "auto" for CUDA where there is one.
        threads: CPU threads of the process; sums, and so boxes, depend on it.
        backbone: "efficientnet-lite0" or "vgg-m".
        features: "region" pools samples from one map of the search region, "crops" cuts a crop per sample.
        attention_at: where attention is taken: "features" (what the head sees), "conv1" (code) or "input" (paper);
            the last two need crops and VGG-M.
        region_size: side of the resampled search region, pixels.
        region_scale: side of the search region in the image, in units of the root of the target's area.
        channels: principal components that crops of the small backbone keep; a region has those of the box estimator.
        grid: bins per side of a sample from the region.
        hidden: width of fc4 and fc5 (code: 512).
        dropout: in the classification term of a step (code: 0.5).
        attention_weight: lambda of eq. 5 (paper, Table 1: flat optimum from 3 to 5; code: 5); 0 is MDNet. Its scale is
            that of the attention maps: evidence at the features has another one than gradients at pixels.
        reach: half the side of the square that a region is searched in, and from which half of the negatives come.
        grid_step: between the candidates of a region.
        peaks: how many of the best candidates the box estimator is asked about.
        bound: largest verdict, of the head or of the estimator, in units of a logit.
        size_step: largest change of a side from frame to frame, as difference of logarithms.
        motion_penalty: taken from a candidate's verdict per squared translation, in roots of the target's area, so that
            a look-alike far away must be the better match.
        near_candidates: drawn around the previous box, for crops (code: 256).
        near_translation: their Gaussian spread, twice the standard deviation (code: 0.6).
        candidate_scale: base of their scale (code: 1.05).
        lost_spread: factor of ``near_translation`` after a frame without target (code: 1.5).
        best_candidates: how many of the best make the box (code: 5).
        success_score: what the verdicts must exceed for the target to count as found (code: 0, on the target's logit).
        initial_positives: first frame (code: 500).
        initial_negatives: first frame (code: 5000).
        initial_negative_overlap: upper bound for negatives of the first frame (code: 0.5).
        whole_image_share: share of the first negatives that is drawn from the whole image (code: half).
        initial_iterations: steps at the first frame (code: 50); after 0 the head is as it was drawn.
        initial_rate: their learning rate (code: 2e-4; MDNet: 5e-4).
        views: changed copies of the first frame that give a quarter of the samples each (code: none).
        update_positives: a confident frame (code: 50).
        update_negatives: a confident frame (code: 200).
        positive_overlap: lower bound for positives (code: 0.7).
        update_negative_overlap: upper bound for negatives (code: 0.3).
        negative_scale: scales of negatives reach from its inverse to itself.
        update_iterations: largest number of steps of an update (code: 15).
        update_stop: classification loss of a batch, a sum, below which an update ends (code: 0, never).
        update_rate: their learning rate (code: 3e-4; MDNet: 1e-3).
        update_interval: frames between long-term updates (code: 10).
        lost_interval: frames between short-term updates while the target is lost (code: 1).
        long_memory: frames whose positives a long-term update uses (code: 100).
        short_memory: frames whose positives a short-term update, and whose negatives every update uses (code: 20).
        batch_positives: positives a step (code: 32).
        batch_negatives: negatives a step (code: 32; MDNet: 96).
        attention_negatives: those of them that enter the regulariser (code: all).
        mining_pool: negatives among which the hard ones are searched (code: 1024).
        mining_interval: steps between two searches (code: 1).
        mined_negatives: hard negatives from which the batches are drawn until the next search.
        momentum: of SGD (code: 0.9).
        weight_decay: of SGD (code: 5e-4).
        gradient_clip: largest norm of a gradient (code: 10).
        clip_apart: whether classification and regulariser are clipped one by one, so that neither takes length from the
            other (code: no).
        last_layer_rate: factor of fc6's learning rate (code: 10).
        regression_samples: samples of the first frame, for crops (code: 1000).
        regression_overlap: their lower bound (code: 0.6).
        regression_ridge: penalty of the box regression (code: 1000).
    """

    seed: Whole | None = 0
    device: Annotated[str, OneOf(("auto", "cpu", "cuda"))] = "auto"
    threads: Count = 2

    backbone: Annotated[str, OneOf(("efficientnet-lite0", "vgg-m"))] = "efficientnet-lite0"
    features: Annotated[str, OneOf(("region", "crops"))] = "region"
    attention_at: Annotated[str, OneOf(("features", "conv1", "input"))] = "features"
    region_size: Count = 288
    region_scale: Positive = 4.2
    channels: Count = 48
    grid: Count = 5

    hidden: Count = 256
    dropout: ShareBelowOne = 0.5
    attention_weight: Number = 1.0

    reach: Positive = 1.6
    grid_step: Positive = 0.25
    peaks: Count = 4
    bound: Positive = 4.0
    size_step: Positive = 0.05
    motion_penalty: Number = 1.0
    near_candidates: Count = 256
    near_translation: Positive = 0.6
    candidate_scale: Factor = 1.05
    lost_spread: Factor = 1.5
    best_candidates: Count = 5
    success_score: float = 0.0

    initial_positives: Count = 500
    initial_negatives: Count = 2000
    initial_negative_overlap: Share = 0.5
    whole_image_share: Share = 0.0
    initial_iterations: Whole = 50
    initial_rate: Positive = 5e-4
    views: tuple[View, ...] = (
        View(mirrored=True),
        View(angle=15),
        View(angle=-15),
        View(angle=30),
        View(angle=-30),
        View(blur=(9, 1)),
        View(blur=(1, 9)),
        View(zoom=0.8),
        View(zoom=1.25),
    )

    update_positives: Count = 50
    update_negatives: Count = 200
    positive_overlap: Share = 0.7
    update_negative_overlap: Share = 0.3
    negative_scale: Factor = 1.7
    update_iterations: Whole = 15
    update_stop: Number = 1.0
    update_rate: Positive = 5e-4
    update_interval: Count = 10
    lost_interval: Count = 5
    long_memory: Count = 100
    short_memory: Count = 20

    batch_positives: Count = 32
    batch_negatives: Count = 64
    attention_negatives: Whole = 0
    mining_pool: Count = 1024
    mining_interval: Count = 5
    mined_negatives: Count = 128

    momentum: ShareBelowOne = 0.9
    weight_decay: Number = 5e-4
    gradient_clip: Positive = 10.0
    clip_apart: bool = True
    last_layer_rate: Positive = 10.0

    regression_samples: Count = 1000
    regression_overlap: Share = 0.6
    regression_ridge: Positive = 1000.0

    def __post_init__(self) -> None:
        check(self)
        if self.features == "region" and self.backbone != "efficientnet-lite0":
            raise InvalidValue(
                "features is 'region', which needs backbone 'efficientnet-lite0'; or set features='crops'"
            )
        if self.attention_at != "features" and (self.features != "crops" or self.backbone != "vgg-m"):
            raise InvalidValue(f"attention_at is {self.attention_at!r}, which needs 'crops' of backbone 'vgg-m'")


FAST = Params()
"""The default: EfficientNet-Lite0, one trunk pass a frame, attention at the pooled features."""

MDNET = replace(FAST, attention_weight=0.0)
"""FAST without reciprocative learning: the ablation."""

PAPER = replace(
    FAST,
    backbone="vgg-m",
    features="crops",
    attention_at="input",
    attention_weight=5.0,
    hidden=512,
    initial_negatives=5000,
    whole_image_share=0.5,
    initial_rate=2e-4,
    update_rate=3e-4,
    update_stop=0.0,
    lost_interval=1,
    views=(),
    negative_scale=1.6,
    batch_negatives=32,
    attention_negatives=32,
    mining_interval=1,
    mined_negatives=32,
    clip_apart=False,
)
"""The paper with the published code's numbers; needs the weights of VGG-M. ``attention_at="conv1"`` is the code's."""

CROPS = replace(PAPER, backbone="efficientnet-lite0", attention_at="features", attention_weight=1.0)
"""The paper's scheme, a crop per sample, on the bundled backbone: runs without any download."""

PRESETS: dict[str, Params] = {"FAST": FAST, "MDNET": MDNET, "PAPER": PAPER, "CROPS": CROPS}
