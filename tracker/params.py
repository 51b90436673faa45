"""Every number of the tracker in one frozen dataclass, and a named preset per published or measured result.

"code" is the published code of the paper (``options.py``, ``run_tracker.py``), "MDNet" is py-MDNet, on which it builds;
values without a source were measured on real sequences (docs/experiments.md).
"""

from __future__ import annotations

from dataclasses import dataclass, replace


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

    zoom: float = 1.0
    angle: float = 0.0
    mirrored: bool = False
    blur: tuple[int, int] = (1, 1)
    gain: float = 1.0


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
        initial_iterations: steps at the first frame (code: 50).
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
        attention_negatives: those of them that enter the regulariser.
        mining_pool: negatives among which the hard ones are searched (code: 1024).
        mining_interval: steps between two searches (code: 1).
        mined_negatives: hard negatives from which the batches are drawn until the next search.
        momentum: of SGD (code: 0.9).
        weight_decay: of SGD (code: 5e-4).
        gradient_clip: largest norm of a gradient (code: 10).
        last_layer_rate: factor of fc6's learning rate (code: 10).
        regression_samples: samples of the first frame, for crops (code: 1000).
        regression_overlap: their lower bound (code: 0.6).
        regression_ridge: penalty of the box regression (code: 1000).
    """

    seed: int | None = 0
    device: str = "auto"
    threads: int = 2

    backbone: str = "efficientnet-lite0"
    features: str = "region"
    attention_at: str = "features"
    region_size: int = 288
    region_scale: float = 4.2
    channels: int = 48
    grid: int = 5

    hidden: int = 256
    dropout: float = 0.5
    attention_weight: float = 1.0

    reach: float = 1.6
    grid_step: float = 0.25
    peaks: int = 4
    bound: float = 4.0
    size_step: float = 0.05
    motion_penalty: float = 1.0
    near_candidates: int = 256
    near_translation: float = 0.6
    candidate_scale: float = 1.05
    lost_spread: float = 1.5
    best_candidates: int = 5
    success_score: float = 0.0

    initial_positives: int = 500
    initial_negatives: int = 2000
    initial_negative_overlap: float = 0.5
    whole_image_share: float = 0.0
    initial_iterations: int = 50
    initial_rate: float = 5e-4
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

    update_positives: int = 50
    update_negatives: int = 200
    positive_overlap: float = 0.7
    update_negative_overlap: float = 0.3
    negative_scale: float = 1.7
    update_iterations: int = 15
    update_stop: float = 1.0
    update_rate: float = 5e-4
    update_interval: int = 10
    lost_interval: int = 5
    long_memory: int = 100
    short_memory: int = 20

    batch_positives: int = 32
    batch_negatives: int = 64
    attention_negatives: int = 32
    mining_pool: int = 1024
    mining_interval: int = 5
    mined_negatives: int = 128

    momentum: float = 0.9
    weight_decay: float = 5e-4
    gradient_clip: float = 10.0
    last_layer_rate: float = 10.0

    regression_samples: int = 1000
    regression_overlap: float = 0.6
    regression_ridge: float = 1000.0

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}; choose one of {', '.join(allowed)}")
        if self.features == "region" and self.backbone != "efficientnet-lite0":
            raise ValueError("features is 'region', which needs backbone 'efficientnet-lite0'; or set features='crops'")
        if self.attention_at != "features" and (self.features != "crops" or self.backbone != "vgg-m"):
            raise ValueError(f"attention_at is {self.attention_at!r}, which needs 'crops' of backbone 'vgg-m'")
        for name in _POSITIVE:
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)!r}; it must be above 0")
        if self.seed is not None and self.seed < 0:
            raise ValueError(f"seed is {self.seed!r}; it must not be negative")
        if self.attention_weight < 0:
            raise ValueError(f"attention_weight is {self.attention_weight!r}; lambda must not be negative")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout!r}; it must lie in [0, 1)")


_CHOICES = {
    "device": ("auto", "cpu", "cuda"),
    "backbone": ("efficientnet-lite0", "vgg-m"),
    "features": ("region", "crops"),
    "attention_at": ("features", "conv1", "input"),
}
_POSITIVE = (
    "threads",
    "region_size",
    "region_scale",
    "channels",
    "grid",
    "hidden",
    "reach",
    "grid_step",
    "peaks",
    "bound",
    "size_step",
    "near_candidates",
    "best_candidates",
    "initial_positives",
    "initial_negatives",
    "update_positives",
    "update_negatives",
    "update_interval",
    "lost_interval",
    "long_memory",
    "short_memory",
    "batch_positives",
    "batch_negatives",
    "mining_pool",
    "mining_interval",
    "mined_negatives",
    "regression_samples",
    "regression_ridge",
)

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
    mining_interval=1,
    mined_negatives=32,
)
"""The paper with the published code's numbers; needs the weights of VGG-M. ``attention_at="conv1"`` is the code's."""

CROPS = replace(PAPER, backbone="efficientnet-lite0", attention_at="features", attention_weight=1.0)
"""The paper's scheme, a crop per sample, on the bundled backbone: runs without any download."""

PRESETS: dict[str, Params] = {"FAST": FAST, "MDNET": MDNET, "PAPER": PAPER, "CROPS": CROPS}
