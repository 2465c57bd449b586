"""How an encoder is trained and read, as frozen typed values: network, augmentation, optimiser, schedule, length."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

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


class MethodSpec(Spec):
    """Base of the specs of self-supervised methods: heads, losses and schedules. `kind` names the method.

    Widths are units, temperatures divide logits, shares are parts of the whole training (0 to 1). A subclass is known
    by its `kind` once its module is imported.
    """

    classes: ClassVar[dict[str, type["MethodSpec"]]] = {}
    """The subclasses by kind."""
    views: ClassVar[Literal[1, 2]] = 2
    """How many views of an image the loss compares."""
    token: ClassVar[Literal["head", "patches"]] = "head"
    """What samplers read of a vision transformer that the method trained."""
    wraps_encoder: ClassVar[bool] = False
    """Whether the encoder that is kept is more than the backbone."""

    kind: str

    @classmethod
    def __pydantic_init_subclass__(cls, **_: Any) -> None:
        MethodSpec.classes[cls.model_fields["kind"].default] = cls

    @property
    def one_device(self) -> bool:
        """Whether a training cannot be spread over devices without moving its numbers: the loss has layers of its own,
        the head normalises over all crops, or a network sees one view only, which one device would hold."""
        return False


def _of_kind(value: object) -> object:
    """A method's spec from its JSON; ValueError for a kind that no imported module defines."""
    if not isinstance(value, Mapping):
        return value
    kind = str(value.get("kind"))
    if kind not in MethodSpec.classes:
        raise ValueError(f"unknown method '{kind}'; known: {', '.join(sorted(MethodSpec.classes))}")
    return MethodSpec.classes[kind].model_validate(value)


Method = Annotated[SerializeAsAny[MethodSpec], BeforeValidator(_of_kind)]


Precision = Literal["float32", "bfloat16", "float16"]


# Recipes and what they are run with -----------------------------------------------------------------------------------
class SeedAxes(Spec):
    """Seeds, one for each part that they move. Variants that share a seed share its randomness (docs/protocol.md,
    "Seeds")."""

    init: int
    data: int


class Embedding(Spec):
    """How features are taken: the network's pooled output in eval mode on Resize(resize) + CenterCrop(crop).

    `stored` is the Augmentation's: with a square cache, resize and crop are taken from the cached square. `token` is
    the "head"'s own choice (global average pooling; the class token of a vision transformer) or "patches": the mean of
    a vision transformer's patch tokens, through its last normalisation a second time (released sampling with MAE);
    "plain" is the network under an encoder that wraps one: the average of the map that LCR pools in its own way.
    """

    later: ClassVar[tuple[str, ...]] = ("token",)

    resize: int
    crop: int
    stored: int | Literal["original"] = "original"
    precision: Precision = "float32"
    threads: int = 1
    token: Literal["head", "patches", "plain"] = "head"


MEAN = (0.485, 0.456, 0.406)
STD = (0.229, 0.224, 0.225)


class Backbone(Spec):
    """A network by its name in timm or torchvision, without classifier, from random weights.

    `image_size` and `patch_size` are a vision transformer's, where they are not its name's. `stem` "cifar" is
    solo-learn's for images of 32 px: a ResNet's first convolution 3x3 without stride and with padding 2, no max-pool;
    "no-maxpool" is LCR's with BYOL. `drop_path` is the rate of stochastic depth in the last block; it rises to that
    linearly.
    """

    later: ClassVar[tuple[str, ...]] = ("image_size", "patch_size", "stem", "drop_path")

    name: str
    library: Literal["timm", "torchvision"]
    image_size: int | None = None
    patch_size: int | None = None
    stem: Literal["imagenet", "cifar", "no-maxpool"] = "imagenet"
    drop_path: float = Field(default=0.0, ge=0, lt=1)

    @property
    def full_name(self) -> str:
        """The name, with what else is not usual of it."""
        images = f"images of {self.image_size} px" if self.image_size else ""
        patches = f"patches of {self.patch_size} px" if self.patch_size else ""
        stem = f"stem {self.stem}" if self.stem != "imagenet" else ""
        unusual = ", ".join(word for word in (images, patches, stem) if word)
        return f"{self.name} ({unusual})" if unusual else self.name


class LocalCrops(Spec):
    """Multi-crop (Caron et al. 2020): `count` small crops beside the two views, for the student alone."""

    count: int = Field(gt=0)
    size: int = Field(gt=0)
    scale: tuple[float, float] = (0.05, 0.2)


