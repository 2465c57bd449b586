"""Self-supervised methods as typed records: heads, losses and schedules, one tagged spec each.

Widths are units, temperatures divide logits, shares are parts of the whole training (0 to 1). What a method is
published with, and where each value was read, stands in `benchmark.methods`.
"""

from typing import Annotated, Literal

from pydantic import Field

from benchmark.specs.base import Spec


class EMA(Spec):
    """A teacher that is the moving average of the online network: teacher = tau teacher + (1 - tau) online.

    tau rises from `base` to `final` by half a cosine over the training, renewed every `per`. `buffers` says whether
    BatchNorm's running statistics are averaged too, or are the teacher's own.
    """

    base: float = Field(ge=0, le=1)
    final: float = Field(default=1.0, ge=0, le=1)
    per: Literal["epoch", "step"] = "step"
    buffers: Literal["averaged", "own"] = "own"


class SimCLR(Spec):
    """SimCLR (Chen et al. 2020): NT-Xent over two views. `hidden` of None means the backbone's feature dimension d."""

    kind: Literal["simclr"] = "simclr"
    temperature: float = Field(gt=0)
    hidden: int | None = None
    output: int = 128
    batchnorm: bool = False


class MoCo(Spec):
    """MoCo (He et al. 2020) and v2 (Chen et al. 2020): keys of a teacher in a queue of `queue` negatives per view.

    `layers` of the head: 1 (v1) or 2 (v2, `hidden` wide, None meaning d). `symmetric`: both views are queries, each
    with a queue of its own; otherwise view 1 asks and view 2 answers.
    """

    kind: Literal["moco"] = "moco"
    temperature: float = Field(gt=0)
    queue: int = Field(gt=0)
    ema: EMA
    layers: Literal[1, 2] = 2
    hidden: int | None = None
    output: int = 128
    symmetric: bool = True


class BYOL(Spec):
    """BYOL (Grill et al. 2020): predictions of one view's teacher projection, 2 - 2 cos, both ways, summed."""

    kind: Literal["byol"] = "byol"
    ema: EMA
    hidden: int = 4096
    output: int = 256
    predictor: int = 4096


class SimSiam(Spec):
    """SimSiam (Chen and He 2021): negative cosine to the stopped gradient of the other view, mean of both ways."""

    kind: Literal["simsiam"] = "simsiam"
    hidden: int = 2048
    output: int = 2048
    predictor: int = 512


class SwAV(Spec):
    """SwAV (Caron et al. 2020): swapped prediction of Sinkhorn assignments to `prototypes`, which do not move during
    the first `frozen` share of the training. No queue."""

    kind: Literal["swav"] = "swav"
    prototypes: int = Field(gt=1)
    hidden: int = 4096
    output: int = 2048
    temperature: float = 0.1
    epsilon: float = 0.05
    iterations: int = 3
    frozen: float = Field(default=0.0, ge=0, le=1)


class DINO(Spec):
    """DINO (Caron et al. 2021): cross-entropy to a centred, sharpened teacher of the other views.

    The teacher's temperature rises linearly between the two of `teacher_temperature` over the first `warmup` share of
    the epochs; the last layer does not move during the first `frozen` share. `teacher`: a "copy" of the student's
    initial weights, or random weights of its "own". `probed`: whose backbone is kept.
    """

    kind: Literal["dino"] = "dino"
    prototypes: int = Field(gt=1)
    ema: EMA
    hidden: int = 2048
    bottleneck: int = 256
    batchnorm: bool = False
    norm_last_layer: bool = True
    student_temperature: float = 0.1
    teacher_temperature: tuple[float, float] = (0.04, 0.07)
    warmup: float = Field(default=0.0, ge=0, le=1)
    centre_momentum: float = 0.9
    frozen: float = Field(default=0.0, ge=0, le=1)
    drop_path: float = Field(default=0.0, ge=0, lt=1)
    teacher: Literal["copy", "own"] = "copy"
    probed: Literal["teacher", "student"] = "teacher"


class MAE(Spec):
    """MAE (He et al. 2022): mean squared error of the pixels of masked patches; `normalise` standardises each patch."""

    kind: Literal["mae"] = "mae"
    mask: float = Field(default=0.75, gt=0, lt=1)
    normalise: bool = False
    width: int = 512
    depth: int = 8
    heads: int = 16


class BarlowTwins(Spec):
    """Barlow Twins (Zbontar et al. 2021): scale * (on-diagonal + off_diagonal * rest) of the cross-correlation."""

    kind: Literal["barlow-twins"] = "barlow-twins"
    hidden: int = 8192
    output: int = 8192
    off_diagonal: float = 5e-3
    scale: float = 1.0


class VICReg(Spec):
    """VICReg (Bardes et al. 2022) as its authors' code has it: the variance term is the mean over both views, the
    covariance term their sum. (Equation 6 of the paper sums both.)"""

    kind: Literal["vicreg"] = "vicreg"
    hidden: int = 8192
    output: int = 8192
    invariance: float = 25.0
    variance: float = 25.0
    covariance: float = 1.0


class NNCLR(Spec):
    """NNCLR (Dwibedi et al. 2021, equation 2): the nearest of a queue of view 1's projections predicts the other
    view's prediction, mean of both ways."""

    kind: Literal["nnclr"] = "nnclr"
    temperature: float = Field(gt=0)
    queue: int = Field(gt=0)
    hidden: int = 2048
    output: int = 256
    predictor: int = 4096


class All4One(Spec):
    """All4One (Estepa et al. 2023): neighbour, centroid and redundancy terms, as in solo-learn's `all4one.py`.

    `transformer_lr` is the peak learning rate of the centroid transformer, whatever the optimiser's is.
    """

    kind: Literal["all4one"] = "all4one"
    temperature: float = Field(gt=0)
    queue: int = Field(gt=0)
    ema: EMA
    hidden: int = 2048
    output: int = 256
    predictor: int = 4096
    transformer_lr: float = 0.1


class LCR(Spec):
    """Learning Common Rationale (Shu et al. 2023): a branch of K = `projections` 1x1 convolutions that fits the GradCAM
    of `inner`'s loss, loss + nu * KL; its map weights the features that are pooled. Switches: docs/engines.md."""

    kind: Literal["lcr"] = "lcr"
    inner: Annotated[MoCo | BYOL, Field(discriminator="kind")]
    projections: int = Field(default=32, gt=0)
    nu: float = 0.01
    sign: Literal["+", "-"] = "+"
    weights: Literal["elementwise", "gap"] = "elementwise"
    target: Literal["none", "minmax"] = "none"
    softmax: Literal["row", "all"] = "row"
    temperature: float = Field(default=1.0, gt=0)
    detach: bool = False
    map: Literal["batch", "image", "none"] = "batch"


Method = Annotated[
    SimCLR | MoCo | BYOL | SimSiam | SwAV | DINO | MAE | BarlowTwins | VICReg | NNCLR | All4One | LCR,
    Field(discriminator="kind"),
]


def one_device(method: Method) -> bool:
    """Whether a training cannot be spread over devices without moving its numbers: the loss has layers of its own, the
    head normalises over all crops, or a network sees one view only, which one device would hold."""
    return isinstance(method, SwAV | All4One | LCR) or (isinstance(method, MoCo) and not method.symmetric)
