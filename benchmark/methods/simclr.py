"""SimCLR, the method of Tables 2, 3 and 5."""

from typing import Literal

from pydantic import Field

from benchmark.methods._simcore import EVIDENCE, LENGTHS
from benchmark.specs.methods import RESNET50, SOLO_LEARN, Evidence, MethodEntry, PublishedRecipe, SmallRecipe
from benchmark.specs.recipes import SGD, Augmentation, Cosine, MethodSpec


class SimCLR(MethodSpec):
    """SimCLR (Chen et al. 2020): NT-Xent over two views. `hidden` of None means the backbone's feature dimension d."""

    kind: Literal["simclr"] = "simclr"
    temperature: float = Field(gt=0)
    hidden: int | None = None
    output: int = 128
    batchnorm: bool = False


entry = MethodEntry(
    name="simclr",
    title="SimCLR",
    reference="Chen et al., ICML 2020",
    learners={"solo-learn": SOLO_LEARN, "lightly": "benchmark.pretrain.engines.lightly.joint:SimCLR"},
    published=PublishedRecipe(
        method=SimCLR(temperature=0.07),
        backbone=RESNET50,
        augmentation=Augmentation(size=224),
        optimiser=SGD(lr=0.1, weight_decay=1e-4),
        schedule=Cosine(per="epoch"),
        batch=512,
        # Both views of 512 images are concatenated before they are scattered to four GPUs: 1,024 / 4 crops.
        batchnorm_group=256,
        lengths=LENGTHS,
        evidence={
            **EVIDENCE,
            "method": Evidence(tag="code", note="ssl/simclr.py; head d-d-128 with ReLU, no BatchNorm"),
            "backbone": Evidence(tag="slides", note="Table 2"),
            "augmentation": Evidence(tag="code", note="train_selfsup.py; no blur, no solarisation"),
            "optimiser": Evidence(tag="code", note="run_selfsup.sh; the file sizes of Faces say Adam"),
            "schedule": Evidence(tag="code", note="util/misc.py; renewed per epoch, counted from 1"),
            "batch": Evidence(tag="issue", note="issue 3, four GPUs"),
            "batchnorm_group": Evidence(tag="derived", note="DataParallel over the authors' four GPUs"),
        },
    ),
    small=SmallRecipe(method=SimCLR(temperature=0.2, batchnorm=True), per_view=False),
)
