"""MAE, a method of Table 4."""

from typing import ClassVar, Literal

from pydantic import Field

from benchmark.methods._simcore import BORROWED_EVIDENCE, BORROWED_LENGTHS
from benchmark.specs.methods import SOLO_LEARN, Evidence, MethodEntry, PublishedRecipe, SmallRecipe
from benchmark.specs.recipes import AdamW, Augmentation, Backbone, Cosine, MethodSpec


class MAE(MethodSpec):
    """MAE (He et al. 2022): mean squared error of the pixels of masked patches; `normalise` standardises each patch."""

    views: ClassVar[Literal[1, 2]] = 1
    token: ClassVar[Literal["head", "patches"]] = "patches"

    kind: Literal["mae"] = "mae"
    mask: float = Field(default=0.75, gt=0, lt=1)
    normalise: bool = False
    width: int = 512
    depth: int = 8
    heads: int = 16


entry = MethodEntry(
    name="mae",
    title="MAE",
    reference="He et al., CVPR 2022",
    learners={"solo-learn": SOLO_LEARN, "lightly": "benchmark.pretrain.engines.lightly.masks:MAE"},
    networks="vit",
    published=PublishedRecipe(
        method=MAE(),
        backbone=Backbone(name="vit_base_patch16_224", library="timm"),
        augmentation=Augmentation(
            size=224, jitter_probability=0.0, grey_probability=0.0, views=1, interpolation="bicubic"
        ),
        optimiser=AdamW(lr=3e-4, betas=(0.9, 0.95), weight_decay=0.05, decay_vectors=False),
        schedule=Cosine(per="iteration", warmup_share=100 / 5000, warmup_from=0.1),
        batch=512,
        lengths=BORROWED_LENGTHS,
        token="patches",
        standardise=True,
        evidence={
            **BORROWED_EVIDENCE,
            "method": Evidence(tag="code", note="ssl/mae.py, models/mae_vit.py; decoder of 8 blocks, 512 wide"),
            "backbone": Evidence(tag="slides", note="Table 4"),
            "augmentation": Evidence(tag="code", note="one view, crop and flip alone"),
            "optimiser": Evidence(tag="code", note="AdamW, betas, vectors not decayed"),
            "optimiser.lr": Evidence(tag="third", note="BloomCoreset's scripts, at a batch of 128"),
            "optimiser.weight_decay": Evidence(tag="third", note="BloomCoreset's scripts"),
            "schedule": Evidence(tag="code", note="renewed per iteration"),
            "schedule.warmup_share": Evidence(
                tag="ours", note="100 of 5000 epochs, in whole epochs, in the code with --stop and --warm; else none"
            ),
            "batchnorm_group": Evidence(tag="code", note="no BatchNorm in it"),
            "token": Evidence(tag="code", note="mean of the patch tokens, last LayerNorm again; masking off"),
            "standardise": Evidence(tag="code", note="train_sup.py; the class token is probed"),
        },
    ),
    small=SmallRecipe(
        method=MAE(width=128, depth=2, heads=4), weight_decay=0.05, views=1, plain=True, per_view=False, token="patches"
    ),
)
