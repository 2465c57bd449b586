"""MoCo as the released code of SimCore has it (v1: a linear head), in no table of the paper; small runs are v2."""

from typing import Literal

from pydantic import Field

from benchmark.methods._simcore import AS_SIMCLR, BORROWED_EVIDENCE, BORROWED_LENGTHS, SCRIPTS
from benchmark.specs.methods import CODE, RESNET50, SOLO_LEARN, Evidence, MethodEntry, PublishedRecipe, SmallRecipe
from benchmark.specs.recipes import EMA, SGD, Augmentation, Cosine, MethodSpec


class MoCo(MethodSpec):
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

    @property
    def one_device(self) -> bool:
        return not self.symmetric


entry = MethodEntry(
    name="moco",
    title="MoCo",
    reference="He et al., CVPR 2020; Chen et al., 2020",
    learners={"lightly": "benchmark.pretrain.engines.lightly.queues:MoCo", "solo-learn": SOLO_LEARN},
    published=PublishedRecipe(
        # solo-learn's head has two layers and both its views ask.
        engine="lightly",
        method=MoCo(temperature=1.0, queue=1024, ema=EMA(base=0.999, final=0.999), layers=1, symmetric=False),
        backbone=RESNET50,
        augmentation=Augmentation(size=224),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        schedule=Cosine(per="epoch"),
        batch=512,
        # The views go through two networks: 512 crops each over four GPUs.
        batchnorm_group=128,
        drop_last=True,
        lengths=BORROWED_LENGTHS,
        evidence={
            **BORROWED_EVIDENCE,
            "engine": Evidence(tag="ours", note="solo-learn's MoCo has a head of two layers, and both views ask"),
            "method": Evidence(tag="code", note="ssl/moco.py: one linear layer, 1,024 keys, temperature 1"),
            "backbone": Evidence(tag="ours", note="in no table"),
            "augmentation": CODE,
            "optimiser": SCRIPTS,
            "schedule": SCRIPTS,
            "batchnorm_group": Evidence(tag="derived", note="DataParallel over four GPUs, no shuffling"),
            "lengths.both": AS_SIMCLR,
        },
    ),
    small=SmallRecipe(method=MoCo(temperature=0.2, queue=1024, ema=EMA(base=0.97), hidden=512, output=128)),
)
