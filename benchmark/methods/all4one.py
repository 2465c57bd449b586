"""All4One, published on CIFAR-10 and CIFAR-100 with the accuracy of its online classifier."""

from typing import Literal

from pydantic import Field

from benchmark.specs.methods import (
    EVERYTHING,
    SOLO_LEARN,
    Evidence,
    Lengths,
    MethodEntry,
    PublishedRecipe,
    SmallRecipe,
)
from benchmark.specs.recipes import EMA, LARS, Augmentation, Backbone, Cosine, Epochs, MethodSpec, Online


class All4One(MethodSpec):
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

    @property
    def one_device(self) -> bool:
        return True


_1000 = Epochs(epochs=1000)

entry = MethodEntry(
    name="all4one",
    title="All4One",
    reference="Estepa et al., ICCV 2023",
    learners={"solo-learn": SOLO_LEARN},
    published=PublishedRecipe(
        method=All4One(temperature=0.2, queue=98304, ema=EMA(base=0.99)),
        backbone=Backbone(name="resnet18", library="torchvision", stem="cifar"),
        augmentation=Augmentation(
            size=32,
            scale=(0.08, 1.0),
            jitter=(0.4, 0.4, 0.2, 0.1),
            solarise=(0.0, 0.2),
            stored=32,
            interpolation="bicubic",
        ),
        optimiser=LARS(lr=1.0, weight_decay=1e-5, trust=0.02, clip=True),
        schedule=Cosine(floor=0.0, per="step", warmup_share=10 / 1000, warmup_from=3e-5),
        batch=256,
        batchnorm_group=256,
        drop_last=True,
        online=Online(lr=0.1),
        lengths=Lengths(retrieval=_1000, target=_1000, openset=_1000, both=_1000, fixed=_1000, stopped=_1000),
        evidence={
            EVERYTHING: Evidence(tag="code", note="ImaGonEs/all4one and solo-learn's cifar/all4one.yaml"),
            "augmentation": Evidence(
                tag="ours", note="as in the code, but for ImageNet's mean and deviation instead of CIFAR's"
            ),
        },
    ),
    small=SmallRecipe(
        engine="solo-learn",
        method=All4One(
            temperature=0.2, queue=1024, ema=EMA(base=0.97), hidden=512, output=128, predictor=512, transformer_lr=1e-3
        ),
        online=Online(lr=3e-3),
    ),
)