class Augmentation(Spec):
    """Random resized crop, flip, colour jitter, greyscale, blur, solarisation; `views` of each image.

    `stored` says what is cropped from: the file's own pixels ("original", decoded at every use), or a cache that holds
    every image as a square of that many pixels (shorter side resized, then centre crop), decoded once.

    `blur` and `solarise` are probabilities in view 1 and in view 2: a Gaussian of 0.1 to 2 pixels, and inverting what
    is brighter than a half. Local crops are never blurred or solarised.
    """

    later: ClassVar[tuple[str, ...]] = ("views", "interpolation", "blur", "solarise", "local")

    size: int = Field(gt=0)
    scale: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 0.2)
    jitter_probability: float = 0.8
    grey_probability: float = 0.2
    stored: int | Literal["original"] = "original"
    views: Literal[1, 2] = 2
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    blur: tuple[float, float] = (0.0, 0.0)
    solarise: tuple[float, float] = (0.0, 0.0)
    local: LocalCrops | None = None


class SGD(Spec):
    kind: Literal["sgd"] = "sgd"
    lr: float = Field(gt=0)
    momentum: float = 0.9
    nesterov: bool = True
    weight_decay: float = 0.0


class Adam(Spec):
    kind: Literal["adam"] = "adam"
    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


class AdamW(Spec):
    """`decay_vectors` False spares biases and all other one-dimensional parameters the weight decay."""

    later: ClassVar[tuple[str, ...]] = ("decay_vectors",)

    kind: Literal["adamw"] = "adamw"
    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0
    decay_vectors: bool = True


class LARS(Spec):
    """Layer-wise adaptive SGD (You et al. 2017); one-dimensional parameters are neither adapted nor decayed.

    `clip` keeps the adapted rate at or below lr (LARC)."""

    kind: Literal["lars"] = "lars"
    lr: float = Field(gt=0)
    momentum: float = 0.9
    weight_decay: float = 0.0
    trust: float = 1e-3
    clip: bool = False


Optimiser = Annotated[SGD | Adam | AdamW | LARS, Field(discriminator="kind")]


class Cosine(Spec):
    """Cosine from lr to lr * floor, updated every `per`, after a warm-up.

    "epoch" and "iteration" run over the whole training, epochs `counted_from` 1 in the released code; "step" over the
    steps after the warm-up. The warm-up is a number of steps, rising linearly from 0, or a share of all steps, rising
    linearly from lr * `warmup_from` to the cosine's value at its end.
    """

    later: ClassVar[tuple[str, ...]] = ("warmup_share", "warmup_from", "counted_from")

    floor: float = 1e-3
    per: Literal["epoch", "step", "iteration"] = "epoch"
    warmup_steps: int = 0
    warmup_share: float = Field(default=0.0, ge=0, lt=1)
    warmup_from: float = Field(default=0.0, ge=0)
    counted_from: Literal[0, 1] = 1


class Steps(Spec):
    """A fixed number of optimiser steps, over one endless chain of permutations: every batch is full."""

    kind: Literal["steps"] = "steps"
    steps: int = Field(ge=0)


class Epochs(Spec):
    """Whole passes over the data; the last, partial batch of a pass is used (the released code drops it only for
    MoCo and SwAV)."""

    kind: Literal["epochs"] = "epochs"
    epochs: int = Field(ge=0)


class CodedEpochs(Spec):
    """The released rule: epochs = min(cap, int(passes / (|coreset| / reference))), |X| not counted."""

    kind: Literal["coded"] = "coded"
    cap: int = 5000
    passes: int = 100
    reference: int = 1_281_167


Length = Annotated[Steps | Epochs | CodedEpochs, Field(discriminator="kind")]


class Online(Spec):
    """A linear classifier trained beside the method on detached features, by the recipe's optimiser and schedule with
    a peak of `lr` and no weight decay.

    Its labels are X's; images of an open-set have none and do not train it.
    """

    lr: float = Field(gt=0)


class Recipe(Spec):
    """Everything that decides the weights of an encoder, apart from the images and the seeds.

    `batchnorm_group` is the number of crops that one BatchNorm statistic is taken over (None: all crops of a forward
    pass). `threads` is the number of CPU threads, because reductions on a CPU depend on it. `drop_last` leaves out an
    epoch's last, partial batch.
    """

    later: ClassVar[tuple[str, ...]] = ("drop_last", "online")

    engine: Literal["lightly", "solo-learn"]
    method: Method
    backbone: Backbone
    augmentation: Augmentation
    optimiser: Optimiser
    schedule: Cosine
    length: Length
    batch: int = Field(gt=0)
    precision: Precision
    batchnorm_group: int | None = None
    threads: int = 1
    drop_last: bool = False
    online: Online | None = None


def epochs_of(length: Epochs | CodedEpochs, coreset: int) -> int:
    """Whole passes over the data. By the released rule (`util/sampling.py`): min(cap, int(passes / (|coreset| /
    reference))), the coreset counted without X."""
    if isinstance(length, Epochs):
        return length.epochs
    if not coreset:  # as planned for a small pool: the rule grows without bound towards it
        return length.cap
    return min(length.cap, int(length.passes / (coreset / length.reference)))
