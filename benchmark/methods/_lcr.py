"""The two readings of LCR that are measured, and the recipes of its released code (GANPerf/LCR at fe591d4)."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from benchmark.methods.byol import BYOL
from benchmark.methods.moco import MoCo
from benchmark.specs.methods import (
    EVERYTHING,
    RESNET50,
    Evidence,
    Lengths,
    MethodEntry,
    PublishedRecipe,
    SmallRecipe,
)
from benchmark.specs.recipes import EMA, LARS, SGD, Augmentation, Backbone, Cosine, Epochs, MethodSpec


class LCR(MethodSpec):
    """Learning Common Rationale (Shu et al. 2023): a branch of K = `projections` 1x1 convolutions that fits the GradCAM
    of `inner`'s loss, loss + nu * KL; its map weights the features that are pooled. Switches: docs/engines.md."""

    wraps_encoder: ClassVar[bool] = True

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

    @property
    def one_device(self) -> bool:
        return True


LEARNER = "benchmark.pretrain.lcr:RationaleLearner"
"""Around the learner of the inner method, of whichever engine."""
AS_RELEASED: dict[str, object] = {}
AS_SAM: dict[str, object] = {
    "sign": "-",
    "weights": "gap",
    "target": "minmax",
    "softmax": "all",
    "temperature": 0.4,
    "detach": True,
    "map": "image",
}
"""The switches as the same authors' SAM has them, where the map has a usable scale."""

_SWITCHED = Evidence(tag="ours", note="as the same authors' SAM has it, for a map with a usable scale")

STEM: Literal["no-maxpool"] = "no-maxpool"
"""Of small runs: a map of one place says nothing, and a small image has no more behind a max-pool."""

_100 = Epochs(epochs=100)
_LENGTHS = Lengths(retrieval=_100, target=_100, openset=_100, both=_100, fixed=_100, stopped=_100)
_EVIDENCE = {
    EVERYTHING: Evidence(tag="code", note="LCR's released code"),
    "backbone": Evidence(tag="ours", note="random weights: the released code starts from ImageNet's"),
    "precision": Evidence(tag="ours", note="float32: nothing is stated"),
}


def _switched(switches: dict[str, object]) -> dict[str, Evidence]:
    return {f"method.{name}": _SWITCHED for name in switches}


def on_moco(name: str, title: str, switches: dict[str, object]) -> MethodEntry:
    """LCR on MoCo v2 (`moco/builder.py`): asymmetric, 65,536 keys of 256, temperature 0.2."""
    inner = MoCo(
        temperature=0.2, queue=65536, ema=EMA(base=0.999, final=0.999), hidden=2048, output=256, symmetric=False
    )
    small = MoCo(temperature=0.2, queue=1024, ema=EMA(base=0.97), hidden=512, output=128, symmetric=False)
    return MethodEntry(
        name=name,
        title=title,
        reference="Shu et al., CVPR 2023",
        learners={"lightly": LEARNER},
        networks="convolutional",
        published=PublishedRecipe(
            engine="lightly",
            method=LCR.model_validate({"inner": inner, **switches}),
            backbone=RESNET50,
            augmentation=Augmentation(size=224, jitter=(0.4, 0.4, 0.4, 0.1), blur=(0.5, 0.5)),
            optimiser=SGD(lr=0.03, nesterov=False, weight_decay=1e-4),
            schedule=Cosine(floor=0.0, per="epoch", counted_from=0),
            batch=128,
            precision="float32",
            batchnorm_group=128,
            drop_last=True,
            lengths=_LENGTHS,
            evidence={
                **_EVIDENCE,
                **_switched(switches),
                "batchnorm_group": Evidence(
                    tag="ours", note="one group; the released code splits the batch over GPUs and shuffles it for keys"
                ),
            },
        ),
        small=SmallRecipe(method=LCR.model_validate({"inner": small, "projections": 8, **switches}), stem=STEM),
    )


def on_byol(name: str, title: str, switches: dict[str, object]) -> MethodEntry:
    """LCR on BYOL (`models/byol.py`): no max-pool, a map of 14 x 14, temperature 0.4 over all places."""
    inner = BYOL(ema=EMA(base=0.996, final=0.996))
    small = BYOL(ema=EMA(base=0.97), hidden=512, output=128, predictor=512)
    released = {"softmax": "all", "temperature": 0.4}
    return MethodEntry(
        name=name,
        title=title,
        reference="Shu et al., CVPR 2023",
        learners={"lightly": LEARNER, "solo-learn": LEARNER},
        networks="convolutional",
        published=PublishedRecipe(
            engine="lightly",
            method=LCR.model_validate({"inner": inner, **released, **switches}),
            backbone=Backbone(name="resnet50", library="torchvision", stem="no-maxpool"),
            augmentation=Augmentation(
                size=224,
                scale=(0.08, 1.0),
                jitter=(0.4, 0.4, 0.2, 0.1),
                blur=(1.0, 0.1),
                solarise=(0.0, 0.2),
                interpolation="bicubic",
            ),
            # The released LARS never stores its velocity: in effect there is no momentum.
            optimiser=LARS(lr=0.15, momentum=0.0, weight_decay=1.5e-6),
            schedule=Cosine(floor=0.0, per="step", warmup_share=0.1),
            batch=128,
            precision="float32",
            batchnorm_group=128,
            drop_last=True,
            lengths=_LENGTHS,
            evidence={
                **_EVIDENCE,
                **_switched(switches),
                "backbone.stem": Evidence(tag="code", note="models/byol.py"),
                "optimiser.momentum": Evidence(tag="code", note="its LARS never stores the velocity"),
                "schedule": Evidence(tag="code", note="the length of the cosine is 800 epochs for CUB there, 100 here"),
            },
        ),
        small=SmallRecipe(
            method=LCR.model_validate({"inner": small, "projections": 8, **released, **switches}), stem=STEM
        ),
    )
