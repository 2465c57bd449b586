"""What a method is published with, value by value with where it was read, and its form for small runs. Data only."""

from typing import Literal

from pydantic import Field

from benchmark.specs.base import Spec
from benchmark.specs.recipes import (
    AdamW,
    Augmentation,
    Backbone,
    Cosine,
    Length,
    Method,
    Online,
    Optimiser,
    Precision,
    Steps,
)

EngineName = Literal["lightly", "solo-learn"]
Tag = Literal["code", "issue", "slides", "readme", "third", "derived", "ours"]
"""Where a value was read: the authors' code, an answer of theirs in an issue, slides with pictures of the paper, the
readme, third parties' scripts; derived from those; or our choice, because nothing at hand states it."""


EVERYTHING = "*"


class Evidence(Spec):
    """Where a value of a recipe comes from."""

    tag: Tag
    note: str = ""


class Lengths(Spec):
    """How long each kind of row is trained. `assumed` names the fields that the paper does not state."""

    retrieval: Length
    target: Length
    openset: Length
    both: Length
    fixed: Length
    stopped: Length
    assumed: tuple[str, ...] = ()


def equal_lengths(steps: int) -> Lengths:
    """Every row the same number of optimiser steps; the retrieval encoder is then the X row itself."""
    length = Steps(steps=steps)
    return Lengths(retrieval=length, target=length, openset=length, both=length, fixed=length, stopped=length)


class PublishedRecipe(Spec):
    """A method as it is published, for the paper profile.

    `target_only_method` is the method of rows that train on X alone, the retrieval encoder among them, where it is
    another.
    `token` is how a vision transformer is read for sampling, `standardise` whether the released probe standardises
    features. `evidence` is keyed by dotted field; a key stands for all fields below it that have none of their own, and
    `EVERYTHING` for all others.
    """

    engine: EngineName = "solo-learn"
    method: Method
    target_only_method: Method | None = None
    backbone: Backbone
    augmentation: Augmentation
    optimiser: Optimiser
    schedule: Cosine
    batch: int = Field(gt=0)
    precision: Precision = "float16"
    batchnorm_group: int | None = None
    drop_last: bool = False
    online: Online | None = None
    lengths: Lengths
    token: Literal["head", "patches"] = "head"
    standardise: bool = False
    evidence: dict[str, Evidence]

    def evidence_of(self, path: str) -> Evidence | None:
        """The evidence of the field `path`: its own, or that of the nearest field above it."""
        while path:
            if path in self.evidence:
                return self.evidence[path]
            path = path.rpartition(".")[0]
        return self.evidence.get(EVERYTHING)


class SmallRecipe(Spec):
    """A method in runs of some hundred steps on a CPU: narrow heads, fast averages. All of it is our choice.

    `lr` multiplies the profile's learning rate. `views` and `plain` (crops and flips alone) are the augmentation's.
    `per_view`: BatchNorm over each view by itself. `network` "vit" puts a vision transformer for convolutional ones.
    """

    engine: EngineName = "lightly"
    method: Method
    lr: float = 1.0
    weight_decay: float = 1e-4
    views: Literal[1, 2] = 2
    plain: bool = False
    per_view: bool = True
    token: Literal["head", "patches"] = "head"
    online: Online | None = None
    stem: Literal["imagenet", "no-maxpool"] = "imagenet"

    def optimiser(self, lr: float) -> AdamW:
        return AdamW(lr=lr * self.lr, weight_decay=self.weight_decay)


class MethodEntry(Spec):
    """A method by the name that tables and `--method` use.

    `learners` is, by engine, the place ("module:Class") of the class that makes its heads and its loss, called with the
    recipe and the method's spec. `networks`: what it can train.
    """

    name: str
    title: str
    reference: str
    learners: dict[EngineName, str]
    networks: Literal["any", "convolutional", "vit"] = "any"
    published: PublishedRecipe
    small: SmallRecipe

    @property
    def engines(self) -> tuple[EngineName, ...]:
        """The engines that have the method."""
        return tuple(self.learners)


SOLO_LEARN = "benchmark.pretrain.engines.solo_learn.learner:SoloLearner"
"""The class that makes the learners of every method of solo-learn."""

RESNET50 = Backbone(name="resnet50", library="torchvision")

CODE = Evidence(tag="code")
"""Read in the released code of SimCore (commit 97b4c9e)."""
