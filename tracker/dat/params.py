"""Every number of the method that decides boxes in one frozen dataclass, and a preset per published or measured result.

What is not here belongs to a frozen network and its file (crops of 107 pixels, strides, windows of the box estimator),
or only keeps a quotient finite. "code" is the published code of the paper (``options.py``, ``run_tracker.py``), "MDNet"
is py-MDNet, on which it builds; values without a source were measured on real sequences (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from tracker.core.allowed import Count, Factor, Number, OneOf, Positive, Share, ShareBelowOne, Whole, Within, check
from tracker.core.errors import InvalidValue
from tracker.features.view import View


@dataclass(frozen=True)
class Params:
    """Settings of one tracker; the defaults are those of ``FAST``.

    Overlap is intersection over union. Translations are in units of the target's mean side; scales and aspects are the
    largest factors of its size and proportions. What is drawn is Gaussian, clipped at two deviations, which is where
    these three lie; see ``tracker.dat.sampling``.
    """

    # The process
    seed: Whole | None = 0  # where all random numbers come from, anew at every init; None draws one
    device: Annotated[str, OneOf(("auto", "cpu", "cuda"))] = "auto"  # auto: CUDA where there is one
    threads: Count = 2  # of the process on the CPU; sums, and so boxes, depend on it

    # Features
    backbone: str = "efficientnet-lite0"  # a name in BUILDERS of tracker/dat/backbone.py
    features: Annotated[str, OneOf(("region", "crops"))] = "region"  # samples from one map, or a crop for each
    # What the head sees, the paper's "input" or the code's "conv1"; the last two need crops and VGG-M.
    attention_at: Annotated[str, OneOf(("features", "conv1", "input"))] = "features"
    region_size: Count = 288  # side of the resampled search region, pixels
    region_scale: Positive = 4.2  # its side in the image, in roots of the target's area
    region_margin: Positive = 1.5  # and at least so many of the target's longer sides
    channels: Count = 48  # principal components that crops keep; a region has the channels of the box estimator
    grid: Count = 5  # bins per side of a sample from the region

    # The head
    hidden: Count = 256  # width of fc4 and fc5 (code: 512)
    fc4_deviation: Number = 0.01  # standard deviation of the first weights (MDNet: 0.01)
    fc5_deviation: Number = 0.044  # features here have another scale than VGG-M's (MDNet: 0.01)
    fc6_deviation: Number = 0.01  # (MDNet: 0.01)
    hidden_bias: float = 0.1  # of fc4 and fc5 at first; fc6 begins at 0 (MDNet)
    dropout: ShareBelowOne = 0.5  # in the classification term of a step (code: 0.5)
    dropout_steps: Annotated[int, Within(2, 256)] = 256  # the share is rounded to one of so many: a byte each is drawn

    # Reciprocative learning
    # lambda of eq. 5 (paper, Table 1: flat optimum from 3 to 5; code: 5); 0 is MDNet. Its scale is that of the maps:
    # evidence at the features has another one than gradients at pixels.
    attention_weight: Number = 1.0

    # Search on a region
    reach: Positive = 1.6  # half the side of the square that is searched, and where half of the negatives come from
    grid_step: Positive = 0.25  # between the candidates
    peaks: Count = 4  # how many of the best candidates the box estimator is asked about
    peak_distance: Positive = 0.45  # within which a peak has no other beside it
    bound: Positive = 4.0  # largest verdict, of the head or of the estimator, in units of a logit
    first_aspect_share: Share = 0.5  # of the first frame's proportions in a box's, in logarithms: their mean
    size_step: Positive = 0.05  # largest change of a side from frame to frame, as difference of logarithms
    motion_penalty: Number = 1.0  # per squared way, in roots of the area: a look-alike far away must match better

    # Search on crops
    near_candidates: Count = 256  # drawn around the previous box (code: 256)
    near_translation: Positive = 0.6  # (code: 0.6)
    candidate_scale: Factor = 1.05  # (code: 1.05)
    lost_spread: Factor = 1.5  # factor of near_translation after a frame without target (code: 1.5)
    best_candidates: Count = 5  # how many of the best make the box (code: 5)

    # The verdict
    success_score: float = 0.0  # what it must exceed for the target to count as found (code: 0, the target's logit)
    smallest_side: Positive = 4.0  # of a box, pixels: one without area could not be followed
    largest_side: Positive = 2.0  # of a box, in sides of the image

    # Samples of the first frame
    initial_positives: Count = 500  # (code: 500)
    initial_negatives: Count = 2000  # (code: 5000)
    initial_negative_overlap: Share = 0.5  # upper bound (code: 0.5)
    initial_positive_draws: Count = 8  # boxes drawn for each positive that is wanted
    initial_positive_aspect: Factor = 1.2  # in other frames it is 1
    whole_image_share: Share = 0.0  # of the negatives, drawn from the whole image (code: half)
    # Changed copies of the frame, to learn from as well (code: none).
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
    view_share: Share = 0.25  # of the frame's samples, that each view gives

    # Samples of a frame in which the target is found
    update_positives: Count = 50  # (code: 50)
    update_negatives: Count = 200  # (code: 200)
    update_negative_overlap: Share = 0.3  # upper bound (code: 0.3)
    update_positive_draws: Count = 4  # boxes drawn for each positive that is wanted

    # Samples of every frame
    positive_overlap: Share = 0.7  # lower bound (code: 0.7)
    positive_translation: Positive = 0.2  # of those that are drawn, of which positive_overlap selects
    positive_scale: Factor = 1.2  # likewise
    negative_translation: Positive = 2.0  # of those that are Gaussian; the others reach as far as the search
    negative_scale: Factor = 1.7  # of all
    negative_aspect: Factor = 1.2  # of those that are Gaussian
    negative_draws: Count = 2  # boxes drawn for each negative that is wanted
    uniform_share: Share = 0.5  # of the boxes drawn around the target, uniform instead of Gaussian

    # Training
    initial_iterations: Whole = 50  # steps at the first frame (code: 50); after 0 the head is as it was drawn
    initial_rate: Positive = 5e-4  # (code: 2e-4; MDNet: 5e-4)
    initial_trainings: Count = 3  # tried, the next one more slowly, if numbers do not stay finite
    retry_divisor: Factor = 10.0  # of the rate, for the next one
    update_iterations: Whole = 15  # largest number of steps of an update (code: 15)
    update_stop: Number = 1.0  # classification loss of a batch, a sum, that ends an update (code: 0, never)
    update_rate: Positive = 5e-4  # (code: 3e-4; MDNet: 1e-3)
    update_interval: Count = 10  # frames between long-term updates (code: 10)
    lost_interval: Count = 5  # frames between short-term updates while the target is lost (code: 1)
    long_memory: Count = 100  # frames whose positives a long-term update uses (code: 100)
    short_memory: Count = 20  # frames of a short-term update's positives, and of all updates' negatives (code: 20)
    remembered_negatives: Count = 2  # of the first frame, in units of update_negatives

    # A step
    batch_positives: Count = 32  # (code: 32)
    batch_negatives: Count = 64  # (code: 32; MDNet: 96)
    attention_negatives: Whole = 0  # those of them that enter the regulariser (code: all)
    mining_pool: Count = 1024  # negatives among which the hard ones are searched (code: 1024)
    mining_interval: Count = 5  # steps between two searches (code: 1)
    mined_negatives: Count = 128  # from which the batches are drawn until the next search
    momentum: ShareBelowOne = 0.9  # (code: 0.9)
    weight_decay: Number = 5e-4  # (code: 5e-4)
    gradient_clip: Positive = 10.0  # largest norm of a gradient (code: 10)
    clip_apart: bool = True  # classification and regulariser: neither takes length from the other (code: no)
    last_layer_rate: Positive = 10.0  # factor of fc6's learning rate (code: 10)

    # Box regression on crops
    regression_samples: Count = 1000  # of the first frame (code: 1000)
    regression_overlap: Share = 0.6  # lower bound (code: 0.6)
    regression_draws: Count = 4  # boxes drawn for each sample that is wanted
    regression_translation: Positive = 0.6  # of those that are drawn, of which regression_overlap selects
    regression_scale: Factor = 1.5  # likewise
    regression_aspect: Factor = 1.2  # likewise
    regression_ridge: Positive = 1000.0  # penalty of the squared weights (code: 1000)
    regression_log_scale: Positive = 0.5  # largest change of a side, as difference of logarithms

    def at(self, frame: int) -> Params:
        """The parameters in a frame: these, unless a schedule changes them (``tracker.dat.schedule``)."""
        return self

    def __post_init__(self) -> None:
        check(self)
        if self.features == "region" and self.backbone == "vgg-m":
            raise InvalidValue("features is 'region', which backbone 'vgg-m' does not give; set features='crops'")
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
