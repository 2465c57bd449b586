"""The words of the suite as frozen, typed records. Unknown fields are refused, defaults are written out in every key.

Nothing here imports torch, pandas or scikit-learn: `plan` and `--help` start from these types alone. A union of specs
is tagged by `kind`, so that a new field of one method or evaluation leaves the keys of all the others as they were.
"""

import hashlib
import json
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Metric = Literal["top1", "mean_per_class"]
Precision = Literal["float32", "bfloat16", "float16"]
ProtocolName = Literal["released", "clean"]
Role = Literal["targets", "opensets"]


class Spec(BaseModel):
    """Base of all specs: immutable, hashable, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def canonical_json(value: object) -> str:
    """The one JSON text of `value`: sorted keys, no spaces, no NaN. Specs are dumped with every default written out."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, default=_plain)


def _plain(value: object) -> object:
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", serialize_as_any=True)
    raise TypeError(f"{type(value).__name__} cannot be part of an identity")


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, as 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()


# Datasets ------------------------------------------------------------------------------------------------------------


class Target(Spec):
    """A fine-grained labelled dataset with its official split. Counts are images; `metric` is the paper's."""

    name: str
    title: str
    classes: int = Field(gt=0)
    train: int = Field(gt=0)
    test: int = Field(gt=0)
    metric: Metric
    source: str
    licence: str
    citation: str
    split: str


class OpenSet(Spec):
    """An unlabelled pool. `parts` names the open-sets that it is the concatenation of, in order."""

    name: str
    title: str
    images: int = Field(gt=0)
    source: str
    licence: str
    citation: str
    parts: tuple[str, ...] = ()
    note: str = ""


# Recipes -------------------------------------------------------------------------------------------------------------


class SimCLR(Spec):
    """SimCLR (Chen et al. 2020): NT-Xent over two views. `hidden` of None means the backbone's feature dimension d."""

    kind: Literal["simclr"] = "simclr"
    temperature: float = Field(gt=0)
    hidden: int | None = None
    output: int = 128
    batchnorm: bool = False


class Backbone(Spec):
    """A network by its name in timm or torchvision, without classifier, from random weights."""

    name: str
    library: Literal["timm", "torchvision"]


class Augmentation(Spec):
    """Random resized crop, flip, colour jitter, greyscale; both views alike.

    `stored` says what is cropped from: the file's own pixels ("original", decoded at every use), or a cache that holds
    every image as a square of that many pixels (shorter side resized, then centre crop), decoded once.
    """

    size: int = Field(gt=0)
    scale: tuple[float, float] = (0.2, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    flip: float = 0.5
    jitter: tuple[float, float, float, float] = (0.8, 0.8, 0.8, 0.2)
    jitter_probability: float = 0.8
    grey_probability: float = 0.2
    stored: int | Literal["original"] = "original"


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
    kind: Literal["adamw"] = "adamw"
    lr: float = Field(gt=0)
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: float = 0.0


Optimiser = Annotated[SGD | Adam | AdamW, Field(discriminator="kind")]


class Cosine(Spec):
    """Cosine from lr to lr * floor, updated every `per`; `warmup_steps` rise linearly from 0 first."""

    floor: float = 1e-3
    per: Literal["epoch", "step"] = "epoch"
    warmup_steps: int = 0


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


class Recipe(Spec):
    """Everything that decides the weights that come out, apart from the images and the seeds.

    `batchnorm_group` is the number of crops that one BatchNorm statistic is taken over (None: all crops of a forward
    pass). `threads` is the number of CPU threads, because reductions on a CPU depend on it.
    """

    engine: Literal["lightly", "solo-learn"]
    method: SimCLR
    backbone: Backbone
    augmentation: Augmentation
    optimiser: Optimiser
    schedule: Cosine
    length: Length
    batch: int = Field(gt=0)
    precision: Precision
    batchnorm_group: int | None = None
    threads: int = 1


class FrozenEncoder(Spec):
    """A network whose weights come from elsewhere; images reach it normalised by `mean` and `std`.

    `origin` says whose: an encoder that this suite trained, a file in timm's form, or what timm gets by the network's
    name. `sha256` is that of the file; None for the last.
    """

    backbone: Backbone
    origin: Literal["suite", "file", "timm"]
    sha256: str | None
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class SeedAxes(Spec):
    """Seeds by what they move. Variants that share an axis share its randomness (Section "Seeds" of docs/protocol)."""

    init: int
    data: int


class Embedding(Spec):
    """How features are taken: the backbone's pooled output in eval mode on Resize(resize) + CenterCrop(crop).

    `stored` is the Augmentation's: with a square cache, resize and crop are taken from the cached square.
    """

    resize: int
    crop: int
    stored: int | Literal["original"] = "original"
    precision: Precision = "float32"
    threads: int = 1


# Samplers ------------------------------------------------------------------------------------------------------------


class RandomSampling(Spec):
    """Uniform, without replacement."""

    kind: Literal["random"] = "random"


class SimCoreSampling(Spec):
    """SimCore (Algorithm 1) with both readings of its ambiguous steps as switches; see docs/protocol.md."""

    kind: Literal["simcore"] = "simcore"
    k: int = Field(gt=0)
    tau: float = 0.95
    reference_round: int = Field(default=1, gt=0)
    failing_round: Literal["kept", "dropped"] = "kept"
    overshoot: Literal["trim", "keep"] = "trim"
    budget_factor: int = 50
    n_init: int = 1


class OracleSampling(Spec):
    """A uniform draw from the images that the pool's relevance labels call relevant to the target; a control."""

    kind: Literal["oracle"] = "oracle"


class PluginSampling(Spec):
    """Any other sampler, by the canonical JSON of what its picks depend on (`benchmark.plugins`).

    `inner` is the SimCore that a sampler around another one wraps.
    """

    kind: Literal["plugin"] = "plugin"
    identity: str
    inner: SimCoreSampling | None = None


Sampling = Annotated[RandomSampling | SimCoreSampling | OracleSampling | PluginSampling, Field(discriminator="kind")]


class Draw(Spec):
    """One run of a sampler. `budget`: images, "5%" of the pool, or None for the stopping rule or an input's size."""

    sampling: Sampling
    budget: int | str | None
    seed: int


# Evaluations ---------------------------------------------------------------------------------------------------------


class CleanProbe(Spec):
    """Frozen eval-mode features, extracted once; multinomial logistic regression, L2 strength chosen on a validation
    part of train (the last `validation` of every class, contiguous, since neighbours are near-duplicates), refit on all
    of train, one number on test."""

    kind: Literal["clean"] = "clean"
    embedding: Embedding
    metric: Metric
    strengths: tuple[float, ...] = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)
    validation: float = 0.25


class ReleasedProbe(Spec):
    """The released linear evaluation: augmented training images, lr 10, step decay, BatchNorm adapting on a copy of the
    encoder, best test epoch reported (best minus last stands in the record)."""

    kind: Literal["released"] = "released"
    embedding: Embedding
    metric: Metric
    augmentation: Augmentation
    optimiser: Optimiser
    batch: int = 256
    epochs: int = 100
    decay_epochs: tuple[int, ...] = (60, 80)
    decay: float = 0.1
    adapt_batchnorm: bool = True
    batchnorm_group: int | None = None
    epoch_choice: Literal["best_test", "last"] = "best_test"
    precision: Precision = "float32"
    seed: int = 0


Probe = Annotated[CleanProbe | ReleasedProbe, Field(discriminator="kind")]
