"""SwAV, a method of Table 4."""

from typing import Literal

from pydantic import Field

from benchmark.methods._simcore import BORROWED_EVIDENCE, BORROWED_LENGTHS, SCRIPTS
from benchmark.specs.methods import CODE, RESNET50, SOLO_LEARN, Evidence, MethodEntry, PublishedRecipe, SmallRecipe
from benchmark.specs.recipes import SGD, Augmentation, Cosine, MethodSpec


class SwAV(MethodSpec):
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

    @property
    def one_device(self) -> bool:
        return True


entry = MethodEntry(
    name="swav",
    title="SwAV",
    reference="Caron et al., NeurIPS 2020",
    learners={"solo-learn": SOLO_LEARN, "lightly": "benchmark.pretrain.engines.lightly.clusters:SwAV"},
    published=PublishedRecipe(
        method=SwAV(prototypes=100, epsilon=0.02, frozen=10 / 5000),
        backbone=RESNET50,
        augmentation=Augmentation(size=224),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        schedule=Cosine(per="epoch"),
        batch=512,
        batchnorm_group=256,
        drop_last=True,
        lengths=BORROWED_LENGTHS,
        evidence={
            **BORROWED_EVIDENCE,
            "method": Evidence(tag="code", note="ssl/swav.py; no queue, two crops by default"),
            "method.frozen": Evidence(
                tag="ours",
                note="the code: 10 of 5000 epochs, in whole epochs, with --stop, else the first epoch",
            ),
            "backbone": Evidence(tag="slides", note="Table 4"),
            "augmentation": CODE,
            "optimiser": SCRIPTS,
            "schedule": SCRIPTS,
            "batchnorm_group": Evidence(tag="derived", note="only the backbone is spread over the four GPUs"),
        },
    ),
    small=SmallRecipe(method=SwAV(prototypes=60, hidden=512, output=128, frozen=0.05)),
)
