"""BYOL, a method of Table 4."""

from typing import Literal

from benchmark.methods._simcore import EVIDENCE, RELEASED_EPOCHS
from benchmark.specs.methods import (
    CODE,
    RESNET50,
    SOLO_LEARN,
    Evidence,
    Lengths,
    MethodEntry,
    PublishedRecipe,
    SmallRecipe,
)
from benchmark.specs.recipes import EMA, Adam, Augmentation, Cosine, Epochs, MethodSpec


class BYOL(MethodSpec):
    """BYOL (Grill et al. 2020): predictions of one view's teacher projection, 2 - 2 cos, both ways, summed."""

    kind: Literal["byol"] = "byol"
    ema: EMA
    hidden: int = 4096
    output: int = 256
    predictor: int = 4096


entry = MethodEntry(
    name="byol",
    title="BYOL",
    reference="Grill et al., NeurIPS 2020",
    learners={"solo-learn": SOLO_LEARN, "lightly": "benchmark.pretrain.engines.lightly.predictors:BYOL"},
    published=PublishedRecipe(
        method=BYOL(ema=EMA(base=0.996, per="epoch", buffers="averaged")),
        target_only_method=BYOL(ema=EMA(base=0.996, final=0.996, per="epoch", buffers="averaged")),
        backbone=RESNET50,
        augmentation=Augmentation(size=224),
        optimiser=Adam(lr=1e-3, weight_decay=1e-6),
        schedule=Cosine(per="epoch"),
        batch=512,
        batchnorm_group=256,
        lengths=Lengths(
            retrieval=Epochs(epochs=1000),
            target=Epochs(epochs=1000),
            openset=Epochs(epochs=100),
            both=Epochs(epochs=200),
            fixed=RELEASED_EPOCHS,
            stopped=RELEASED_EPOCHS,
            assumed=("openset", "both", "fixed"),
        ),
        evidence={
            **EVIDENCE,
            "method": Evidence(tag="code", note="ssl/byol.py; the average moves BatchNorm's buffers too"),
            "method.ema.final": Evidence(tag="issue", note="issue 2: scheduled to 1 for SimCore"),
            "target_only_method": CODE,
            "target_only_method.ema.final": Evidence(
                tag="issue", note="issue 2: fixed at 0.996 for X, the retrieval model"
            ),
            "backbone": Evidence(tag="slides", note="Table 4"),
            "augmentation": CODE,
            "optimiser": Evidence(tag="issue", note="issue 2, for X; for OS nothing is stated"),
            "schedule": Evidence(tag="issue", note="issue 2"),
            "batch": Evidence(tag="issue", note="issue 2"),
            "batchnorm_group": Evidence(tag="derived", note="DataParallel over the authors' four GPUs"),
            "lengths.retrieval": Evidence(tag="issue", note="issue 2: the X model itself"),
            "lengths.target": Evidence(tag="issue", note="issue 2"),
            "lengths.both": Evidence(tag="ours", note="200 epochs as issue 3 says of X + OS; no such row in Table 4"),
        },
    ),
    small=SmallRecipe(method=BYOL(ema=EMA(base=0.97), hidden=512, output=128, predictor=512)),
)
