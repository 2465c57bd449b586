"""DINO, a method of Table 4."""

from typing import Literal

from pydantic import Field

from benchmark.methods._simcore import BORROWED_EVIDENCE, BORROWED_LENGTHS
from benchmark.specs.methods import CODE, SOLO_LEARN, Evidence, MethodEntry, PublishedRecipe, SmallRecipe
from benchmark.specs.recipes import EMA, AdamW, Augmentation, Backbone, Cosine, MethodSpec


class DINO(MethodSpec):
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


SCALED = "of 5000 epochs, in whole epochs, in the code with --stop; else what its command line says, by default none"

entry = MethodEntry(
    name="dino",
    title="DINO",
    reference="Caron et al., ICCV 2021",
    learners={"solo-learn": SOLO_LEARN, "lightly": "benchmark.pretrain.engines.lightly.clusters:DINO"},
    published=PublishedRecipe(
        method=DINO(
            prototypes=65536,
            ema=EMA(base=0.996, per="epoch", buffers="averaged"),
            norm_last_layer=False,
            warmup=2000 / 5000,
            frozen=10 / 5000,
            drop_path=0.1,
            teacher="own",
        ),
        backbone=Backbone(name="vit_tiny_patch16_224", library="timm"),
        augmentation=Augmentation(size=224),
        optimiser=AdamW(lr=1e-3, weight_decay=0.04, decay_vectors=False),
        schedule=Cosine(per="epoch", warmup_share=100 / 5000, warmup_from=0.1),
        batch=512,
        lengths=BORROWED_LENGTHS,
        evidence={
            **BORROWED_EVIDENCE,
            "method": Evidence(tag="code", note="ssl/dino.py; the teacher starts from random weights of its own"),
            "method.warmup": Evidence(tag="ours", note=f"2000 {SCALED}"),
            "method.frozen": Evidence(tag="ours", note=f"10 {SCALED}"),
            "backbone": Evidence(tag="slides", note="Table 4"),
            "augmentation": Evidence(tag="code", note="multi-crop is off by default"),
            "optimiser": Evidence(tag="code", note="AdamW, vectors not decayed"),
            "optimiser.lr": Evidence(tag="ours", note="DINO's 5e-4 x batch / 256"),
            "optimiser.weight_decay": Evidence(tag="ours", note="DINO's first value; its schedule is off by default"),
            "schedule": CODE,
            "schedule.warmup_share": Evidence(tag="ours", note=f"100 {SCALED}"),
            "batchnorm_group": Evidence(tag="code", note="no BatchNorm in it"),
        },
    ),
    small=SmallRecipe(
        method=DINO(
            prototypes=256,
            ema=EMA(base=0.97),
            hidden=256,
            bottleneck=64,
            warmup=0.3,
            frozen=0.05,
            drop_path=0.1,
        )
    ),
)
